"""Stage train_predictor: data/latents.zarr -> data/predictor.safetensors, curves in data/curves/train_predictor."""

from pathlib import Path
from typing import Annotated

import torch
import typer

from pipeline.cost import measure
from pipeline.errors import UserError, one_line_errors
from pipeline.latents.clips import hold, random_windows, regular_windows, spread_windows
from pipeline.latents.latent_store import LatentStore, open_latents
from pipeline.latents.latents import Latents
from pipeline.params import read_section
from pipeline.predictor.augmentation import augment
from pipeline.predictor.context import PredictorConfig
from pipeline.predictor.predictor import Predictor, save_predictor
from pipeline.predictor.restraint import fit_restraint
from pipeline.predictor.train_predictor_params import TrainPredictorParams
from pipeline.predictor.validation import hold_objects, of_objects, validation_figures
from pipeline.predictor.worries import no_objects, overfitting
from pipeline.resume.folders import is_main_process, resume_folder
from pipeline.resume.states import machine
from pipeline.training.batches import batch_share
from pipeline.training.loop import train
from pipeline.training.prepare import prepare_process
from pipeline.warn import warn


def check_splits(store: LatentStore, num_frames: int) -> None:
    """Raises UserError when a split to learn from is empty, or sequences are too short."""
    for split in ("train", "val"):
        if len(store.rows(split)) == 0:
            raise UserError(f"{store.path}: no sequence of split '{split}'; run preprocess with other fractions")
    if store.num_frames < num_frames:
        raise UserError(
            f"{store.path}: sequences have {store.num_frames} frames, train_predictor.context_frames + horizon is "
            f"{num_frames}; lower these or raise preprocess.sequence_length"
        )


def train_predictor(params: TrainPredictorParams, latents: Path, weights: Path, curves: Path) -> int:
    """Returns the number of steps. Raises UserError when the store is unusable."""
    prepare_process(params.training.seed)
    torch.set_num_threads(1)  # more gain nothing (with 512 features 1.2 times) and would wait for each other's cores
    store = open_latents(latents)
    check_splits(store, params.context_frames + params.horizon)
    made_from = {"latents": store.identity, "autoencoder": store.made_from["autoencoder"]}
    with resume_folder("train_predictor", params, made_from, machine()) as folder:
        model, num_steps = learn(params, store, folder, curves)
        if is_main_process():
            save_predictor(weights, model, made_from)
            warn(overfitting(curves))
    return num_steps


def learn(params: TrainPredictorParams, store: LatentStore, folder: Path, curves: Path) -> tuple[Predictor, int]:
    """The trained predictor; `folder` is for what an interrupted training goes on from."""
    given, num_frames = params.context_frames, params.context_frames + params.horizon
    training, validation = (hold(store.read, store.rows(split), folder / split) for split in ("train", "val"))
    model = Predictor(PredictorConfig(
        architecture=getattr(params, params.kind), spec=store.spec, context_frames=given, horizon=params.horizon,
        augmentation=params.augmentation, prepared=store.preparation,
    ))
    model.fit_normalisation(spread_windows(training, num_frames))
    share = batch_share(params.batch_size)

    def make_batch(step: int) -> tuple[Latents, Latents]:
        generator = torch.Generator().manual_seed((params.training.seed << 31) + step)
        clips = random_windows(training, num_frames, params.batch_size, generator)
        clips = augment(clips, store.spec, params.augmentation, generator)
        short, start = torch.rand(2, generator=generator).tolist()
        first = int(start * (given - 1)) if short < params.short_context_share else 0
        clips = clips.map(lambda code: code[share])
        return clips.frames(first, given), clips.frames(given, num_frames)

    def loss(model: Predictor, batch: tuple[Latents, Latents], progress: float) -> dict[str, torch.Tensor]:
        losses = model.losses(*batch, progress)
        return {name: value for name, value in losses.items() if with_objects["train"] or not of_objects(name)}

    def validate(model: Predictor) -> dict[str, float | None]:
        clips = regular_windows(validation, num_frames, params.batch_size)
        return validation_figures(model, clips, given, params.training.seed, with_objects=with_objects["val"])

    with_objects = {split: hold_objects(latents) for split, latents in (("train", training), ("val", validation))}
    if is_main_process():
        warn(no_objects(with_objects))
    best, num_steps = train(
        model, make_batch, loss, validate, params.training, curves, folder, params.batch_size * num_frames)
    model.load_state_dict(best)
    device = next(model.parameters()).device
    clips = [clips.to(device) for clips in regular_windows(validation, num_frames, params.batch_size)]
    fit_restraint(model, [(clip.frames(0, given), clip.frames(given, num_frames)) for clip in clips])
    return model, num_steps


def main(
    params: Annotated[Path, typer.Option(help="File with the section 'train_predictor'.")] = Path("params.yaml"),
    latents: Annotated[Path, typer.Option(help="Latent store to learn from.")] = Path("data/latents.zarr"),
    weights: Annotated[Path, typer.Option(help="Weights file to write.")] = Path("data/predictor.safetensors"),
    curves: Annotated[Path, typer.Option(help="Folder for the curves.")] = Path("data/curves/train_predictor"),
    cost: Annotated[Path, typer.Option(help="File for what it cost.")] = Path("data/cost/train_predictor.json"),
) -> None:
    """Learns to continue latents: where the objects of a clip go next."""
    with one_line_errors(), measure(cost, "steps") as count:
        count(train_predictor(read_section(params, "train_predictor", TrainPredictorParams), latents, weights, curves))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
