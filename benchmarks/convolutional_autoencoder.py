"""What layers cost in quality: a plain convolutional autoencoder with as many numbers per frame, on the same frames.

    python -m benchmarks.convolutional_autoencoder --weights data/autoencoder.safetensors

For each weights file of layercast: its reconstruction of the test split, and that of a convolutional network with as
many floats per frame, trained on the same frames for `--seconds` (give what stage 1 took on the same machine). The
network codes every frame on its own, as a plain autoencoder does.

Legend: N frames, C channels, H W frame, D numbers of a code.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.errors import UserError, one_line_errors
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.metrics.frame_quality import concatenate, frame_quality, median_image

FRAMES_PER_STEP = 32
LEARNING_RATE = 1e-3
SEQUENCES_AT_ONCE = 4


@dataclass(frozen=True)
class Row:
    model: str
    floats_per_frame: float
    psnr: float
    """dB, mean over the frames of the test split"""
    ssim: float
    num_steps: int | None = None
    """Gradient steps; None where this command did not train it."""


class ConvolutionalAutoencoder(nn.Module):
    """[N, C, H, W] -> D numbers -> [N, C, H, W]: four convolutions of stride 2, a linear layer, and the way back."""

    def __init__(self, num_channels: int, height: int, width: int, code_dim: int, hidden_dim: int = 32):
        super().__init__()
        self.height, self.width = height, width
        channels = [num_channels, hidden_dim, 2 * hidden_dim, 4 * hidden_dim, 4 * hidden_dim]
        grid = (channels[-1], -(-height // 16), -(-width // 16))
        pairs = list(pairwise(channels))
        down = [layer for a, b in pairs for layer in (nn.Conv2d(a, b, 4, stride=2, padding=1), nn.SiLU())]
        up = [
            layer for b, a in reversed(pairs) for layer in (nn.SiLU(), nn.ConvTranspose2d(a, b, 4, stride=2, padding=1))
        ]
        num_features = grid[0] * grid[1] * grid[2]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(num_features, code_dim))
        self.decoder = nn.Sequential(nn.Linear(code_dim, num_features), nn.Unflatten(1, grid), *up)

    def forward(self, frames: Tensor) -> Tensor:
        padded = F.pad(frames, (0, -self.width % 16, 0, -self.height % 16), mode="replicate")
        return self.decoder(self.encoder(padded))[..., :self.height, :self.width]


def train_plain(
    model: ConvolutionalAutoencoder, store: FrameStore, seconds: float, seed: int,
    clock: Callable[[], float] = perf_counter,
) -> int:
    """Lowers the squared error on random frames of the training split until the time is up; returns the number of
    steps. The learning rate falls along a half cosine to zero over that time."""
    device = next(model.parameters()).device
    rows, generator = store.rows("train"), np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    started, num_steps = clock(), 0
    while (elapsed := (clock() - started) / seconds) < 1 or num_steps == 0:
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 + np.cos(np.pi * min(elapsed, 1))) / 2
        clips = store.read(np.sort(generator.choice(rows, min(8, len(rows)), replace=False)))
        frames = clips.reshape(-1, *clips.shape[2:])
        chosen = generator.choice(len(frames), min(FRAMES_PER_STEP, len(frames)), replace=False)
        target = to_unit(frames[chosen]).to(device)
        loss = (model(target) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        num_steps += 1
    return num_steps


@torch.inference_mode()
def judge(reconstruct: Callable[[Tensor], Tensor], store: FrameStore) -> tuple[float, float]:
    """psnr (dB) and ssim over the frames of the test split; reconstruct: clips [B, T, C, H, W] -> the same,
    in [0, 1]."""
    quality, rows = [], store.rows("test")
    for start in range(0, len(rows), SEQUENCES_AT_ONCE):
        clips = to_unit(store.read(rows[start:start + SEQUENCES_AT_ONCE]))
        quality.append(frame_quality(to_unit(to_uint8(reconstruct(clips).clamp(0, 1))), clips))
    figures = concatenate(quality)
    return float(figures["psnr"].mean()), float(figures["ssim"].mean())


def compare(weights: Path, frames: FrameStore, test_frames: FrameStore, seconds: float, seed: int) -> list[Row]:
    """layercast's figures, then the plain autoencoder's. Raises UserError when frames and weights do not fit
    together."""
    model, _ = load_autoencoder(weights)
    shape = (model.config.num_channels, model.config.height, model.config.width)
    for store in (frames, test_frames):
        found = (store.num_channels, store.height, store.width)
        if found != shape:
            raise UserError(f"{store.path}: frames are {found} (channels, height, width), {weights} wants {shape}")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    floats = model.spec.floats_per_frame(test_frames.num_frames)
    quality = judge(lambda clips: model.decode(model.encode(clips.to(device))).frames.cpu(), test_frames)
    rows = [Row(f"layers, {weights}", floats, *quality)]
    torch.manual_seed(seed)
    plain = ConvolutionalAutoencoder(*shape, round(floats)).to(device)
    num_steps = train_plain(plain, frames, seconds, seed)

    def reconstruct(clips: Tensor) -> Tensor:
        return plain(clips.flatten(0, 1).to(device)).unflatten(0, clips.shape[:2]).cpu()

    quality = judge(reconstruct, test_frames)
    return [*rows, Row(f"plain, {seconds:g} s", round(floats), *quality, num_steps)]


def main(
    weights: Annotated[list[Path], typer.Option(help="Weights of stage 1; may be given several times.")] = [  # noqa: B006
        Path("data/autoencoder.safetensors")],
    frames: Annotated[Path, typer.Option(help="Frame store to learn from.")] = Path("data/frames.zarr"),
    test_frames: Annotated[Path, typer.Option(help="Frame store to judge on.")] = Path("data/test_frames.zarr"),
    seconds: Annotated[float, typer.Option(help="Training time of each plain autoencoder.", min=0.01)] = 300,
    seed: Annotated[int, typer.Option(help="Of its weights and of the order of its frames.")] = 0,
    as_json: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
) -> None:
    """Reconstruction by layers beside that by a plain convolutional autoencoder of as many numbers per frame."""
    with one_line_errors():
        stores = open_frames(frames), open_frames(test_frames)
        floats = stores[1].height * stores[1].width * stores[1].num_channels / stores[1].num_frames
        rows = [Row("median image of each clip", floats, *judge(median_image, stores[1]))]
        rows += [row for path in weights for row in compare(path, *stores, seconds, seed)]
        if as_json:
            as_json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
        table = Table(title=f"{test_frames}, test split", title_justify="left")
        for column in ("model", "floats per frame", "psnr, dB", "ssim", "steps"):
            table.add_column(column, justify="left" if column == "model" else "right")
        for row in rows:
            figures = (f"{row.floats_per_frame:.1f}", f"{row.psnr:.2f}", f"{row.ssim:.3f}")
            table.add_row(row.model, *figures, str(row.num_steps or ""))
        Console().print(table)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
