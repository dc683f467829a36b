"""Stage evaluate: predictions and reconstructions against the truth and baselines -> data/evaluation/."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline.autoencoder.autoencoder import Autoencoder, load_autoencoder
from pipeline.cost import measure
from pipeline.errors import one_line_errors
from pipeline.evaluation import options
from pipeline.evaluation.chosen import choose_clips
from pipeline.evaluation.device import fastest_device, on_device
from pipeline.evaluation.evaluate_params import EvaluateParams
from pipeline.evaluation.judging import judge_forecasts, judge_reconstruction
from pipeline.evaluation.metrics_file import origin, write_metrics
from pipeline.evaluation.networks import load_networks, network_protocol
from pipeline.evaluation.per_clip import write_per_clip
from pipeline.evaluation.report import definitions, print_report, write_curves
from pipeline.evaluation.sheets import draw_sheets
from pipeline.evaluation.slots import matched_slots, write_slots
from pipeline.evaluation.surprise import judge_surprise
from pipeline.evaluation.worries import worries
from pipeline.frames.forecast_clips import context_identity, find_clips
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.prediction_store import PredictionStore, open_predicted_frames
from pipeline.frames.splits import SPLITS
from pipeline.latents.latent_store import open_latents, open_predicted_latents
from pipeline.output_folder import output_folder
from pipeline.params import read_section
from pipeline.predictor.predictor import load_predictor
from pipeline.provenance import check_made_from
from pipeline.warn import warn


def evaluate(
    params: EvaluateParams, test_frames: Path, latents: Path, predicted_latents: Path, predicted_frames: Path,
    autoencoder: Path, predictor: Path, output: Path,
) -> dict:
    """Writes metrics.json, per_clip.csv, slots.csv, curves/ and sheets/ into `output` and returns the metrics.

    Raises UserError when the artefacts do not belong together, or a network is not the one that `params` means.
    """
    store, encoded = open_frames(test_frames), open_latents(latents)
    futures, frames = open_predicted_latents(predicted_latents), open_predicted_frames(predicted_frames)
    model, weights = load_autoencoder(autoencoder)
    check_made_from(latents, encoded.made_from, "test_frames", test_frames, store.identity)
    for path, made_from in ((latents, encoded.made_from), (predicted_latents, futures.made_from)):
        check_made_from(path, made_from, "autoencoder", autoencoder, weights.identity)
    clips = find_clips(store, frames.video_id, frames.first_frame, frames.context_frames + frames.horizon)
    context = context_identity(store, clips, frames.context_frames)
    check_made_from(predicted_frames, frames.made_from, "context", test_frames, context)
    for name in ("autoencoder", "predictor", "context"):
        check_made_from(predicted_frames, frames.made_from, name, predicted_latents, futures.made_from[name])
    forecaster, forecaster_weights = load_predictor(predictor)
    check_made_from(predicted_frames, frames.made_from, "predictor", predictor, forecaster_weights.identity)

    device = fastest_device()
    frame_shape = (frames.height, frames.width, frames.num_channels)
    networks = load_networks(params, frames.context_frames + frames.horizon, frame_shape, device)
    model = model.to(device)
    encode, decode = (on_device(model, method) for method in (model.encode, model.decode))
    judged = {"test_frames": store.identity, "autoencoder": weights.identity, "latents": encoded.identity,
              "predicted_latents": futures.identity, "predicted_frames": frames.identity,
              "predictor": forecaster_weights.identity}
    metrics: dict[str, Any] = {"protocol": {
        **protocol(store, frames, len(clips)), **network_protocol(params, networks),
        "made_from": origin(judged),
    }}
    metrics |= judge_reconstruction(params, store, encoded, encode, decode)
    sections, clip_rows = judge_forecasts(params, store, frames, futures, encoded, decode, networks)
    metrics |= sections
    if params.surprise and (surprises := judge_surprise(
        encoded, forecaster, frames.context_frames, model.config.architecture.object_px, store.height, store.width,
    )):
        metrics["surprise"] = surprises
    metrics["compression"] = compression(model, frames)
    metrics["protocol"]["definitions"] = definitions(metrics)
    with output_folder(output / "curves", {".csv"}) as curves, output_folder(output / "sheets", {".png"}) as sheets:
        write_curves(curves, metrics)
        draw_sheets(choose_clips(clip_rows, params.num_sheets), store, frames, encoded, decode, sheets)
    counts = {split: len(encoded.rows(split)) for split in SPLITS}
    metrics["warnings"] = worries(metrics, clip_rows, counts)
    write_per_clip(output / "per_clip.csv", clip_rows)
    write_slots(output / "slots.csv", matched_slots(clips, store, encoded, futures))
    write_metrics(output / "metrics.json", metrics)
    return metrics


def protocol(store: FrameStore, frames: PredictionStore, num_clips: int) -> dict:
    """What was asked of the models, and how it is counted."""
    data = f"{len(store.rows('test'))} sequences of {store.num_frames} frames at {store.fps:g} frames/s"
    return {
        "context_frames": frames.context_frames, "horizon": frames.horizon, "num_samples": frames.num_samples,
        "spread": frames.spread, "num_clips": num_clips, "split": "test",
        "resolution": f"{store.width}x{store.height}x{store.num_channels}",
        "data": f"{data}, source {store.made_from['source'][:12]}",
    }


def compression(model: Autoencoder, frames: PredictionStore) -> dict[str, float]:
    """Numbers per frame of a clip in latents, and how many times more its pixels have."""
    floats = model.spec.floats_per_frame(frames.context_frames + frames.horizon)
    return {"floats_per_frame": floats, "ratio": frames.height * frames.width * frames.num_channels / floats}


def main(
    test_frames: options.TestFrames = Path("data/test_frames.zarr"),
    latents: options.Latents = Path("data/latents.zarr"),
    predicted_latents: options.PredictedLatents = Path("data/predicted_latents.zarr"),
    predicted_frames: options.PredictedFrames = Path("data/predicted_frames.zarr"),
    autoencoder: options.Autoencoder = Path("data/autoencoder.safetensors"),
    predictor: options.Predictor = Path("data/predictor.safetensors"),
    output: Annotated[Path, typer.Option(help="Folder to write.")] = Path("data/evaluation"),
    params: Annotated[Path, typer.Option(help="File with the section 'evaluate'.")] = Path("params.yaml"),
    cost: Annotated[Path, typer.Option(help="File for what it cost.")] = Path("data/cost/evaluate.json"),
) -> None:
    """Compares reconstructions and forecasts of the test split with the truth, and with baselines."""
    with one_line_errors(), measure(cost, "frames") as count:
        settings = read_section(params, "evaluate", EvaluateParams)
        metrics = evaluate(
            settings, test_frames, latents, predicted_latents, predicted_frames, autoencoder, predictor, output
        )
        asked = metrics["protocol"]
        count(asked["num_clips"] * asked["num_samples"] * asked["horizon"])
        print_report(metrics, console := Console())
        warn(metrics["warnings"])
        console.print(f"{output}: metrics.json, per_clip.csv, slots.csv, curves/, sheets/", highlight=False)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
