"""A clip taken apart without learning: background, moving objects, their tracks and pictures.

Deterministic, differentiated nowhere, run once per clip (once per context when forecasting). Three rounds of tracking,
registration of the camera and background estimation (each needs the others: a plain temporal median still contains
whatever moves slowly), then the sprites. Tracks are places in the frame, whatever the camera does.

Legend: B clips, T frames, K slots, C channels, H W frame, H' W' canvas, h w discovery grid, P patch side in samples.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder import sprite_fit
from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.camera import view
from pipeline.autoencoder.clean_background import background_behind, median_background
from pipeline.autoencoder.compositing import uncovered
from pipeline.autoencoder.meetings import keep_identities
from pipeline.autoencoder.pruning import boxes, moves, prune
from pipeline.autoencoder.registration import follow, start, steady
from pipeline.autoencoder.sprite_comparison import compare, drop_parts
from pipeline.autoencoder.sprites import Sprites, draw_masks, normalise
from pipeline.autoencoder.tracking import Tracks, find_tracks, look_coarsely

NUM_ROUNDS = 3
NUM_BLURRED_ROUNDS, NUM_SPRITE_ROUNDS = 3, 9
"""The first sprites see blurred frames: tracks are not exact yet, and thin strokes that lie beside themselves from
frame to frame make no picture."""
STEADY_ROUNDS, NORMALISING_ROUNDS, COMPARING_ROUNDS = (5, 7), (2, 5), (1, 3, 6, 8)
"""Sprite rounds, those with sharp frames counted from 0, in which tracks go straight on where frames say little,
patches are laid around their objects anew, and sprites are judged against one another."""
COMPLETE_ROUND = 6
"""Sprite round from which on pictures lack nothing of their objects."""
SEARCH_MARGIN = 1.75
"""Side of the first patch around a track, in widths of a typical object: generous, the track is not centred yet."""
CLIPS_PER_THREAD = 1


@dataclass(frozen=True)
class Proposals:
    background: Tensor
    """[B, C, H', W'] in [0, 1]: the whole canvas"""
    background_seen: Tensor
    """[B, 1, H', W'] 1 where the background was seen in a frame or more; elsewhere it is filled in"""
    camera: Tensor
    """[B, T, CAMERA] motion and light of each frame"""
    sprites: Sprites

    @staticmethod
    def of(tensors: dict[str, Tensor]) -> "Proposals":
        """The inverse of `tensors`."""
        sprites = Sprites(**{field.name: tensors[field.name] for field in fields(Sprites)})
        return Proposals(**{name: x for name, x in tensors.items() if not hasattr(sprites, name)}, sprites=sprites)

    def tensors(self) -> dict[str, Tensor]:
        """By name; those of the sprites have names of their own."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "sprites"}
        return own | {field.name: getattr(self.sprites, field.name) for field in fields(Sprites)}

    def map(self, change: Callable[[str, Tensor], Tensor]) -> "Proposals":
        """The same with change(name, tensor) for every tensor, those of the sprites too."""
        return Proposals.of({name: change(name, x) for name, x in self.tensors().items()})

    def take(self, clips: Tensor) -> "Proposals":
        """Of some clips alone, by their places in the batch, int [n]."""
        return self.map(lambda _, x: x[clips])


def propose(frames: Tensor, params: ProposalParams) -> Proposals:
    """Takes clips [B, T, C, H, W] in [0, 1] apart.

    On a CPU every core takes a few clips at a time: the operations are small, threads inside each gain little.
    """
    if frames.device.type != "cpu":
        return _propose(frames, params)
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return concatenate(list(pool.map(lambda clips: _propose(clips, params), frames.split(CLIPS_PER_THREAD))))
    finally:
        torch.set_num_threads(num_threads)


def concatenate(parts: list[Proposals]) -> Proposals:
    """Joins proposals along the batch axis."""
    tensors = [part.tensors() for part in parts]
    return Proposals.of({name: torch.cat([named[name] for named in tensors]) for name in tensors[0]})


@torch.no_grad()
def _propose(frames: Tensor, params: ProposalParams) -> Proposals:
    H, W = frames.shape[-2:]
    margin = params.canvas_margin
    camera = start(frames, may_move=margin > 0)
    background = median_background(frames, camera, margin)
    still, hint = frames, None
    for _ in range(NUM_ROUNDS):
        cells = look_coarsely(still, view(background, camera, H, W), params.object_px)
        tracks = find_tracks(cells, params.num_slots, hint)
        roams = moves(tracks, camera, cells.cell_px)
        presence = prune(tracks, cells.moving, roams)
        hint = torch.where(presence[..., None] > 0, tracks.color, torch.nan)
        covered = F.interpolate(boxes(tracks, cells.moving, roams), size=(H, W), mode="bilinear", align_corners=False)
        camera = follow(frames, background, camera, covered)
        still = steady(frames, camera)
        background, _ = background_behind(still, covered, camera, margin)
    tracks = keep_identities(tracks, presence, cells)
    sprites, mask = _start_sprites(tracks, presence, cells.cell_px, frames, params)
    sprites, background, seen = _fit_sprites(still, background, camera, sprites, mask, params.object_px)
    return Proposals(background, seen, camera, sprites.padded(params.num_slots))


def _start_sprites(
    tracks: Tracks, presence: Tensor, cell_px: Tensor, frames: Tensor, params: ProposalParams,
) -> tuple[Sprites, Tensor]:
    """Empty sprites at the tracks and their masks [B, T, k, H, W], for as many slots k as the fullest clip needs; the
    present ones come first."""
    (B, T, C, H, W), P = frames.shape, params.patch_dim
    k = max(1, int(presence.sum(1).max()))
    order = presence.argsort(dim=1, descending=True, stable=True)[:, :k]
    presence = presence.gather(1, order)
    centre = tracks.centre.gather(2, order[:, None, :, None].expand(-1, T, -1, 2)) * cell_px
    index = order[:, None, :, None, None].expand(-1, T, -1, *tracks.responsibility.shape[3:])
    mask = (tracks.responsibility.gather(2, index) * presence[:, None, :, None, None]).flatten(0, 1)
    mask = F.interpolate(mask, size=(H, W), mode="bilinear", align_corners=False)
    sprites = Sprites(
        centre=centre, step=frames.new_full((B, k), SEARCH_MARGIN * params.object_px / P),
        color=frames.new_zeros(B, k, C, P, P), mask=frames.new_zeros(B, k, P, P), seen=frames.new_zeros(B, k, P, P),
        visibility=frames.new_ones(B, T, k), depth=frames.new_zeros(B, k), presence=presence,
    )
    return sprites, F.max_pool2d(mask, 3, stride=1, padding=1).unflatten(0, (B, T))


def _fit_sprites(
    frames: Tensor, background: Tensor, camera: Tensor, sprites: Sprites, mask: Tensor, object_px: float,
) -> tuple[Sprites, Tensor, Tensor]:
    """Pictures, tracks, visibility, depth and background in turn, each given the others; mask [B, T, K, H, W]."""
    H, W = frames.shape[-2:]
    margin = (background.shape[-1] - W) // 2
    behind, moving = view(background, camera, H, W), mask.amax(2)
    blurred = _blur(frames, object_px), _blur(behind, object_px)
    for sprite_round in range(-NUM_BLURRED_ROUNDS, NUM_SPRITE_ROUNDS):
        shown = blurred if sprite_round < 0 else (frames, behind)
        patches = sprite_fit.look(*shown, uncovered(mask, sprites.depth), sprites)
        sprites = sprite_fit.fit_picture(patches, sprites)
        if sprite_round > 0:
            sprites = sprite_fit.fit_visibility(patches, sprites)
        # not at first: a blurred picture says little of any frame, and straight lines cut corners
        sprites = sprite_fit.refine_track(patches, sprites, steadily=sprite_round in STEADY_ROUNDS)
        if sprite_round in NORMALISING_ROUNDS:
            sprites = normalise(sprites)
        mask = draw_masks(sprites, H, W)
        if sprite_round in COMPARING_ROUNDS:
            sprites = compare(frames, behind, drop_parts(sprites), mask)
            mask = mask * (sprites.presence > 0)[:, None, :, None, None]
            covered = F.max_pool2d(mask.amax(2), 3, stride=1, padding=1)
            if sprite_round < COMPLETE_ROUND:  # what a picture still lacks must not end in the background
                covered = torch.maximum(covered, moving)
            background, seen = background_behind(frames, covered, camera, margin)
            behind = view(background, camera, H, W)
    return sprites, background, seen


def _blur(images: Tensor, object_px: float) -> Tensor:
    """Means [B, T, C, H, W] over squares, whose sides are a quarter of a typical object's and more."""
    reach = round(object_px / 8)
    mean = F.avg_pool2d(images.flatten(0, 1), 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
    return mean.unflatten(0, images.shape[:2])
