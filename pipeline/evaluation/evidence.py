"""Shows that the layers are what they claim to be: who is there, what each code knows, what changing a code does.

Legend: B sequences, T frames, N true objects, K slots, C channels, H W px.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.evaluation.drawn import Drawn, decoded_parts, draw, most_together
from pipeline.frames.pixels import to_unit
from pipeline.latents import pose as poses
from pipeline.latents.decoded import Decode
from pipeline.latents.exchanges import with_background
from pipeline.latents.latents import Latents
from pipeline.metrics import interventions, invariance, presence, probes, segmentation
from pipeline.metrics.partial_frames import exchange_background, off_edges, psnr_within
from pipeline.metrics.probes import Factors

Encode = Callable[[Tensor], Latents]
NUM_REENCODED = 20
"""Sequences, evenly spread, that `add_halves` should be given: encoding takes longer than all the rest."""
_WEIGHT_OF_ENCODING = 4
"""How many times as much memory a clip takes that is encoded as one that is only looked at."""


@dataclass(frozen=True)
class SceneTruth:
    """Ground truth of B sequences with up to N objects: segmentation int [B, T, H, W] and, where known, background
    uint8 [B, T, H, W, C], velocity [B, T, N, 2] px per frame, color [B, N, 3] in [0, 1], shape int [B, N]."""

    segmentation: np.ndarray
    num_objects: int
    background: np.ndarray | None = None
    velocity: np.ndarray | None = None
    color: np.ndarray | None = None
    shape: np.ndarray | None = None


class Evidence:
    """Takes batch after batch; `figures` are those of all of them together."""

    def __init__(self, decode: Decode, height: int, width: int) -> None:
        """height, width: of the frames, px."""
        self._decode = decode
        self._height, self._width = height, width
        self._shift_errors: list[np.ndarray] = []
        self._code_pairs: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []
        self._presence: list[np.ndarray] = []
        self._behind: list[np.ndarray] = []
        self._swapped: list[np.ndarray] = []
        self._examples: list[probes.FactorExamples] = []

    def add_interventions(self, latents: Latents) -> None:
        """Moves every object by a change of its code, see metrics.interventions."""
        for b in range(len(latents)):
            self._move(latents.map(lambda code: code[b:b + 1]))  # noqa: B023, called at once

    def _move(self, latents: Latents) -> None:
        pose, moves = latents.pose.cpu(), torch.from_numpy(interventions.MOVES)
        place, seen = (part(pose).numpy() for part in (poses.place, poses.visibility))
        best = torch.from_numpy(interventions.best_frame(place, seen, self._height, self._width))
        chosen = pose.gather(1, best[:, None, :, None].expand(-1, 1, -1, pose.shape[-1]))  # [B, 1, K, P]
        still = latents.map_frames(lambda code: code[:, :1].expand(-1, len(moves), *code.shape[2:]))
        moved = still.replace(pose=poses.moved(chosen.expand(-1, len(moves), -1, -1), moves[:, None]))
        parts = decoded_parts(self._decode, moved, self._height, self._width)
        masks = np.concatenate([part.mask.cpu().numpy() for _, part in parts], 1)
        visibility, presence = poses.visibility(chosen[:, 0]).numpy(), latents.presence.cpu().numpy()
        self._shift_errors.append(interventions.shift_errors(masks, visibility, presence))

    def add_halves(self, encode: Encode, frames: np.ndarray, whole: np.ndarray) -> None:
        """Encodes the halves of uint8 frames [B, T, H, W, C] on their own, see metrics.invariance; whole int [B, T, H,
        W] is the segmentation by the latents of all T frames. Of under 4 frames nothing is learnt: in a single frame
        nothing moves."""
        half = frames.shape[1] // 2
        if half < 2:
            return
        together = most_together(len(frames), _WEIGHT_OF_ENCODING * frames[0, :half].size)
        for b in range(0, len(frames), together):
            self._add_halves(encode, frames[b:b + together], whole[b:b + together])

    def _add_halves(self, encode: Encode, frames: np.ndarray, whole: np.ndarray) -> None:
        half = frames.shape[1] // 2
        parts, slots = (slice(0, half), slice(half, 2 * half)), []
        codes = [encode(to_unit(frames[:, part])) for part in parts]
        for part, code in zip(parts, codes, strict=True):
            segmented, num_slots = self._draw(code).segmentation, code.presence.shape[1]
            pairs_of_clips = zip(whole[:, part], segmented, strict=True)
            slots.append([invariance.slots_of_half(*pair, num_slots) for pair in pairs_of_clips])
        matched = np.array(slots)  # [half, B, K]
        sequence, slot = np.nonzero((matched != segmentation.UNMATCHED).all(0))
        pairs = [code.appearance.cpu().numpy()[sequence, matched[i, sequence, slot]] for i, code in enumerate(codes)]
        self._code_pairs.append(np.stack(pairs, 1))

    def add_truth(
        self, truth: SceneTruth, predicted: np.ndarray, background: np.ndarray, latents: Latents, video_id: np.ndarray,
    ) -> None:
        """Compares the segmentation int [B, T, H, W], the decoded background uint8 [B, T, H, W, C] and the latents of
        the same sequences with the truth."""
        pose, appearance = latents.pose.cpu().numpy(), latents.appearance.cpu().numpy()
        num_objects, num_slots = truth.num_objects, pose.shape[2]
        velocity, color, shape = truth.velocity, truth.color, truth.shape
        for b, video in enumerate(video_id):
            counts = segmentation.overlap_counts(truth.segmentation[b], predicted[b], num_objects, num_slots)
            self._counts.append(counts)
            if velocity is None or color is None or shape is None:
                continue
            factors = Factors(velocity[b], color[b], shape[b])
            self._examples.append(probes.factor_examples(
                pose[b], appearance[b], factors, segmentation.match_slots(counts), segmentation.visible(counts),
                str(video),
            ))
        self._presence.append(latents.presence.cpu().numpy())
        if truth.background is not None:
            self._behind.append(psnr_within(background, truth.background, truth.segmentation > 0))

    def add_swap(
        self, frames: np.ndarray, truth: SceneTruth, latents: Latents, other: Latents, under: np.ndarray,
    ) -> None:
        """Draws the objects of `latents` over the background and in the light of `other`; frames uint8 [B, T, H, W, C]
        are the true ones of `latents`, `under` the true background of `other`.

        swap_background_psnr is the psnr to the true objects over the other's true background, of the pixels off the
        objects' edges (metrics.partial_frames).
        """
        swapped = self._draw(with_background(latents, other)).frames
        target = exchange_background(frames, truth.segmentation, under)
        self._swapped.append(psnr_within(swapped, target, off_edges(truth.segmentation)))

    def _draw(self, latents: Latents) -> Drawn:
        return draw(self._decode, latents, self._height, self._width)

    def figures(self, position: dict[str, float | None] | None) -> dict[str, dict]:
        """The sections `disentanglement` and, where truth was added, `decomposition`, with what the truth allows;
        position are the figures of disentanglement.position_figures, None where places are not known."""
        ratio = invariance.variance_ratio(np.concatenate(self._code_pairs)) if self._code_pairs else None
        sections: dict[str, dict] = {"disentanglement": {
            "intervention_error_px": _mean(self._shift_errors), "appearance_variance_ratio": ratio,
        }}
        if self._counts:
            sections["decomposition"] = presence.presence_figures(self._counts, np.concatenate(self._presence))
        if self._behind:
            sections["decomposition"]["background_psnr_behind_objects"] = _mean(self._behind)
            sections["disentanglement"]["swap_background_psnr"] = _mean(self._swapped)
        if self._examples and position:
            sections["disentanglement"]["probes"] = probes.probe_matrix(self._examples, position)
        return sections


def _mean(parts: list[np.ndarray]) -> float | None:
    values = np.concatenate([part.ravel() for part in parts]) if parts else np.empty(0)
    return float(values.mean()) if len(values) else None
