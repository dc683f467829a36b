"""What other work on the machine costs: each stage alone, beside one busy process, and beside three.

    python -m benchmarks.busy

needs the videos of params.yaml (`dvc repro preprocess`). Busy processes are loops of one thread that never wait. Where
cores are shared fairly, a stage of N threads beside B of them on C cores takes max(1, (N + B) / C) / max(1, N / C)
times as long as alone; what it takes beyond that its threads lose by waiting for one another. Times are of the whole
command, imports too. preprocess reads every video under several names, so that it takes long enough to measure; the
other stages see the first videos alone and train for few steps. Measure on a machine where nothing else runs, and
without OMP_NUM_THREADS, as users do. What was measured by then is in figures.json after each stage.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from benchmarks.stage_runs import OUTPUTS, ROOT, file_name, run_stage, write_params
from pipeline.errors import UserError, one_line_errors
from pipeline.write_file import write_file

LOADS = {0: None, 1: 1.8, 3: 4.0}
"""Busy processes, and at most how many times as long as alone a stage may take beside them."""
BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(10**5))"
TEST_FRACTION = 0.2
"""Of the few videos, so that there is enough to forecast."""


@contextmanager
def busy(number: int) -> Iterator[None]:
    """So many processes that never wait, while the block runs."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid())]) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def link_videos(source: Path, folder: Path, most: int | None, names: int) -> None:
    """A folder with the first videos of `source` and what belongs to them, each under so many names."""
    if not source.is_dir():
        raise UserError(f"{source}: wanted the folder of videos of params.yaml; make it with `dvc repro preprocess`")
    files = sorted(file for file in source.iterdir() if file.is_file())
    stems = sorted({file.name.split(".")[0] for file in files})[:most]
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        if file.name.split(".")[0] in stems:
            for name in range(names):
                link = folder / f"{name}_{file.name}"
                link.unlink(missing_ok=True)
                link.symlink_to(file.resolve())


def settings(path: Path, source: Path, autoencoder_steps: int, predictor_steps: int) -> None:
    """The shipped parameters with that source and so many steps."""
    steps = {"train_autoencoder": autoencoder_steps, "train_predictor": predictor_steps}
    write_params(path, {
        "preprocess": {"source": str(source.resolve()), "test_fraction": TEST_FRACTION},
        **{stage: {"training": {"num_steps": number, "validate_every": number}} for stage, number in steps.items()},
    })


def measure(stage: str, params: Path, folder: Path) -> dict[str, float]:
    """Seconds of the stage's command by the number of busy processes beside it."""
    seconds = {}
    for number in LOADS:
        with busy(number):
            start = time.perf_counter()
            run_stage(stage, params, folder)
            seconds[str(number)] = time.perf_counter() - start
        print(f"{stage} beside {number}: {seconds[str(number)]:.1f} s", file=sys.stderr, flush=True)
    return seconds


def print_table(found: dict, console: Console) -> None:
    bars = ", ".join(f"{number}: {bar}" for number, bar in LOADS.items() if bar)
    table = Table(title=f"{found['cores']} cores, OMP_NUM_THREADS {found['OMP_NUM_THREADS']}; seconds, and how many "
                        f"times as long as alone (bars beside {bars})", title_justify="left")
    for column in ("stage", *("alone" if number == 0 else f"beside {number}" for number in LOADS)):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for stage, seconds in found["seconds"].items():
        cells = [f"{seconds['0']:.1f}"]
        for number, bar in list(LOADS.items())[1:]:
            ratio = seconds[str(number)] / seconds["0"]
            cells.append(f"{seconds[str(number)]:.1f} ({ratio:.2f}{'!' if ratio > bar else ''})")
        table.add_row(stage, *cells)
    console.print(table)


def main(
    videos: Annotated[int, typer.Option(help="All stages but preprocess see the first so many.")] = 48,
    names: Annotated[int, typer.Option(help="preprocess sees every video under so many names.")] = 2,
    autoencoder_steps: Annotated[int, typer.Option(help="Of train_autoencoder.")] = 30,
    predictor_steps: Annotated[int, typer.Option(help="Of train_predictor.")] = 400,
    only: Annotated[list[str], typer.Option(help="Only this stage; may be given more than once. What it reads must "
                                                 "lie in the folder.")] = [],  # noqa: B006
    folder: Annotated[Path, typer.Option(help="Folder for all that is made.")] = Path(".benchmarks/busy"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Times every stage with nothing beside it, with one busy process, and with three."""
    with one_line_errors():
        if unknown := set(only) - set(OUTPUTS):
            raise UserError(f"--only {', '.join(sorted(unknown))}: no such stage; there are {', '.join(OUTPUTS)}")
        folder = folder.resolve()
        os.environ["LAYERCAST_RESUME_DIR"] = str(folder / "resume")
        source = ROOT / YAML(typ="safe", pure=True).load(ROOT / "params.yaml")["preprocess"]["source"]
        for name, most, times in (("all", None, names), ("few", videos, 1)):
            link_videos(source, folder / name / "videos", most, times)
            settings(folder / name / "params.yaml", folder / name / "videos", autoencoder_steps, predictor_steps)
        found: dict = {"cores": os.cpu_count(), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
                       "seconds": {}}
        if not (folder / "few" / file_name("frames")).exists():
            run_stage("preprocess", folder / "few" / "params.yaml", folder / "few")
        for stage in (stage for stage in OUTPUTS if not only or stage in only):
            own = folder / ("all" if stage == "preprocess" else "few")
            found["seconds"][stage] = measure(stage, own / "params.yaml", own)
            write_file(folder / "figures.json", (json.dumps(found, indent=2) + "\n").encode())
        if as_json:
            print(json.dumps(found, indent=2))
        else:
            print_table(found, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
