from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.kept_proposals import keep_proposals, open_kept_proposals
from pipeline.autoencoder.proposals import Proposals, propose
from pipeline.autoencoder.training_set import TrainingSet
from pipeline.errors import UserError
from pipeline.frames.pixels import to_uint8, to_unit
from tests.autoencoder.clips import NO_SCENES, line, moving_squares

PARAMS = ProposalParams(num_slots=2, object_px=8, patch_dim=8, canvas_margin=0)
IDENTITIES = {"frames": "f" * 64, "autoencoder": "a" * 64}


@pytest.fixture(scope="module")
def clips() -> torch.Tensor:
    """uint8 [4, 6, 24, 24, 3]"""
    return torch.cat([torch.from_numpy(to_uint8(moving_squares(
        line((4, 5 + n), (2, 0.1), 6)[:, None], torch.tensor([[0.9, 0.3 * n, 0.1]]), side=7, px=24, seed=n)[0]))
        for n in range(4)])


@pytest.fixture
def kept(tmp_path, clips) -> Path:
    """Rows 0, 2 and 3 train, row 1 validates."""
    sets = {}
    for name, rows in (("train", [0, 2, 3]), ("val", [1])):
        made = TrainingSet(lambda rows: clips.numpy()[rows], torch.tensor(rows).numpy(), PARAMS, NO_SCENES, tmp_path,
                           lambda count: None, lambda rows, compute: compute())
        sets[name] = made.rows, made.proposals
    keep_proposals(tmp_path / "proposals.safetensors", sets, IDENTITIES)
    return tmp_path / "proposals.safetensors"


def opened(path: Path, **changes: str):
    return open_kept_proposals(path, Path("frames.zarr"), Path("autoencoder.safetensors"), {**IDENTITIES, **changes})


def assert_equal(found: Proposals, wanted: Proposals) -> None:
    for name, x in wanted.tensors().items():
        assert torch.equal(found.tensors()[name], x) and found.tensors()[name].dtype == x.dtype, name


def test_they_are_what_taking_apart_gives(kept, clips):
    found = opened(kept)
    assert len(found) == 4
    (kept.parent / "other").touch()
    assert kept.stat().st_mode == (kept.parent / "other").stat().st_mode
    assert {path.name for path in kept.parent.iterdir()} == {kept.name, "other"}, "nothing is left beside it"
    wanted = propose(to_unit(clips.numpy()), PARAMS)
    assert_equal(found.take(0, 4), wanted)
    assert_equal(found.take(1, 3), wanted.take(torch.tensor([1, 2])))


def test_those_of_other_files_are_refused(kept):
    for name, path in (("frames", "frames.zarr"), ("autoencoder", "autoencoder.safetensors")):
        with pytest.raises(UserError, match=f"proposals.safetensors was made from {name} .* but {path} is bbbb"):
            opened(kept, **{name: "b" * 64})


def test_what_is_damaged_or_something_else_is_refused(kept, tmp_path):
    kept.write_bytes(kept.read_bytes()[:-100])
    save_file({"rows": torch.zeros(2)}, tmp_path / "other.safetensors")
    for path in (kept, tmp_path / "other.safetensors"):
        with pytest.raises(UserError, match="wanted proposals of stage 1 .* run train_autoencoder again, or remove"):
            opened(path)
