"""What is found for sure: one object that moves straight on, size x contrast x speed x grey or colour x ground.

The frontier, as `DiscoveryParams` says it, for clips of 10 frames with noise of 0.01: an object of the size that is
asked for (object_px), 4 px and more, that goes half its width in the clip and no further than half of it from frame to
frame along either axis, and that differs by 0.2 from its ground, which may vary by 0.1 to either side. By 0.1 is enough
on plain ground once it goes its whole width. Everything inside is found: one slot, seen in all frames, off by no more
than 2 px. An object of half to one and a half of the size that is asked for is found from a contrast of 0.3 on.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.proposals import propose
from pipeline.autoencoder.sprites import Sprites
from tests.autoencoder.clips import line

PX, NUM_FRAMES = 64, 10
SUBSAMPLES = 4
NOISE = 0.01
GROUND = 0.4
TEXTURE = 0.1
CONTRASTS = {"plain": {0.1: 1.0, 0.2: 0.5}, "textured": {0.2: 0.5, 0.5: 0.5}}
"""By ground: contrasts, and how far an object of each must go in the clip at least, widths."""
DOWN = 0.6
"""px that an object goes down for each to the right."""


def clip(size: int, shape: str, contrast: float, track: Tensor, channels: int, ground: str) -> Tensor:
    """[1, T, C, PX, PX]: a disc or square whose middle follows track [T, 2]; contrast is that of its first channel, the
    others have none and half of it below."""
    generator = torch.Generator().manual_seed(size)
    coarse = 2 * torch.rand(1, channels, 9, 9, generator=generator) - 1
    texture = F.interpolate(coarse, size=(PX, PX), mode="bilinear", align_corners=True)
    background = GROUND + (TEXTURE * texture if ground == "textured" else 0 * texture)
    places = (torch.arange(PX * SUBSAMPLES) + 0.5) / SUBSAMPLES
    x, y = ((places - middle[:, None]).abs() for middle in track.unbind(1))
    x, y = x[:, None, :], y[:, :, None]
    inside = torch.maximum(x, y) < size / 2 if shape == "square" else x.square() + y.square() < (size / 2) ** 2
    mask = F.avg_pool2d(inside.float()[:, None], SUBSAMPLES)
    color = GROUND + torch.tensor([contrast, 0, -contrast / 2])[:channels, None, None]
    frames = mask * color + (1 - mask) * background
    frames = (frames + NOISE * torch.randn(frames.shape, generator=generator)).clamp(0, 1)
    return (255 * frames).round()[None] / 255


def straight(speed: float) -> Tensor:
    """Track [T, 2] through the frame's middle at `speed` px per frame to the right."""
    velocity = torch.tensor([speed, DOWN * speed])
    start = PX / 2 - velocity * (NUM_FRAMES - 1) / 2
    return line(tuple(start.tolist()), tuple(velocity.tolist()), NUM_FRAMES)


def sprites_of(frames: Tensor, object_px: float) -> Sprites:
    return propose(frames, ProposalParams(num_slots=2, object_px=object_px, patch_dim=24, canvas_margin=0)).sprites


def speeds(size: int, travel: float) -> list[float]:
    """px per frame: the slowest, at which an object goes `travel` widths in the clip, the fastest (at which the frame
    holds its whole track) and one between."""
    slowest = travel * size / (NUM_FRAMES - 1)
    fastest = min(DISCOVERY.tracking.max_speed * size, (PX - 2 - size) / (NUM_FRAMES - 1))
    return [slowest, (slowest * fastest) ** 0.5, fastest]


def lost(sprites: Sprites, track: Tensor) -> str:
    """Why an object is not found on its track [T, 2]; empty if it is."""
    slots = sprites.presence[0].nonzero()[:, 0].tolist()
    off = [round(float((sprites.centre[0, :, k] - track).norm(dim=-1).max()), 1) for k in slots]
    seen = [round(float(sprites.visibility[0, :, k].min()), 1) for k in slots]
    return "" if len(slots) == 1 and off[0] <= 2 and seen[0] >= 0.5 else f"off by {off} px, seen {seen}"


@pytest.mark.parametrize("ground", ["plain", "textured"])
@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
@pytest.mark.parametrize("size, shape", [(4, "square"), (5, "square"), (8, "disc"), (16, "square"), (24, "disc")])
def test_everything_inside_the_frontier_is_found(size, shape, channels, ground):
    failures = []
    for contrast, travel in CONTRASTS[ground].items():
        for speed in speeds(size, travel):
            track = straight(speed)
            sprites = sprites_of(clip(size, shape, contrast, track, channels, ground), object_px=size)
            if why := lost(sprites, track):
                failures.append(f"contrast {contrast}, {speed:.2f} px per frame: {why}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("ground", ["plain", "textured"])
@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
@pytest.mark.parametrize("size", [8, 24])
def test_sizes_other_than_the_typical_are_found(size, channels, ground):
    track = straight(2.0)
    why = lost(sprites_of(clip(size, "disc", 0.3, track, channels, ground), object_px=16), track)
    assert not why, why


@pytest.mark.parametrize("contrast, speed", [(0.02, 1.0), (0.5, 0.0)], ids=["too faint", "at rest"])
@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
def test_nothing_is_found_where_nothing_can_be(contrast, speed, channels):
    frames = clip(8, "disc", contrast, straight(speed), channels, "plain")
    assert sprites_of(frames, object_px=8).presence.sum() == 0
