"""How the camera moved: frames registered to one another, then to the background that they show.

Robust Gauss-Newton iterations (Lucas and Kanade 1981) on motion and light together: what does not fit, such as objects,
counts little (weights of Geman and McClure). A motion is [x, y, log_zoom] as in the module `camera`.

Legend: B clips, T frames, C channels, H W frame.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.camera import resample, view
from pipeline.autoencoder.discovery_params import DISCOVERY, CameraParams
from pipeline.autoencoder.least_squares import damped, solve
from pipeline.latents import camera_code
from pipeline.latents.camera_code import log_zoom, place


def start(frames: Tensor, may_move: bool, params: CameraParams = DISCOVERY.camera) -> Tensor:
    """The camera [B, T, CAMERA] of frames [B, T, C, H, W] under even light, whatever their background."""
    motion = frames.new_zeros(*frames.shape[:2], camera_code.NUM_MOVING)
    if may_move and frames.shape[1] > 1:
        still = holds_still(frames, params)
        if not still.all():
            motion = recentre(chain(frames, params) * ~still[:, None, None], frames.shape, params)
    light = frames.new_tensor([1.0, 0.0]).repeat(*frames.shape[:2], 1)
    return camera_code.assemble(motion, light)


def follow(
    frames: Tensor, background: Tensor, camera: Tensor, covered: Tensor, params: CameraParams = DISCOVERY.camera,
) -> Tensor:
    """The camera [B, T, CAMERA], registered again to background [B, C, H', W'], in so far as that is not `covered`
    [B, T, H, W] by objects."""
    motion = camera_code.motion(camera)
    moves = (motion != 0).flatten(1).any(1)[:, None, None]
    if moves.any():
        motion = register(steady(frames, camera), background, motion, 1 - covered, params)
        motion = recentre(motion, frames.shape, params) * moves
    expected = view(background, motion, *frames.shape[-2:])
    return camera_code.assemble(motion, estimate_light(frames, expected, covered, params))


def holds_still(frames: Tensor, params: CameraParams = DISCOVERY.camera) -> Tensor:
    """bool [B]: whether frames [B, T, C, H, W] lie on their temporal median as they are."""
    expected = frames.median(1, keepdim=True).values.expand_as(frames)
    correction = _correction(frames, expected, torch.ones_like(frames[:, :, :1]), True, params)
    return _extent(correction, frames.shape) <= params.still_px


def chain(frames: Tensor, params: CameraParams = DISCOVERY.camera) -> Tensor:
    """Motion [B, T, 3] of every frame of [B, T, C, H, W], neighbour registered to neighbour; the first one is 0."""
    H, W = frames.shape[-2:]
    motion = frames.new_zeros(frames.shape[0], frames.shape[1] - 1, camera_code.NUM_MOVING)
    for level in params.levels:
        if level > 1 and min(H, W) // level < params.min_side:
            continue
        small = F.avg_pool2d(frames.flatten(0, 1), level).unflatten(0, frames.shape[:2])
        before, after = small[:, :-1], small[:, 1:]
        everywhere = torch.ones_like(after[:, :, :1])
        for _ in range(params.level_corrections):
            expected = resample(before, _enlarged(motion, 1 / level), *small.shape[-2:])
            correction = _correction(after, expected, everywhere, level == 1, params)
            motion = advance(motion, _enlarged(correction, level))
    total_zoom = F.pad(log_zoom(motion).cumsum(1), (1, 0))
    total = F.pad((place(motion) * torch.exp(-total_zoom[:, :-1, None])).cumsum(1), (0, 0, 1, 0))
    return camera_code.assemble_motion(total, total_zoom)


def _enlarged(motion: Tensor, factor: float) -> Tensor:
    """The same motion in frames that are larger by `factor`."""
    return camera_code.assemble_motion(place(motion) * factor, log_zoom(motion))


def register(
    frames: Tensor, canvas: Tensor, motion: Tensor, free: Tensor, params: CameraParams = DISCOVERY.camera,
) -> Tensor:
    """Motion [B, T, 3] of frames [B, T, C, H, W] on canvas [B, C, H', W'], refined from `motion`; free [B, T, H, W]:
    how surely no object covers a pixel."""
    for _ in range(params.round_corrections):
        expected = resample(canvas[:, None], motion, *frames.shape[-2:])
        motion = advance(motion, _correction(frames, expected, free[:, :, None], True, params))
    return motion


def recentre(
    motion: Tensor, frame_shape: tuple[int, ...], params: CameraParams = DISCOVERY.camera,
) -> Tensor:
    """The same motion [B, T, 3] counted from the middle of its path, so that a canvas reaches as far as possible to all
    sides; 0 where it is too small to be one."""
    middle = (motion.amax(1, keepdim=True) + motion.amin(1, keepdim=True)) / 2
    off = motion - middle
    motion = camera_code.assemble_motion(place(off) * log_zoom(middle).exp()[..., None], log_zoom(off))
    return motion * (_extent(motion, frame_shape) > params.still_px)[:, None, None]


def advance(motion: Tensor, correction: Tensor) -> Tensor:
    """The motion [..., 3] corrected by [..., 3], whose x and y are px of the frame rather than of the canvas."""
    shift = place(correction) * torch.exp(-log_zoom(motion))[..., None]
    return camera_code.assemble_motion(place(motion) + shift, log_zoom(motion) + log_zoom(correction))


def _extent(motion: Tensor, frame_shape: tuple[int, ...]) -> Tensor:
    """[B]: the furthest that `motion` [B, T, 3] shifts the frame's middle, or its edges by zooming, px."""
    radius = max(frame_shape[-2:]) / 2
    return torch.maximum(place(motion).abs().amax((1, 2)), log_zoom(motion).abs().amax(1) * radius)


def _correction(
    frames: Tensor, expected: Tensor, free: Tensor, with_zoom: bool, params: CameraParams,
) -> Tensor:
    """Motion [B, T, 3] that one robust Gauss-Newton iteration adds where frames [B, T, C, H, W] differ from `expected`.

    frame(u) = (1 + g) expected + b + (dx, dy) . slope - dz (u - m) . slope, over pixels that count as `free`
    [B, T, 1, H, W].
    """
    H, W = frames.shape[-2:]
    slope_y, slope_x = (torch.gradient(expected, dim=dim)[0] for dim in (-2, -1))
    y, x = (torch.arange(n, device=frames.device) + 0.5 - n / 2 for n in (H, W))
    radius = (H + W) / 4  # counts zoom in px, so that the unknowns are alike in size
    unknowns = [slope_x, slope_y, expected, torch.ones_like(expected)]
    if with_zoom:
        unknowns.append(-(x * slope_x + y[:, None] * slope_y) / radius)
    columns = torch.stack(unknowns, 2)
    misfit = frames - expected
    squared = misfit.square().mean(2, keepdim=True)
    scale = squared.flatten(2).median(-1).values.clamp(min=params.noise**2)[..., None, None, None]
    weight = free / (1 + squared / (params.robust * scale)).square()
    weighted = columns * weight[:, :, None]
    count = (weight.sum((2, 3, 4)) * frames.shape[2]).clamp(min=1.0)
    normal = torch.einsum("btichw,btjchw->btij", weighted, columns) / count[..., None, None]
    right = torch.einsum("btichw,btchw->bti", weighted, misfit) / count[..., None]
    shift, _, zoom = solve(damped(normal, params.ridge), right).split([2, 2, len(unknowns) - 4], -1)
    zoom = zoom[..., 0] / radius if with_zoom else torch.zeros_like(shift[..., 0])
    shift, zoom = (x.clamp(-most, most) for x, most in ((shift, params.max_shift), (zoom, params.max_zoom)))
    return camera_code.assemble_motion(shift, zoom)


def estimate_light(
    frames: Tensor, background: Tensor, covered: Tensor, params: CameraParams = DISCOVERY.camera,
) -> Tensor:
    """Gain and brightness [B, T, 2] of each frame against background [B, 1 or T, C, H, W]: a robust least-squares line
    over what is not covered [B, T, H, W], drawn a little towards (1, 0) and averaging to it over the clip."""
    C = frames.shape[2]
    # everything that a line needs to know of a pixel, its channels added up
    values, squares = frames.sum(2), frames.square().sum(2)
    products = torch.einsum("btchw,btchw->bthw", frames, background.expand_as(frames))
    base_squares, base = background.square().sum(2), background.sum(2)
    gain, brightness = (frames.new_full((*frames.shape[:2], 1, 1), value) for value in (1.0, 0.0))
    for scale in params.light_scales:
        misfit = (squares - 2 * gain * products - 2 * brightness * values + gain.square() * base_squares
                  + 2 * gain * brightness * base) / C + brightness.square()
        weight = (1 - covered) / (1 + misfit / scale**2)
        total = C * weight.sum((2, 3), keepdim=True).clamp(min=1.0 / C)
        mean_frame, mean_base, mean_product, mean_square = (
            (weight * x).sum((2, 3), keepdim=True) / total for x in (values, base, products, base_squares)
        )
        gain = mean_product - mean_frame * mean_base + params.light_ridge
        gain = gain / (mean_square - mean_base.square() + params.light_ridge)
        gain = gain.clamp(*params.light_limits)
        gain = gain / gain.mean(1, keepdim=True)
        brightness = mean_frame - gain * mean_base
        brightness = brightness - brightness.mean(1, keepdim=True)
    return torch.stack([gain, brightness], 2)[..., 0, 0]


def steady(frames: Tensor, camera: Tensor) -> Tensor:
    """The frames under the clip's mean light."""
    gain, brightness = camera_code.light(camera)[..., None, None, None].unbind(2)
    return (frames - brightness) / gain
