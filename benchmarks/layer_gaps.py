"""Where do layers get lost: in the codes, or in what short clips show?

Judges them before and after the codes, from whole sequences and from their first half.

    python -m benchmarks.layer_gaps

Each number of frames given to the encoder has two rows: the layers as the frames show them (proposals, no learning),
and as they are decoded from the codes. Both are drawn along the same tracks and judged on the frames given.
soft_edge_px is the width of an object's edge: pixels with a visibility between 0.1 and 0.9 for each pixel of the
outline of its true mask.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from scipy.ndimage import binary_erosion

from pipeline.autoencoder.autoencoder import Autoencoder, load_autoencoder
from pipeline.autoencoder.layer_pictures import Decoded
from pipeline.errors import one_line_errors
from pipeline.evaluation.reconstruction import ReconstructionScores, Truth
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.latents.latents import Latents
from pipeline.progress import progress

SEQUENCES_AT_ONCE = 4
FIGURES = ("psnr", "fg_miou", "fg_ari", "identity_consistency", "position_r2_time_varying", "soft_edge_px")


class Layers:
    """Figures of one way to draw them."""

    def __init__(self) -> None:
        self._scores = ReconstructionScores()
        self._soft, self._outline = 0, 0

    def add(self, frames: np.ndarray, truth: Truth, latents: Latents, decoded: Decoded, video_id: np.ndarray) -> None:
        self._scores.add(frames, to_uint8(decoded.frames))
        self._scores.add_layers(truth, decoded.segmentation().cpu().numpy(), latents.to(torch.device("cpu")), video_id)
        self._soft += int(((decoded.alpha > 0.1) & (decoded.alpha < 0.9)).any(2).sum())
        for segmented in truth.segmentation.reshape(-1, *truth.segmentation.shape[2:]):
            for item in np.unique(segmented[segmented > 0]):
                mask = segmented == item
                self._outline += int((mask & ~binary_erosion(mask)).sum())

    def figures(self) -> dict[str, float | None]:
        sections = self._scores.figures()
        known = {"psnr": sections["reconstruction"]["psnr"], **sections["decomposition"], **sections["disentanglement"]}
        return {name: known.get(name) for name in FIGURES[:-1]} | {"soft_edge_px": self._soft / max(1, self._outline)}


@torch.inference_mode()
def judge(model: Autoencoder, store: FrameStore, num_given: int, num_sequences: int | None) -> dict[str, dict]:
    """The figures of `as seen` and `decoded` when the first num_given frames of each test sequence are encoded."""
    rows, device = store.rows("test")[:num_sequences], next(model.parameters()).device
    ways = {"as seen": Layers(), "decoded": Layers()}
    with progress(f"encoding {num_given} frames", len(rows), "sequences") as advance:
        for start in range(0, len(rows), SEQUENCES_AT_ONCE):
            part = rows[start:start + SEQUENCES_AT_ONCE]
            frames = store.read(part)[:, :num_given]
            known = (store.read_truth(name, part)[:, :num_given] for name in ("segmentation", "position"))
            segmentation, position = known
            truth = Truth(segmentation, position, store.num_objects)
            latents, pictures = model.encode_with_pictures(to_unit(frames).to(device))
            for way, drawn in (("as seen", model.decode(latents, pictures)), ("decoded", model.decode(latents))):
                ways[way].add(frames, truth, latents, drawn, store.video_id[part])
            advance(len(part))
    return {way: layers.figures() for way, layers in ways.items()}


def main(
    test_frames: Annotated[Path, typer.Option(help="Frame store with ground truth.")] = Path("data/test_frames.zarr"),
    autoencoder: Annotated[Path, typer.Option(help="Weights.")] = Path("data/autoencoder.safetensors"),
    num_sequences: Annotated[int | None, typer.Option(help="Only so many; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Compares layers before and after the codes, from whole sequences and from their first half."""
    with one_line_errors():
        store, (model, _) = open_frames(test_frames), load_autoencoder(autoencoder)
        model.to("cuda" if torch.cuda.is_available() else "cpu")
        lengths = (store.num_frames, store.num_frames // 2)
        found = {f"{length} frames": judge(model, store, length, num_sequences) for length in lengths}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table()
    for column in ("given", "layers", *FIGURES):
        table.add_column(column, justify="left" if column in ("given", "layers") else "right")
    for given, ways in found.items():
        for way, figures in ways.items():
            cells = ("-" if figures[name] is None else f"{figures[name]:.3f}" for name in FIGURES)
            table.add_row(given, way, *cells)
    Console().print(table)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
