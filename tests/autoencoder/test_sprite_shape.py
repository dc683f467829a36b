import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pipeline.autoencoder import sprite_fit
from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.proposals import propose
from pipeline.autoencoder.sprite_shape import find_shapes
from pipeline.autoencoder.sprites import Sprites, draw_masks, paste
from pipeline.latents import pose
from tests.autoencoder.clips import half_transparent_square, whole_frames

T, P, PX = 12, 16, 48
TIMES = torch.linspace(-1, 1, T)
COURSES = {
    "turns": torch.stack([0 * TIMES, 0 * TIMES, 0.7 * TIMES], -1),
    "grows": torch.stack([0.3 * TIMES, 0 * TIMES, 0 * TIMES], -1),
    "turns and grows narrow": torch.stack([0.15 * TIMES, -0.2 * TIMES, 0.5 * TIMES], -1),
}


def clip(shape: Tensor) -> tuple[Tensor, Tensor, Sprites]:
    """Frames [1, T, 3, PX, PX] of a square with a dark corner whose shape is that [T, 3], their background and the
    true sprite."""
    _, background, true = half_transparent_square(T, P, PX)
    color = true.color.clone()
    color[..., 3:7, 3:9] *= torch.tensor([0.1, 3, 5]).view(1, 1, 3, 1, 1)
    true = replace(true, color=color, shape=shape[None, :, None])
    free = 1 - draw_masks(true, PX, PX)[:, :, 0, None]
    return paste(color, true, whole_frames(true, PX))[:, :, 0] + free * background[:, None], background, true


def found(frames: Tensor, background: Tensor, start: Sprites) -> tuple[Sprites, Tensor | None]:
    free = torch.ones(1, T, 1, PX, PX)
    blank = replace(start, shape=torch.zeros_like(start.shape))

    def look(sprites: Sprites) -> sprite_fit.Patches:
        return sprite_fit.look(frames, background[:, None], free, sprites, whole_frames(sprites, PX))

    for _ in range(2):
        patches = look(blank)
        blank = sprite_fit.refine_track(patches, sprite_fit.fit_picture(patches, blank))
    sprites, patches, turns = find_shapes(look, blank)
    again = look(sprites)
    for name in ("frame", "background", "free"):
        torch.testing.assert_close(getattr(patches, name), getattr(again, name), atol=1e-4, rtol=0)
    torch.testing.assert_close(sprites.mask, sprite_fit.fit_picture(patches, sprites).mask)
    return sprites, turns


@pytest.mark.parametrize("course", COURSES.values(), ids=list(COURSES))
def test_shapes_are_found_but_for_where_they_are_counted_from(course):
    frames, background, true = clip(course)
    sprites, turns = found(frames, background, true)
    assert turns is not None and turns.tolist() == [[True]]
    error = sprites.shape[0, :, 0] - course
    assert (error - error.mean(0)).abs().max() < 0.05
    assert (sprites.centre - true.centre).abs().max() < 0.5


def test_what_only_shifts_stays_upright_and_of_one_size():
    frames, background, true = clip(torch.zeros(T, 3))
    noisy = frames + 0.02 * torch.randn(frames.shape, generator=torch.Generator().manual_seed(0))
    for shown in (frames, noisy):
        sprites, turns = found(shown, background, true)
        assert turns is None and not sprites.shape.any()


def test_an_empty_slot_does_not_turn():
    frames, background, true = clip(COURSES["turns"])
    sprites, turns = found(frames, background, replace(true, presence=torch.zeros(1, 1)))
    assert turns is None and not sprites.shape.any()


def test_a_clip_taken_apart_has_the_angles_of_what_turns():
    frames, _, true = clip(COURSES["turns"])
    proposals = propose(frames, ProposalParams(num_slots=2, object_px=10, patch_dim=16, canvas_margin=0))
    sprites = proposals.sprites
    assert sprites.presence.sum() == 1
    slot = int(sprites.presence[0].argmax())
    off = sprites.shape[0, :, slot, -1] - true.shape[0, :, 0, -1]
    assert (off - off.mean()).abs().max() < math.radians(4)
    matrices = pose.scale_and_shift(sprites.matrix[0, :, slot])
    assert not matrices.any()


def test_reshaping_is_a_step_on_the_matrix():
    """To first order: samples move as the columns of the normal equations say, whatever the shape was."""
    _, _, true = half_transparent_square(T, P, PX)
    shaped = replace(true, shape=torch.tensor([0.1, 0.3, 0.4]).expand(1, T, 1, 3))
    ramp = torch.arange(P) + 0.5 - P / 2
    x, y = ramp.expand(P, P), ramp[:, None].expand(P, P)
    for unknown in range(5):
        step = torch.zeros(1, T, 1, 5)
        step[..., unknown] = 1e-3
        after = sprite_fit.moved_and_reshaped(shaped, step)
        points = torch.stack([x, y, torch.ones_like(x)], -1).double()
        moved = points @ (after.matrix - shaped.matrix)[0, 0, 0].double().T  # px, of every sample
        in_samples = moved @ torch.linalg.inv(shaped.matrix[0, 0, 0, :, :2].double()).T
        slopes = torch.eye(2).view(2, 1, 1, 1, 2, 1, 1).expand(2, 1, T, 1, 2, P, P)  # so that a column is a way
        columns = sprite_fit.shape_columns(*slopes, shaped.shape)
        plain = torch.eye(2).view(1, 1, 1, 2, 2, 1, 1).expand(1, T, 1, 2, 2, P, P)
        wanted = torch.cat([plain, columns], 3)[0, 0, 0, unknown].movedim(0, -1)
        torch.testing.assert_close(in_samples.float(), 1e-3 * wanted, atol=2e-5, rtol=0)
