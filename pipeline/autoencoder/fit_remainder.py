"""Fits the codes for what the layers leave over, in closed form, on the clips that the layers were trained on.

Legend: B batch, T frames, C channels, H W frame.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.autoencoder.displacement import Seen
from pipeline.autoencoder.principal_components import principal_axes
from pipeline.autoencoder.remainder import DetailCode
from pipeline.autoencoder.training_set import TrainingSet
from pipeline.latents.latents import Latents
from pipeline.latents.parts import parts
from pipeline.spacing import evenly_spaced
from pipeline.thresholds import PRESENT

MAX_FRAMES = 2048
"""Most frames that are looked at, evenly spaced: enough for components."""
CLIPS_AT_ONCE = 8
"""Whose tensors are read together from disk."""


@torch.no_grad()
def fit_remainder(model: Autoencoder, clips: TrainingSet) -> None:
    """Fits the deformation, the motion and the detail code in place, as far as the model has them, each to what the
    layers and the codes before it leave over."""
    if deformation := model.deformation:
        deformation.displacement.fit(*_axes(map(deformation.displacements, _objects(model, clips))))
        deformation.fit_colors(*_axes(map(deformation.colors, _objects(model, clips))))
    if motion := model.motion:
        motion.fit(*_axes(map(motion.numbers, _frames(model, clips, with_motion=False))))
    if model.detail:
        moment, energy, num_frames = torch.zeros(()), torch.zeros(()), 0
        for blocks in _blocks(model, model.detail, clips):
            moment = moment + torch.einsum("nrl,nsl->rs", blocks, blocks)
        components, _ = principal_axes(moment)
        for blocks in _blocks(model, model.detail, clips):
            energy, num_frames = energy + (components @ blocks).square().sum(0), num_frames + len(blocks)
        model.detail.fit(components, energy / num_frames)


def _axes(batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Principal axes of rows [N, D] about 0, in batches, and the mean square of each one's number."""
    moment, num_rows = torch.zeros(()), 0
    for rows in batches:
        moment, num_rows = moment + rows.T @ rows, num_rows + len(rows)
    axes, energy = principal_axes(moment)
    return axes, energy / max(1, num_rows)


def _batches(model: Autoencoder, clips: TrainingSet) -> Iterator[tuple[Tensor, Latents]]:
    """Frames [B, T, C, H, W] and their latents, evenly spaced over clips and time; no more of them than `parts`."""
    num_clips = min(len(clips), MAX_FRAMES)
    per_clip = max(1, MAX_FRAMES // num_clips)
    times = torch.from_numpy(evenly_spaced(clips.num_frames, per_clip))
    for places in torch.from_numpy(evenly_spaced(len(clips), num_clips)).split(CLIPS_AT_ONCE):
        frames, proposals = clips.frames(places, times.expand(len(places), -1))
        for which, when, latents in parts(model.encode_proposals(proposals), *frames.shape[-2:]):
            yield frames[which, when], latents


def _objects(model: Autoencoder, clips: TrainingSet) -> Iterator[Seen]:
    """What is seen of the objects that are there."""
    for frames, latents in _batches(model, clips):
        present = (latents.presence > PRESENT)[:, None].expand(-1, frames.shape[1], -1)
        yield model.see_objects(latents, frames).map(lambda patches: patches[present])  # noqa: B023, called at once


def _frames(model: Autoencoder, clips: TrainingSet, with_motion: bool = True) -> Iterator[Seen]:
    """Frames, and what layers, deformation and, once it is fitted, motion make of them."""
    for frames, latents in _batches(model, clips):
        pictures = model.decode_pictures(latents)
        latents = model.add_deformation(latents, frames, pictures)
        if with_motion:
            latents = model.add_motion(latents, frames, pictures)
        without = ("detail",) if with_motion else ("motion", "detail")
        yield Seen(frames, model.decode(latents, pictures, without).frames).map(lambda x: x.flatten(0, 1))


def _blocks(model: Autoencoder, detail: DetailCode, clips: TrainingSet) -> Iterator[Tensor]:
    """What is left over then, [N, R, blocks] as the detail code takes it."""
    return (detail.blocks(seen.left_over()) for seen in _frames(model, clips))
