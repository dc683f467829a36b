"""Judges what the autoencoder makes of whole test sequences: the reconstruction, the layers, and what their codes know.

Legend: B sequences, T frames, N true objects, K slots, C channels, H W px.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.frames.pixels import to_unit
from pipeline.latents.latents import Latents
from pipeline.metrics import disentanglement, frame_quality, segmentation
from pipeline.metrics.disentanglement import Examples


@dataclass(frozen=True)
class Truth:
    """Ground truth of B clips: segmentation int [B, T, H, W] (0 background, i = object i - 1), position [B, T, N, 2]
    px, None where it is not known."""

    segmentation: np.ndarray
    position: np.ndarray | None
    num_objects: int


class ReconstructionScores:
    """Takes batch after batch; `figures` are those of all of them together."""

    def __init__(self) -> None:
        self._quality: list[dict[str, np.ndarray]] = []
        self._median: list[dict[str, np.ndarray]] = []
        self._counts: list[np.ndarray] = []
        self._examples: list[Examples] = []

    def add(self, target: np.ndarray, reconstruction: np.ndarray) -> None:
        """Compares uint8 frames [B, T, H, W, C] with their reconstruction, and with the median image of each
        sequence."""
        true_frames = to_unit(target)
        self._quality.append(frame_quality.frame_quality(to_unit(reconstruction), true_frames))
        self._median.append(frame_quality.frame_quality(frame_quality.median_image(true_frames), true_frames))

    def add_layers(self, truth: Truth, predicted: np.ndarray, latents: Latents, video_id: np.ndarray) -> None:
        """Compares segmentations `predicted` int [B, T, H, W] and the latents of the same sequences with the truth."""
        num_slots = latents.pose.shape[2]
        pose, appearance = latents.pose.cpu().numpy(), latents.appearance.cpu().numpy()
        for b in range(len(predicted)):
            counts = segmentation.overlap_counts(truth.segmentation[b], predicted[b], truth.num_objects, num_slots)
            slot_of, shown = segmentation.match_slots(counts), segmentation.visible(counts)
            self._counts.append(counts)
            if truth.position is None:
                continue
            self._examples.append(disentanglement.examples_of_clip(
                pose[b], appearance[b], truth.position[b], slot_of, shown, str(video_id[b])
            ))

    def figures(self) -> dict[str, dict]:
        """The sections `reconstruction` and, where truth was added, `decomposition` and `disentanglement`."""
        quality, median = frame_quality.concatenate(self._quality), frame_quality.concatenate(self._median)
        sections: dict[str, dict] = {"reconstruction": {
            **{name: float(values.mean()) for name, values in quality.items()},
            "median_background_psnr": float(median["psnr"].mean()),
            "median_background_ssim": float(median["ssim"].mean()),
        }}
        if self._counts:
            sections["decomposition"] = segmentation.decomposition_figures(self._counts)
        if self._examples:
            sections["disentanglement"] = disentanglement.position_figures(self._examples)
        return sections
