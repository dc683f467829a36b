"""How near a frame comes to the true one: figures per frame, from which every mean is taken afterwards.

Legend: ... any leading axes (clips, samples, frames), C channels, H W px. All pictures in [0, 1].
"""

from collections.abc import Callable

import numpy as np
from torch import Tensor, channels_last

from pipeline.metrics.bootstrap import interval_95

MAX_PSNR = 100.0
"""dB given to a frame without any error, whose psnr is infinite; the smallest error of 8 bits at 64x64 RGB has 89
dB."""
MIN_SIDE = 6
"""Smallest side of a frame that ssim's window, mirrored at the border, can judge, px."""
HIGHER_IS_BETTER = {"psnr": True, "ssim": True, "mse": False, "mae": False, "lpips": False}

_VALUES_AT_ONCE = 2**18  # ssim holds some 60 floats for each value given; more at once are no faster on a CPU


def frame_quality(
    frames: Tensor, target: Tensor, lpips: Callable[[Tensor, Tensor], np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Compares frames [..., C, H, W] with target of the same shape. Returns float64 arrays [...], one value per frame.

    psnr: dB, data range 1, over all channels and pixels of the frame, at most MAX_PSNR. ssim: torchmetrics' defaults
    (Gaussian window of 11 px, sigma 1.5, the frame mirrored at its border), data range 1. mse, mae: SUM of squared /
    absolute errors over the frame's channels and pixels, as Moving MNIST papers count them. lpips: where it is given.
    Raises ValueError for unequal shapes or frames under MIN_SIDE px.
    """
    if frames.shape != target.shape:
        raise ValueError(f"frames {tuple(frames.shape)} and target {tuple(target.shape)} differ in shape")
    if min(frames.shape[-2:]) < MIN_SIDE:
        raise ValueError(f"frames of {tuple(frames.shape[-2:])} px are too small for ssim: {MIN_SIDE} px at least")
    leading, picture = frames.shape[:-3], frames.shape[-3:]
    at_once = max(1, _VALUES_AT_ONCE // picture.numel())
    batches = [pictures.reshape(-1, *picture).split(at_once) for pictures in (frames, target)]
    parts = [_quality_of_batch(*pair) for pair in zip(*batches, strict=True)]
    quality = {name: np.concatenate([part[name] for part in parts]).reshape(leading) for name in parts[0]}
    return quality | ({"lpips": lpips(frames, target)} if lpips else {})


def psnr_of_error(mse: np.ndarray | float) -> np.ndarray:
    """Mean squared errors of pixels in [0, 1] -> dB, at most MAX_PSNR. What frame_quality gives is computed in single
    precision, as torchmetrics does."""
    return -10 * np.log10(np.maximum(mse, 10 ** (-MAX_PSNR / 10)))


def _quality_of_batch(frames: Tensor, target: Tensor) -> dict[str, np.ndarray]:
    # Here, because it brings matplotlib and all of scipy.signal along: half of a stage's start, spent before any check.
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    difference = (frames - target).double().flatten(1)
    psnr = peak_signal_noise_ratio(frames, target, data_range=1.0, reduction="none", dim=(1, 2, 3))
    # with the channels of a pixel side by side its convolutions take half of the time or less, and give the same bytes
    ssim = structural_similarity_index_measure(
        frames.contiguous(memory_format=channels_last), target.contiguous(memory_format=channels_last), data_range=1.0,
        reduction="none",
    )
    assert isinstance(ssim, Tensor)  # it returns more only when asked to
    values = {
        "psnr": psnr.double().clamp(max=MAX_PSNR), "ssim": ssim.double().reshape(len(frames)),
        "mse": difference.square().sum(1), "mae": difference.abs().sum(1),
    }
    return {name: value.cpu().numpy() for name, value in values.items()}


def median_image(frames: Tensor) -> Tensor:
    """Frames [B, T, C, H, W] -> the per-clip median image, repeated over T. About the best that one still can do."""
    in_order = frames.sort(1).values
    middle = (frames.shape[1] - 1) // 2, frames.shape[1] // 2
    return in_order[:, middle].mean(1, keepdim=True).expand_as(frames)


def concatenate(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Joins the figures of several batches along their first axis."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def mean_figures(quality: dict[str, np.ndarray]) -> dict[str, float | list[float] | None]:
    """Figures [clip, (sample,) step] -> the mean of each over everything, its error bars over clips as NAME_interval,
    and the mean per step as NAME_by_step."""
    figures: dict[str, float | list[float] | None] = {name: float(values.mean()) for name, values in quality.items()}
    for name, values in quality.items():
        figures[f"{name}_interval"] = interval_95(values.reshape(len(values), -1).mean(1))
        figures[f"{name}_by_step"] = values.reshape(-1, values.shape[-1]).mean(0).tolist()
    return figures


def best_of_samples(quality: dict[str, np.ndarray]) -> dict[str, float | list[float] | None]:
    """Figures [clip, sample, step] -> for each figure, per clip the sample best by that figure's mean over steps,
    averaged, with its error bars (the protocol of SVG, Denton and Fergus 2018); NAME_gap: how much better it is than
    the mean over samples, never negative."""
    figures: dict[str, float | list[float] | None] = {}
    for name, values in quality.items():
        per_sample = values.mean(2)
        best = per_sample.max(1) if HIGHER_IS_BETTER[name] else per_sample.min(1)
        figures |= {
            name: float(best.mean()), f"{name}_interval": interval_95(best),
            f"{name}_gap": abs(float(best.mean() - per_sample.mean())),
        }
    return figures
