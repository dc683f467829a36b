"""Says what in videos was surprising, when, and which object it was (no stage of the pipeline)."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
import typer

from pipeline.errors import UserError, one_line_errors
from pipeline.forecasting.forecaster import Forecaster, load_forecaster
from pipeline.forecasting.generate_params import GenerateParams
from pipeline.frames.damage import UnreadableVideo
from pipeline.frames.new_videos import NewVideo, bring, each_of, open_videos, reading_of
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.read_video import read_frames, shown_shape
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.source_view import SourceView
from pipeline.frames.write_video import write_video
from pipeline.output_folder import output_folder
from pipeline.params import read_section
from pipeline.pictures.grid import write_png
from pipeline.progress import progress
from pipeline.surprise.calibration import Calibration, calibrated
from pipeline.surprise.film import Rarest, draw_moment, surprising
from pipeline.surprise.sliding import Frame, ahead_of
from pipeline.surprise.watching import Moment, Surprise, watch
from pipeline.warn import warn

COLUMNS = ("video", "frame", "time", "object", "kind", "one_in", "nats", "left", "top", "width", "height")
NUM_MOMENTS = 20
"""On the sheet."""
_REACH = 2
"""How many times rarer than one in all validation frames what is fitted to them may say anything is. By 960 of them
one in 1,000 came 0 to 4.4 times as often as promised; by 110 of a street, one in 100 26 times."""


class Table(Protocol):
    """What csv.writer makes."""

    def writerow(self, row: Any, /) -> Any: ...


def surprise(
    forecaster: Forecaster, calibration: Calibration, videos: list[Path], reading: PreprocessParams, threshold: float,
    output: Path,
) -> None:
    """Watches videos and writes surprise.csv, moments.png and a film of each video into the folder `output`. Names
    those that cannot be read or are too short; raises UserError when that leaves none, or `output` holds other files.
    """
    rarest = Rarest(NUM_MOMENTS, forecaster.context_frames + ahead_of(forecaster))
    with open_videos(videos, reading) as source, output_folder(output, {".csv", ".mp4", ".png"}) as folder:
        with (folder / "surprise.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)

            def watch_one(video: SourceVideo, name: str) -> None:
                new = bring(video, forecaster.form)
                watch_video(forecaster, calibration, new, threshold, table, rarest, folder / f"{name}.mp4")

            each_of(source.videos, "watched", watch_one)
        sheet = rarest.sheet("most surprising: video, frame, what")
        if sheet is not None:
            write_png(folder / "moments.png", sheet)
    print(f"{output}: surprise.csv, moments.png, a film of each video")


def watch_video(
    forecaster: Forecaster, calibration: Calibration, new: NewVideo, threshold: float, table: Table, rarest: Rarest,
    film: Path,
) -> None:
    """Watches one video to its end. Raises UserError when it holds no frame with a whole context before it."""
    name, needed = new.video.video_id, forecaster.context_frames + 1
    if max(new.info.runs) < needed:
        raise UserError(f"video '{name}' has {max(new.info.runs)} frames in a row, wanted at least {needed}")
    print(f"{name}: {new.done}")
    count, alarms, view = 0, 0, view_of(new)
    film.parent.mkdir(parents=True, exist_ok=True)
    with progress(f"watching {name}", new.info.num_frames, "frames") as advance:

        def drawings() -> Iterator[Any]:
            nonlocal count, alarms
            for moment in watch(forecaster, calibration, frames_of(new)):
                for one in moment.surprises:
                    table.writerow(row(new, moment, one, view))
                rarest.add(name, moment)
                count += bool(moment.surprises)
                alarms += bool(surprising(moment, threshold))
                yield draw_moment(moment, threshold, _when(new, moment))
                advance()

        write_video(film, drawings(), new.info.fps)
    promised = f"one in {threshold:,.0f} would be {count / threshold:.2g}"
    print(f"{name}: {alarms} of {count:,} frames surprise ({promised})")


def frames_of(new: NewVideo) -> Iterator[Frame]:
    """The frames of a video in the form of the weights, one after the other; where it cannot be read on, that is said
    and it ends."""
    leaps: dict[int, float] = {}
    previous, count = None, 0
    try:
        for index, pixels in read_frames(new.video, new.form, new.info, leaps=leaps):
            is_gap = index != previous and leaps.get(index, 0) > 0
            yield Frame(count, pixels, begins=not count or is_gap)
            previous, count = index, count + 1
    except UnreadableVideo as error:
        if not count:
            raise
        print(f"skipped: the rest of video '{error.video_id}' from frame {count} ({error.reason})", file=sys.stderr)


def view_of(new: NewVideo) -> SourceView:
    """Where the frames that the model sees lie in the video, whose first frame is decoded."""
    height, width = shown_shape(new.video)
    return SourceView(height, width, new.info.source_fps, new.info.fps, new.form)


def row(new: NewVideo, moment: Moment, one: Surprise, view: SourceView) -> tuple:
    """COLUMNS of a surprise; what is not known, or does not lie in the frame, is left empty."""
    seconds = f"{moment.frame.number / new.info.fps:.3f}" if new.info.rate_is_known else ""
    box: tuple = ("",) * 4
    if one.box is not None:
        start, stop = view.places(np.reshape(one.box, (2, 2)).clip(0, (view.form.width, view.form.height)))
        box = tuple(f"{side:.1f}" for side in (*start, *(stop - start))) if (start < stop).all() else box
    return (
        new.video.video_id, moment.frame.number, seconds, "" if one.thing is None else one.thing, one.kind,
        f"{1 / one.rarity:.4g}", f"{one.nats:.4g}", *box,
    )


def _when(new: NewVideo, moment: Moment) -> str:
    time = f" ({moment.frame.number / new.info.fps:.2f} s)" if new.info.rate_is_known else ""
    return f"frame {moment.frame.number}{time}"


def main(
    videos: Annotated[list[Path], typer.Argument(
        help="Videos, folders of pictures, folders of videos; all that preprocess reads, as its parameters say.",
    )],
    threshold: Annotated[float, typer.Option(
        min=1, help="A frame surprises when only one in so many of the validation clips' does as much.",
    )] = 1000,
    output: Annotated[Path, typer.Option(
        help="Folder to write: surprise.csv, moments.png, a film of each video.",
    )] = Path("surprise"),
    autoencoder: Annotated[
        Path, typer.Option(help="Weights that take apart.")
    ] = Path("data/autoencoder.safetensors"),
    predictor: Annotated[Path, typer.Option(help="Weights that forecast.")] = Path("data/predictor.safetensors"),
    frames: Annotated[Path, typer.Option(
        help="Frames that these weights learned from, whose validation clips say what is rare; asked for once.",
    )] = Path("data/frames.zarr"),
    calibration: Annotated[Path | None, typer.Option(
        help="Where what these clips say is kept; surprise.safetensors beside the predictor, if not said.",
    )] = None,
    params: Annotated[Path, typer.Option(
        help="File with the sections 'generate' (context_frames) and 'preprocess' (how files are read).",
    )] = Path("params.yaml"),
) -> None:
    """Says what in videos was surprising: per frame and object, how unlikely what came was under the forecast."""
    with one_line_errors():
        settings = read_section(params, "generate", GenerateParams).model_copy(update={"carry_pictures": True})
        forecaster = load_forecaster(autoencoder, predictor, settings)
        reading = reading_of(params)
        with open_videos(videos, reading):
            pass  # whether there are any is said before what may take minutes
        kept = calibration or predictor.with_name("surprise.safetensors")
        known = calibrated(kept, forecaster, frames, autoencoder)
        if known.num_frames * _REACH < threshold:
            warn([f"{known.num_frames} validation frames say little of one in {threshold:,.0f}; lower --threshold, or "
                  "raise preprocess.val_fraction and train again"])
        surprise(forecaster, known, videos, reading, threshold, output)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
