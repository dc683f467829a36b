"""How unlikely is what came? Negative log-likelihoods, by frame, object and kind, of frames that follow a context,
under the forecast from that context alone.

pose        an object is found where it was not forecast: -log of the mixture's density there, less what that is on
            average if the forecast is right, so that an unsure forecast does not surprise by itself, nats
appearance  an object does not look as it did: squared difference to its picture, in variances of the context, where
            what shows instead is not familiar, nats
vanished    the background shows where an object was forecast to be in view, nats
new         something shows that neither background nor a forecast object explains, nor is familiar, wherever that is
            most, in variances of what the context left over there, nats
scene       background and light, at the median pixel beside the objects, in variances of the context, nats

Familiar is what frames of the context show as well, anywhere (`pipeline.surprise.familiar`): an object that was not
found in the context is not new when it moves, and one that crosses another does not change that one's looks.

Nats of the last four are per number, so that large objects do not surprise by their size. What each is worth only the
validation clips can say, see `pipeline.surprise.calibration`.

Legend: T context frames, h frames that came, K slots, M modes, C channels, H W px.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.autoencoder.camera import shown, view
from pipeline.autoencoder.layer_pictures import REMAINDER, Pictures
from pipeline.autoencoder.registration import estimate_light, register, steady
from pipeline.forecasting.forecaster import Forecaster
from pipeline.forecasting.scene import Scene
from pipeline.frames.pixels import to_unit
from pipeline.latents import camera_code
from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents
from pipeline.predictor.block import Block
from pipeline.surprise.familiar import unfamiliar
from pipeline.surprise.finding import Found, find
from pipeline.surprise.places import expected_surprise, situations, surprise_of_place
from pipeline.thresholds import PRESENT

OF_OBJECTS = ("pose", "appearance", "vanished")
OF_FRAMES = ("new", "scene")
KINDS = (*OF_OBJECTS, *OF_FRAMES)

_NOISE = 0.012
"""Grey levels (of 1) by which any frame differs from its picture: 3 steps of 8 bits."""
_NEW_SHARE = 0.5
"""Of the width of a typical object: side of the square in which something new has to show."""
LASTS = 2
"""Frames after a frame in which objects must surprise as much by where they are, before it is believed."""
LASTING = ("pose", "vanished", "new")
"""Kinds of which that is asked: an object that turned or went stays so, a track that slipped comes back. Looks and
light may flash."""


@dataclass(frozen=True)
class Scores:
    """What surprises in h frames, nats; NaN where nothing can be said."""

    of_objects: dict[str, np.ndarray]
    """By kind of OF_OBJECTS: float [h, K]"""
    of_frames: dict[str, np.ndarray]
    """By kind of OF_FRAMES: float [h]"""
    box: np.ndarray
    """float [h, K, 4]: left, top, right, bottom of an object, px"""
    new_box: np.ndarray
    """float [h, 4]: of what is new"""
    before: np.ndarray
    """float [K, 2]: where objects are in the last frame of the context, px; NaN: there is none"""
    situation: np.ndarray
    """int [h, K]: index into `pipeline.surprise.places.SITUATIONS`; 0 where there is no object"""

    @property
    def num_frames(self) -> int:
        return len(self.new_box)

    def by_kind(self) -> dict[str, np.ndarray]:
        """Float [h, K] or [h], by kind in the order of KINDS."""
        return {**self.of_objects, **self.of_frames}

    def most(self, kind: str) -> np.ndarray:
        """Of every frame the most that any of its objects surprises by: float [h]; -inf where nothing is said."""
        values = np.nan_to_num(self.by_kind()[kind], nan=-np.inf)
        return values if kind in OF_FRAMES else values.max(1, initial=-np.inf)

    def lasting(self, frames: int, later: bool) -> "Scores":
        """What surprises in a frame and, by where things are, in each of so many after it: of LASTING the least of
        them, -inf where an object was not found again. later: another window tells more of the last `frames` ones, of
        which nothing is said here."""
        def least(values: np.ndarray) -> np.ndarray:
            known, found = np.nan_to_num(values, nan=-np.inf), values.copy()
            for after in range(1, min(frames, len(values) - 1) + 1):
                found[:-after] = np.minimum(found[:-after], known[after:])
            if later:
                found[len(values) - frames:] = np.nan
            return found

        def changed(kinds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {kind: least(values) if kind in LASTING else values for kind, values in kinds.items()}

        return replace(self, of_objects=changed(self.of_objects), of_frames=changed(self.of_frames))


@torch.inference_mode()
def score_windows(forecaster: Forecaster, windows: list[np.ndarray]) -> list[Scores]:
    """Scores what comes after the context in each window, uint8 [T + h, H, W, C] with T = context_frames and h of one
    to the horizon that the predictor was trained for."""
    given = forecaster.context_frames
    scenes = forecaster.look(np.stack([window[:given] for window in windows]))
    return [score(forecaster, scene, window) for scene, window in zip(scenes, windows, strict=True)]


def score(forecaster: Forecaster, scene: Scene, window: np.ndarray) -> Scores:
    """Scores one window, whose context shows `scene`."""
    model, num_frames = forecaster.autoencoder, len(window) - forecaster.context_frames
    pictures = scene.pictures or model.decode_pictures(scene.latents)
    block = forecaster.predictor(scene.latents)
    block = forecaster.predictor.restrained(scene.latents, block)
    latents = _as_pictured(likeliest(scene.latents, block, num_frames), pictures)
    frames = to_unit(window)[None].to(latents.pose)
    drawn = model.decode(latents, pictures)
    covered = drawn.alpha.sum(2).clamp(0, 1)
    given, seen = (slice(0, forecaster.context_frames), slice(forecaster.context_frames, None))
    before = (frames - drawn.frames)[0, given]
    surprise_of_scene = _of_scene(frames[0], latents, pictures, covered[0], given, seen)
    camera = _camera(frames, latents, pictures, covered, given)
    behind = view(pictures.background, camera, *frames.shape[-2:]).expand_as(frames)[0, seen]
    still = steady(frames, camera)[0]
    slots = (latents.presence[0] > PRESENT).nonzero()[:, 0]
    noise = before.square().mean(1)  # [T, H, W]
    found = _find(model, block, latents, pictures, slots, still[seen], behind)
    error, usual = found.left.square().mean(1), _around(noise.mean(0)[None], forecaster.object_px)[0] + _NOISE**2
    strange = error * unfamiliar(still[seen], still[given], error, usual, forecaster.object_px)
    kinds = _of_objects(block, found, slots, noise, drawn.alpha[0, given][:, slots], error, strange)
    never_seen = covered[0, given].amin(0) > 0.5
    new, new_box = _of_new(found, strange, usual, never_seen, forecaster.object_px)
    K = latents.presence.shape[1]
    reach = forecaster.object_px * poses.scale(latents.pose[0, seen])[:, slots, None] / 2
    box = torch.cat([found.place - reach, found.place + reach], -1)
    near = situations(latents.pose[0][:, slots], given.stop, LASTS, forecaster.object_px, *frames.shape[-2:])
    situation = np.zeros((num_frames, K), int)
    situation[:, slots.cpu().numpy()] = near.cpu().numpy()
    return Scores(
        {kind: told(in_slots(values, slots, K)) for kind, values in kinds.items()},
        {"new": told(new.cpu().numpy()), "scene": told(surprise_of_scene.cpu().numpy())}, in_slots(box, slots, K),
        new_box.cpu().numpy(), in_slots(poses.place(latents.pose[:, given.stop - 1, slots]), slots, K)[0], situation,
    )


def likeliest(context: Latents, block: Block, num_frames: int) -> Latents:
    """The context and what most likely follows it: each object on its likeliest mode, other codes at their means."""
    mode = block.mode_logits.argmax(-1)[..., None, None, None]
    moving = torch.take_along_dim(block.moving, mode, 2)[:, :, 0]
    visibility = torch.take_along_dim(block.visibility_logits, mode[..., 0], 2)[:, :, 0].sigmoid()
    codes = {"pose": torch.cat([moving, visibility[..., None]], -1).transpose(1, 2)}
    for name, mean in block.means.items():
        codes[name] = mean.transpose(1, 2) if mean.dim() == 4 else mean
    return context.append(**{name: code[:, :num_frames] for name, code in codes.items()})


def _as_pictured(latents: Latents, pictures: Pictures) -> Latents:
    """Latents that add nothing to the pictures."""
    for name in REMAINDER:
        code, shows = latents.codes[name], getattr(pictures, name)
        latents = latents.replace(**{name: torch.zeros_like(code) if shows is None else shows[:, None].expand_as(code)})
    return latents


def _of_scene(
    frames: Tensor, latents: Latents, pictures: Pictures, covered: Tensor, given: slice, seen: slice,
) -> Tensor:
    """[h] for frames [T + h, C, H, W]."""
    lit = shown(pictures.background, latents.camera, *frames.shape[-2:])[0]
    error = (frames - lit).square().mean(1)
    error = torch.where(covered > 0.5, torch.nan, error).flatten(1).nanmedian(1).values.nan_to_num(0)
    return error[seen] / (2 * (error[given].mean() + _NOISE**2))


def _camera(frames: Tensor, latents: Latents, pictures: Pictures, covered: Tensor, given: slice) -> Tensor:
    """The camera [1, T + h, CAMERA] as the frames [1, T + h, C, H, W] show it, where the context's holds."""
    motion = camera_code.motion(latents.camera)
    if (motion != 0).any():
        found = register(steady(frames, latents.camera), pictures.background, motion, 1 - covered)
        motion = torch.cat([motion[:, given], found[:, given.stop:]], 1)
    expected = view(pictures.background, motion, *frames.shape[-2:])
    light = estimate_light(frames, expected, covered)
    # counted from the context's light, in which its layers lie
    gain, brightness = (part / part[:, given].mean() if i == 0 else part - part[:, given].mean()
                        for i, part in enumerate(light.unbind(-1)))
    return camera_code.assemble(motion, torch.stack([gain, brightness], -1))


def _find(
    model: Autoencoder, block: Block, latents: Latents, pictures: Pictures, slots: Tensor, frames: Tensor,
    behind: Tensor,
) -> Found:
    h, (H, W) = len(frames), frames.shape[-2:]
    pose = latents.pose[0, -h:, slots]
    matrices = poses.matrix_of(pose, pictures.objects.shape[-1], model.patch_px)
    x, y = (torch.arange(side, device=frames.device) + 0.5 for side in (W, H))
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).flatten(0, 1)  # [H W, 2]
    density = -surprise_of_place(block, grid[None, None].expand(h, len(slots), -1, -1), slots)
    objects = pictures.objects[0, slots].expand(h, -1, -1, -1, -1)
    return find(frames, behind, objects, matrices, latents.depth[0, slots], density.unflatten(-1, (H, W)),
                poses.place(pose))


def _of_objects(
    block: Block, found: Found, slots: Tensor, noise: Tensor, alpha: Tensor, error: Tensor, strange: Tensor,
) -> dict[str, Tensor]:
    """By kind [h, n], of n objects; noise [T, H, W] is the squared error of the context's frames, in which the objects
    show alpha [T, n, H, W]; error [h, H, W] that of the frames that came, of which `strange` is not familiar."""
    weight = alpha.sum((0, 2, 3)) + 1e-6
    usual = torch.einsum("tnhw,thw->n", alpha, noise) / weight + _NOISE**2
    strange, error = (torch.einsum("hnyx,hyx->hn", found.alpha, of_frames) for of_frames in (strange, error))
    share = strange / (error + 1e-9)
    return {
        "pose": of_pose(block, found.place, slots).where(found.found, torch.nan),
        "appearance": (share * found.misfit / (2 * usual) * (1 - found.cleared)).where(~found.hidden, torch.nan),
        "vanished": of_vanished(block, found.cleared, slots).where(~found.hidden, torch.nan),
    }


def of_pose(block: Block, place: Tensor, slots: Tensor) -> Tensor:
    """Surprise [h, n] of slots [n] being at place [h, n, 2], px."""
    return surprise_of_place(block, place, slots) - expected_surprise(block, slots, len(place))


def of_vanished(block: Block, gone: Tensor, slots: Tensor) -> Tensor:
    """Surprise [h, n] of slots [n] not being in view, as far as `gone` [h, n], from 0 to 1."""
    chances = block.mode_logits[0, slots].softmax(-1)[..., None]
    expected = (chances * block.visibility_logits[0, slots, :, :len(gone)].sigmoid()).sum(1).T
    return -torch.log1p(-0.999 * expected * gone)


def _of_new(
    found: Found, strange: Tensor, usual: Tensor, never_seen: Tensor, object_px: float,
) -> tuple[Tensor, Tensor]:
    """[h] and the boxes [h, 4] of what is new; strange [h, H, W]: squared error; usual [H, W]: that of the context;
    never_seen bool [H, W]: where that shows no background."""
    explained = torch.maximum(found.alpha.sum(1).clamp(0, 1), never_seen.to(found.alpha))
    known = F.max_pool2d(explained[:, None], 3, stride=1, padding=1)[:, 0]
    nats = _around(strange * (1 - known), object_px) / (2 * usual)
    most, where = nats.flatten(1).max(1)
    width = nats.shape[-1]
    middle = torch.stack([where % width + 0.5, where // width + 0.5], -1)
    return most, torch.cat([middle - object_px / 2, middle + object_px / 2], -1)


def _around(x: Tensor, object_px: float) -> Tensor:
    """Means of x [n, H, W] over the squares in which something new has to show."""
    side = max(1, round(_NEW_SHARE * object_px)) // 2 * 2 + 1
    return F.avg_pool2d(x[:, None], side, stride=1, padding=side // 2, count_include_pad=False)[:, 0]


def in_slots(values: Tensor, slots: Tensor, num_slots: int) -> np.ndarray:
    """values [h, n, ...] of some slots among all: [h, K, ...], NaN elsewhere."""
    laid = values.new_full((len(values), num_slots, *values.shape[2:]), torch.nan)
    laid[:, slots] = values
    return laid.cpu().numpy()


def told(nats: np.ndarray) -> np.ndarray:
    """Nats to a tenth: less is the rounding of pictures, of which one must not be rarer than another."""
    return nats.round(1) + 0.0  # no -0
