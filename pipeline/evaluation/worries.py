"""What should worry about an evaluation, each with the parameter to look at: `warnings` in metrics.json."""

import numpy as np

from pipeline.evaluation.per_clip import Row
from pipeline.few_sequences import few_sequences

MOST = 0.5
"""Share of the clips in which no object may be found before that is said."""
BELOW = 0.05
"""dB by which a figure has to lie below another one to be called worse: nobody sees 1 % of the error."""

SURE = 2.0
"""Standard errors that a difference has to exceed: chance does so in one of twenty cases."""


def worries(metrics: dict, rows: list[Row], counts: dict[str, int]) -> list[str]:
    """Everything that should worry. metrics: as in metrics.json; rows: of per_clip.csv; counts: sequences by split."""
    found = few_sequences(counts)
    forecast, copied = metrics["prediction"]["psnr"], metrics["baselines"]["copy_last"]["psnr"]
    if forecast < copied - BELOW:
        found.append(
            f"evaluate: the forecast ({forecast:.2f} dB) is worse than a copy of the last given frame ({copied:.2f} "
            "dB); is generate.carry_pictures true? If so look at train_autoencoder.architecture.object_px and at "
            "train_predictor.training.num_steps"
        )
    pictures, straight = _of_pictures(metrics["prediction"]), _of_pictures(metrics["baselines"]["linear_extrapolation"])
    if pictures < straight - BELOW:
        found.append(
            f"evaluate: the forecast's mean picture ({pictures:.2f} dB) is worse than objects that go straight on "
            f"({straight:.2f} dB){_maybe_chance(rows, 'linear_extrapolation_psnr')}: what the predictor learned does "
            "not hold here; look at train_predictor.kind and train_predictor.training.num_steps"
        )
    flow = metrics["baselines"]["flow"]["psnr"]
    if pictures < flow - BELOW:
        found.append(
            f"evaluate: the forecast's mean picture ({pictures:.2f} dB) is worse than the optical flow of the last "
            f"frames, carried on ({flow:.2f} dB), which learns nothing{_maybe_chance(rows, 'flow_psnr')}; look at "
            "train_autoencoder.architecture.object_px and num_slots"
        )
    drawn, median = metrics["reconstruction"]["psnr"], metrics["reconstruction"]["median_background_psnr"]
    if drawn < median - BELOW:
        found.append(
            f"evaluate: clips decoded from their codes ({drawn:.2f} dB) are worse than each clip's median image "
            f"({median:.2f} dB), so layers say less than a still picture; look at train_autoencoder.architecture."
            "background_channels and detail_dim, and at train_autoencoder.training.num_steps"
        )
    empty = sum(row["objects"] == 0 for row in rows)
    if empty > MOST * len(rows):
        found.append(
            f"evaluate: no object was found in {empty} of {len(rows)} clips; look at train_autoencoder.architecture."
            "object_px (width of what moves, px) and num_slots"
        )
    return found


def _maybe_chance(rows: list[Row], baseline: str) -> str:
    """What to add to the claim that forecasts lie below a baseline, a column of the clips, where other clips might say
    otherwise: where the mean difference is less than SURE of its standard errors."""
    pairs = [(row.get("mean_picture_psnr", row.get("psnr")), row.get(baseline)) for row in rows]
    below = np.array([other - one for one, other in pairs if isinstance(one, float) and isinstance(other, float)])
    if len(below) < 2 or below.mean() >= SURE * (error := below.std(ddof=1) / len(below) ** 0.5):
        return ""
    return f" (by {below.mean():.2f} dB in {len(below)} clips, with a standard error of {error:.2f}: it may be chance)"


def _of_pictures(figures: dict) -> float:
    """psnr of a forecast as one picture: of the samples' mean where there are several."""
    return figures.get("mean_picture", figures)["psnr"]
