"""What training keeps in memory: layercast's two stages, the same networks end to end, and two conventional predictors.

    python -m benchmarks.training_memory

Kept for backward: all that autograd saves, per clip, counted without computing anything; the same on every machine.
Peak of a step: forward, backward and Adam of two clips, as measured; weights, gradients and moments included.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import matplotlib
import torch
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.training_steps import METHODS, NUM_CLIPS, Step
from pipeline.memory_meter import resident, watch_resident
from pipeline.training.memory import bytes_kept, bytes_of_weights

RESOLUTIONS, LENGTHS = (64, 128, 256), (10, 20, 40)
PLOTTED = {"num_frames": 20, "resolution": 64}
"""What is held while the other one varies."""
MIB = 2**20


def count(method: str, resolution: int, num_frames: int) -> dict:
    """What can be told without computing."""
    step = METHODS[method](resolution, num_frames, "meta")
    return {
        "method": method, "resolution": resolution, "num_frames": num_frames,
        "kept_mib_per_clip": bytes_kept(step.modules, step.loss) / NUM_CLIPS / MIB,
        "weights_and_adam_mib": bytes_of_weights(step.modules) / MIB,
    }


def peak_of_a_step(method: str, resolution: int, num_frames: int) -> float:
    """MiB that a step adds at most to what the process held before: on the GPU where there is one, else resident."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    step = METHODS[method](resolution, num_frames, device)
    adam = torch.optim.Adam([parameter for module in step.modules for parameter in module.parameters()])
    weights = bytes_of_weights(step.modules) / 4
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        _train(step, adam)
        return (torch.cuda.max_memory_allocated() - before + weights) / MIB
    before = resident()
    with watch_resident(0.002) as peak:
        _train(step, adam)
    return (peak[0] - before + weights) / MIB


def _train(step: Step, adam: torch.optim.Optimizer) -> None:
    step.loss().backward()
    adam.step()


def _draw(figures: list[dict], path: Path) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axis, along, held, label in (
        (axes[0], "resolution", "num_frames", "resolution, px ({} frames)"),
        (axes[1], "num_frames", "resolution", "frames of a clip ({} px)"),
    ):
        label = label.format(PLOTTED[held])
        for method in METHODS:
            points = [row for row in figures if row["method"] == method and row[held] == PLOTTED[held]]
            axis.plot([row[along] for row in points], [row["kept_mib_per_clip"] for row in points], "o-", label=method)
        axis.set(xscale="log", yscale="log", xlabel=label)
        axis.set_xticks(sorted({row[along] for row in figures}), labels=sorted({row[along] for row in figures}))
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("kept for backward, MiB per clip")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _print(figures: list[dict]) -> None:
    table = Table(title="kept for backward, MiB per clip", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("method", "px", *(f"{length} frames" for length in LENGTHS), "weights+Adam", "peak of 2x20"):
        table.add_column(column, justify="left" if column == "method" else "right", no_wrap=True)
    for method in METHODS:
        for resolution in RESOLUTIONS:
            rows = [row for row in figures if (row["method"], row["resolution"]) == (method, resolution)]
            peak = next((row.get("peak_mib") for row in rows if row["num_frames"] == 20), None)
            table.add_row(
                method, str(resolution), *(f"{row['kept_mib_per_clip']:,.3g}" for row in rows),
                f"{rows[0]['weights_and_adam_mib']:,.0f}", "-" if peak is None else f"{peak:,.0f}",
            )
    Console().print(table)


def main(
    json_path: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
    plot: Annotated[Path, typer.Option(help="Picture to draw.")] = Path("benchmarks/training_memory.png"),
    measure_up_to: Annotated[float, typer.Option(help="GiB: larger steps are counted, not run; 0 runs none.")] = 1.0,
) -> None:
    """Counts and measures every method at all resolutions and clip lengths."""
    figures = []
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        for resolution in RESOLUTIONS:
            for num_frames in LENGTHS:
                for method in METHODS:
                    print(f"{method}, {resolution} px, {num_frames} frames", file=sys.stderr, flush=True)
                    figures.append(count(method, resolution, num_frames))
                    if figures[-1]["kept_mib_per_clip"] * NUM_CLIPS <= measure_up_to * 1024:
                        run = pool.submit(peak_of_a_step, method, resolution, num_frames)
                        figures[-1]["peak_mib"] = run.result()
    if json_path is not None:
        json_path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    _print(figures)
    _draw(figures, plot)
    print(f"drawn: {plot}")


if __name__ == "__main__":
    typer.run(main)
