import os
from types import SimpleNamespace

import pytest
import torch

from pipeline import spill
from pipeline.errors import UserError

WANTED = {"background": ((5, 3, 2), torch.half), "presence": ((5,), torch.float)}


def test_small_data_lies_in_memory(tmp_path):
    tensors = spill.allocate(WANTED, tmp_path / "folder")
    assert {name: (tuple(x.shape), x.dtype) for name, x in tensors.items()} == WANTED
    assert not (tmp_path / "folder").exists()


def test_large_data_lies_on_disk(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(spill, "SHARE_OF_MEMORY", 1e-12)
    tensors = spill.allocate(WANTED, tmp_path / "folder")
    assert {name: (tuple(x.shape), x.dtype) for name, x in tensors.items()} == WANTED
    tensors["presence"][:] = torch.arange(5.0)
    content = torch.frombuffer(bytearray((tmp_path / "folder/presence.bin").read_bytes()), dtype=torch.float)
    assert torch.equal(content, torch.arange(5.0))
    assert str(tmp_path / "folder") in capsys.readouterr().err


def test_a_full_disk_is_told_of_before_anything_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spill, "SHARE_OF_MEMORY", 0.0)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match="background.bin: cannot be written"):
        spill.allocate(WANTED, tmp_path)


def test_a_system_that_cannot_reserve_room_looks_how_much_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(spill, "SHARE_OF_MEMORY", 0.0)
    monkeypatch.delattr(os, "posix_fallocate")  # as on macOS
    tensors = spill.allocate(WANTED, tmp_path / "folder")
    tensors["presence"][:] = torch.arange(5.0)
    assert (tmp_path / "folder/background.bin").stat().st_size == 60
    monkeypatch.setattr(spill.shutil, "disk_usage", lambda _: SimpleNamespace(free=19))
    with pytest.raises(UserError, match=r"background.bin: cannot be written \(No space left"):
        spill.allocate(WANTED, tmp_path / "full")
