"""Stage report: the figures of evaluate, and films of what they judge -> data/report/page.html."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.autoencoder.worries import worries as autoencoder_worries
from pipeline.cost import measure
from pipeline.errors import one_line_errors
from pipeline.evaluation import options
from pipeline.evaluation.chosen import choose_clips
from pipeline.evaluation.device import fastest_device, on_device
from pipeline.evaluation.metrics_file import made_from, read_metrics
from pipeline.evaluation.per_clip import read_per_clip
from pipeline.frames.frame_store import open_frames
from pipeline.frames.prediction_store import open_predicted_frames
from pipeline.latents.latent_store import open_latents, open_predicted_latents
from pipeline.params import read_section
from pipeline.predictor.predictor import load_predictor
from pipeline.predictor.worries import worries as predictor_worries
from pipeline.provenance import check_made_from
from pipeline.report.mix import mix_curves
from pipeline.report.page import Artefact, write_report
from pipeline.report.published import read_published
from pipeline.report.report_params import ReportParams
from pipeline.report.scenes import Scenes


def report(
    params: ReportParams, test_frames: Path, latents: Path, predicted_latents: Path, predicted_frames: Path,
    autoencoder: Path, predictor: Path, metrics: Path, per_clip: Path, autoencoder_curves: Path, curves: Path,
    published: Path, page: Path,
) -> int:
    """Writes the page and returns how many scenes were drawn for it. Raises UserError when the figures are not those of
    the other artefacts, the predictor is another one, or the folder `published` lacks the file that params names.
    Without curves nothing is said of the trainings."""
    tables = read_published(published, params.published) if params.published else []
    figures, (model, weights) = read_metrics(metrics), load_autoencoder(autoencoder)
    artefacts: dict[str, tuple[Path, Artefact]] = {
        "test_frames": (test_frames, store := open_frames(test_frames)),
        "autoencoder": (autoencoder, weights),
        "latents": (latents, encoded := open_latents(latents)),
        "predicted_latents": (predicted_latents, futures := open_predicted_latents(predicted_latents)),
        "predicted_frames": (predicted_frames, frames := open_predicted_frames(predicted_frames)),
    }
    # evaluate found that what it judged belongs together, so what it judged does
    for name, (path, artefact) in artefacts.items():
        check_made_from(metrics, made_from(figures), name, path, artefact.identity)
    forecaster, forecaster_weights = load_predictor(predictor)
    check_made_from(predicted_frames, frames.made_from, "predictor", predictor, forecaster_weights.identity)
    clips = read_per_clip(per_clip, list(zip(frames.video_id.tolist(), frames.first_frame.tolist(), strict=True)))
    mix = []
    if frames.carry_pictures and model.mix is not None:
        mix = mix_curves(model.mix, forecaster.trust, frames.horizon)
    model = model.to(fastest_device())
    chosen = choose_clips(clips, params.num_clips)
    scenes = Scenes(store, encoded, frames, futures, on_device(model, model.decode), chosen)
    named = {name.replace("_", " "): artefact for name, (_, artefact) in artefacts.items()}
    named["predictor"] = forecaster_weights
    write_report(
        page, figures, named, weights.config["architecture"], model.spec, scenes, mix, clips=clips,
        warnings=autoencoder_worries(autoencoder_curves) + predictor_worries(curves), published=tables,
    )
    return len(scenes)


def main(
    test_frames: options.TestFrames = Path("data/test_frames.zarr"),
    latents: options.Latents = Path("data/latents.zarr"),
    predicted_latents: options.PredictedLatents = Path("data/predicted_latents.zarr"),
    predicted_frames: options.PredictedFrames = Path("data/predicted_frames.zarr"),
    autoencoder: options.Autoencoder = Path("data/autoencoder.safetensors"),
    predictor: options.Predictor = Path("data/predictor.safetensors"),
    metrics: Annotated[Path, typer.Option(help="Figures that evaluate wrote.")] = Path("data/evaluation/metrics.json"),
    per_clip: Annotated[Path, typer.Option(help="The same of every clip.")] = Path("data/evaluation/per_clip.csv"),
    autoencoder_curves: Annotated[
        Path, typer.Option(help="Curves of the autoencoder.")
    ] = Path("data/curves/train_autoencoder"),
    curves: Annotated[Path, typer.Option(help="Curves of the predictor.")] = Path("data/curves/train_predictor"),
    published: Annotated[Path, typer.Option(help="Folder of published figures.")] = Path("presets/published"),
    page: Annotated[Path, typer.Option(help="Page to write.")] = Path("data/report/page.html"),
    params: Annotated[Path, typer.Option(help="File with the section 'report'.")] = Path("params.yaml"),
    cost: Annotated[Path, typer.Option(help="File for what it cost.")] = Path("data/cost/report.json"),
) -> None:
    """Puts the figures and films of forecasts and layers on one page."""
    with one_line_errors(), measure(cost, "scenes") as count:
        settings = read_section(params, "report", ReportParams)
        count(report(
            settings, test_frames, latents, predicted_latents, predicted_frames, autoencoder, predictor, metrics,
            per_clip, autoencoder_curves, curves, published, page,
        ))
        print(f"{page}: `python -m stages.show` adds parameters and cost")


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
