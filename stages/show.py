"""Prints the figures of the last run and what to open (no stage of the pipeline; runs nothing)."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.autoencoder.worries import worries as autoencoder_worries
from pipeline.errors import UserError, one_line_errors
from pipeline.evaluation.cost_table import print_costs, read_costs
from pipeline.evaluation.metrics_file import read_metrics
from pipeline.evaluation.report import print_report
from pipeline.predictor.worries import worries as predictor_worries
from pipeline.report.page import complete
from pipeline.warn import warn
from pipeline.write_file import write_file

STAGES = ("preprocess", "train_autoencoder", "encode", "train_predictor", "generate", "evaluate", "report")


def main(
    metrics: Annotated[Path, typer.Option(help="Figures that evaluate wrote.")] = Path("data/evaluation/metrics.json"),
    pictures: Annotated[Path, typer.Option(help="Animations that generate drew.")] = Path("data/pictures"),
    page: Annotated[Path, typer.Option(help="Page that report wrote.")] = Path("data/report/page.html"),
    costs: Annotated[Path, typer.Option(help="Folder of what the stages cost.")] = Path("data/cost"),
    params: Annotated[Path, typer.Option(help="Parameters to show on the page.")] = Path("params.yaml"),
    output: Annotated[Path, typer.Option(help="Page to write, with parameters and cost.")] = Path("data/report.html"),
    curves: Annotated[Path, typer.Option(help="Folder of the curves of both trainings.")] = Path("data/curves"),
) -> None:
    """Shows how well the last run forecasts, beside the baselines, and what it cost; completes the page about it."""
    with one_line_errors():
        console = Console()
        print_report(figures := read_metrics(metrics), console)
        warn([*figures.get("warnings", ()), *autoencoder_worries(curves / "train_autoencoder"),
              *predictor_worries(curves / "train_predictor")])
        print_costs(costs, STAGES, console)
        if page.exists():
            write_file(output, complete(page, _read(params), read_costs(costs, STAGES)).encode())
            console.print(f"\neverything on one page: {output}", highlight=False)
        else:
            warn([f"{page} is not there: no run has come to its end here, so these figures are those that came with "
                  "the repository; `dvc repro` makes yours"])
        console.print(f"forecasts and layers:   {pictures}/*.gif", highlight=False)
        console.print(f"still sheets:           {metrics.parent}/sheets/*.png", highlight=False)
        console.print(f"every clip by itself:   {metrics.parent}/per_clip.csv", highlight=False)
        console.print("curves:                 dvc plots show --open", highlight=False)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); run from the repository's root") from error


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
