"""How the camera moved: frames registered to one another, then to the background that they show.

Robust Gauss-Newton iterations (Lucas and Kanade 1981) on motion and light together: what does not fit, such as objects,
counts little (weights of Geman and McClure). A motion is [x, y, log_zoom, roll] as in the module `camera`. A clip is
said to roll only if roll explains it better: else whatever else happens in the clip would turn an upright camera a
little.

Legend: B clips, T frames, C channels, H W frame.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.camera import after, inverse, resample, rolls, view, within
from pipeline.autoencoder.discovery_params import DISCOVERY, CameraParams
from pipeline.autoencoder.known_scenes import in_light_of
from pipeline.autoencoder.least_squares import damped, solve
from pipeline.autoencoder.sums import squared, weighted
from pipeline.latents import camera_code
from pipeline.latents.camera_code import log_zoom, place

_SHIFT, _SHIFT_AND_ZOOM, _ALL = 2, 3, 4
"""How many numbers of a motion are sought."""


def start(frames: Tensor, may_move: bool, params: CameraParams = DISCOVERY.camera) -> Tensor:
    """The camera [B, T, CAMERA] of frames [B, T, C, H, W], before any background is known: motion from the frames
    alone, and even light. may_move: False for a camera that holds still."""
    motion = frames.new_zeros(*frames.shape[:2], camera_code.NUM_MOVING)
    if may_move and frames.shape[1] > 1:
        motion = recentre(chain(frames, params), frames.shape, params)
    light = frames.new_tensor([1.0, 0.0]).repeat(*frames.shape[:2], 1)
    return camera_code.assemble(motion, light)


def follow(
    frames: Tensor, background: Tensor, camera: Tensor, covered: Tensor, params: CameraParams = DISCOVERY.camera,
) -> Tensor:
    """`camera` [B, T, CAMERA] refined: frames [B, T, C, H, W] are registered to background [B, C, H', W'] where no
    object covers it, covered [B, T, H, W]; then comes their light."""
    motion = camera_code.motion(camera)
    moves = (motion != 0).flatten(1).any(1)[:, None, None]
    if moves.any():
        motion = register(steady(frames, camera), background, motion, 1 - covered, params)
        motion = recentre(motion, frames.shape, params) * moves
    expected = view(background, motion, *frames.shape[-2:])
    return camera_code.assemble(motion, estimate_light(frames, expected, covered, params))


def chain(frames: Tensor, params: CameraParams = DISCOVERY.camera) -> Tensor:
    """Motion [B, T, NUM_MOVING] of every frame of [B, T, C, H, W] from the first one, by registering neighbouring
    frames. It is 0 throughout a clip whose camera holds still, and without roll where the camera stays upright."""
    steps = frames.new_zeros(frames.shape[0], frames.shape[1] - 1, camera_code.NUM_MOVING)
    for level in params.levels:
        if level == 1 or min(frames.shape[-2:]) // level >= params.min_side:
            steps = _registered_to_neighbours(frames, steps, level, _SHIFT_AND_ZOOM if level == 1 else _SHIFT, params)
    turning = _registered_to_neighbours(frames, steps, 1, _ALL, params)
    still = torch.zeros_like(steps)
    moves = explains(frames, steps, still, params.min_gain, params)
    turns = explains(frames, turning, without_roll(turning), params.min_roll_gain, params)
    if turns.any():
        turns &= explains(frames, turning, still, params.min_gain, params)
    steps = torch.where(moves[:, None, None], steps, still)
    return path(torch.where(turns[:, None, None], turning, steps))


def _registered_to_neighbours(
    frames: Tensor, steps: Tensor, level: int, unknown: int, params: CameraParams,
) -> Tensor:
    """Motion [B, T - 1, NUM_MOVING] from each frame to the next, refined from `steps` on frames of 1 / level of their
    size; unknown: how many numbers of it are sought."""
    small = F.avg_pool2d(frames.flatten(0, 1), level).unflatten(0, frames.shape[:2])
    before, later = small[:, :-1], small[:, 1:]
    everywhere = torch.ones_like(later[:, :, :1])
    for _ in range(params.level_corrections):
        expected = resample(before, _enlarged(steps, 1 / level), *small.shape[-2:])
        correction = _correction(later, expected, everywhere, unknown, params)
        steps = after(steps, _enlarged(correction, level))
    return steps


def path(steps: Tensor) -> Tensor:
    """Motion [B, T, NUM_MOVING] of every frame from the first one, summed up from steps [B, T - 1, NUM_MOVING] between
    neighbouring frames."""
    log_zoom = F.pad(camera_code.log_zoom(steps).cumsum(1), (1, 0))
    roll = F.pad(camera_code.roll(steps).cumsum(1), (1, 0))
    shift = camera_code.turned(place(steps), roll[:, :-1]) * torch.exp(-log_zoom[:, :-1, None])
    return camera_code.assemble_motion(F.pad(shift.cumsum(1), (0, 0, 1, 0)), log_zoom, roll)


def without_roll(motion: Tensor) -> Tensor:
    """The same motion [..., NUM_MOVING] of a camera that does not turn."""
    return camera_code.assemble_motion(place(motion), log_zoom(motion), torch.zeros_like(log_zoom(motion)))


def explains(
    frames: Tensor, steps: Tensor, simpler: Tensor, least: float, params: CameraParams = DISCOVERY.camera,
) -> Tensor:
    """bool [B]: whether `steps` explain frames [B, T, C, H, W] better than `simpler` ones do, both
    [B, T - 1, NUM_MOVING]. Compared are frames half a clip apart, to which nothing was fitted. Their squared error, one
    moved to the other by `steps`, must be less by the share `least` than by `simpler` steps, and than by steps as far
    from these the other way, since reading between pixels alone takes away noise.

    Where such frames show too little of the same, frames at a half, a quarter, ... of that distance are compared.
    """
    believed = decided = torch.zeros(len(frames), dtype=torch.bool, device=frames.device)
    paths = [path(way) for way in (steps, simpler, 2 * simpler - steps)]
    lag = frames.shape[1] // 2
    while lag and not decided.all():
        errors = torch.stack([_squared_error(frames, way, lag) for way in paths], 1)
        shared = ~errors.isnan().any(1, keepdim=True)
        typical = errors[:, 1].flatten(2).nanmedian(-1).values.clamp(min=params.noise**2)[:, None, :, None, None]
        robust = torch.where(shared, errors / (1 + errors / (params.robust * typical)), 0).sum((2, 3, 4))
        found, others = robust[:, 0], robust[:, 1:].amin(1)
        believed = torch.where(decided, believed, found < (1 - least) * others)
        decided = decided | (shared.float().mean((1, 2, 3, 4)) >= params.overlap)
        lag //= 2
    return believed


def _squared_error(frames: Tensor, motion: Tensor, lag: int) -> Tensor:
    """Squared error [B, T - lag, H, W] between each of frames [B, T, C, H, W] and the one `lag` frames before it, which
    is moved by motion [B, T, NUM_MOVING] and brought to the same light; nan where that one does not reach."""
    first, later = frames[:, :-lag], frames[:, lag:]
    between = after(inverse(motion[:, :-lag]), motion[:, lag:])
    moved, reached = resample(first, between, *frames.shape[-2:]), within(between, frames)
    lit = in_light_of(moved.flatten(0, 1), reached.flatten(0, 1)[:, None], later.flatten(0, 1))
    squared = (later - lit.view_as(later)).square().mean(2)
    return torch.where(reached > 0, squared, torch.nan)


def _enlarged(motion: Tensor, factor: float) -> Tensor:
    """The same motion in frames that are larger by `factor`."""
    return camera_code.assemble_motion(place(motion) * factor, log_zoom(motion), camera_code.roll(motion))


def register(
    frames: Tensor, canvas: Tensor, motion: Tensor, free: Tensor, params: CameraParams = DISCOVERY.camera,
) -> Tensor:
    """Motion [B, T, NUM_MOVING] of frames [B, T, C, H, W] on canvas [B, C, H', W'], refined from `motion`; a clip that
    does not roll there stays upright. free [B, T, H, W]: how surely no object covers a pixel."""
    turned = rolls(motion)
    unknown = _ALL if turned.any() else _SHIFT_AND_ZOOM
    for _ in range(params.round_corrections):
        expected = resample(canvas[:, None], motion, *frames.shape[-2:])
        found = after(motion, _correction(frames, expected, free[:, :, None], unknown, params))
        motion = torch.where(turned[:, None, None], found, without_roll(found))
    return motion


def recentre(
    motion: Tensor, frame_shape: tuple[int, ...], params: CameraParams = DISCOVERY.camera,
) -> Tensor:
    """The same motion [B, T, NUM_MOVING] counted from the middle of its path, so that it needs as little canvas as
    possible on every side; 0 where it goes no further than `still_px`."""
    zoom, roll = (_middle(part(motion)) for part in (log_zoom, camera_code.roll))
    upright = camera_code.turned(place(motion), -roll)
    off = (upright - _middle(upright)) * zoom.exp()[..., None]
    motion = camera_code.assemble_motion(off, log_zoom(motion) - zoom, camera_code.roll(motion) - roll)
    return torch.where((_extent(motion, frame_shape) > params.still_px)[:, None, None], motion, 0)


def _middle(path: Tensor) -> Tensor:
    """Halfway [B, 1, ...] between the least and the greatest value of path [B, T, ...]."""
    return (path.amax(1, keepdim=True) + path.amin(1, keepdim=True)) / 2


def _extent(motion: Tensor, frame_shape: tuple[int, ...]) -> Tensor:
    """The furthest [B], px, that `motion` [B, T, NUM_MOVING] moves the frame's middle by a shift, or its edges by zoom
    or roll."""
    radius = max(frame_shape[-2:]) / 2
    edges = torch.maximum(log_zoom(motion).abs(), camera_code.roll(motion).abs()).amax(1) * radius
    return torch.maximum(place(motion).abs().amax((1, 2)), edges)


def _correction(
    frames: Tensor, expected: Tensor, free: Tensor, num_unknown: int, params: CameraParams,
) -> Tensor:
    """One robust Gauss-Newton iteration: the motion [B, T, NUM_MOVING], x and y in px of the frame, from `expected` to
    frames [B, T, C, H, W]. Only the first `num_unknown` of x, y, zoom and roll are sought; the others are 0.

    frame(u) = (1 + g) expected + b + (dx, dy) . slope - dz (u - m) . slope + dr (u - m) x slope, with gain 1 + g,
    brightness b and the frame's middle m, over pixels that count as `free` [B, T, 1, H, W].
    """
    H, W = frames.shape[-2:]
    slope_y, slope_x = (torch.gradient(expected, dim=dim)[0] for dim in (-2, -1))
    y, x = (torch.arange(n, device=frames.device) + 0.5 - n / 2 for n in (H, W))
    radius = (H + W) / 4  # zoom and roll are counted in px here, so that the unknowns are alike in size
    unknowns = [slope_x, slope_y, expected, torch.ones_like(expected)]
    if num_unknown > _SHIFT:
        unknowns.append(-(x * slope_x + y[:, None] * slope_y) / radius)
    if num_unknown > _SHIFT_AND_ZOOM:
        unknowns.append((x * slope_y - y[:, None] * slope_x) / radius)
    columns = torch.stack(unknowns, 2)
    misfit = frames - expected
    squared = misfit.square().mean(2, keepdim=True)
    scale = squared.flatten(2).median(-1).values.clamp(min=params.noise**2)[..., None, None, None]
    weight = free / (1 + squared / (params.robust * scale)).square()
    weighted = columns * weight[:, :, None]
    count = (weight.sum((2, 3, 4)) * frames.shape[2]).clamp(min=1.0)
    normal = torch.einsum("btichw,btjchw->btij", weighted, columns) / count[..., None, None]
    right = torch.einsum("btichw,btchw->bti", weighted, misfit) / count[..., None]
    shift, _, others = solve(damped(normal, params.ridge), right).split([2, 2, len(unknowns) - 4], -1)
    zoom, roll = F.pad(others / radius, (0, _ALL - num_unknown)).unbind(-1)
    limits = (params.max_shift, params.max_zoom, params.max_roll)
    shift, zoom, roll = (x.clamp(-most, most) for x, most in zip((shift, zoom, roll), limits, strict=True))
    return camera_code.assemble_motion(shift, zoom, roll)


def estimate_light(
    frames: Tensor, background: Tensor, covered: Tensor, params: CameraParams = DISCOVERY.camera,
) -> Tensor:
    """Gain and brightness [B, T, 2] of each frame against background [B, 1 or T, C, H, W]: a robust least-squares line
    over the pixels that are not covered, [B, T, H, W]. It is drawn a little towards (1, 0), which is its mean over the
    clip."""
    C = frames.shape[2]
    # everything that a line needs to know of a pixel, its channels added up
    values, squares = frames.sum(2), squared(frames, 2)
    products = weighted(frames, background, 2)
    base_squares, base = squared(background, 2), background.sum(2)
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
