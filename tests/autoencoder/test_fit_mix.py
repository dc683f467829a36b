"""Squares that pass before one scene, in clips of which half is given."""

import numpy as np
import pytest
import torch

from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig
from pipeline.autoencoder.fit_mix import fit_mix, num_given, num_steps
from pipeline.autoencoder.initialise import initialise
from pipeline.autoencoder.mix import COLUMNS
from pipeline.autoencoder.training_set import TrainingSet
from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.latents.extrapolation import linear_extrapolation
from tests.autoencoder.clips import line, moving_squares

NUM_FRAMES, GIVEN, PX = 16, 8, 32
BACKGROUND = moving_squares(line((40, 40), (0, 0), 1)[:, None], torch.ones(1, 3), px=PX, seed=0)[1]
SCENES = (255 * torch.cat([BACKGROUND, torch.ones(1, PX, PX)])).round().byte().numpy()[None]


def passing(num_clips: int, first: int = 0) -> np.ndarray:
    """uint8 [n, 16, 32, 32, 3]: one square each, which is of another colour and takes another way."""
    clips = []
    for n in range(first, first + num_clips):
        random = np.random.default_rng(n)
        down, color = random.uniform(-0.3, 0.3), torch.from_numpy(random.uniform(0, 1, (1, 3))).float()
        track = line((1, 8 + 8 * random.random()), (1.5, down), NUM_FRAMES)[:, None]
        clips.append(moving_squares(track, color, side=8, px=PX, seed=0)[0][0])
    return to_uint8(torch.stack(clips).clamp(0, 1))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    videos, folder = passing(8), tmp_path_factory.mktemp("spilled")
    architecture = ArchitectureParams(
        num_slots=2, object_px=8, patch_dim=12, canvas_margin=0, background_channels=6, appearance_dim=6, hidden_dim=4,
    )
    clips = TrainingSet(
        lambda rows: videos[rows], np.arange(len(videos)), architecture, SCENES, folder, lambda _: None,
        lambda _, compute: compute(),
    )
    torch.manual_seed(0)
    config = AutoencoderConfig(
        architecture=architecture, num_channels=3, height=PX, width=PX, forecast_steps=NUM_FRAMES - GIVEN,
        num_scenes=1,
    )
    model = Autoencoder(config).eval()
    model.scenes.copy_(torch.from_numpy(SCENES) / 255)
    initialise(model, clips.proposals)
    looked_at = []
    fit_mix(model, clips, lambda: looked_at.append(1))
    return model, looked_at


def test_half_of_a_sequence_is_given():
    assert [num_given(n) for n in (20, 16, 15, 2)] == [10, 8, 8, 1]
    assert [num_steps(n) for n in (20, 16, 15, 3, 2, 1)] == [10, 8, 7, 1, 0, 0]


def test_every_clip_is_looked_at(fitted):
    assert len(fitted[1]) == 8


@torch.no_grad()
def test_new_clips_are_forecast_better_than_by_layers_or_copies_alone(fitted):
    model, _ = fitted
    errors = torch.zeros(3)
    for video in passing(4, first=100):
        frames = to_unit(video[None])
        latents, pictures = model.encode_with_pictures(frames[:, :GIVEN])
        straight = linear_extrapolation(latents, NUM_FRAMES - GIVEN).frames(GIVEN, NUM_FRAMES)
        layers, target = model.decode(straight, pictures), frames[:, GIVEN:]
        last = latents.frames(GIVEN - 1, GIVEN)
        shown = model.decode(last, pictures)
        remainder = model.remainder(frames[0, GIVEN - 1], last, shown, straight, layers)
        carried = model.carry_on(video[:GIVEN], NUM_FRAMES - GIVEN)
        mixed = model.mix(carried.beside(layers.frames, layers.alpha, remainder), torch.zeros(NUM_FRAMES - GIVEN))
        guesses = mixed, layers.frames, frames[:, GIVEN - 1:GIVEN]
        errors += torch.stack([(guess - target).square().mean() for guess in guesses])
    assert errors[0] < errors[1] and errors[0] < 0.3 * errors[2]


def test_known_tracks_give_layers_no_less_say(fitted):
    model, _ = fitted
    layers = [i for i, (name, _) in enumerate(COLUMNS) if name == "layers"]
    straight, informed = (shares[:, layers].sum(1).mean() for shares in (model.mix.straight, model.mix.informed))
    assert informed > straight - 0.05


def test_a_model_without_a_mix_is_left_alone(fitted):
    config = fitted[0].config.model_copy(update={"forecast_steps": 0})
    model = Autoencoder(config)
    assert model.mix is None
    fit_mix(model, None, lambda: None)
