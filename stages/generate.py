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
from pipeline.frames.forecast_clips import context_identity, forecast_clips, read_clips
from pipeline.frames.frame_store import open_frames
from pipeline.frames.prediction_store import PredictionWriter
from pipeline.frames.video_end import read_end
from pipeline.latents.latent_store import PredictedLatentsWriter
from pipeline.output_folder import output_folder
from pipeline.params import read_section
from pipeline.progress import progress
from pipeline.provenance import check_frame_shape


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


def forecast_video(forecaster: Forecaster, video: Path, edits: list[str], output: Path) -> None:
    """Forecasts what comes after a video's last frame, edited. Raises UserError when it is too short or cannot be
    read."""
    end = read_end(video, forecaster.frame_shape, forecaster.context_frames)
    scene = edit_scene(forecaster.look(end.frames[None])[0], edits, forecaster)
    forecast = forecaster.carry_on(scene, clip_name(video.name, end.first_frame))
    seen = hashlib.sha256(end.frames.tobytes() + "\n".join(edits).encode()).hexdigest()
    drawn = write_forecasts(
        forecaster, [video.name], [end.first_frame], seen, [forecast], output / "predicted_latents.zarr",
        output / "predicted_frames.zarr", fps=end.fps, keep=[0],
    )
    forecaster.draw(output, "", end.frames, drawn[0], end.fps, video.name)
    print(f"objects: {describe(scene)}; see {output / 'forecast.mp4'} and {output / 'layers.mp4'}")


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
        carry_pictures=forecaster.carry_pictures, spread=forecaster.spread, about=about,
    )
    kept = {}
    for i, drawn in enumerate(forecaster.draw_frames(forecasts)):
        latents_writer.write(drawn.forecast.latents)
        frames_writer.write(drawn.frames[None], drawn.straight_on[None], drawn.context_segmentation[None])
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
    video: Annotated[Path | None, typer.Option(help="Forecast the end of this video instead of test frames.")] = None,
    edit: Annotated[list[str], typer.Option(help=f"With --video, before forecasting: {'; '.join(FORMS)}.")] = [],  # noqa: B006
    output: Annotated[Path, typer.Option(help="Folder to write with --video.")] = Path("forecast"),
    params: Annotated[Path, typer.Option(help="File with the section 'generate'.")] = Path("params.yaml"),
    cost: Annotated[Path, typer.Option(help="File for what it cost.")] = Path("data/cost/generate.json"),
) -> None:
    """Forecasts the test clips from their context frames alone; with --video, what comes after the end of any video."""
    with one_line_errors():
        settings = read_section(params, "generate", GenerateParams)
        forecaster = load_forecaster(autoencoder, predictor, settings)
        if edit and video is None:
            raise UserError("--edit: changes what comes after a video; give the video with --video")
        if video is not None:
            forecast_video(forecaster, video, edit, output)
        else:
            with measure(cost, "frames") as count:
                count(generate(settings, forecaster, test_frames, predicted_latents, predicted_frames, pictures))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
