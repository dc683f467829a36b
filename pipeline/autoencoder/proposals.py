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

from pipeline.autoencoder import sprites as sprite_fit
from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.camera import lay_out, view
from pipeline.autoencoder.compositing import uncovered
from pipeline.autoencoder.meetings import keep_identities
from pipeline.autoencoder.registration import follow, start, steady
from pipeline.autoencoder.sprites import Sprites
from pipeline.autoencoder.tracking import Tracks, find_tracks, look_coarsely
from pipeline.latents import camera_code

NUM_ROUNDS = 3
NUM_BLURRED_STEPS, NUM_SPRITE_STEPS = 3, 9
"""The first sprites see blurred frames: tracks are not exact yet, and thin strokes that lie beside themselves from frame to
frame make no picture."""
SEARCH_MARGIN = 1.75
"""Side of the first patch around a track, in widths of a typical object: generous, the track is not centred yet."""
BUSY = 0.6
"""An object's evidence is judged by this quantile over the frames: it may hide or rest in most of them."""
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

    def map(self, change: Callable[[str, Tensor], Tensor]) -> "Proposals":
        """The same with change(name, tensor) for every tensor, those of the sprites too."""
        sprites = Sprites(**{f.name: change(f.name, getattr(self.sprites, f.name)) for f in fields(Sprites)})
        own = {f.name: change(f.name, getattr(self, f.name)) for f in fields(self) if f.name != "sprites"}
        return Proposals(**own, sprites=sprites)


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
    tensors: dict[str, list[Tensor]] = {}
    for part in parts:
        part.map(lambda name, tensor: tensors.setdefault(name, []).append(tensor))
    return parts[0].map(lambda name, _: torch.cat(tensors[name]))


@torch.no_grad()
def _propose(frames: Tensor, params: ProposalParams) -> Proposals:
    H, W = frames.shape[-2:]
    background, camera = _start_background(frames, params.canvas_margin)
    still, hint = frames, None
    for _ in range(NUM_ROUNDS):
        cells = look_coarsely(still, view(background, camera, H, W), params.object_px)
        tracks = find_tracks(cells, params.num_slots, hint)
        roams = moves(tracks, camera, cells.step)
        presence = prune(tracks, cells.moving, roams)
        hint = torch.where(presence[..., None] > 0, tracks.color, torch.nan)
        covered = F.interpolate(boxes(tracks, cells.moving, roams), size=(H, W), mode="bilinear", align_corners=False)
        camera = follow(frames, background, camera, covered)
        still = steady(frames, camera)
        background, _ = _background_behind(still, covered, camera, params.canvas_margin)
    tracks = keep_identities(tracks, presence, cells)
    sprites, covered = _start_sprites(tracks, presence, cells.step, frames, params)
    sprites, background, seen = _fit_sprites(still, background, camera, sprites, covered, params.object_px)
    return Proposals(background, seen, camera, _pad(sprites, params.num_slots))


def _start_background(frames: Tensor, margin: int) -> tuple[Tensor, Tensor]:
    """Temporal median [B, C, H', W'] of the frames, each where it lies, and the camera [B, T, CAMERA] under even light."""
    camera = start(frames, may_move=margin > 0)
    if margin == 0:
        return frames.median(1).values, camera
    laid = lay_out(torch.cat([frames, torch.ones_like(frames[:, :, :1])], 2), camera, margin)
    median = torch.where(laid[:, :, -1:] > 0.5, laid[:, :, :-1], torch.nan).nanmedian(1).values
    known = (~median[:, :1].isnan()).to(frames)
    return _fill(median.nan_to_num(), known), camera


def _background_behind(steady: Tensor, covered: Tensor, camera: Tensor, margin: int) -> tuple[Tensor, Tensor]:
    """`estimate_background` on the canvas."""
    if margin:
        laid = lay_out(torch.cat([steady, 1 - covered[:, :, None]], 2), camera, margin)
        steady, covered = laid[:, :, :-1], 1 - laid[:, :, -1]
    return estimate_background(steady, covered)


def boxes(tracks: Tracks, moving: Tensor, roams: Tensor) -> Tensor:
    """Soft boxes [B, T, h, w] around whatever moves: they also cover an object's inside, which may look like
    background yet. roams [B, K]: which tracks lead anywhere."""
    h, w = moving.shape[-2:]
    y, x = torch.arange(h, device=moving.device) + 0.5, torch.arange(w, device=moving.device) + 0.5
    weight = tracks.responsibility * moving[:, :, None] + 1e-6
    mass = weight.sum((3, 4))
    def reach(profile: Tensor, places: Tensor, centre: Tensor) -> Tensor:
        variance = (profile * (places - centre[..., None]).square()).sum(-1) / mass
        radius = (1.9 * variance.mean(1, keepdim=True).sqrt() + 1.0).clamp(2.5, 8.0)
        return torch.sigmoid(3 * (radius[..., None] - (places - centre[..., None]).abs()))
    inside_x = reach(weight.sum(3), x, tracks.centre[..., 0])
    inside_y = reach(weight.sum(4), y, tracks.centre[..., 1])
    # what rests is not boxed: it may be the hole that an object left in the background where it stood for long
    there = ((mass.quantile(BUSY, dim=1) > 1.0) & roams).float()[:, None, :, None, None]
    return (there * inside_y[..., :, None] * inside_x[..., None, :]).amax(2)


def prune(tracks: Tracks, moving: Tensor, roams: Tensor) -> Tensor:
    """Presence [B, K] (0 or 1): drops slots with too little evidence, at rest (not `roams` [B, K]), or a part or a double of
    a bigger one."""
    mass = (tracks.responsibility * moving[:, :, None]).sum((3, 4))
    bulk = mass.quantile(BUSY, dim=1)
    presence = (bulk > 2.0) & roams
    slots = range(bulk.shape[1])
    for k in slots:
        for other in slots:
            if other != k:
                apart = tracks.centre[:, :, k] - tracks.centre[:, :, other]
                distance = apart.square().sum(-1).sqrt().median(1).values
                rigid = apart.std(1).amax(-1) < 0.5
                double = (distance < 2.0) | (rigid & (distance < 7.0))
                presence[:, k] &= ~(double & presence[:, other] & (bulk[:, k] < bulk[:, other]))
    return presence.float()


def moves(tracks: Tracks, camera: Tensor, step: Tensor) -> Tensor:
    """[B, K] whether a track leads anywhere over the background, whose motion is that of camera [B, T, CAMERA]; step [2]:
    px per cell."""
    h, w = tracks.responsibility.shape[-2:]
    camera = camera[:, :, None]
    middle = tracks.centre.new_tensor([w, h]) / 2
    zoomed = (tracks.centre - middle) * torch.exp(-camera_code.log_zoom(camera))[..., None]
    place = zoomed + middle + camera_code.place(camera) / step
    spread = place.quantile(0.95, dim=1) - place.quantile(0.05, dim=1)
    return spread.amax(-1) > 0.75


def estimate_background(frames: Tensor, covered: Tensor) -> Tensor:
    """Robust mean [B, C, H, W] of the frames where nothing covers them (covered [B, T, H, W] in [0, 1]); fills the
    rest."""
    weight = (1 - covered).clamp(0, 1).square()[:, :, None]
    known = weight.sum(1).clamp(max=1)
    background = (weight * frames).sum(1) / weight.sum(1).clamp(min=1e-6)
    for scale in (0.2, 0.08, 0.04):
        trust = weight / (1 + (frames - background[:, None]).square().mean(2, keepdim=True) / scale**2)
        background = (trust * frames).sum(1) / trust.sum(1).clamp(min=1e-6)
    return _fill(background, known), known


def _fill(image: Tensor, known: Tensor) -> Tensor:
    """Replaces what is not known [B, 1, H, W] by ever wider averages of what is (push and pull)."""
    pushed = [(image * known, known)]
    while min(pushed[-1][0].shape[-2:]) > 1:
        pushed.append(tuple(F.avg_pool2d(x, 2, ceil_mode=True) for x in pushed[-1]))
    color, weight = pushed[-1]
    filled = color / weight.clamp(min=1e-6)
    for color, weight in reversed(pushed[:-1]):
        coarse = F.interpolate(filled, size=color.shape[-2:], mode="bilinear", align_corners=False)
        share = (4 * weight).clamp(max=1)
        filled = share * color / weight.clamp(min=1e-6) + (1 - share) * coarse
    return known * image + (1 - known) * filled


def _start_sprites(tracks: Tracks, presence: Tensor, step: Tensor, frames: Tensor,
                   params: ProposalParams) -> tuple[Sprites, Tensor]:
    """Empty sprites at the tracks and their places [B, T, k, H, W], for as many slots k as the fullest clip needs; the
    present ones come first."""
    (B, T, C, H, W), P = frames.shape, params.patch_dim
    k = max(1, int(presence.sum(1).max()))
    order = presence.argsort(dim=1, descending=True, stable=True)[:, :k]
    presence = presence.gather(1, order)
    centre = tracks.centre.gather(2, order[:, None, :, None].expand(-1, T, -1, 2)) * step
    places = tracks.responsibility.gather(2, order[:, None, :, None, None].expand(-1, T, -1, *tracks.responsibility.shape[3:]))
    places = (places * presence[:, None, :, None, None]).flatten(0, 1)
    places = F.interpolate(places, size=(H, W), mode="bilinear", align_corners=False)
    sprites = Sprites(
        centre=centre, step=frames.new_full((B, k), SEARCH_MARGIN * params.object_px / P),
        color=frames.new_zeros(B, k, C, P, P), alpha=frames.new_zeros(B, k, P, P), seen=frames.new_zeros(B, k, P, P),
        visibility=frames.new_ones(B, T, k), depth=frames.new_zeros(B, k), presence=presence,
    )
    return sprites, F.max_pool2d(places, 3, stride=1, padding=1).unflatten(0, (B, T))


def _fit_sprites(frames: Tensor, background: Tensor, camera: Tensor, sprites: Sprites,
                 mask: Tensor, object_px: int) -> tuple[Sprites, Tensor, Tensor]:
    """Pictures, tracks, visibility, depth and background in turn, each given the others."""
    H, W = frames.shape[-2:]
    margin = (background.shape[-1] - W) // 2
    behind, moving = view(background, camera, H, W), mask.amax(2)
    for step in range(-NUM_BLURRED_STEPS, NUM_SPRITE_STEPS):
        free = uncovered(mask, sprites.depth)
        images = frames, behind.expand_as(frames)
        if step < 0:
            images = (_blur(image, object_px) for image in images)
        seen = sprite_fit.look(*images, free, sprites)
        sprites = sprite_fit.fit_picture(seen, sprites)
        if step > 0:
            sprites = sprite_fit.fit_visibility(seen, sprites)
        # not at first: a blurred picture says little of any frame, and straight lines cut corners
        sprites = sprite_fit.refine_track(seen, sprites, steadily=step in (5, 7))
        if step in (2, 5):
            sprites = sprite_fit.normalise(sprites)
        mask = sprite_fit.masks(sprites, H, W)
        if step in (1, 3, 6, 8):
            sprites = sprite_fit.drop_parts(sprites)
            sprites = sprite_fit.compare(frames, behind, sprites, mask)
            mask = mask * (sprites.presence > 0)[:, None, :, None, None]
            covered = F.max_pool2d(mask.amax(2), 3, stride=1, padding=1)
            if step < 6:  # what a picture still lacks must not end in the background
                covered = torch.maximum(covered, moving)
            background, known = _background_behind(frames, covered, camera, margin)
            behind = view(background, camera, H, W)
    return sprites, background, known


def _blur(images: Tensor, object_px: int) -> Tensor:
    """Means [B, T, C, H, W] over squares, whose sides are a quarter of a typical object's and more."""
    reach = round(object_px / 8)
    mean = F.avg_pool2d(images.flatten(0, 1), 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
    return mean.unflatten(0, images.shape[:2])


def _pad(sprites: Sprites, num_slots: int) -> Sprites:
    """Appends empty slots (no presence, copies of the first track) up to num_slots."""
    k = sprites.presence.shape[1]
    index = torch.arange(num_slots, device=sprites.presence.device)
    index = torch.where(index < k, index, 0)
    fitted = (torch.arange(num_slots, device=index.device) < k).to(sprites.presence)
    return Sprites(
        centre=sprites.centre[:, :, index], step=sprites.step[:, index], color=sprites.color[:, index],
        alpha=sprites.alpha[:, index], seen=sprites.seen[:, index], visibility=sprites.visibility[:, :, index] * fitted,
        depth=sprites.depth[:, index] * fitted, presence=sprites.presence[:, index] * fitted,
    )
