import pickle

import pytest
import torch
from safetensors.torch import save_file

from pipeline import checkpoint
from pipeline.errors import UserError

CONFIG = {"num_slots": 4, "nested": {"rates": [0.5, 1]}}
MADE_FROM = {"frames": "abc", "latents": "def"}


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 4, 4, generator=generator).to(memory_format=torch.channels_last)
    bias = torch.arange(3.0, requires_grad=True)
    return {"weight": image, "bias": bias, "part": image[:, 1], "scalar": torch.tensor(2)}


@pytest.fixture
def weights(tmp_path):
    checkpoint.save(tmp_path / "new" / "a.safetensors", "autoencoder", tensors(), CONFIG, MADE_FROM)
    return tmp_path / "new" / "a.safetensors"


def test_what_was_saved_is_loaded(weights):
    loaded = checkpoint.load(weights, "autoencoder")
    assert (loaded.config, loaded.made_from) == (CONFIG, MADE_FROM)
    assert loaded.tensors.keys() == tensors().keys()
    for name, tensor in tensors().items():
        assert torch.equal(loaded.tensors[name], tensor.detach()) and loaded.tensors[name].dtype == tensor.dtype
    assert [path.name for path in weights.parent.iterdir()] == ["a.safetensors"]


def test_equal_weights_give_equal_bytes(weights, tmp_path):
    again = dict(reversed(list(tensors().items())))
    checkpoint.save(tmp_path / "b", "autoencoder", again, dict(reversed(list(CONFIG.items()))), MADE_FROM)
    assert (tmp_path / "b").read_bytes() == weights.read_bytes()
    assert checkpoint.load(tmp_path / "b", "autoencoder").identity == checkpoint.load(weights, "autoencoder").identity


def test_another_config_is_another_identity(weights, tmp_path):
    checkpoint.save(tmp_path / "b", "autoencoder", tensors(), {**CONFIG, "num_slots": 5}, MADE_FROM)
    assert checkpoint.load(tmp_path / "b", "autoencoder").identity != checkpoint.load(weights, "autoencoder").identity


def test_another_kind_or_format_is_refused(weights, monkeypatch):
    with pytest.raises(UserError, match="wanted layercast predictor weights .*found .autoencoder"):
        checkpoint.load(weights, "predictor")
    monkeypatch.setattr(checkpoint, "FORMAT", 2)
    with pytest.raises(UserError, match=r"format 2\), found .autoencoder. \(format 1\)"):
        checkpoint.load(weights, "autoencoder")


@pytest.mark.parametrize("make", [
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(pickle.dumps({"weight": 1})),
    lambda path: save_file(tensors() | {"part": torch.ones(1), "weight": torch.ones(1)}, path),
    lambda path: save_file({"weight": torch.ones(1)}, path, metadata={"layercast": "{"}),
    lambda path: save_file({"weight": torch.ones(1)}, path, metadata={"layercast": "[]"}),
    lambda path: save_file({"weight": torch.ones(1)}, path, metadata={"layercast": '{"kind": "autoencoder"}'}),
    lambda path: path.write_bytes(b"\xff" * 16),
], ids=["empty", "pickle", "plain safetensors", "broken header", "list", "half a header", "huge header"])
def test_foreign_files_are_refused(tmp_path, make):
    make(tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="a.safetensors: wanted layercast autoencoder weights") as caught:
        checkpoint.load(tmp_path / "a.safetensors", "autoencoder")
    assert "\n" not in str(caught.value)


def test_truncated_weights_are_refused(weights):
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(UserError, match="found something else .*run the stage that trains it again"):
        checkpoint.load(weights, "autoencoder")


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["missing", "folder"])
def test_unreadable_weights_are_named(tmp_path, make):
    make(tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="a.safetensors: cannot be read"):
        checkpoint.load(tmp_path / "a.safetensors", "autoencoder")
