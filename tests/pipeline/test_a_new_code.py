"""A code that is added to the table goes through the whole house; nothing else has to know it."""

import numpy as np
import pytest
import torch
import xarray

from pipeline.inspection.codes import code_statistics
from pipeline.latents.codes import CODES
from pipeline.latents.exchanges import with_background, with_looks
from pipeline.latents.extrapolation import HALF_LIFE_FRAMES, linear_extrapolation
from pipeline.latents.latent_store import LatentWriter, PredictedLatentsWriter, open_latents, open_predicted_latents
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.pictures.trajectories import Course, draw_trajectories
from pipeline.predictor.augmentation import augment
from pipeline.predictor.context import PredictorConfig
from pipeline.predictor.network_params import MixtureParams
from pipeline.predictor.predictor import Predictor
from pipeline.predictor.rollout import rollout
from pipeline.report.codes import code_rows
from pipeline.zarr_io import open_store
from tests.latents.toy_codes import TOYS, WOBBLE

SPEC = LatentSpec(num_slots=3, background_dim=5, appearance_dim=7, height=32, width=32, deformation_dim=1)
GIVEN, HORIZON = 6, 4
NEW = {toy.name for toy in TOYS}


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    for toy in TOYS:
        monkeypatch.setitem(CODES, toy.name, toy)


def some_latents(batch: int = 5, num_frames: int = GIVEN + HORIZON) -> Latents:
    generator = torch.Generator().manual_seed(0)
    codes = {name: torch.rand(batch, *SPEC.shape(name, num_frames), generator=generator) for name in CODES}
    return Latents(**codes | {"presence": torch.ones(batch, 3)}).check(SPEC)


def some_predictor() -> Predictor:
    torch.manual_seed(0)
    network = MixtureParams(hidden_dim=16, num_layers=1, num_heads=2, num_modes=2)
    config = PredictorConfig(architecture=network, spec=SPEC, context_frames=GIVEN, horizon=HORIZON)
    predictor = Predictor(config)
    predictor.fit_normalisation(some_latents())
    return predictor


def write(tmp_path, latents: Latents) -> None:
    writer = LatentWriter(
        tmp_path / "latents.zarr", SPEC, np.array(list("abcde")), np.zeros(5), np.array(["test"] * 5),
        num_frames=latents.num_frames, fps=10, made_from={},
    )
    writer.write(0, latents)
    writer.finish()


def test_it_counts_among_the_numbers_of_a_frame():
    per_frame = SPEC.floats_per_frame(10)
    assert SPEC.shape("wobble", 10) == (10, 3, 3) and SPEC.shape("temper", 10) == (3, 4)
    for toy in TOYS:
        CODES.pop(toy.name)
    assert per_frame - SPEC.floats_per_frame(10) == pytest.approx(3 * 3 + 2 + 3 * 4 / 10)


def test_stores_hold_and_label_it(tmp_path):
    latents = some_latents()
    write(tmp_path, latents)
    read = open_latents(tmp_path / "latents.zarr").read(slice(None))
    assert all(torch.equal(read.codes[name], latents.codes[name]) for name in NEW)
    with xarray.open_zarr(tmp_path / "latents.zarr") as opened:
        assert opened.wobble.dims == ("sequence", "time", "slot", "wobble_component")
        assert tuple(opened.wobble_component.values) == WOBBLE.components
        assert opened.wobble.attrs["description"] == WOBBLE.description
        assert opened.temper.dims == ("sequence", "slot", "temper_code")


def test_it_goes_on_as_the_table_says():
    latents = some_latents()
    track = 2.0 * torch.arange(10.0).view(1, 10, 1, 1).expand(5, 10, 3, 3)
    longer = linear_extrapolation(latents.replace(wobble=track), 2)
    way = 0.5 ** (1 / HALF_LIFE_FRAMES)
    torch.testing.assert_close(longer.wobble[0, 10, 0], torch.tensor([18 + 2 * way, 20, 18]))
    assert torch.equal(longer.mood[:, 11], latents.mood[:, 9])


def test_the_predictor_learns_it_and_continues_it():
    predictor, clips = some_predictor(), some_latents()
    context, target = clips.frames(0, GIVEN), clips.frames(GIVEN, GIVEN + HORIZON)
    optimizer, losses = torch.optim.Adam(predictor.parameters(), 1e-2), []
    for _ in range(30):
        parts = predictor.losses(context, target)
        optimizer.zero_grad()
        parts["loss"].backward()
        optimizer.step()
        losses.append(parts)
    for name in ("wobble", "mood"):
        assert losses[-1][name] < losses[0][name] - 0.1, name
    future = rollout(predictor, context, 2 * HORIZON + 1, 3, torch.Generator().manual_seed(0), "full")
    assert future.check(SPEC).num_frames == GIVEN + 2 * HORIZON + 1 and len(future) == 15
    assert torch.equal(future.temper[:3], context.temper[[0, 0, 0]])
    assert not torch.equal(future.wobble[0, GIVEN:], future.wobble[1, GIVEN:])


def test_what_an_object_is_like_counts_for_its_future():
    predictor, context = some_predictor(), some_latents(num_frames=GIVEN)
    other = context.replace(temper=context.temper.flip(0))
    assert not torch.equal(predictor(context).moving, predictor(other).moving)


def test_clips_seen_otherwise_turn_it_along():
    latents = some_latents(400)
    other = augment(latents, SPEC, "motion", torch.Generator().manual_seed(0))
    sway = (other.wobble[..., 0].flatten(1).mean(1) < 0).float().mean()
    # a mirror and running backwards change the sign, glow stays
    assert 0.4 < sway < 0.6 and other.wobble[..., 2].amin() >= 0
    assert torch.equal(other.temper, latents.temper)


def test_exchanges_know_what_it_goes_along_with():
    latents = some_latents()
    other = latents.map(lambda code: code.flip(0))
    swapped, dressed = with_background(latents, other), with_looks(latents, other)
    assert torch.equal(swapped.mood, other.mood) and torch.equal(swapped.wobble, latents.wobble)
    assert torch.equal(dressed.temper, other.temper) and torch.equal(dressed.mood, latents.mood)


def test_futures_are_stored_inspected_and_drawn(tmp_path):
    latents = some_latents()
    write(tmp_path, latents)
    futures = rollout(some_predictor(), latents.frames(0, GIVEN), HORIZON, 2, torch.Generator().manual_seed(0))
    writer = PredictedLatentsWriter(
        tmp_path / "futures.zarr", SPEC, np.array(list("abcde")), np.zeros(5), num_samples=2, context_frames=GIVEN,
        horizon=HORIZON, fps=10, made_from={},
    )
    for b in range(5):
        writer.write(futures.map(lambda code: code[2 * b:2 * b + 2]))  # noqa: B023, called at once
    writer.finish()
    assert torch.equal(open_predicted_latents(tmp_path / "futures.zarr").read(slice(None)).wobble, futures.wobble)
    for kind, path in (("latents", "latents.zarr"), ("predicted_latents", "futures.zarr")):
        found = {code.name: code for code in code_statistics(open_store(tmp_path / path, kind))}
        assert {"wobble sway", "wobble heave", "wobble glow", "mood", "temper"} <= set(found)
        assert found["wobble sway"].units == "px per frame" and found["temper"].num_numbers == 4
    many = draw_trajectories({"latents": [Course(latents, 0)]}, "with toys")
    for toy in TOYS:
        CODES.pop(toy.name)
    without = Latents(**{n: c for n, c in latents.codes.items() if n not in NEW})
    few = draw_trajectories({"latents": [Course(without, 0)]}, "without")
    assert len(many) > len(few)  # a panel more for each of its components


def test_the_report_lists_it():
    rows = {row.name: row for row in code_rows(SPEC)}
    assert rows["wobble"].numbers == "3 x 3 per frame" and rows["temper"].numbers == "3 x 4 per clip"
    assert rows["wobble"].goes_on == "damped: sway; line: heave; held: glow" and rows["mood"].goes_on == "held"
    assert "detail" not in rows  # of width 0
