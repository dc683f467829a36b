"""Figures that papers published, to stand beside those of a run where context, horizon, resolution and number of
samples are the same."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.errors import UserError
from pipeline.params import Params, load, validate

Metric = Literal["psnr", "ssim", "lpips", "fvd", "mse", "mae"]
TITLES: dict[Metric, tuple[str, int]] = {
    "psnr": ("PSNR, dB", 2), "ssim": ("SSIM", 3), "lpips": ("LPIPS", 3), "fvd": ("FVD", 1), "mse": ("MSE", 1),
    "mae": ("MAE", 1),
}
"""Column and decimals of each metric, in order."""
Text = Annotated[str, Field(min_length=1)]


class PublishedTable(Params):
    """Figures that were computed alike."""

    source: Text
    """Paper, arXiv number and table."""
    context_frames: int = Field(ge=1)
    horizon: int = Field(ge=1)
    resolution: str = Field(pattern=r"^\d+x\d+x[13]$")
    """Width, height and channels of a frame, as in metrics.json: 64x64x3."""
    num_samples: int | None = Field(ge=1)
    """Forecasts of a clip, of which the figures (but fvd) are those of the best one; null: of fvd alone, which is the
    same for any number here."""
    computed: Text
    """How that paper computes its figures, as far as it differs from here, and on what clips."""
    figures: dict[Text, Annotated[dict[Metric, float], Field(min_length=1)]] = Field(min_length=1)
    """Method -> metric -> figure."""

    @model_validator(mode="after")
    def _samples_are_counted(self) -> Self:
        if self.num_samples is None and any(metric != "fvd" for line in self.figures.values() for metric in line):
            raise ValueError("num_samples is null, which says nothing of figures other than fvd; write their number")
        return self

    @property
    def protocol(self) -> str:
        """The protocol in words."""
        samples = f", the best of {self.num_samples} samples" if (self.num_samples or 1) > 1 else ""
        return f"{self.context_frames} frames given, {self.horizon} forecast{samples}, {self.resolution}"

    def is_of(self, protocol: dict) -> bool:
        """Whether that of metrics.json is the same."""
        keys = ("context_frames", "horizon", "resolution", *(("num_samples",) if self.num_samples else ()))
        return all(getattr(self, key) == protocol[key] for key in keys)


class Published(Params):
    """A file of them."""

    tables: list[PublishedTable] = Field(min_length=1)


@dataclass(frozen=True)
class Comparison:
    """A published table and the run's figures by its columns."""

    table: PublishedTable
    columns: list[str]
    rows: list[tuple[str, bool, list[tuple[float | None, int]]]]
    """Method, whether it is this run, and by column the figure (None: not known) and its decimals."""


def read_published(folder: Path, name: str) -> list[PublishedTable]:
    """The tables of `folder`/`name`.yaml. Raises UserError when there is no such file, or it is not valid."""
    there = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in there:
        raise UserError(
            f"report.published: {folder} holds no '{name}'; there are {', '.join(there) or 'none'}: name one, or null"
        )
    path = folder / f"{name}.yaml"
    return validate(path, load(path), Published).tables


def comparisons(metrics: dict, tables: list[PublishedTable]) -> tuple[list[Comparison], list[str]]:
    """metrics as in metrics.json -> the tables of the run's own protocol beside its figures, and of every other table
    its source and protocol."""
    shown = [_beside(metrics, table) for table in tables if table.is_of(metrics["protocol"])]
    return shown, [f"{table.source}: {table.protocol}" for table in tables if not table.is_of(metrics["protocol"])]


def _beside(metrics: dict, table: PublishedTable) -> Comparison:
    prediction = metrics["prediction"]
    ours = prediction | (prediction["best_of_samples"] if (table.num_samples or 1) > 1 else {})
    known = [metric for metric in TITLES if any(metric in figures for figures in table.figures.values())]
    lines = [("layercast", True, ours), *((method, False, figures) for method, figures in table.figures.items())]
    return Comparison(table, [TITLES[metric][0] for metric in known], [
        (name, is_ours, [(figures.get(metric), TITLES[metric][1]) for metric in known])
        for name, is_ours, figures in lines
    ])
