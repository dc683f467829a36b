import math

import pytest
import torch

from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig
from pipeline.autoencoder.layer_pictures import Pictures
from pipeline.latents.latents import Latents

PX, PATCH = 32, 16


@pytest.fixture(scope="module")
def model() -> Autoencoder:
    torch.manual_seed(0)
    architecture = ArchitectureParams(
        num_slots=2, object_px=8, patch_dim=PATCH, canvas_margin=0, background_channels=2, appearance_dim=2,
        hidden_dim=2,
    )
    return Autoencoder(AutoencoderConfig(architecture=architecture, num_channels=3, height=PX, width=PX)).eval()


def one_object(model: Autoencoder, places: list[tuple[float, float]], log_scale: float = 0.0) -> Latents:
    """Latents of a clip with one object in slot 0, where it is at `places` px."""
    T, spec = len(places), model.spec
    pose = torch.zeros(1, T, 2, 6)
    pose[0, :, 0, :2], pose[0, :, 0, 2], pose[0, :, 0, -1] = torch.tensor(places), log_scale, 1
    pose[0, :, 1, :2] = PX / 2
    return Latents(
        background=torch.zeros(1, spec.background_dim), appearance=torch.zeros(1, 2, 2),
        presence=torch.tensor([[1.0, 0.0]]), depth=torch.zeros(1, 2), camera=torch.zeros(1, T, 6), pose=pose,
        detail=torch.zeros(1, T, 0), deformation=torch.zeros(1, T, 2, 0),
    )


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """A grey square 8 samples wide on a darker ground."""
    objects = torch.zeros(1, 2, 4, PATCH, PATCH)
    objects[:, 0, :3, 4:12, 4:12], objects[:, 0, 3, 4:12, 4:12] = 0.6, 1
    return Pictures(torch.full((1, 3, PX, PX), 0.3), objects)


def carried(model, pictures, frame, last, future):
    drawn = model.decode(future, pictures)
    return drawn, model.remainder(frame, last, model.decode(last, pictures), future, drawn)


@torch.no_grad()
def test_the_last_given_frame_is_drawn_as_it_is(model, pictures):
    last = one_object(model, [(15.3, 14.8)])
    frame = torch.rand(3, PX, PX)
    drawn, remainder = carried(model, pictures, frame, last, last)
    torch.testing.assert_close(drawn.frames[0, 0] + remainder[0, 0], frame, atol=1e-4, rtol=0)


@torch.no_grad()
def test_what_a_picture_lacks_moves_with_its_object_and_what_the_background_lacks_stays(model, pictures):
    last, future = one_object(model, [(10, 16)]), one_object(model, [(14, 16), (18, 19)])
    frame = model.decode(last, pictures).frames[0, 0]
    frame = frame.clone()
    frame[:, 15, 9] += 0.2  # on the object
    frame[:, 2, 25] += 0.1  # on the background
    drawn, remainder = carried(model, pictures, frame, last, future)
    for t, (x, y) in enumerate([(13, 15), (17, 18)]):
        expected = torch.zeros(3, PX, PX)
        expected[:, y, x], expected[:, 2, 25] = 0.2, 0.1
        torch.testing.assert_close(remainder[0, t], expected, atol=0.02, rtol=0)


@torch.no_grad()
def test_what_the_background_lacks_is_hidden_by_what_passes_before_it(model, pictures):
    last, future = one_object(model, [(10, 16)]), one_object(model, [(24, 16)])
    frame = model.decode(last, pictures).frames[0, 0].clone()
    frame[:, 16, 24] += 0.3
    assert carried(model, pictures, frame, last, future)[1].abs().max() < 0.02


@torch.no_grad()
def test_what_the_background_lacks_goes_along_with_a_rolling_camera(model, pictures):
    last, future = one_object(model, [(-50, 16)]), one_object(model, [(-50, 16)])
    future = future.replace(camera=torch.tensor([[[0.0, 0, 0, math.pi / 2, 1, 0]]]))
    frame = model.decode(last, pictures).frames[0, 0].clone()
    frame[:, 2, 25] += 0.1
    remainder = carried(model, pictures, frame, last, future)[1]
    expected = torch.zeros(3, PX, PX)
    expected[:, PX - 1 - 25, 2] = 0.1  # the camera turns clockwise, what it sees the other way
    torch.testing.assert_close(remainder[0, 0], expected, atol=1e-3, rtol=0)


@torch.no_grad()
def test_every_future_of_a_clip_goes_its_own_way(model, pictures):
    last = one_object(model, [(10, 16)])
    futures = [one_object(model, [place]) for place in ((14, 16), (10, 20))]
    both = futures[0].replace(**{name: torch.cat([future.codes[name] for future in futures])
                                 for name in futures[0].codes})
    frame = model.decode(last, pictures).frames[0, 0].clone()
    frame[:, 15, 9] += 0.2
    pair = Pictures(*(x.expand(2, *x.shape[1:]) for x in (pictures.background, pictures.objects)))
    drawn = model.decode(both, pair)
    together = model.remainder(frame, last, model.decode(last, pictures), both, drawn)
    for i, future in enumerate(futures):
        torch.testing.assert_close(together[i:i + 1], carried(model, pictures, frame, last, future)[1])
