"""Writes one self-contained page about an evaluation: no network, no other files, readable on a phone and in the dark.

The page that stage report writes is a pure function of its inputs. Parameters of the other stages and wall-clock costs
are not among them; `complete` puts these into the place that the page leaves for them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.errors import UserError
from pipeline.evaluation.per_clip import Row
from pipeline.latents.latents import LatentSpec
from pipeline.progress import progress
from pipeline.report.charts import line_chart
from pipeline.report.clips import clip_table
from pipeline.report.codes import code_rows
from pipeline.report.figures import (
    Curve,
    curves,
    forecast_table,
    headline,
    layer_figures,
    other_figures,
    probe_table,
    sample_figures,
)
from pipeline.report.films import film
from pipeline.report.published import PublishedTable, comparisons
from pipeline.report.scenes import Scene, Scenes, Tile, Track
from pipeline.write_file import write_file

MOST_BYTES = 10 * 2**20
_RUN = "<!-- parameters and cost -->"
_FOLDER = Path(__file__).parent
_KINDS = ("forecast", "layers", "changes")
_TEXT_BYTES = 512 * 1024
"""Enough for all that is not a scene."""


class Artefact(Protocol):
    """A store or weights."""

    @property
    def identity(self) -> str: ...

    @property
    def made_from(self) -> dict[str, str]: ...


def write_report(
    path: Path, metrics: dict, artefacts: dict[str, Artefact], architecture: dict[str, object], spec: LatentSpec,
    scenes: Scenes | list[Scene], mix: list[Curve], most_bytes: int = MOST_BYTES, *, clips: Sequence[Row] = (),
    warnings: Sequence[str] = (), published: Sequence[PublishedTable] = (),
) -> None:
    """Writes the page in one step. metrics as in metrics.json; artefacts: what was judged and the weights, by name;
    architecture: the autoencoder's parameters; spec: the codes that it has; mix: shares of what forecasts are mixed
    from, empty where they were drawn from layers alone; clips: figures of each forecast clip, the worst first;
    warnings: what should worry, beside the warnings among the metrics; published: figures of papers, of which those of
    the same protocol are shown and the others named.

    Scenes that would make the page larger than most_bytes are left out, and the page says how many.
    """
    shown: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    room, left_out, has_true_tracks = most_bytes - _TEXT_BYTES, 0, False
    template = _environment().get_template("scene.html")
    with progress("drawing the report", len(scenes), "scenes") as advance:
        for scene in scenes:
            has_true_tracks |= any(track.dashed for tile in scene.tiles for track in tile.tracks)
            text = template.render(scene=scene, tiles=[_tile(tile) for tile in scene.tiles])
            if (needed := len(text.encode())) > room:
                left_out += 1
            else:
                room -= needed
                shown[scene.kind].append(Markup(text))
            advance()
    compared, not_compared = comparisons(metrics, list(published))
    page = _environment().get_template("page.html").render(
        metrics=metrics, protocol=metrics["protocol"], artefacts=artefacts, architecture=architecture,
        headline=headline(metrics), warnings=[*metrics.get("warnings", ()), *warnings], clips=clip_table(list(clips)),
        scenes=shown, left_out=left_out, has_true_tracks=has_true_tracks,
        forecast=forecast_table(metrics), layers=layer_figures(metrics), probes=probe_table(metrics),
        samples=sample_figures(metrics), codes=code_rows(spec), compared=compared, not_compared=not_compared,
        others=other_figures(metrics), run=Markup(_RUN),
        charts=_charts(curves(metrics)), mix=_charts(mix),
        definitions=[text.partition(": ")[::2] for text in metrics["protocol"]["definitions"]],
        style=_asset("page.css"), script=_asset("player.js"),
    )
    write_file(path, page.encode())


def complete(page: Path, parameters: str, costs: dict[str, dict[str, float]]) -> str:
    """The page at `page` with the text of params.yaml and, for every stage, the figures of its cost file.

    Raises UserError when it is no page of write_report.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{page}: cannot be read ({error}); run `dvc repro`") from error
    if text.count(_RUN) != 1:
        raise UserError(f"{page}: wanted a page of stage report, found something else; run `dvc repro`")
    longest = max((cost["seconds"] for cost in costs.values()), default=1)
    run = _environment().get_template("run.html").render(parameters=parameters, costs=costs, longest=longest)
    return text.replace(_RUN, run)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = lambda value, decimals: "–" if value is None else f"{value:.{decimals}f}"
    return environment


def _asset(name: str) -> Markup:
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))


def _charts(curves: list[Curve]) -> list[tuple[Curve, Markup]]:
    return [(curve, Markup(line_chart(curve.lines, curve.over, curve.unit))) for curve in curves]


def _tile(tile: Tile) -> dict:
    made = film(tile.frames, lossless=tile.is_flat)
    height, width = tile.frames.shape[1:3]
    return {"label": tile.label, "is_forecast": tile.is_forecast, "film": made, "box": f"0 0 {width} {height}",
            "radius": max(1.0, width / 50), "tracks": [_track(track) for track in tile.tracks]}


def _track(track: Track) -> dict:
    """Polylines between the frames in which the object is in view, and one point per frame ("" where it is not)."""
    points = [f"{x:.1f},{y:.1f}" if x == x else "" for x, y in track.points.tolist()]
    lines = [line.split() for line in " ".join(point or "|" for point in points).split("|")]
    return {"color": track.color, "dashed": track.dashed, "points": " ".join(point or "-" for point in points),
            "lines": [" ".join(line) for line in lines if len(line) > 1]}
