"""A clip taken apart without learning: background, moving objects, their tracks and pictures.

Deterministic, without gradients, run once per clip (once per context when forecasting). First come three rounds of
tracking, registration of the camera and background estimation, since each needs the others: a plain temporal median
still contains whatever moves slowly. Then come the sprites. Tracks are places in the frame, whatever the camera does.

Legend: B clips, T frames, K slots, C channels, H W frame, H' W' canvas, h w discovery grid, P patch side in samples.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder import sprite_fit
from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.camera import view
from pipeline.autoencoder.clean_background import background_behind, median_background
from pipeline.autoencoder.compositing import uncovered
from pipeline.autoencoder.discovery_params import DISCOVERY, DiscoveryParams
from pipeline.autoencoder.known_scenes import Scene, recognise
from pipeline.autoencoder.meetings import keep_identities
from pipeline.autoencoder.pruning import before, boxes, moves, prune
from pipeline.autoencoder.registration import follow, start, steady
from pipeline.autoencoder.sprite_comparison import compare, drop_parts
from pipeline.autoencoder.sprite_params import ScheduleParams
from pipeline.autoencoder.sprite_search import search
from pipeline.autoencoder.sprite_shape import find_shapes
from pipeline.autoencoder.sprites import (
    Sprites,
    masks_within,
    normalise,
    present_slots,
    resampled,
    take_slots,
)
from pipeline.autoencoder.tracking import Tracks, find_tracks, look_coarsely
from pipeline.autoencoder.windows import Windows, around_patches

CLIPS_PER_THREAD = 1
PICTURES = ("background", "background_seen", "color", "mask", "seen")
"""Fields that are rounded to half precision, so that they can be stored in it: it tells 1/2048 apart, a video 1/255."""


@dataclass(frozen=True)
class Proposals:
    background: Tensor
    """[B, C, H', W'] in [0, 1]: the whole canvas"""
    background_seen: Tensor
    """[B, 1, H', W'] in [0, 1]: 1 where the background was seen in one frame or more; where 0 it is filled in"""
    camera: Tensor
    """[B, T, CAMERA] motion and light of each frame"""
    sprites: Sprites

    @staticmethod
    def of(tensors: dict[str, Tensor]) -> "Proposals":
        """The inverse of `tensors`."""
        sprites = Sprites(**{field.name: tensors[field.name] for field in fields(Sprites)})
        return Proposals(**{name: x for name, x in tensors.items() if not hasattr(sprites, name)}, sprites=sprites)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, those of the sprites too, whose names differ from the others."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "sprites"}
        return own | {field.name: getattr(self.sprites, field.name) for field in fields(Sprites)}

    def map(self, change: Callable[[str, Tensor], Tensor]) -> "Proposals":
        """The same with change(name, tensor) for every tensor, those of the sprites too."""
        return Proposals.of({name: change(name, x) for name, x in self.tensors().items()})

    def take(self, clips: Tensor) -> "Proposals":
        """The proposals of some clips alone; clips, int [n]: their places in the batch."""
        return self.map(lambda _, x: x[clips])


def propose(
    frames: Tensor, params: ProposalParams, scenes: Tensor | None = None, discovery: DiscoveryParams = DISCOVERY,
) -> Proposals:
    """Takes clips [B, T, C, H, W] in [0, 1] apart; scenes [S, C + 1, H, W]: backgrounds from training clips, the last
    channel 1 where they are known, else 0.

    On a CPU every core takes one clip at a time: the operations are small, and several threads for one clip gain
    little.
    """
    known = frames.new_empty(0) if scenes is None else scenes
    if frames.device.type != "cpu":
        return _propose(frames, params, known, discovery)
    def apart(clips: Tensor) -> Proposals:
        return _propose(clips, params, known, discovery)
    num_threads, clips = torch.get_num_threads(), frames.split(CLIPS_PER_THREAD)
    torch.set_num_threads(1)
    try:
        if num_threads == 1 or len(clips) == 1:  # in this thread, whose memory is kept at less cost
            return concatenate([apart(clip) for clip in clips])
        with ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return concatenate(list(pool.map(apart, clips)))
    finally:
        torch.set_num_threads(num_threads)


def concatenate(parts: list[Proposals]) -> Proposals:
    """Joins proposals along the batch axis."""
    tensors = [part.tensors() for part in parts]
    return Proposals.of({name: torch.cat([named[name] for named in tensors]) for name in tensors[0]})


@torch.no_grad()
def _propose(frames: Tensor, params: ProposalParams, scenes: Tensor, discovery: DiscoveryParams) -> Proposals:
    H, W = frames.shape[-2:]
    margin = params.canvas_margin
    camera = start(frames, margin > 0, discovery.camera)
    background = median_background(frames, camera, margin, discovery.background)
    scene = recognise(scenes, background, discovery.scenes)
    background = scene.complete(background, discovery.scenes)
    still, hint = frames, None
    for _ in range(discovery.schedule.num_rounds):
        cells = look_coarsely(still, view(background, camera, H, W), params.object_px, discovery.evidence)
        tracks = find_tracks(cells, params.num_slots, hint, discovery.tracking, discovery.extent)
        roams = moves(tracks, cells, camera, discovery.pruning)
        # before an unknown background, what rests may be no object but the hole that one left where it stood for long
        counts = roams | before(scene.certain, tracks, cells)
        presence = prune(tracks, cells, roams, counts, discovery.pruning)
        hint = torch.where(presence[..., None] > 0, tracks.color, torch.nan)
        covered = boxes(tracks, cells, counts, discovery.pruning)
        covered = F.interpolate(covered, size=(H, W), mode="bilinear", align_corners=False)
        camera = follow(frames, background, camera, covered, discovery.camera)
        still = steady(frames, camera)
        background, _ = background_behind(still, covered, camera, margin, discovery.background)
        background = scene.complete(background, discovery.scenes)
    slots = present_slots(presence)
    tracks, presence = tracks.take(slots), take_slots(presence, slots, 1)
    tracks = keep_identities(tracks, presence, cells, discovery.meetings)
    sprites, owned = _start_sprites(tracks, presence, cells.cell_px, frames, params, discovery.schedule)
    sprites, background, seen = _fit_sprites(
        still, background, scene, camera, sprites, owned, params, discovery
    )
    found = Proposals(background, seen, camera, sprites.padded(params.num_slots))
    return found.map(lambda name, x: x.half().float() if name in PICTURES else x)


def _start_sprites(
    tracks: Tracks, presence: Tensor, cell_px: Tensor, frames: Tensor, params: ProposalParams, schedule: ScheduleParams,
) -> tuple[Sprites, Tensor]:
    """Empty sprites at the tracks, and the probability [B, T, K, H, W] that a pixel shows each of them."""
    (B, T, C, H, W), P, K = frames.shape, min(params.patch_dim, schedule.coarse_dim), presence.shape[1]
    owned = (tracks.responsibility * presence[:, None, :, None, None]).flatten(0, 1)
    owned = F.interpolate(owned, size=(H, W), mode="bilinear", align_corners=False)
    sprites = Sprites(
        centre=tracks.centre * cell_px, step=tracks.size * schedule.search_margin * params.object_px / P,
        color=frames.new_zeros(B, K, C, P, P), mask=frames.new_zeros(B, K, P, P), seen=frames.new_zeros(B, K, P, P),
        shape=frames.new_zeros(B, T, K, 3), visibility=frames.new_ones(B, T, K), depth=frames.new_zeros(B, K),
        presence=presence,
    )
    return sprites, owned.unflatten(0, (B, T))


def _fit_sprites(
    frames: Tensor, background: Tensor, scene: Scene, camera: Tensor, sprites: Sprites, owned: Tensor,
    params: ProposalParams, discovery: DiscoveryParams,
) -> tuple[Sprites, Tensor, Tensor]:
    """Pictures, tracks, visibility, depth and background in turn, each given the others; owned [B, T, K, H, W]: the
    probability that a pixel shows each slot's object, from the tracks. Returns the sprites, the background, and where
    it was seen."""
    H, W = frames.shape[-2:]
    margin = (background.shape[-1] - W) // 2
    behind, moving = view(background, camera, H, W), _grown(owned.amax(2), discovery.schedule.cover_px)
    reach = round(discovery.schedule.blur * params.object_px)
    blurred = _blur(frames, reach), _blur(behind, reach)
    windows = around_patches(sprites.matrix, sprites.patch_dim, H, W)
    mask = _grown(windows.crop_own(owned), discovery.schedule.cover_px)
    turns = None
    for step in discovery.schedule.fit:
        if step.fine:
            sprites = resampled(sprites, params.patch_dim)
        shown = blurred if step.blurred else (frames, behind)
        free = uncovered(windows, mask, sprites.depth)
        if scene.known.any():
            # Before a known background only the pixels of their tracks tell neighbours apart that rest or move alike.
            # Before an unknown one they are not asked: two tracks on one object would share it.
            certain = windows.crop(scene.certain[:, None])[:, :, :, 0]
            claimed = _claimed_by_others(owned, sprites.presence, windows, discovery.schedule.claim_slope)
            free = torch.minimum(free, 1 - certain * claimed)
        if step.turns:
            look = partial(sprite_fit.look, *shown, free, windows=windows)
            sprites, patches, turns = find_shapes(look, sprites, discovery.sprites)
        else:
            patches = sprite_fit.look(*shown, free, sprites, windows)
            sprites = sprite_fit.fit_picture(patches, sprites, discovery.sprites)
        if step.visibility:
            sprites = sprite_fit.fit_visibility(patches, sprites, discovery.sprites)
        sprites = sprite_fit.refine_track(patches, sprites, step.steadily, turns, discovery.sprites)
        if step.search:
            sprites = search(frames, behind, sprites, params.object_px, discovery.search)
        if step.normalise:
            sprites = normalise(sprites, discovery.sprites)
        windows = around_patches(sprites.matrix, sprites.patch_dim, H, W)
        if step.compare:
            sprites = drop_parts(sprites, params.object_px, discovery.comparison)
            sprites = compare(frames, behind, sprites, windows, params.object_px, discovery.comparison)
            if not sprites.presence.all():
                slots = present_slots(sprites.presence)
                sprites, owned = sprites.take(slots), take_slots(owned, slots, 2)
                turns = None if turns is None else take_slots(turns, slots, 1)
                windows = around_patches(sprites.matrix, sprites.patch_dim, H, W)
        mask = masks_within(sprites, windows)
        if step.compare:
            covered = _grown(windows.greatest(mask), discovery.schedule.cover_px)
            if not step.complete:  # what a picture still lacks must not end up in the background
                covered = torch.maximum(covered, moving)
            background, seen = background_behind(frames, covered, camera, margin, discovery.background)
            background = scene.complete(background, discovery.scenes)
            seen = torch.maximum(seen, scene.certain)
            behind = view(background, camera, H, W)
    return sprites, background, seen


def _claimed_by_others(owned: Tensor, presence: Tensor, windows: Windows, slope: float) -> Tensor:
    """How surely a pixel of a slot's window belongs to other slots with an object rather than to this one,
    [B, T, K, h, w] in [0, 1]; owned [B, T, K, H, W]: probability that it is each slot's; presence [B, K]; slope:
    `claim_slope`. The little that is left of a neighbour's pixels, if left in every frame, would make a picture of the
    neighbour."""
    together = windows.crop(torch.einsum("btkhw,bk->bthw", owned, presence)[:, :, None])[:, :, :, 0]
    own = windows.crop_own(owned) * presence[:, None, :, None, None]
    return (slope * (together - 2 * own)).clamp(0, 1)


def _grown(mask: Tensor, by_px: int) -> Tensor:
    """mask [..., H, W], at least 0, grown by `by_px` px to all sides: a maximum along one axis, then along the other,
    in a quarter of the time that max_pool2d takes."""
    for axis in (-2, -1):
        side = mask.shape[axis]
        padded = F.pad(mask, (by_px, by_px) if axis == -1 else (0, 0, by_px, by_px))
        for first in range(2 * by_px + 1):
            mask = torch.maximum(mask, padded.narrow(axis, first, side))
    return mask


def _blur(images: Tensor, reach: int) -> Tensor:
    """Means [B, T, C, H, W] over squares that reach so many px to either side, as far as the frame goes: a product of
    matrices, one per axis, in a tenth of the time that avg_pool2d takes over squares of 25 px."""
    def means(side: int) -> Tensor:
        places = torch.arange(side, device=images.device)
        near = ((places[:, None] - places).abs() <= reach).to(images)
        return near / near.sum(1, keepdim=True)
    H, W = images.shape[-2:]
    return means(H) @ images @ means(W).T
