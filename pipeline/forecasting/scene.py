"""What a context shows, before it is continued: to look at, to change by hand, to continue.

A change holds for all frames of the context, so that the scene was never otherwise: a moved object moves on from its
new place as it would have from the old one, and comes back from walls where it meets them now.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from pipeline.autoencoder.layer_pictures import Pictures
from pipeline.latents import pose as poses
from pipeline.latents.exchanges import with_background, with_looks_reordered
from pipeline.latents.latents import Latents
from pipeline.thresholds import IN_VIEW, PRESENT

_MOVES_PX = 1.0
"""px that an object goes when it moves; tracks of what rests waver by less."""


@dataclass(frozen=True)
class Scene:
    """The context of one clip."""

    latents: Latents
    """Batch axis 1, time axis: the context."""
    pictures: Pictures | None
    """The layers as the context shows them (batch axis 1); None: as the codes describe them."""
    frames: np.ndarray | None = None
    """uint8 [T, H, W, C]: the context itself, as long as nothing was changed by hand."""

    def objects(self) -> dict[int, tuple[float, float]]:
        """Slots that hold an object, each with its place (x, y) in the last frame, px."""
        slots = (self.latents.presence[0] > PRESENT).nonzero()[:, 0].tolist()
        place = poses.place(self.latents.pose[0, -1]).tolist()
        return {slot: (place[slot][0], place[slot][1]) for slot in slots}

    def moves(self) -> bool:
        """Whether any object moves while it is in view."""
        pose = self.latents.pose[0, :, list(self.objects())]  # [T, n, P]
        places = [place[shows] for place, shows in zip(
            poses.place(pose).unbind(1), (poses.visibility(pose) > IN_VIEW).unbind(1), strict=True
        )]
        return any(len(place) and (place.amax(0) - place.amin(0)).norm() > _MOVES_PX for place in places)


def move(scene: Scene, slot: int, dx: float, dy: float) -> Scene:
    """The scene with an object dx px further right and dy px further down."""
    pose = scene.latents.pose.clone()
    pose[:, :, slot] = poses.moved(pose[:, :, slot], pose.new_tensor([dx, dy]))
    return Scene(scene.latents.replace(pose=pose), scene.pictures)


def remove(scene: Scene, slot: int) -> Scene:
    """The scene without an object; the others no longer heed it."""
    presence = scene.latents.presence.clone()
    presence[:, slot] = 0
    return Scene(scene.latents.replace(presence=presence), scene.pictures)


def swap(scene: Scene, slot: int, other: int) -> Scene:
    """The scene with two objects that each look like the other."""
    order = torch.arange(scene.latents.presence.shape[1])
    order[slot], order[other] = other, slot
    old = scene.pictures
    pictures = old and replace(
        old, objects=old.objects[:, order], deformation=None if old.deformation is None else old.deformation[:, order]
    )
    return Scene(with_looks_reordered(scene.latents, order), pictures)


def exchange_background(scene: Scene, other: Scene) -> Scene:
    """The scene with its objects before the background of another scene of as many frames, in that one's light."""
    pictures = scene.pictures
    if pictures is not None:
        assert other.pictures is not None, "the layers of one scene alone"
        its = other.pictures
        pictures = replace(pictures, background=its.background, motion=its.motion, detail=its.detail)
    return Scene(with_background(scene.latents, other.latents), pictures)
