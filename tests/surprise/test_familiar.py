"""Textured squares on ground that varies, of 16 px objects unless said otherwise."""

import pytest
import torch
from torch import Tensor

from pipeline.surprise.familiar import unfamiliar

H, W, SIDE = 44, 52, 12
USUAL = torch.full((H, W), 4e-4)


def ground(height: int = H, width: int = W) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([0.4 + 0.1 * torch.sin(x / 9), 0.4 + 0.1 * torch.cos(y / 7), 0.5 + 0.002 * x])


def texture(seed: int) -> Tensor:
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def frame(seed: int | None, x: int = 0, y: int = 0) -> Tensor:
    """A square of that texture with its corner at (x, y); None: nothing but ground."""
    shown = ground()
    if seed is not None:
        shown[:, y:y + SIDE, x:x + SIDE] = texture(seed)
    return shown


def left(shown: Tensor, *context: Tensor, object_px: float = 16.0) -> tuple[float, Tensor]:
    """How much of the error to the ground is left of a frame after those of a context, and of each pixel."""
    error = (shown - ground(*shown.shape[-2:])).square().mean(0)[None]
    usual = torch.full(shown.shape[-2:], USUAL[0, 0].item())
    share = unfamiliar(shown[None], torch.stack(context), error, usual, object_px)
    assert share.shape == error.shape and 0 <= share.min() and share.max() <= 1
    return ((share * error).sum() / error.sum()).item(), share


@pytest.mark.parametrize("x, y", [(12, 20), (31, 9), (0, 32), (40, 0)])
def test_what_the_last_frame_shows_elsewhere_is_familiar(x, y):
    assert left(frame(1, x, y), frame(1, 20, 14))[0] < 0.02


def test_what_it_does_not_show_is_not():
    assert left(frame(1, 12, 20), frame(2, 12, 20))[0] > 0.3
    assert left(frame(1, 12, 20), frame(None))[0] > 0.8


def test_only_what_is_strange_has_to_be_alike():
    """Half a square comes out from behind another one."""
    shown, last = frame(1, 20, 14), frame(1, 8, 18)
    shown[:, :, 26:38], last[:, 18:36, 26:38] = ground()[:, :, 26:38], 0.9
    assert left(shown, last)[0] < 0.02


def covered(shown: Tensor) -> Tensor:
    """The frame with something large and plain over all that is not ground."""
    plain = shown.clone()
    plain[:, 8:36, 8:44] = 0.9
    return plain


@pytest.mark.parametrize("num_frames", [2, 5, 10])
def test_what_is_covered_in_the_last_frame_alone_is_familiar(num_frames):
    seen = frame(1, 20, 14)
    context = [seen] * ((num_frames + 1) // 2) + [covered(seen)] * (num_frames // 2)
    assert left(frame(1, 12, 20), context[-1])[0] > 0.3
    assert left(frame(1, 12, 20), *context)[0] < 0.02


def test_each_part_is_familiar_from_the_frame_that_shows_it():
    """Two squares, either of them covered in one of two frames."""
    shown = frame(1, 4, 4)
    shown[:, 28:40, 34:46] = texture(2)
    assert left(shown, frame(1, 20, 20), frame(2, 20, 20))[0] < 0.02


def test_what_no_frame_shows_is_new_however_long_the_context():
    assert left(frame(1, 12, 20), *[frame(2, x, 20) for x in range(10)])[0] > 0.3


def test_of_two_the_one_that_was_there_is_familiar():
    shown = frame(1, 4, 4)
    shown[:, 28:40, 34:46] = texture(2)
    share = left(shown, frame(1, 20, 20))[1][0]
    assert share[6:14, 6:14].max() < 0.05 and share[30:38, 36:44].min() > 0.3


def test_where_nothing_is_strange_nothing_is_asked():
    noise = 0.02 * torch.randn(3, H, W, generator=torch.Generator().manual_seed(0))
    assert (left(ground() + noise, ground())[1] == 1).all()


def test_large_frames_are_looked_at_smaller():
    def large(x: Tensor) -> Tensor:
        return x.repeat_interleave(3, 1).repeat_interleave(3, 2)

    shown, last = large(frame(1, 12, 20)), large(frame(1, 20, 14))
    error, usual = (shown - large(ground())).square().mean(0)[None], large(USUAL[None])[0]
    share = unfamiliar(shown[None], last[None], error, usual, 48.0)
    assert share.shape == (1, 3 * H, 3 * W)
    small = unfamiliar(frame(1, 12, 20)[None], frame(1, 20, 14)[None], error[:, ::3, ::3], USUAL, 16.0)
    torch.testing.assert_close(share[:, ::3, ::3], small, atol=1e-4, rtol=0)
