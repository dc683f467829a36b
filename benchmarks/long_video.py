"""What the length of a video costs: one long video through all stages, at several lengths.

    python -m benchmarks.long_video --minutes 10 --minutes 60

The video is made here: 640x480 at 10 frames per second, sprites that bounce over textured ground, while the light
changes. All stages run at 128x128 with few training steps, since these cost the same however long a video is. Memory is
the most that a stage and its processes held at once, what they share counted for each: lengths should not change it.
--fps reads fewer frames a second, so that there are fewer clips to take apart; every frame is decoded nevertheless.
Videos and what was made of them lie in the folder and are not made again.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.stage_runs import OUTPUTS, file_name, run_stage, write_params
from pipeline.errors import UserError, one_line_errors
from pipeline.write_file import write_file

HEIGHT, WIDTH, FPS, SIDE = 480, 640, 10, 128
SPRITE_PX, SPEED_PX = 60, 6.0
"""Of the video; the speed is of a frame, along each axis at most."""
NUM_SPRITES = 3
LIGHT, LIGHT_SECONDS = 0.1, 300.0
"""Share by which it grows and falls, and how long that takes."""
TEST_FRACTION = 0.12
MOST_GIB = 4.0


def frames(number: int) -> Iterator[np.ndarray]:
    """So many frames, uint8 [HEIGHT, WIDTH, 3] BGR."""
    random = np.random.default_rng(0)
    ground = cv2.resize(random.integers(60, 160, (48, 64, 3), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    colors = np.array([[230, 40, 40], [40, 230, 40], [40, 40, 230]], np.uint8)
    room = np.array([WIDTH, HEIGHT]) - SPRITE_PX
    place = random.uniform(0, room, (NUM_SPRITES, 2))
    speed = random.uniform(-SPEED_PX, SPEED_PX, (NUM_SPRITES, 2))
    for t in range(number):
        light = 1 + LIGHT * np.sin(2 * np.pi * t / FPS / LIGHT_SECONDS)
        frame = cv2.convertScaleAbs(ground, alpha=light)
        for (x, y), color in zip(place.round().astype(int), colors, strict=True):
            frame[y:y + SPRITE_PX, x:x + SPRITE_PX] = color
        yield frame
        place += speed
        speed = np.where((place < 0) | (place > room), -speed, speed)
        place = place.clip(0, room)


def make_video(path: Path, minutes: float) -> Path:
    """A video of that length."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name("partial_" + path.name)
        writer = cv2.VideoWriter(str(partial), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
        for frame in frames(round(60 * FPS * minutes)):
            writer.write(frame)
        writer.release()
        partial.rename(path)
    return path


def run_stages(source: Path, folder: Path, fps: float, steps: int) -> dict[str, dict[str, float]]:
    """Cost by stage; a stage whose outputs are there already is not run again."""
    params = folder / "params.yaml"
    training = {"training": {"num_steps": steps, "validate_every": steps}}
    write_params(params, {
        "preprocess": {"source": str(source.resolve()), "height": SIDE, "width": SIDE, "fps": fps,
                       "test_fraction": TEST_FRACTION},
        "train_autoencoder": {"architecture": {"object_px": round(SPRITE_PX * SIDE / HEIGHT)}, **training},
        "train_predictor": training,
    })
    costs = {}
    for stage, outputs in OUTPUTS.items():
        if not all((folder / file_name(output)).exists() for output in outputs):
            run_stage(stage, params, folder)
        cost = json.loads((folder / "cost" / f"{stage}.json").read_text(encoding="utf-8"))
        costs[stage] = {name: cost[name] for name in ("seconds", "peak_resident_gib")}
    return costs


def print_table(found: dict[str, dict[str, dict[str, float]]], console: Console) -> None:
    table = Table(title=f"peak resident memory, GiB (at most {MOST_GIB:g}); seconds in brackets", title_justify="left")
    table.add_column("stage")
    for minutes in found:
        table.add_column(f"{minutes} minutes", justify="right")
    for stage in OUTPUTS:
        costs = (costs[stage] for costs in found.values())
        table.add_row(stage, *(f"{cost['peak_resident_gib']:.2f} ({cost['seconds']:.0f})" for cost in costs))
    console.print(table)


def main(
    minutes: Annotated[list[float], typer.Option(help="Length; may be given more than once.")] = [10, 60],  # noqa: B006
    fps: Annotated[float, typer.Option(help="Frames per second that are read.")] = FPS,
    steps: Annotated[int, typer.Option(help="Of each training.")] = 20,
    folder: Annotated[Path, typer.Option(help="Videos and all that is made.")] = Path(".benchmarks/long_video"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Runs all stages on a video of every length."""
    with one_line_errors():
        if min(minutes) <= 0:
            raise UserError(f"--minutes {min(minutes):g}: wanted more than 0")
        folder = folder.resolve()
        os.environ["LAYERCAST_RESUME_DIR"] = str(folder / "resume")
        found = {}
        for length in sorted(minutes):
            source = make_video(folder / f"{length:g}_minutes.mp4", length)
            found[f"{length:g}"] = run_stages(source, folder / f"{length:g}_minutes_{fps:g}_fps", fps, steps)
            write_file(folder / "figures.json", (json.dumps(found, indent=2) + "\n").encode())
        if as_json:
            print(json.dumps(found, indent=2))
        else:
            print_table(found, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
