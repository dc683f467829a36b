import pytest
import torch

from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import (
    Autoencoder,
    AutoencoderConfig,
    load_autoencoder,
    save_autoencoder,
)
from pipeline.autoencoder.initialise import initialise
from pipeline.autoencoder.layer_pictures import Pictures
from pipeline.autoencoder.losses import reconstruction_loss
from pipeline.autoencoder.proposals import propose
from pipeline.autoencoder.train_autoencoder_params import LossParams
from pipeline.autoencoder.training_set import mirror, transpose
from pipeline.errors import UserError
from pipeline.latents.codes import time_varying
from pipeline.latents.extrapolation import linear_extrapolation
from tests.autoencoder.clips import filmed, line, moving_squares

ARCHITECTURE = ArchitectureParams(
    num_slots=3, object_px=16, patch_dim=16, canvas_margin=0, background_channels=12, appearance_dim=8, hidden_dim=8
)


@pytest.fixture(scope="module")
def clips():
    """Three clips [3, 10, 3, 64, 64] of one square each."""
    return torch.cat([
        moving_squares(line((6, 8 + 10 * n), (3 - n, 1), 10)[:, None], torch.tensor([[0.9, 0.3 * n, 0.1]]), seed=n)[0]
        for n in range(3)
    ])


@pytest.fixture(scope="module")
def proposals(clips):
    return propose(clips, ARCHITECTURE)


@pytest.fixture
def model(proposals):
    torch.manual_seed(0)
    model = Autoencoder(AutoencoderConfig(architecture=ARCHITECTURE, num_channels=3, height=64, width=64))
    initialise(model, proposals)
    return model.eval()


def test_the_closed_form_start_already_reconstructs(model, clips):
    with torch.no_grad():
        decoded = model.decode(model.encode(clips))
    psnr = -10 * (decoded.frames - clips).square().mean().log10()
    still = -10 * (clips.median(1, keepdim=True).values - clips).square().mean().log10()
    assert psnr > 27 and psnr > still + 5


def test_a_known_scene_is_drawn_whatever_blocks_can_say(clips):
    """A scene of noise, before which squares pass: two numbers a block say nothing of it."""
    texture = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    shows = clips == clips[:, :1].expand_as(clips)
    before = torch.where(shows, texture, clips)
    architecture = ARCHITECTURE.model_copy(update={"background_channels": 2})
    def error(scenes: torch.Tensor) -> float:
        config = AutoencoderConfig(
            architecture=architecture, num_channels=3, height=64, width=64, num_scenes=len(scenes)
        )
        model = Autoencoder(config).eval()
        model.scenes.copy_(scenes)
        proposals = propose(before, architecture, scenes)
        initialise(model, proposals)
        with torch.no_grad():
            drawn = model.decode_pictures(model.encode_proposals(proposals)).background
        return float((drawn - texture).abs().mean())
    known = torch.cat([texture, torch.ones(1, 64, 64)])
    assert error(known[None]) < 0.02 and error(torch.empty(0, 4, 64, 64)) > 0.15


def test_decoded_layers_have_the_promised_shapes_and_ranges(model, clips):
    with torch.no_grad():
        decoded = model.decode(model.encode(clips))
    assert decoded.frames.shape == decoded.background.shape == clips.shape
    assert decoded.objects.shape == (3, 10, 3, 3, 64, 64)
    assert decoded.alpha.shape == decoded.mask.shape == (3, 10, 3, 64, 64)
    for picture in (decoded.frames, decoded.background, decoded.objects, decoded.alpha, decoded.mask):
        assert picture.min() >= 0 and picture.max() <= 1 + 1e-5
    assert set(decoded.segmentation().unique().tolist()) <= {0, 1, 2, 3}


def test_carried_pictures_show_what_the_codes_leave_out(clips, proposals):
    small = ARCHITECTURE.model_copy(update={"background_channels": 2, "appearance_dim": 1})
    model = Autoencoder(AutoencoderConfig(architecture=small, num_channels=3, height=64, width=64))
    initialise(model, proposals)
    with torch.no_grad():
        latents, pictures = model.encode_with_pictures(clips[:, :6])
        future = model.encode(clips)
        def error(pictures):
            later = future.frames(6, future.num_frames)
            pose = latents.replace(**{code.name: later.codes[code.name] for code in time_varying()})
            return (model.decode(pose, pictures).frames - clips[:, 6:]).square().mean()
        assert error(pictures) < 0.5 * error(None)
        torch.testing.assert_close(latents.appearance, model.encode(clips[:, :6]).appearance)


def test_moving_x_in_the_code_moves_the_object_in_the_picture(model, clips):
    with torch.no_grad():
        latents = model.encode(clips[:1])
        slot = int(latents.presence[0].argmax())
        pose = latents.pose.clone()
        pose[..., slot, 0] += 5
        masks = [model.decode(codes).mask[0, :, slot] for codes in (latents, latents.replace(pose=pose))]
    places = torch.arange(64) + 0.5
    before, after = ((mask.sum(1) * places).sum(1) / mask.sum((1, 2)) for mask in masks)
    torch.testing.assert_close(after - before, torch.full((10,), 5.0), atol=0.05, rtol=0)


def test_absent_slots_draw_nothing(model, clips):
    with torch.no_grad():
        latents = model.encode(clips)
        nobody = model.decode(latents.replace(presence=torch.zeros_like(latents.presence)))
    torch.testing.assert_close(nobody.frames, nobody.background)


def test_decoding_does_not_depend_on_the_clip_length(model, clips):
    with torch.no_grad():
        latents = model.encode(clips)
        whole, part = model.decode(latents), model.decode(latents.frames(4, 7))
    torch.testing.assert_close(whole.frames[:, 4:7], part.frames)


def test_weights_carry_the_model(model, clips, tmp_path):
    path = tmp_path / "autoencoder.safetensors"
    save_autoencoder(path, model, {"frames": "abc"})
    again, loaded = load_autoencoder(path)
    assert loaded.made_from == {"frames": "abc"} and again.config == model.config
    with torch.no_grad():
        assert torch.equal(again.decode(again.encode(clips)).frames, model.decode(model.encode(clips)).frames)


def test_weights_of_another_architecture_are_refused(model, tmp_path):
    path = tmp_path / "autoencoder.safetensors"
    other = model.config.model_copy(update={"architecture": ARCHITECTURE.model_copy(update={"appearance_dim": 9})})
    model.config = other
    save_autoencoder(path, model, {})
    with pytest.raises(UserError, match="autoencoder.safetensors"):
        load_autoencoder(path)


def test_frames_of_another_form_are_an_assertion(model):
    with pytest.raises(AssertionError, match="wanted"):
        model.encode(torch.rand(1, 4, 1, 64, 64))


@pytest.mark.parametrize("height, width, channels", [(48, 64, 1), (33, 50, 3)])
def test_any_size_and_grey(height, width, channels):
    model = Autoencoder(AutoencoderConfig(architecture=ARCHITECTURE, num_channels=channels, height=height, width=width))
    with torch.no_grad():
        decoded = model.decode(model.encode(torch.rand(1, 3, channels, height, width)))
    assert decoded.frames.shape == (1, 3, channels, height, width) and torch.isfinite(decoded.frames).all()


def test_loss_trains_what_the_start_left_open(model, clips, proposals):
    params = LossParams(object_weight=3, picture_weight=1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    first = None
    for _ in range(15):
        losses = reconstruction_loss(model, clips, proposals, params)
        first = first or losses["loss"].item()
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert losses["loss"].item() < 0.8 * first
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_loss_without_objects_is_finite(model):
    still = torch.rand(1, 1, 3, 64, 64).expand(2, 4, 3, 64, 64)
    params = LossParams(object_weight=3, picture_weight=1)
    losses = reconstruction_loss(model, still, propose(still, ARCHITECTURE), params)
    assert all(torch.isfinite(value) for value in losses.values())


@pytest.mark.parametrize("change", [lambda f, p: mirror(f, p, 0), lambda f, p: mirror(f, p, 1), transpose])
def test_augmented_proposals_still_fit_the_frames(model, clips, proposals, change):
    def misfit(frames, proposals):
        pictures = Pictures(proposals.background, proposals.sprites.picture)
        decoded = model.decode(model.encode_proposals(proposals), pictures)
        return (decoded.frames - frames).square().mean()
    with torch.no_grad():
        assert misfit(*change(clips, proposals)) < 1.1 * misfit(clips, proposals) + 1e-6


@pytest.fixture(scope="module")
def panning():
    """A clip [1, 16, 3, 64, 64] of one square under a camera that goes right, and a model with a canvas that is wider
    by 8 px."""
    camera = torch.cat([line((0, 0), (0.8, 0.3), 16), torch.zeros(16, 2)], 1)
    clip = filmed(camera, line((14, 18), (2, 1), 16)[:, None], torch.tensor([[0.9, 0.1, 0.1]]))
    wide = ARCHITECTURE.model_copy(update={"canvas_margin": 8, "background_channels": 24})
    torch.manual_seed(0)
    model = Autoencoder(AutoencoderConfig(architecture=wide, num_channels=3, height=64, width=64)).eval()
    proposals = propose(clip, wide)
    initialise(model, proposals)
    return clip, proposals, model


def psnr(frames, clip):
    return -10 * (frames - clip).square().mean().log10()


def test_a_panning_clip_is_decoded_from_one_background(panning):
    clip, proposals, model = panning
    with torch.no_grad():
        latents = model.encode_proposals(proposals)
        decoded = model.decode(latents)
        held = model.decode(latents.replace(camera=latents.camera * torch.tensor([0, 0, 0, 0, 1, 1])))
    assert model.spec.background_dim == 24 * 10 * 10
    assert decoded.background.shape == decoded.frames.shape == clip.shape
    assert psnr(decoded.frames, clip) > 28 and psnr(decoded.frames, clip) > psnr(held.frames, clip) + 5


def test_a_pan_goes_on_beyond_the_context(panning):
    clip, _, model = panning
    with torch.no_grad():
        context, pictures = model.encode_with_pictures(clip[:, :12])
        future = linear_extrapolation(context, 4).frames(12, 16)
        predicted = model.decode(future, pictures).frames
    assert psnr(predicted, clip[:, 12:]) > psnr(clip[:, 11:12], clip[:, 12:]) + 5


@pytest.mark.parametrize("change", [lambda f, p: mirror(f, p, 0), lambda f, p: mirror(f, p, 1), transpose])
def test_augmented_panning_clips_still_fit_the_frames(panning, change):
    clip, proposals, model = panning
    def misfit(frames, proposals):
        pictures = Pictures(proposals.background, proposals.sprites.picture)
        decoded = model.decode(model.encode_proposals(proposals), pictures)
        return (decoded.frames - frames).square().mean()
    with torch.no_grad():
        assert misfit(*change(clip, proposals)) < 1.1 * misfit(clip, proposals) + 1e-6
