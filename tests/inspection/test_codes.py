import numpy as np
import pytest
import torch

from pipeline.inspection.codes import code_statistics, presence_histogram
from pipeline.latents.codes import CODES
from pipeline.latents.latent_store import LatentWriter
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.zarr_io import open_store

SPEC = LatentSpec(num_slots=2, background_dim=5, appearance_dim=3, height=16, width=24)


@pytest.fixture
def group(tmp_path):
    """Four sequences of 3 frames. Slot 0 is always there, slot 1 in the first one only; where it is not, its codes are
    absurd. Number 4 of the background never changes."""
    generator = torch.Generator().manual_seed(0)
    latents = Latents(**{name: torch.rand(4, *SPEC.shape(name, 3), generator=generator) for name in CODES})
    latents.background[:, 4] = 7
    latents.presence[:] = torch.tensor([[0.95, 1], [1, 0], [1, 0], [1, 0.3]])
    latents.pose[1:, :, 1] = latents.appearance[1:, 1] = 1e6
    latents.pose[0, 2, 1, 0] = 21
    writer = LatentWriter(
        tmp_path / "l.zarr", SPEC, np.array(list("abcd")), np.zeros(4), np.array(["test"] * 4), num_frames=3, fps=1,
        made_from={},
    )
    writer.write(0, latents)
    writer.finish()
    return open_store(tmp_path / "l.zarr", "latents")


def test_statistics_leave_out_empty_slots(group):
    codes = {code.name: code for code in code_statistics(group)}
    assert set(codes) == {
        "background", "appearance", "depth", "camera x", "camera y", "camera log_zoom", "camera roll", "camera gain",
        "camera brightness", "pose x", "pose y", "pose log_scale", "pose log_aspect", "pose angle",
        "pose visibility",
    }
    assert codes["pose x"].maximum == 21 and codes["pose x"].units == "px" and codes["appearance"].maximum <= 1
    assert codes["appearance"].num_numbers == 3 and codes["background"].num_numbers == 5
    present = group["pose"][:, :, 0, 1].ravel().tolist() + group["pose"][0, :, 1, 1].tolist()
    assert codes["pose y"].mean == pytest.approx(np.mean(present))
    assert codes["pose y"].std == pytest.approx(np.std(present))


def test_numbers_that_never_change_are_dead(group):
    dead = {code.name: code.dead for code in code_statistics(group) if code.dead}
    assert dead == {"background": (4,)}


def test_presence_is_counted_by_slot_and_by_sequence(group):
    presence = presence_histogram(group)
    assert presence.of_slot.tolist() == [1, 0.25] and presence.of_count.tolist() == [0, 0.75, 0.25]
    assert presence.undecided == 1 / 8
