"""Looks at clips: how the camera moves, what moves before it, and what both leave over.

Legend: N clips, T frames, C channels, H W px. Frames are float in [0, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from pipeline.autoencoder import camera as cameras
from pipeline.autoencoder import registration
from pipeline.frames.pixels import to_unit
from pipeline.latents.camera_code import NUM_MOVING
from pipeline.suggestion.code_widths import background_ssim, detail_psnr, psnr_of
from pipeline.suggestion.facts import ClipFacts, MotionFacts, Region
from pipeline.suggestion.thresholds import Thresholds

_BLOCK = 8
"""px. Side of the blocks in which it is asked whether the picture moves."""
_PICTURE = 16
"""Samples along a side of the pictures in which objects are compared with themselves."""


@dataclass(frozen=True)
class Clip:
    """Consecutive frames uint8 [T, H, W, C], T >= 2, and more frames of the same video from around them
    [n, H, W, C]."""

    video_id: str
    first_frame: int
    frames: np.ndarray
    around: np.ndarray


@torch.no_grad()
def look_at_clips(clips: Sequence[Clip], params: Thresholds) -> MotionFacts:
    """Clips are of one shape but may differ in length."""
    frames = [to_unit(clip.frames) for clip in clips]
    paths = [camera_path(clip, params) for clip in frames]
    if np.mean([bool((path != 0).any()) for path in paths]) < params.moving_share:
        paths = [torch.zeros_like(path) for path in paths]
    backgrounds, shares_scene = _backgrounds(clips, frames, paths, params)
    lit = [_light(clip, background) for clip, background in zip(frames, backgrounds, strict=True)]
    differences = [
        _difference(clip, behind, bool((path != 0).any()), params)
        for clip, behind, path in zip(frames, lit, paths, strict=True)
    ]
    tracks = without_fragments([
        find_tracks([find_regions(frame, threshold(moving, params), params) for frame in moving.numpy()], params)
        for moving in differences
    ], params)
    found = [
        ClipFacts(
            clip.video_id, clip.first_frame, clip.frames, difference.numpy(), path.numpy(), tuple(followed),
            _outside(images - behind, followed).numpy(), _changing(images, behind, followed, params),
        )
        for clip, images, behind, difference, path, followed
        in zip(clips, frames, lit, differences, paths, tracks, strict=True)
    ]
    leftover = [clip.leftover for clip in found]
    own = [
        _own_background(clip, behind, followed, bool((path != 0).any()), params)
        for clip, behind, followed, path in zip(frames, lit, tracks, paths, strict=True)
    ]
    return MotionFacts(
        tuple(found), shares_scene, psnr_of(np.concatenate([part.ravel() for part in leftover])),
        detail_psnr(leftover, params), background_ssim(own, shares_scene, params))


def _own_background(
    frames: Tensor, scene: Tensor, tracks: list[dict[int, Region]], moves: bool, params: Thresholds,
) -> Tensor:
    """[C, H, W]: what is no object in a clip [T, C, H, W] before `scene` [T, C, H, W]; that may be one that many clips
    share, which lacks what covers it in this one."""
    T, _, H, W = frames.shape
    covered = torch.zeros(H, W)
    for track in tracks:
        for left, top, right, bottom in (region.box for region in track.values() if region.side <= params.widest(H, W)):
            covered[top:bottom, left:right] += 1 / T
    seen = scene[T // 2] if moves else frames.median(0).values
    return torch.where(covered > 0.5, scene[T // 2], seen)


def camera_path(frames: Tensor, params: Thresholds) -> Tensor:
    """Motion [T, NUM_MOVING] (as in the module camera) of frames [T, C, H, W]; 0 where the camera holds still.

    It moves where the picture moves nearly everywhere, which takes texture in many places: a large object before a
    plain wall looks like a camera to the registration.
    """
    still = torch.zeros(len(frames), NUM_MOVING)
    if len(frames) < 2:
        return still
    median = frames.median(0).values
    slope = torch.stack(torch.gradient(median, dim=(-2, -1))).square().sum(0).sqrt().amax(0)
    change = (frames - median).abs().amax(1).mean(0)
    side = min(_BLOCK, *slope.shape)
    slopes, changes, textured = (
        F.avg_pool2d(image[None], side)[0] for image in (slope, change, (slope > params.texture).float())
    )
    tells = textured > params.texture_share
    if tells.float().mean() < params.textured_blocks:
        return still
    shift = (changes[tells] / slopes[tells]).quantile(1 - params.moving_blocks)
    if shift < params.apparent_shift:
        return still
    return registration.recentre(registration.chain(frames[None]), (1, *frames.shape))[0]


def _backgrounds(
    clips: Sequence[Clip], frames: list[Tensor], paths: list[Tensor], params: Thresholds,
) -> tuple[list[Tensor], bool]:
    """Background [T or 1, C, H, W] of each clip, as its camera sees it, and whether most clips show one scene.

    A clip's own median still holds what rests in it; clips of one scene before a still camera share their frames.
    """
    if any((path != 0).any() for path in paths):
        return [_median_of_moved(clip, path) for clip, path in zip(frames, paths, strict=True)], False
    whole = [torch.cat([clip, to_unit(given.around)]) for clip, given in zip(frames, clips, strict=True)]
    own = [images.median(0).values for images in whole]
    some = [images[torch.linspace(0, len(images) - 1, params.frames_of_a_scene).long()] for images in whole]
    backgrounds, num_shared = [], 0
    for i, clip in enumerate(clips):
        alike = [
            other for other in range(len(clips))
            if clips[other].video_id == clip.video_id or differing_share(own[i], own[other], params) < params.same_scene
        ]
        enough = len(alike) >= params.clips_of_a_scene
        num_shared += enough
        backgrounds.append((torch.cat([some[j] for j in alike]).median(0).values if enough else own[i])[None])
    return backgrounds, num_shared > len(clips) / 2


def differing_share(image: Tensor, other: Tensor, params: Thresholds) -> float:
    """Share of the pixels in which two images [C, H, W] differ."""
    return float(((image - other).abs().amax(0) > params.contrast).float().mean())


def _median_of_moved(frames: Tensor, path: Tensor) -> Tensor:
    """[T, C, H, W]: the median of registered frames, as each of them shows it."""
    H, W = frames.shape[-2:]
    margin = int(cameras.reach(path, H, W).ceil()) + 1
    motion = path[None]
    seen = cameras.lay_out(torch.cat([frames, torch.ones_like(frames[:, :1])], 1)[None], motion, margin)[0]
    median = torch.where(seen[:, -1:] > 0.5, seen[:, :-1], torch.nan).nanmedian(0).values.nan_to_num()
    return cameras.resample(median[None, None], motion, H, W)[0]


def _light(frames: Tensor, background: Tensor) -> Tensor:
    """The background [T, C, H, W] in each frame's light."""
    T, _, H, W = frames.shape
    light = registration.estimate_light(frames[None], background[None], torch.zeros(1, T, H, W))[0]
    return background * light[:, 0, None, None, None] + light[:, 1, None, None, None]


def _difference(frames: Tensor, background: Tensor, moves: bool, params: Thresholds) -> Tensor:
    """[T, H, W]: largest of the channels; before a moving camera without what lies beside itself at edges."""
    difference = (frames - background).abs().amax(1)
    if not moves:
        return difference
    slope = torch.stack(torch.gradient(background, dim=(-2, -1))).square().sum(0).sqrt().amax(1)
    explained = params.misregistered_px * F.max_pool2d(slope[None], 3, stride=1, padding=1)[0]
    return (difference - explained).clamp(min=0)


def threshold(difference: Tensor, params: Thresholds) -> float:
    """The difference to the background from which on a pixel is no noise, from differences [T, H, W]: the median pixel
    tells the spread of the noise."""
    return max(params.contrast, params.contrast_noise * 1.4826 * float(difference.median()))


def find_regions(difference: np.ndarray, least: float, params: Thresholds) -> list[Region]:
    """Connected regions of difference [H, W] over `least`, with holes and gaps of a pixel closed, those that are joined
    by a narrow neck taken apart."""
    H, W = difference.shape
    padded = np.pad(difference > least, 1)
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(padded, np.ones((3, 3))))
    labels, count = ndimage.label(closed, np.ones((3, 3)))
    found = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        around = slice(rows.start - 1, rows.stop + 1), slice(columns.start - 1, columns.stop + 1)
        for part in _parts(labels[around] == number, params):
            y, x = np.nonzero(part)
            y, x = y + rows.start - 2, x + columns.start - 2
            if len(x) < params.smallest_area or difference[y, x].max() < params.peak * least:
                continue
            box = (int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1)
            at_edge = box[0] == 0 or box[1] == 0 or box[2] == W or box[3] == H
            found.append(Region(x.mean() + 0.5, y.mean() + 0.5, box, len(x), at_edge))
    return found


def _parts(region: np.ndarray, params: Thresholds) -> list[np.ndarray]:
    """Masks of the parts of a region, bool [h, w] with an empty rim: what is left of it once a share of its greatest
    depth is taken off all around, and for each pixel the nearest of these."""
    depth = ndimage.distance_transform_edt(region)
    cores, count = ndimage.label(depth > params.neck * depth.max(), np.ones((3, 3)))
    if count < 2:
        return [region]
    _, (rows, columns) = ndimage.distance_transform_edt(cores == 0, return_indices=True)
    nearest = cores[rows, columns] * region
    return [nearest == number for number in range(1, count + 1)]


def without_fragments(tracks: list[list[dict[int, Region]]], params: Thresholds) -> list[list[dict[int, Region]]]:
    """The tracks of all clips without those that are far smaller than a typical object, such as leaves in the wind."""
    areas = np.array([region.area for clip in tracks for track in clip for region in track.values()], float)
    if not len(areas):
        return tracks
    least = params.fragment * np.quantile(areas, 0.5, weights=np.sqrt(areas), method="inverted_cdf")
    return [[t for t in clip if np.median([region.area for region in t.values()]) >= least] for clip in tracks]


def find_tracks(regions: list[list[Region]], params: Thresholds) -> list[dict[int, Region]]:
    """Regions [T] followed from frame to frame, the nearest first; those that last too short are left out."""
    tracks: list[dict[int, Region]] = []
    for t, here in enumerate(regions):
        open_tracks = [track for track in tracks if t - 1 in track]
        pairs = sorted(
            (np.hypot(region.x - track[t - 1].x, region.y - track[t - 1].y), i, j)
            for i, track in enumerate(open_tracks) for j, region in enumerate(here)
        )
        taken_tracks, taken_regions = set(), set()
        for distance, i, j in pairs:
            reach = max(open_tracks[i][t - 1].side, here[j].side) + 2
            if i in taken_tracks or j in taken_regions or distance > reach:
                continue
            taken_tracks.add(i)
            taken_regions.add(j)
            open_tracks[i][t] = here[j]
        tracks += [{t: region} for j, region in enumerate(here) if j not in taken_regions]
    return [track for track in tracks if len(track) >= min(params.track_frames, len(regions))]


def _outside(difference: Tensor, tracks: list[dict[int, Region]]) -> Tensor:
    """difference [T, C, H, W], 0 within the boxes of the tracks and a pixel around them."""
    free = torch.ones_like(difference[:, :1])
    for track in tracks:
        for t, region in track.items():
            left, top, right, bottom = region.box
            free[t, :, max(0, top - 1):bottom + 1, max(0, left - 1):right + 1] = 0
    return difference * free


def _changing(
    frames: Tensor, background: Tensor, tracks: list[dict[int, Region]], params: Thresholds,
) -> tuple[float, ...]:
    shares = (changing_share(frames, background, track, params) for track in tracks)
    return tuple(share for share in shares if share is not None)


def changing_share(
    frames: Tensor, background: Tensor, track: dict[int, Region], params: Thresholds,
) -> float | None:
    """Share of an object's contrast to the background that its mean picture leaves over, in frames [T, C, H, W], where
    it differs from the background. None where it is always cut off by the frame. Its box is brought to one size first:
    that it comes nearer is no change of looks."""
    whole = {t: region for t, region in track.items() if not region.at_edge}
    if len(whole) < 3:
        return None
    pictures, behind = (
        torch.stack([_picture(images[t], region) for t, region in whole.items()]) for images in (frames, background)
    )
    contrast = (pictures - behind).abs().amax(1, keepdim=True)
    shown = (contrast > params.contrast).float()
    mean = (shown * pictures).sum(0) / shown.sum(0).clamp(min=1)
    left, total = (shown * (pictures - other).square() for other in (mean, behind))
    return min(1.0, float(left.sum() / total.sum().clamp(min=1e-6)))


def _picture(image: Tensor, region: Region) -> Tensor:
    """The box of an image [C, H, W], and a pixel around it, as [C, _PICTURE, _PICTURE]."""
    left, top, right, bottom = region.box
    part = image[:, max(0, top - 1):bottom + 1, max(0, left - 1):right + 1]
    return F.interpolate(part[None], size=(_PICTURE, _PICTURE), mode="bilinear", align_corners=False, antialias=True)[0]
