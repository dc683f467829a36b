"""Stage generate: context frames alone -> data/predicted_latents.zarr, data/predicted_frames.zarr, data/pictures/."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pipeline.cost import measure
from pipeline.errors import UserError, one_line_errors
from pipeline.forecasting.choose_moving import choose_moving, clip_motion
from pipeline.forecasting.edits import FORMS, describe, edit_scene
from pipeline.forecasting.forecaster import DrawnForecast, Forecast, Forecaster, clip_name, load_forecaster
from pipeline.forecasting.generate_params import GenerateParams
from pipeline.frames.about_source import about_source
from pipeline.frames.damage import OnDamage, UnreadableVideo
from pipeline.frames.forecast_clips import context_identity, forecast_clips, read_clips
from pipeline.frames.frame_store import open_frames
from pipeline.frames.new_videos import bring, each_of, open_videos, reading_of
from pipeline.frames.prediction_store import PredictionWriter
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.video_clip import Start, parse_start, read_clip
from pipeline.latents.latent_store import PredictedLatentsWriter
from pipeline.output_folder import output_folder
from pipeline.params import read_section
from pipeline.progress import progress
from pipeline.provenance import check_frame_shape
from pipeline.warn import warn


def beyond_training(forecaster: Forecaster) -> list[str]:
    """A line if more frames are forecast than the predictor was trained for."""
    trained = forecaster.predictor.config.horizon
    if forecaster.horizon <= trained:
        return []
    return [f"{forecaster.horizon} frames are forecast by a predictor that was trained and validated for {trained}: "
            "later ones go on from its own forecast, and errors add up; "
            f"train_predictor.horizon={forecaster.horizon} trains for all of them"]


def generate(
    params: GenerateParams, forecaster: Forecaster, test_frames: Path, predicted_latents: Path, predicted_frames: Path,
    pictures: Path,
) -> int:
    """Forecasts all test clips and returns how many frames that is. Raises UserError when the frames are of another
    shape, or too few in a sequence."""
    store = open_frames(test_frames)
    check_frame_shape(test_frames, (store.height, store.width, store.num_channels), forecaster.frame_shape)
    clips = forecast_clips(store, forecaster.num_frames)
    drawn = choose_moving(clip_motion(store, clips, forecaster.context_frames), params.num_pictures)
    with output_folder(pictures, {".gif", ".mp4"}) as folder:
        forecasts = write_forecasts(
            forecaster, clips.video_id, clips.first_frame, context_identity(store, clips, forecaster.context_frames),
            forecaster.forecast_all(
                clips.video_id, clips.first_frame,
                lambda start, stop: read_clips(store, clips[start:stop], 0, forecaster.context_frames),
                params.batch_size,
            ),
            predicted_latents, predicted_frames, fps=store.fps, keep=list(drawn), about=store.about,
        )
        # Only now, when no prediction can change any more, is the truth looked at.
        with progress("drawing", len(drawn), "clips") as advance:
            for i in drawn:
                target = read_clips(store, clips[i:i + 1], 0, forecaster.num_frames)[0]
                title = f"{clips.video_id[i]} from frame {clips.first_frame[i]}: {drawn[i]}"
                forecaster.draw(folder, f"clip_{i:04}_", target, forecasts[i], store.fps, title)
                advance()
    return len(clips) * forecaster.num_samples * forecaster.horizon


def forecast_videos(
    forecaster: Forecaster, path: Path, reading: PreprocessParams, start: Start | None, edits: list[str], output: Path,
) -> None:
    """Forecasts a video, edited, or all videos of a folder, each into a folder of its own; names those that cannot be
    read or are too short. Raises UserError when that leaves none."""
    with open_videos([path], reading) as source:
        if len(source.videos) == 1:
            try:
                forecast_video(forecaster, source.videos[0], reading, start, edits, output)
            except UnreadableVideo as error:
                raise error.of_option(reading.on_damage) from error
            return
        if edits:
            raise UserError(f"--edit: changes what one video shows, found {len(source.videos)} in {path}; give one")

        def forecast_one(video: SourceVideo, name: str) -> None:
            forecast_video(forecaster, video, reading, start, [], output / name)

        count = each_of(source.videos, "forecast", forecast_one)
    print(f"forecast {count} of {len(source.videos)} videos; see the folders in {output}")


def forecast_video(
    forecaster: Forecaster, video: SourceVideo, reading: PreprocessParams, start: Start | None, edits: list[str],
    output: Path,
) -> None:
    """Forecasts what comes after a video's last frame, or from `start` on, edited. Raises UserError when it is too
    short or cannot be read."""
    def read_end(path: Path) -> np.ndarray:
        with open_videos([path], reading) as source:
            if len(source.videos) > 1:
                raise UserError(f"{path}: wanted one video before whose background to go, found {len(source.videos)}")
            other = bring(source.videos[0], forecaster.form, conceals)
            print(f"{other.video.video_id}: {other.done}")
            return read_clip(other, forecaster.context_frames, on_damage=reading.on_damage).given

    conceals = reading.on_damage == "keep"
    new = bring(video, forecaster.form, conceals)
    clip = read_clip(new, forecaster.context_frames, forecaster.horizon, start, reading.on_damage)
    first = clip.first_frame + forecaster.context_frames
    time = f" ({first / new.info.fps:.4g} s)" if new.info.rate_is_known else ""
    given = f"given are frames {clip.first_frame} to {first - 1}, forecast from {first}{time}"
    print(f"{video.video_id}: {new.done}; {given}")
    scene = edit_scene(forecaster.look(clip.given[None])[0], edits, forecaster, read_end)
    forecast = forecaster.carry_on(scene, clip_name(video.video_id, clip.first_frame))
    seen = hashlib.sha256(clip.given.tobytes() + "\n".join(edits).encode()).hexdigest()
    drawn = write_forecasts(
        forecaster, [video.video_id], [clip.first_frame], seen, [forecast], output / "predicted_latents.zarr",
        output / "predicted_frames.zarr", fps=new.info.fps, keep=[0], about=about_source([video], [new.info], new.form),
    )
    knows_future = len(clip.later) == forecaster.horizon and not edits
    target = np.concatenate([clip.given, clip.later]) if knows_future else clip.given
    forecaster.draw(output, "", target, drawn[0], new.info.fps, video.video_id)
    print(f"objects: {describe(scene)}; see {output / 'forecast.mp4'} and {output / 'layers.mp4'}")
    if not scene.moves():
        print("hint: no object moves in the given frames; start elsewhere, such as with --from 120 or --from 4.5s")


def write_forecasts(
    forecaster: Forecaster, video_id: Sequence[str] | np.ndarray, first_frame: Sequence[int] | np.ndarray,
    context_hash: str, forecasts: Iterable[Forecast], predicted_latents: Path, predicted_frames: Path, fps: float,
    keep: list[int], about: dict[str, str] | None = None,
) -> dict[int, DrawnForecast]:
    """Writes the forecasts of the clips of these names into both stores, which say `about` the source what frames do.
    Returns those numbered in `keep`."""
    made_from = {**forecaster.made_from, "context": context_hash}
    latents_writer = PredictedLatentsWriter(
        predicted_latents, forecaster.spec, video_id, first_frame, num_samples=forecaster.num_samples,
        context_frames=forecaster.context_frames, horizon=forecaster.horizon, fps=fps, made_from=made_from,
        object_px=forecaster.object_px, about=about,
    )
    frames_writer = PredictionWriter(
        predicted_frames, forecaster.frame_shape, video_id, first_frame, num_samples=forecaster.num_samples,
        context_frames=forecaster.context_frames, horizon=forecaster.horizon, fps=fps, made_from=made_from,
        carry_pictures=forecaster.carry_pictures, spread=forecaster.spread, about=about, maps=forecaster.maps,
        num_slots=forecaster.spec.num_slots,
    )
    kept = {}
    for i, drawn in enumerate(forecaster.draw_frames(forecasts)):
        latents_writer.write(drawn.forecast.latents)
        frames_writer.write(
            drawn.frames[None], drawn.straight_on[None], drawn.context_segmentation[None],
            **{name: map_[None] for name, map_ in drawn.maps.items()},
        )
        if i in keep:
            kept[i] = drawn
    latents_writer.finish()
    frames_writer.finish()
    return kept


def main(
    test_frames: Annotated[Path, typer.Option(help="Frames to forecast.")] = Path("data/test_frames.zarr"),
    autoencoder: Annotated[
        Path, typer.Option(help="Weights that encode and decode.")
    ] = Path("data/autoencoder.safetensors"),
    predictor: Annotated[Path, typer.Option(help="Weights that forecast.")] = Path("data/predictor.safetensors"),
    predicted_latents: Annotated[
        Path, typer.Option(help="Store of latents to write.")
    ] = Path("data/predicted_latents.zarr"),
    predicted_frames: Annotated[
        Path, typer.Option(help="Store of frames to write.")
    ] = Path("data/predicted_frames.zarr"),
    pictures: Annotated[Path, typer.Option(help="Folder of animations to write.")] = Path("data/pictures"),
    video: Annotated[
        Path | None, typer.Option(help="Forecast this video, or all in this folder, instead of test frames.")
    ] = None,
    start: Annotated[str | None, typer.Option(
        "--from", metavar="FRAME|SECONDSs",
        help="With --video, where the forecast starts: a frame, such as 120, counted at the rate of the weights as in "
             "every store; or seconds, such as 4.5s. Its end, if not said.",
    )] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, help="With --video, frames to forecast; generate.horizon, if not said.")
    ] = None,
    on_damage: Annotated[OnDamage | None, typer.Option(
        help="With --video, of one that is damaged: stop; skip what comes after; keep what FFmpeg makes of it. "
             "preprocess.on_damage, if not said.",
    )] = None,
    edit: Annotated[list[str], typer.Option(help=f"With --video, before forecasting: {'; '.join(FORMS)}.")] = [],  # noqa: B006
    output: Annotated[Path, typer.Option(help="Folder to write with --video.")] = Path("forecast"),
    params: Annotated[Path, typer.Option(help="File with the section 'generate'.")] = Path("params.yaml"),
    cost: Annotated[Path, typer.Option(help="File for what it cost.")] = Path("data/cost/generate.json"),
) -> None:
    """Forecasts the test clips from their context frames alone; with --video, any video from its end or elsewhere."""
    with one_line_errors():
        settings = read_section(params, "generate", GenerateParams)
        for option, value in (
            ("--edit", edit), ("--from", start), ("--horizon", horizon), ("--on-damage", on_damage),
        ):
            if value and video is None:
                raise UserError(f"{option}: is of a forecast of one's own video; give the video with --video")
        if horizon:
            settings = settings.model_copy(update={"horizon": horizon})
        place = None if start is None else parse_start(start)
        forecaster = load_forecaster(autoencoder, predictor, settings)
        warn(beyond_training(forecaster))
        if video is not None:
            reading = reading_of(params)
            if on_damage:
                reading = reading.model_copy(update={"on_damage": on_damage})
            forecast_videos(forecaster, video, reading, place, edit, output)
        else:
            with measure(cost, "frames") as count:
                count(generate(settings, forecaster, test_frames, predicted_latents, predicted_frames, pictures))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
