"""Does `stages.surprise` see what nobody could foresee, say who it was, and keep quiet otherwise?

    python -m benchmarks.surprise

Draws videos with known disturbances (`benchmarks.disturbed_sprites`) and without any, and scores them with the weights
of the run in data/, calibrated on its validation clips:

auroc     of frames, by how rare they are: those that show the disturbance (the first SHOWS frames of it, of a flicker
          the only one) against those before it and those of undisturbed videos. Frames after that, whose context is
          disturbed itself, count neither way
alarms    share of the frames that show a disturbance which are rarer than one in `threshold`
named     of these, how often what surprises most is right: the light, or what has its middle in the box of the object
          that was disturbed, where it is or was before
promise   frames of undisturbed videos rarer than one in 100 and in `threshold`, over what that promises

What was scored already is not scored again. With 60 videos of a kind and 100 undisturbed ones it takes about ten
minutes of one core.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.stats import rankdata

from benchmarks.disturbed_sprites import DISTURBANCES, LIGHT, NOTHING, DisturbedVideo, draw_disturbed
from benchmarks.stage_runs import ROOT, file_name
from data.sprites.generate import SpriteParams
from pipeline.errors import one_line_errors
from pipeline.forecasting.forecaster import Forecaster, load_forecaster
from pipeline.forecasting.generate_params import GenerateParams
from pipeline.params import read_section
from pipeline.progress import progress
from pipeline.surprise.calibration import VERSION, Calibration, calibrated
from pipeline.surprise.scores import OF_FRAMES, OF_OBJECTS, Scores
from pipeline.surprise.sliding import Frame, score_all
from pipeline.surprise.watching import Surprise, moments

SHOWS = 4
"""Frames in which a disturbance that lasts is looked for."""
LENGTH = 20
"""Frames of a disturbed video: two windows."""
SINCE = (11, 15)
"""First and last frame at which a disturbance begins."""
FREQUENT = 100
AUROC_BAR, KIND_BAR, NAMED_BAR, PROMISE_BAR = 0.95, 0.85, 0.8, (0.5, 2.0)


@dataclass(frozen=True)
class Watched:
    """A video and what surprises in its frames from the first scored one on."""

    video: DisturbedVideo
    surprises: list[list[Surprise]]
    """Of each scored frame, the rarest first."""
    first: int
    """The first scored frame."""

    @property
    def rarity(self) -> np.ndarray:
        """float [n]: of every scored frame."""
        return np.array([of_frame[0].rarity for of_frame in self.surprises])

    @property
    def times(self) -> np.ndarray:
        """int [n]: the scored frames' numbers."""
        return self.first + np.arange(len(self.surprises))

    @property
    def shows(self) -> np.ndarray:
        """bool [n]: which scored frames show the disturbance."""
        if self.video.kind == NOTHING:
            return np.zeros(len(self.surprises), bool)
        lasts = 1 if self.video.kind == "flicker" else SHOWS
        return (self.times >= self.video.since) & (self.times < self.video.since + lasts)

    @property
    def before(self) -> np.ndarray:
        """bool [n]: which scored frames nothing disturbed."""
        return np.ones(len(self.surprises), bool) if self.video.kind == NOTHING else self.times < self.video.since


def score_videos(
    forecaster: Forecaster, params: SpriteParams, counts: dict[str, int], folder: Path,
) -> list[tuple[DisturbedVideo, list[tuple[int, Scores]]]]:
    """Draws and scores so many videos of each kind; the scores are kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(number, kind) for number in range(max(counts.values())) for kind in counts if number < counts[kind]]
    found = []
    with progress("scoring", len(jobs), "videos") as advance:
        for number, kind in jobs:
            length = params.num_frames if kind == NOTHING else LENGTH
            video = draw_disturbed(params, len(counts) * number + list(counts).index(kind), kind, *SINCE)
            path = folder / f"{kind}_{number}.npz"
            if not path.exists():
                frames = (Frame(t, pixels, begins=not t) for t, pixels in enumerate(video.frames[:length]))
                _save(path, list(score_all(forecaster, frames)))
            found.append((video, _load(path)))
            advance()
    return found


def _save(path: Path, scored: list[tuple[int, Scores]]) -> None:
    arrays = {f"{first} {name}": values for first, scores in scored for name, values in {
        **scores.by_kind(), "box": scores.box, "new_box": scores.new_box, "before": scores.before,
        "situation": scores.situation,
    }.items()}
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]
    partial.rename(path)


def _load(path: Path) -> list[tuple[int, Scores]]:
    with np.load(path) as file:
        return [
            (first, Scores(
                {kind: file[f"{first} {kind}"] for kind in OF_OBJECTS},
                {kind: file[f"{first} {kind}"] for kind in OF_FRAMES},
                file[f"{first} box"], file[f"{first} new_box"], file[f"{first} before"],
                file[f"{first} situation"],
            ))
            for first in sorted({int(name.split()[0]) for name in file.files})
        ]


def judge(watched: list[Watched], threshold: float) -> dict:
    """The figures that the head of this file defines."""
    calm = np.concatenate([one.rarity[one.before] for one in watched])
    shown = {kind: [one for one in watched if one.video.kind == kind] for kind in DISTURBANCES}
    rarity = {kind: np.concatenate([one.rarity[one.shows] for one in ones]) for kind, ones in shown.items()}
    kinds, right = {}, []
    for kind, ones in shown.items():
        own = [names(one, int(i)) for one in ones for i in np.flatnonzero(one.shows & (one.rarity * threshold < 1))]
        kinds[kind] = {
            "videos": len(ones), "auroc": auroc(rarity[kind], calm),
            "alarms": float((rarity[kind] * threshold < 1).mean()), "named": float(np.mean(own)) if own else None,
        }
        right += own
    undisturbed = np.concatenate([one.rarity for one in watched if one.video.kind == NOTHING])
    return {
        "kinds": kinds, "auroc": auroc(np.concatenate(list(rarity.values())), calm),
        "named": float(np.mean(right)) if right else None, "undisturbed_frames": len(undisturbed),
        "promise": {f"{every:g}": float((undisturbed * every < 1).mean() * every) for every in (FREQUENT, threshold)},
    }


def auroc(rare: np.ndarray, calm: np.ndarray) -> float:
    """Chance that a value of `rare` [n] is smaller than one of `calm` [m]; ties count half."""
    ranks = rankdata(-np.concatenate([rare, calm]))[:len(rare)]
    return float((ranks.sum() - len(rare) * (len(rare) + 1) / 2) / (len(rare) * len(calm)))


def names(one: Watched, i: int) -> bool:
    """Whether what surprises most in scored frame i is what was disturbed."""
    video, most, time = one.video, one.surprises[i][0], int(one.times[i])
    if video.target == LIGHT or most.box is None:
        return video.target == LIGHT and most.kind == "scene"
    middle = np.array([most.box[0] + most.box[2], most.box[1] + most.box[3]]) / 2
    places = video.position[[time, video.since - 1], video.target]
    return bool((np.abs(places - middle) < video.size[video.target] / 2).all(1).any())


def print_figures(figures: dict, threshold: float, num_frames: int, console: Console) -> None:
    table = Table(title=f"threshold 1 in {threshold:g}, {num_frames} validation frames", title_justify="left")
    for column in ("", "videos", "auroc", "alarms", "named"):
        table.add_column(column, justify="right" if column else "left")
    for kind, row in figures["kinds"].items():
        table.add_row(kind, str(row["videos"]), f"{row['auroc']:.3f}", f"{row['alarms']:.2f}", _share(row["named"]))
    table.add_row("all", "", f"{figures['auroc']:.3f}", "", _share(figures["named"]), style="bold")
    table.add_row("wanted", "", f">= {AUROC_BAR}, each {KIND_BAR}", "", f">= {NAMED_BAR}", style="dim")
    console.print(table)
    for every, ratio in figures["promise"].items():
        text = f"1 in {every} of {figures['undisturbed_frames']} undisturbed frames: {ratio:.2f} of what is promised"
        console.print(f"{text}, wanted {PROMISE_BAR[0]} to {PROMISE_BAR[1]}", highlight=False)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def watched_videos(
    calibration: Calibration, scored: list[tuple[DisturbedVideo, list[tuple[int, Scores]]]], object_px: float,
) -> list[Watched]:
    """What surprises in videos."""
    found = []
    for video, windows in scored:
        numbers, surprises = zip(*moments(calibration, windows, object_px), strict=True)
        found.append(Watched(video, list(surprises), numbers[0]))
    return found


def main(
    data: Annotated[Path, typer.Option(help="Folder of a finished run.")] = ROOT / "data",
    folder: Annotated[Path, typer.Option(help="Folder for scores.")] = Path(".benchmarks/surprise"),
    videos: Annotated[int, typer.Option(help="Videos of each disturbance.")] = 60,
    undisturbed: Annotated[int, typer.Option(help="Videos without any.")] = 100,
    threshold: Annotated[float, typer.Option(help="Frames per alarm.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the videos; that of the demonstration is 0.")] = 7,
    sprites: Annotated[Path, typer.Option(help="Section 'sprites'.")] = ROOT / "data/sprites/params.yaml",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Scores videos with known disturbances."""
    with one_line_errors():
        params = read_section(sprites, "sprites", SpriteParams).model_copy(update={"seed": seed})
        forecaster = load_forecaster(data / file_name("autoencoder"), data / file_name("predictor"), GenerateParams(
            context_frames=None, horizon=None, num_samples=1, spread="branches", carry_pictures=True, num_pictures=0,
            batch_size=1, seed=0,
        ))
        counts = {**dict.fromkeys(DISTURBANCES, videos), NOTHING: undisturbed}
        calibration = calibrated(
            data / "surprise.safetensors", forecaster, data / file_name("frames"), data / file_name("autoencoder")
        )
        own = folder / f"{forecaster.made_from['predictor'][:12]}_{seed}_v{VERSION}"
        scored = score_videos(forecaster, params, counts, own)
        figures = judge(watched_videos(calibration, scored, forecaster.object_px), threshold)
        if as_json:
            print(json.dumps(figures, indent=2))
        else:
            print_figures(figures, threshold, calibration.num_frames, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
