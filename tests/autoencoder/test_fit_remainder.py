"""Squares whose brightness changes from frame to frame, as no single picture per object shows it."""

import numpy as np
import pytest
import torch

from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig
from pipeline.autoencoder.fit_remainder import fit_remainder
from pipeline.autoencoder.initialise import initialise
from pipeline.autoencoder.training_set import TrainingSet
from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.latents import pose
from pipeline.latents.extrapolation import linear_extrapolation
from pipeline.latents.latents import Latents
from tests.autoencoder.clips import NO_SCENES, line, moving_squares

WIDTHS = {"motion": 8, "detail": 16, "deformation": 4}


def flickering() -> np.ndarray:
    """uint8 [3, 8, 32, 32, 3]"""
    clips = []
    for n in range(3):
        clip, background, segmentation = moving_squares(
            line((4, 6 + 4 * n), (2, 0.5), 8)[:, None], torch.tensor([[0.5, 0.3, 0.1]]), side=10, px=32, seed=n
        )
        flicker = 0.2 * torch.sin(2.0 * torch.arange(8) + n)[:, None, None, None] * (segmentation > 0)[:, None]
        clips.append(clip[0] + flicker)
    return to_uint8(torch.stack(clips).clamp(0, 1))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Models of every choice of widths on the same layers, and the clips [3, 8, 3, 32, 32]."""
    videos = flickering()
    folder = tmp_path_factory.mktemp("spilled")
    models = {}
    for chosen in ((), ("motion",), ("detail",), ("deformation",), ("motion", "detail", "deformation")):
        architecture = ArchitectureParams(
            num_slots=2, object_px=10, patch_dim=12, canvas_margin=0, background_channels=6, appearance_dim=6,
            hidden_dim=4, **{f"{name}_dim": WIDTHS[name] for name in chosen},
        )
        if not models:
            clips = TrainingSet(
                lambda rows: videos[rows], np.arange(3), architecture, NO_SCENES, folder, lambda _: None,
                lambda _, compute: compute(),
            )
        torch.manual_seed(0)
        model = Autoencoder(AutoencoderConfig(architecture=architecture, num_channels=3, height=32, width=32)).eval()
        initialise(model, clips.proposals)
        fit_remainder(model, clips)
        models[chosen] = model
    return models, to_unit(videos), clips


def error(model: Autoencoder, frames: torch.Tensor) -> float:
    with torch.no_grad():
        return (model.decode(model.encode(frames)).frames - frames).square().mean().item()


def test_each_code_takes_away_error_and_both_together_most(fitted):
    models, frames, _ = fitted
    errors = {chosen: error(model, frames) for chosen, model in models.items()}
    assert errors["deformation",] < 0.7 * errors[()] and errors["detail",] < 0.8 * errors[()]
    assert errors["motion",] < 0.98 * errors[()]  # colours flicker, little is displaced
    assert errors["motion", "detail", "deformation"] < min(errors["deformation",], errors["detail",])


def test_codes_have_about_unit_variance_and_those_of_empty_slots_are_zero(fitted):
    models, frames, _ = fitted
    with torch.no_grad():
        latents = models["motion", "detail", "deformation"].encode(frames)
    assert latents.detail.square().mean().sqrt().item() == pytest.approx(1, abs=0.5)
    present = (latents.presence > 0.5)[:, None].expand(-1, 8, -1)
    assert latents.deformation[present].square().mean().sqrt().item() == pytest.approx(1, abs=0.5)
    assert not present.all() and latents.deformation[~present].abs().max() == 0


def test_deformations_move_with_their_object(fitted):
    """The whole object is brighter, and of another shape, wherever it is drawn."""
    models, frames, _ = fitted
    model = models["deformation",]
    with torch.no_grad():
        latents = model.encode(frames)
        moved = latents.replace(pose=pose.moved(latents.pose, torch.tensor([0.0, 3.0])))
        plain = torch.zeros_like(latents.deformation)
        change, change_moved = (layers(model, codes) - layers(model, codes.replace(deformation=plain))
                                for codes in (latents, moved))
    torch.testing.assert_close(change_moved[..., 3:, :], change[..., :-3, :], atol=0.02, rtol=0)
    assert all(change[:, :, :, channel].abs().max() > 0.1 for channel in range(4))


def layers(model: Autoencoder, latents: Latents) -> torch.Tensor:
    """Colour times mask, then mask, in the whole frame: [B, T, K, C + 1, H, W]."""
    decoded = model.decode(latents)
    return decoded.windows.lay(decoded.layers[:, :, :, :-1])


@pytest.mark.parametrize("without", [("motion",), ("detail",), ("motion", "detail")])
def test_a_code_that_is_left_out_is_as_if_it_were_0(fitted, without):
    models, frames, _ = fitted
    model = models["motion", "detail", "deformation"]
    with torch.no_grad():
        latents = model.encode(frames)
        wanted = model.decode(latents.replace(**{name: 0 * latents.codes[name] for name in without})).frames
        found = model.decode(latents, without=without).frames
        assert (model.decode(latents).frames - found).abs().max() > 0.01
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_carried_pictures_do_not_show_twice_what_the_codes_say(fitted):
    """Pictures as the context shows them hold part of what the codes hold: together they are not worse than either."""
    models, frames, _ = fitted
    model = models["motion", "detail", "deformation"]
    with torch.no_grad():
        latents, pictures = model.encode_with_pictures(frames)
        carried = (model.decode(latents, pictures).frames - frames).square().mean().item()
        plain = model.encode(frames)
        layers, seen = models[()].encode_with_pictures(frames)
        bare = (models[()].decode(layers, seen).frames - frames).square().mean().item()
        later = model.decode(linear_extrapolation(latents, 3), pictures).frames
    for name, code in plain.codes.items():
        torch.testing.assert_close(latents.codes[name], code, msg=name)
    assert carried < bare and carried < 1.2 * error(model, frames)
    assert later.shape[1] == 11 and later.isfinite().all()


def test_to_fit_again_changes_nothing(fitted):
    """Each code is fitted to what those before it leave over, and to nothing that it takes away itself."""
    models, _, clips = fitted
    model = models["motion", "detail", "deformation"]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fit_remainder(model, clips)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name], atol=1e-4, rtol=1e-3, msg=name)


@pytest.mark.parametrize("frames_at_once", [3, 10])
def test_a_few_frames_at_a_time_give_the_same(fitted, monkeypatch, frames_at_once):
    """Parts of a clip, and clips one by one."""
    models, frames, clips = fitted
    model = models["motion", "detail", "deformation"]
    with torch.no_grad():
        whole = model.encode(frames)
        decoded = model.decode(whole).frames
        monkeypatch.setattr("pipeline.latents.parts.PIXELS_AT_ONCE", frames_at_once * 2 * 32 * 32)
        in_parts = model.encode(frames)
        for name, code in whole.codes.items():
            torch.testing.assert_close(in_parts.codes[name], code, atol=1e-5, rtol=1e-4, msg=name)
        fit_remainder(model, clips)  # to axes that may be others of the same energy
        torch.testing.assert_close(model.decode(model.encode(frames)).frames, decoded, atol=1e-3, rtol=0)
