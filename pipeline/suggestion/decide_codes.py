"""From facts to the widths of codes, each with its reason: pure functions."""

import numpy as np

from pipeline.few_sequences import ENOUGH
from pipeline.suggestion.decide import Suggestion
from pipeline.suggestion.facts import MotionFacts
from pipeline.suggestion.thresholds import Thresholds


def code_suggestions(motion: MotionFacts, patch_dim: int, num_train: int, params: Thresholds) -> list[Suggestion]:
    """background_channels, appearance_dim, motion_dim, detail_dim and deformation_dim."""
    prefix = "train_autoencoder.architecture."
    num_left, why_left = choose_detail(motion.leftover_psnr, motion.detail_psnr, params)
    num_displaced = round(params.motion_share * num_left / 8) * 8
    why_displaced = f"a quarter of the {num_left} numbers for what is left say where it is" if num_left else why_left
    return [
        Suggestion(prefix + "background_channels", *choose_background(motion.background_ssim, num_train, params)),
        Suggestion(prefix + "appearance_dim", *choose_appearance(patch_dim, num_train, params)),
        Suggestion(prefix + "motion_dim", num_displaced, why_displaced),
        Suggestion(prefix + "detail_dim", num_left - num_displaced, why_left),
        Suggestion(prefix + "deformation_dim", *choose_deformation(
            [share for clip in motion.clips for share in clip.changing], motion.leftover_psnr, params)),
    ]


def choose_background(ssim: dict[int, float], num_train: int, params: Thresholds) -> tuple[int, str]:
    wanted = params.background_ssim if num_train >= ENOUGH["train"] else params.background_ssim_of_few
    least, most = min(params.background_widths), max(params.background_widths)
    if not ssim:
        return least, "one clip does not tell how much there is to say"
    dim = next((width for width in params.background_widths if ssim[width] >= wanted), most)
    why = f"so many numbers per block draw backgrounds of other clips with an ssim of {ssim[dim]:.3f}"
    return dim, why + (f", {least} with {ssim[least]:.3f}" if dim > least else "")


def choose_appearance(patch_dim: int, num_train: int, params: Thresholds) -> tuple[int, str]:
    dim, why = params.appearance_share * patch_dim**2, f"pictures of objects have {patch_dim}x{patch_dim} samples"
    if num_train < ENOUGH["train"]:
        dim *= params.appearance_of_few
        why += f"; {num_train} sequences teach little of how the next objects look, so more has to be said of each"
    return round(dim / 16) * 16, why


def choose_detail(leftover_psnr: float, detail_psnr: dict[int, float], params: Thresholds) -> tuple[int, str]:
    """Numbers per frame for what the layers leave over, whether displaced or of another colour."""
    left = f"background and boxes of objects explain all but {leftover_psnr:.1f} dB"
    if leftover_psnr > params.still_left:
        return 0, f"{left}: little is left to say"
    if len(detail_psnr) < 2:
        return 0, f"{left}; one clip does not tell whether a code would help"
    gains = {dim: psnr - detail_psnr[0] for dim, psnr in detail_psnr.items() if dim}
    best = max(gains.values())
    if best < params.detail_gain:
        return 0, f"{left}; {max(gains)} numbers add {best:.1f} dB on other clips: not worth it"
    dim = min(dim for dim, gain in gains.items() if gain >= params.detail_share * best)
    gained = f"so many numbers add {gains[dim]:.1f} dB on clips they were not fitted to, {max(gains)} {best:.1f}"
    return dim, f"{left}; {gained}"


def choose_deformation(changing: list[float], leftover_psnr: float, params: Thresholds) -> tuple[int, str]:
    if not changing:
        return 0, "no object is seen whole for long enough to tell"
    share, (few, many) = float(np.median(changing)), params.deformation_dims
    what = f"an object's mean picture leaves over {share:.0%} of its contrast"
    if share > params.rigid:
        return (few if share <= 2 * params.rigid else many), f"{what}: it bends, turns or changes light"
    if leftover_psnr <= params.still_left:
        return few, "a flat picture along its track does not explain all of an object here"
    return 0, f"{what}: it keeps its looks"
