"""Judges forecasts beside two baselines: copying the last given frame, and extrapolating each pose in a straight line.

Legend: B clips, S samples, T = context_frames + horizon, N true objects, K slots, C channels, H W px.
"""

import numpy as np

from pipeline.evaluation.reconstruction import Truth
from pipeline.frames.pixels import to_unit
from pipeline.latents.latents import Latents
from pipeline.metrics import frame_quality, segmentation, trajectories

BASELINES = ("copy_last", "linear_extrapolation")


class ForecastScores:
    """Takes batch after batch; `figures` and `curves` are those of all of them together."""

    def __init__(self) -> None:
        self._quality: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in ("prediction", *BASELINES)}
        self._plain: list[dict[str, np.ndarray]] = []
        self._errors: dict[str, list[np.ndarray]] = {name: [] for name in ("prediction", *BASELINES)}

    def add(self, target: np.ndarray, last: np.ndarray, prediction: np.ndarray, linear: np.ndarray) -> None:
        """All uint8: target and linear [B, horizon, H, W, C], last given frame [B, H, W, C], prediction [B, S,
        horizon, H, W, C]."""
        forecasts = {
            "prediction": prediction,
            "linear_extrapolation": linear,
            "copy_last": np.broadcast_to(last[:, None], target.shape),
        }
        for name, frames in forecasts.items():
            true_frames = target if frames.ndim == target.ndim else np.broadcast_to(target[:, None], frames.shape)
            self._quality[name].append(frame_quality.frame_quality(to_unit(frames), to_unit(true_frames)))

    def add_plain(self, target: np.ndarray, prediction: np.ndarray) -> None:
        """The prediction without carried detail, shaped as in `add`."""
        true_frames = np.broadcast_to(target[:, None], prediction.shape)
        self._plain.append(frame_quality.frame_quality(to_unit(prediction), to_unit(true_frames)))

    def add_places(self, truth: Truth, context: np.ndarray, prediction: Latents, linear: Latents) -> None:
        """Compares where the objects go with where they were. truth covers T frames; context int [B, context_frames,
        H, W] is the segmentation of the reconstructed context, which says whose slot is whose; prediction (batch axis
        B * S, samples of a clip side by side) and linear (batch axis B) cover T frames."""
        given, num_slots = context.shape[1], linear.pose.shape[2]
        straight = linear.pose[..., :2].cpu().numpy()
        samples = prediction.pose[..., :2].unflatten(0, (len(straight), -1)).cpu().numpy()
        true_ids = np.arange(1, truth.num_objects + 1)
        for b, segmented in enumerate(truth.segmentation):
            counts = segmentation.overlap_counts(segmented[:given], context[b], truth.num_objects, num_slots)
            slot_of = segmentation.match_slots(counts)
            shown = (segmented[given:, :, :, None] == true_ids).any((1, 2))
            still = np.broadcast_to(straight[b, given - 1], straight[b, given:].shape)
            places = {
                "prediction": samples[b, :, given:], "linear_extrapolation": straight[b, given:], "copy_last": still,
            }
            for name, place in places.items():
                error = trajectories.position_error(place, truth.position[b, given:], slot_of, shown)
                self._errors[name].append(error)

    def figures(self) -> dict[str, dict]:
        """The sections `prediction` and `baselines`."""
        figures = {name: frame_quality.mean_figures(frame_quality.concatenate(q)) for name, q in self._quality.items()}
        for name, errors in self._errors.items():
            if errors:
                figures[name]["position_error"] = trajectories.error_by_step(errors)
        if self._plain:
            figures["prediction"]["without_detail"] = frame_quality.mean_figures(frame_quality.concatenate(self._plain))
        best = frame_quality.best_of_samples(frame_quality.concatenate(self._quality["prediction"]))
        return {
            "prediction": {**figures["prediction"], "best_of_samples": best},
            "baselines": {name: figures[name] for name in BASELINES},
        }
