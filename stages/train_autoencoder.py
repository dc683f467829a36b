"""Stage train_autoencoder: data/frames.zarr -> data/autoencoder.safetensors, data/proposals.safetensors and
data/curves/train_autoencoder."""

from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig, save_autoencoder
from pipeline.autoencoder.fit_mix import MAX_CLIPS, fit_mix
from pipeline.autoencoder.fit_mix import num_steps as num_forecast_steps
from pipeline.autoencoder.fit_remainder import fit_remainder
from pipeline.autoencoder.initialise import initialise
from pipeline.autoencoder.kept_proposals import keep_proposals
from pipeline.autoencoder.known_scenes import find_scenes
from pipeline.autoencoder.losses import reconstruction_loss, split_batch
from pipeline.autoencoder.proposals import Proposals
from pipeline.autoencoder.train_autoencoder_params import TrainAutoencoderParams
from pipeline.autoencoder.training_set import Compute, TrainingSet
from pipeline.autoencoder.worries import worries
from pipeline.cost import measure
from pipeline.errors import UserError, one_line_errors
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.params import read_section
from pipeline.processes import processes
from pipeline.progress import progress
from pipeline.resume.folders import is_main_process, resume_folder
from pipeline.resume.states import machine, remembered
from pipeline.training.batches import batch_share
from pipeline.training.loop import train
from pipeline.training.memory import clips_at_once
from pipeline.training.prepare import prepare_process
from pipeline.warn import warn


def take_apart(
    store: FrameStore, split: str, params: TrainAutoencoderParams, scenes: np.ndarray, folder: Path,
) -> TrainingSet:
    rows = store.rows(split)
    if len(rows) == 0:
        raise UserError(f"{store.path}: no sequence of split '{split}'; run preprocess with other fractions")
    with progress(f"taking {split} clips apart", len(rows), "clips") as advance:
        def remember(rows: torch.Tensor, compute: Compute) -> dict[str, torch.Tensor]:
            return remembered(folder / f"clips_{rows[0]:08}.pt", compute, partial(advance, len(rows)))

        return TrainingSet(store.read, rows, params.architecture, scenes, folder / split, advance, remember)


def train_autoencoder(
    params: TrainAutoencoderParams, frames: Path, weights: Path, curves: Path, proposals: Path | None = None,
) -> int:
    """Returns the number of steps. proposals: where the clips taken apart are kept, if anywhere. Raises UserError when
    the store is unusable."""
    prepare_process(params.training.seed)
    store = open_frames(frames)
    scenes = _scenes_of(store, params)
    config = AutoencoderConfig(
        architecture=params.architecture, num_channels=store.num_channels, height=store.height, width=store.width,
        forecast_steps=num_forecast_steps(store.num_frames), num_scenes=len(scenes), prepared=store.preparation,
    )
    made_from = {"frames": store.identity}
    with resume_folder("train_autoencoder", params, made_from, machine()) as folder:
        training_set, validation_set = (take_apart(store, split, params, scenes, folder) for split in ("train", "val"))
        model = Autoencoder(config)
        model.scenes.copy_(torch.from_numpy(scenes) / 255)
        initialise(model, training_set.proposals)
        model.to(processes().device)
        share = batch_share(params.batch_size)
        at_once = share.stop - share.start
        if params.memory_budget is not None:
            def loss_of(num_clips: int) -> torch.Tensor:
                batch = training_set.draw(num_clips, params.frames_per_clip, torch.Generator(), slice(None))
                return reconstruction_loss(model, *batch, params.loss, recompute=params.recompute)["loss"]

            at_once = clips_at_once(params.memory_budget, at_once, model, loss_of)

        def make_batch(step: int) -> tuple[torch.Tensor, Proposals]:
            generator = torch.Generator().manual_seed((params.training.seed << 31) + step)
            return training_set.draw(params.batch_size, params.frames_per_clip, generator, share)

        def validate(model: Autoencoder) -> dict[str, float]:
            totals: dict[str, float] = {}
            for places in torch.arange(len(validation_set)).split(params.batch_size):
                losses = reconstruction_loss(model, *validation_set.clips(places), params.loss)
                for name, value in losses.items():
                    totals[name] = totals.get(name, 0.0) + value.item() * len(places) / len(validation_set)
            return totals

        def loss(model: Autoencoder, part: tuple, _: float) -> dict[str, torch.Tensor]:
            frames, proposals, whole = part
            return reconstruction_loss(model, frames, proposals, params.loss, whole, params.recompute)

        best, num_steps = train(
            model, make_batch, loss, validate, params.training, curves, folder,
            params.batch_size * params.frames_per_clip, parts=lambda batch: split_batch(batch, at_once, params.loss),
            start_is_good=True,  # the closed form; of few clips training learns some by heart
        )
        model.load_state_dict(best)
        fit_remainder(model, training_set)
        with progress("mixing forecasts", min(len(training_set), MAX_CLIPS), "clips") as advance:
            fit_mix(model, training_set, advance)
        if is_main_process():
            identity = save_autoencoder(weights, model, made_from)
            if proposals is not None:
                sets = {"train": training_set, "val": validation_set}.items()
                kept = {split: (clips.rows, clips.proposals) for split, clips in sets}
                keep_proposals(proposals, kept, {**made_from, "autoencoder": identity})
            warn(worries(curves))
    return num_steps


def _scenes_of(store: FrameStore, params: TrainAutoencoderParams) -> np.ndarray:
    """uint8 [S, C + 1, H, W]; none where the camera moves."""
    rows = store.rows("train")
    if params.architecture.canvas_margin or not len(rows):
        return np.empty((0, store.num_channels + 1, store.height, store.width), np.uint8)
    return find_scenes(store.read, rows)


def main(
    params: Annotated[Path, typer.Option(help="File with the section 'train_autoencoder'.")] = Path("params.yaml"),
    frames: Annotated[Path, typer.Option(help="Frame store to learn from.")] = Path("data/frames.zarr"),
    weights: Annotated[Path, typer.Option(help="Weights file to write.")] = Path("data/autoencoder.safetensors"),
    proposals: Annotated[
        Path, typer.Option(help="File to write: the clips taken apart.")
    ] = Path("data/proposals.safetensors"),
    curves: Annotated[Path, typer.Option(help="Folder for the curves.")] = Path("data/curves/train_autoencoder"),
    cost: Annotated[Path, typer.Option(help="File for what it cost.")] = Path("data/cost/train_autoencoder.json"),
) -> None:
    """Learns to take clips apart into a background and objects, and to draw them from few numbers."""
    with one_line_errors(), measure(cost, "steps") as count:
        settings = read_section(params, "train_autoencoder", TrainAutoencoderParams)
        count(train_autoencoder(settings, frames, weights, curves, proposals))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
