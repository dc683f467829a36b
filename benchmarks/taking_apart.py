"""How long one core takes to take a clip apart and to find its codes, and how well the layers draw it.

    python -m benchmarks.taking_apart FOLDER --only street
    python -m benchmarks.taking_apart FOLDER --only table3d --side 256 --slots 16

FOLDER as benchmarks.real_video has it; the parameters are those that are suggested for a set. --side enlarges frames to
squares of so many px, and objects with them; --slots takes so many of them; --object-px says how wide they are.
seconds: of the processor, the least of --repeats for each clip, as a process of the pool does it. codes: seconds for
all codes of a clip that is taken apart already, by a model that has learned nothing. psnr: of the drawn layers, without
any code, against the clip.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.real_video import read_sets, reading_of, run_set
from benchmarks.stage_runs import file_name
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig
from pipeline.autoencoder.camera import view
from pipeline.autoencoder.compositing import composite
from pipeline.autoencoder.proposals import Proposals, propose
from pipeline.autoencoder.sprites import paste
from pipeline.autoencoder.train_autoencoder_params import TrainAutoencoderParams
from pipeline.autoencoder.windows import around_patches
from pipeline.errors import one_line_errors
from pipeline.frames.frame_store import open_frames
from pipeline.frames.pixels import to_unit
from pipeline.freed_memory import keep_freed_memory
from pipeline.params import read_section
from pipeline.spacing import evenly_spaced

Result = TypeVar("Result")
PATCH_DIM = 32
"""Samples along the side of an object's picture where frames are enlarged, so that they do not grow without end."""


def drawn(found: Proposals, height: int, width: int) -> torch.Tensor:
    """The layers of clips before one another, [B, T, C, height, width]."""
    sprites = found.sprites
    windows = around_patches(sprites.matrix, sprites.patch_dim, height, width)
    shows = (sprites.visibility * sprites.presence[:, None])[..., None, None, None]
    color, mask = (paste(sprites.picture, sprites, windows) * shows).split([sprites.color.shape[2], 1], 3)
    background = view(found.background, found.camera, height, width)
    return composite(background, color, mask[:, :, :, 0], sprites.depth, windows)[0]


def timed(do: Callable[[], Result], repeats: int) -> tuple[Result, float]:
    """What it returns, and the least seconds of the processor that it took."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = do()
        times.append(time.process_time() - start)
    return result, min(times)


@torch.no_grad()
def measure(clips: list[torch.Tensor], params: ArchitectureParams, repeats: int) -> dict[str, float]:
    """Means over clips [1, T, C, H, W]: seconds, those for codes, objects, and psnr, dB."""
    torch.manual_seed(0)
    C, height, width = clips[0].shape[2:]
    model = Autoencoder(AutoencoderConfig(architecture=params, num_channels=C, height=height, width=width)).eval()
    model.encode_with_pictures(clips[0])  # whatever is loaded at first use
    figures = []
    for clip in clips:
        found, seconds = timed(lambda: propose(clip, params), repeats)  # noqa: B023, called at once
        _, codes = timed(lambda: model.encode_with_pictures(clip, found), repeats)  # noqa: B023, called at once
        error = (drawn(found, height, width) - clip).square().mean()
        figures.append((seconds, codes, found.sprites.presence.sum().item(), -10 * error.log10().item()))
    return dict(zip(("seconds", "codes", "objects", "psnr"), np.mean(figures, 0).tolist(), strict=True))


def main(
    folder: Annotated[Path, typer.Argument(help="Folder with sets.yaml and the videos it names.")],
    only: Annotated[list[str], typer.Option(help="Only this set; may be given more than once.")] = [],  # noqa: B006
    num_clips: Annotated[int, typer.Option(min=1, help="Training clips, evenly spaced.")] = 8,
    side: Annotated[int | None, typer.Option(min=16, help="Enlarge frames to squares of so many px.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Most objects in a clip, not as suggested.")] = None,
    object_px: Annotated[float | None, typer.Option(help="Width of a typical object, not as suggested.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Of each clip.")] = 3,
    output: Annotated[Path, typer.Option(help="Folder for the sets' stores.")] = Path(".benchmarks/taking_apart"),
) -> None:
    """Takes clips apart one by one, with one thread."""
    table = Table()
    for column in ("set", "frames", "slots", "px", "objects", "seconds", "codes", "psnr"):
        table.add_column(column, justify="left" if column == "set" else "right", no_wrap=True)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    with one_line_errors():
        for name, entry in read_sets(folder, only).items():
            own = output / name
            run_set(folder / entry["source"], reading_of(entry), own, ["preprocess"])
            store = open_frames(own / file_name("frames"))
            rows = store.rows("train")
            rows = rows[evenly_spaced(len(rows), num_clips)]
            clips = [to_unit(store.read(np.array([row]))) for row in rows]
            wanted: dict[str, float] = {}
            params = read_section(own / "params.yaml", "train_autoencoder", TrainAutoencoderParams).architecture
            if side:
                clips = [F.interpolate(clip[0], (side, side), mode="bicubic", antialias=True).clamp(0, 1)[None]
                         for clip in clips]
                wanted = {"object_px": params.object_px * side / store.width, "patch_dim": PATCH_DIM,
                          "canvas_margin": round(params.canvas_margin * side / store.width)}
            wanted |= {} if slots is None else {"num_slots": slots}
            wanted |= {} if object_px is None else {"object_px": object_px}
            params = params.model_copy(update=wanted)
            figures = measure(clips, params, repeats)
            size = f"{len(clips)} x {clips[0].shape[1]} of {clips[0].shape[-2]}x{clips[0].shape[-1]}"
            table.add_row(name, size, str(params.num_slots), f"{params.object_px:g}", f"{figures['objects']:.1f}",
                          *(f"{figures[figure]:.2f}" for figure in ("seconds", "codes", "psnr")))
    Console().print(table)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
