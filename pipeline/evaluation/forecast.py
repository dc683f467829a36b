"""Judges forecasts beside baselines: the last given frame copied, or carried on by its optical flow, and each pose
extrapolated in a straight line.

Legend: B clips, S samples, T = context_frames + horizon, N true objects, K slots, C channels, H W px.
"""

import numpy as np

from pipeline.evaluation.networks import Networks
from pipeline.evaluation.reconstruction import Truth
from pipeline.frames.pixels import mean_picture, to_unit
from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents
from pipeline.metrics import calibration, diversity, frame_quality, moving, segmentation, trajectories
from pipeline.metrics.by_step import mean_by_step
from pipeline.metrics.fvd import fvd
from pipeline.optical_flow import flow_forecast
from pipeline.thresholds import IN_VIEW, PRESENT

BASELINES = ("copy_last", "flow", "linear_extrapolation")


class ForecastScores:
    """Takes batch after batch; `figures` and `curves` are those of all of them together."""

    def __init__(self, networks: Networks = Networks()) -> None:  # noqa: B008, it cannot change
        self._lpips, self._network = networks.lpips and networks.lpips.distance, networks.fvd
        self._features: dict[str, list[np.ndarray]] = {name: [] for name in ("truth", "prediction", *BASELINES)}
        self._quality: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in ("prediction", *BASELINES)}
        self._moving: dict[str, list[np.ndarray]] = {name: [] for name in ("prediction", *BASELINES)}
        self._motion: list[np.ndarray] = []
        self._objects: list[np.ndarray] = []
        self._plain: list[dict[str, np.ndarray]] = []
        self._mean: list[dict[str, np.ndarray]] = []
        self._mean_moving: list[np.ndarray] = []
        self._errors: dict[str, list[np.ndarray]] = {name: [] for name in ("prediction", *BASELINES)}
        self._covered: dict[float, list[np.ndarray]] = {share: [] for share in calibration.SHARES}
        self._apart: dict[str, list[np.ndarray]] = {"position": [], "psnr": []}
        self._num_samples = 0

    def add(self, context: np.ndarray, target: np.ndarray, prediction: np.ndarray, linear: np.ndarray) -> None:
        """All uint8: context [B, context_frames, H, W, C], target and linear [B, horizon, H, W, C], prediction [B, S,
        horizon, H, W, C]."""
        flow = np.stack([flow_forecast(clip, target.shape[1]) for clip in context])
        forecasts = {
            "prediction": prediction, "linear_extrapolation": linear, "flow": flow,
            "copy_last": np.broadcast_to(context[:, -1:], target.shape),
        }
        self._add_videos(context, target, forecasts)
        changed = moving.moving_pixels(context[:, -1], target)
        self._motion.append(changed.mean((1, 2)))
        for name, frames in forecasts.items():
            self._moving[name].append(moving.psnr_moving(frames, target, changed))
            self._quality[name].append(self._judged(frames, target))
        self._num_samples = prediction.shape[1]
        if self._num_samples > 1:
            picture = mean_picture(prediction)
            self._mean.append(self._judged(picture, target))
            self._mean_moving.append(moving.psnr_moving(picture, target, changed))
            self._apart["psnr"] += [diversity.pairwise_psnr(samples) for samples in prediction]

    def add_plain(self, target: np.ndarray, prediction: np.ndarray) -> None:
        """The prediction as its codes alone describe it, shaped as in `add`."""
        self._plain.append(self._judged(prediction, target))

    def _judged(self, frames: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
        """frame_quality of films [B, horizon, H, W, C] or [B, S, horizon, H, W, C], film by film: floats are four times
        as large."""
        true_films = np.broadcast_to(target if frames.ndim == target.ndim else target[:, None], frames.shape)
        leading = frames.shape[:-4]
        found = [frame_quality.frame_quality(to_unit(frames[i]), to_unit(true_films[i]), self._lpips)
                 for i in np.ndindex(leading)]
        return {name: np.stack([film[name] for film in found]).reshape(*leading, -1) for name in found[0]}

    def _add_videos(self, context: np.ndarray, target: np.ndarray, forecasts: dict[str, np.ndarray]) -> None:
        """Whole clips for FVD, where there is a network for it; all as in `add`."""
        if self._network is None:
            return
        for name, frames in {"truth": target, **forecasts}.items():
            samples = frames if frames.ndim > target.ndim else frames[:, None]
            given = np.broadcast_to(context[:, None], (*samples.shape[:2], *context.shape[1:]))
            videos = np.concatenate([given, samples], 2)
            features = self._network.features(videos.reshape(-1, *videos.shape[2:]))
            self._features[name].append(features.reshape(*videos.shape[:2], -1))

    def add_samples(self, samples: Latents, num_samples: int, given: int) -> None:
        """How many objects there are, and how far apart the samples put them; batch axis B * S, samples of a clip side
        by side; `given`: how many of their frames are context."""
        self._objects.append((samples.presence[::num_samples] > PRESENT).sum(1).cpu().numpy())
        if num_samples < 2:
            return
        pose = samples.pose[:, given:].unflatten(0, (-1, num_samples)).cpu().numpy()
        present = samples.presence.unflatten(0, (-1, num_samples)).cpu().numpy() > PRESENT
        in_view = (poses.visibility(pose) > IN_VIEW) & present[:, :, None]
        clips = zip(poses.place(pose), in_view, strict=True)
        self._apart["position"] += [diversity.place_distance(*clip) for clip in clips]

    def add_places(self, truth: Truth, context: np.ndarray, prediction: Latents, linear: Latents) -> None:
        """Compares where the objects go with where they were. truth covers T frames; context int [B, context_frames,
        H, W] is the segmentation of the reconstructed context, which says whose slot is whose; prediction (batch axis
        B * S, samples of a clip side by side) and linear (batch axis B) cover T frames."""
        assert truth.position is not None, "places are not known"
        given, num_slots = context.shape[1], linear.pose.shape[2]
        straight = poses.place(linear.pose).cpu().numpy()
        samples = poses.place(prediction.pose).unflatten(0, (len(straight), -1)).cpu().numpy()
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
            if samples.shape[1] > 1:
                of_objects = trajectories.places_of_objects(samples[b, :, given:], slot_of)
                counted = shown & (slot_of != segmentation.UNMATCHED)
                for share, clips in self._covered.items():
                    clips.append(calibration.covered(of_objects, truth.position[b, given:], counted, share))

    def figures(self) -> dict[str, dict]:
        """The sections `prediction` and `baselines`."""
        figures: dict[str, dict] = {
            name: frame_quality.mean_figures(frame_quality.concatenate(q)) for name, q in self._quality.items()
        }
        for name, parts in self._moving.items():
            figures[name] |= moving.moving_figures(np.concatenate(parts))
        for name, errors in self._errors.items():
            if errors:
                figures[name]["position_error"] = trajectories.error_by_step(errors)
        if self._network is not None:
            features = {name: np.concatenate(parts) for name, parts in self._features.items()}
            for name, section in figures.items():
                section["fvd"] = fvd(features["truth"][:, 0], features[name])
        if self._plain:
            plain = frame_quality.mean_figures(frame_quality.concatenate(self._plain))
            figures["prediction"]["without_carried_pictures"] = plain
        if self._mean:
            of_picture = frame_quality.mean_figures(frame_quality.concatenate(self._mean))
            of_picture |= moving.moving_figures(np.concatenate(self._mean_moving))
            figures["prediction"]["mean_picture"] = of_picture
        best = frame_quality.best_of_samples(frame_quality.concatenate(self._quality["prediction"]))
        prediction = {**figures["prediction"], "best_of_samples": best, **self._figures_of_samples()}
        return {"prediction": prediction, "baselines": {name: figures[name] for name in BASELINES}}

    def by_clip(self) -> dict[str, np.ndarray]:
        """Figures of every clip [B]. psnr, ssim and psnr_moving: of the prediction, means over samples;
        mean_picture_psnr: of the samples' mean as one picture, where there are several; NAME_psnr and so on: of the
        baselines; objects: slots that hold one; motion: share of the pixels that move. NaN: there is none."""
        quality = {name: frame_quality.concatenate(parts) for name, parts in self._quality.items()}
        means = {name: {figure: values.reshape(len(values), -1).mean(1) for figure, values in figures.items()}
                 for name, figures in quality.items()}
        moved = {name: np.concatenate(parts) for name, parts in self._moving.items()}
        columns = {"psnr": means["prediction"]["psnr"], "psnr_moving": moved["prediction"],
                   "ssim": means["prediction"]["ssim"]}
        if self._mean:
            columns["mean_picture_psnr"] = frame_quality.concatenate(self._mean)["psnr"].mean(1)
        for name in BASELINES:
            columns |= {f"{name}_psnr": means[name]["psnr"], f"{name}_psnr_moving": moved[name]}
        objects = {"objects": np.concatenate(self._objects)} if self._objects else {}
        return columns | objects | {"motion": np.concatenate(self._motion)}

    def _figures_of_samples(self) -> dict[str, dict]:
        """calibration and diversity, where there are several samples, and the nearest one's error, where there is
        truth."""
        figures: dict[str, dict] = {}
        if errors := self._errors["prediction"]:
            figures["nearest_sample_error"] = trajectories.nearest_error_by_step(errors)
        if any(self._covered.values()):
            figures["calibration"] = calibration.coverage_figures(self._covered, self._num_samples)
        for name, clips in self._apart.items():
            if clips:
                figures.setdefault("diversity", {}).update(mean_by_step(name, np.stack(clips)))
        return figures
