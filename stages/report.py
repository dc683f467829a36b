"""Prints the figures of the last evaluation and what to open (no stage of the pipeline; runs nothing)."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.errors import UserError, one_line_errors
from pipeline.evaluation.cost_table import print_costs
from pipeline.evaluation.report import print_report

STAGES = ("preprocess", "train_autoencoder", "encode", "train_predictor", "generate", "evaluate")


def main(
    metrics: Annotated[Path, typer.Option(help="Figures that evaluate wrote.")] = Path("data/evaluation/metrics.json"),
    pictures: Annotated[Path, typer.Option(help="Animations that generate drew.")] = Path("data/pictures"),
    costs: Annotated[Path, typer.Option(help="Folder of what the stages cost.")] = Path("data/cost"),
) -> None:
    """Shows how well the last run forecasts, beside the baselines, and what it cost."""
    with one_line_errors():
        try:
            figures = json.loads(metrics.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{metrics}: cannot be read ({error}); run `dvc repro`") from error
        console = Console()
        print_report(figures, console)
        print_costs(costs, STAGES, console)
        console.print(f"\nforecasts and layers: {pictures}/*.gif", highlight=False)
        console.print(f"still sheets:         {metrics.parent}/sheets/*.png", highlight=False)
        console.print("curves:               dvc plots show --open", highlight=False)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
