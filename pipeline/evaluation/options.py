"""Options of the commands that look at an evaluation: what was judged."""

from pathlib import Path
from typing import Annotated

import typer

TestFrames = Annotated[Path, typer.Option(help="What came: the truth.")]
Latents = Annotated[Path, typer.Option(help="Latents of the test frames.")]
PredictedLatents = Annotated[Path, typer.Option(help="Forecast, as latents.")]
PredictedFrames = Annotated[Path, typer.Option(help="Forecast, as frames.")]
Autoencoder = Annotated[Path, typer.Option(help="Weights to decode with.")]
Predictor = Annotated[Path, typer.Option(help="Weights that forecast.")]
