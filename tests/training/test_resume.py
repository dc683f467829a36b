import multiprocessing
import os
import time

import pytest
import torch

from pipeline.errors import UserError
from pipeline.params import Params
from pipeline.training.resume import fingerprint, hold, load_checkpoint, resume_folder, save_checkpoint


class Settings(Params):
    depth: int = 3


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))


def test_the_folder_lasts_until_the_block_ends_well(tmp_path):
    with pytest.raises(KeyError), resume_folder("stage", Settings(), {"data": "a"}) as folder:
        save_checkpoint(folder, {"step": 4, "weights": torch.arange(3.0)})
        raise KeyError
    with resume_folder("stage", Settings(), {"data": "a"}) as again:
        assert again == folder and folder.parent == tmp_path / "resume" / "stage"
        state = load_checkpoint(again)
        assert state["step"] == 4 and torch.equal(state["weights"], torch.arange(3.0))
    assert not folder.exists()


def test_parameters_and_inputs_decide_the_folder():
    prints = {
        fingerprint(Settings(), {"data": "a"}), fingerprint(Settings(depth=4), {"data": "a"}),
        fingerprint(Settings(), {"data": "b"}), fingerprint(Settings(), {"data": "a", "more": "b"}),
    }
    assert len(prints) == 4
    assert fingerprint(Settings(), {"data": "a"}) in prints


def test_loaded_code_decides_the_folder(monkeypatch, tmp_path):
    module = tmp_path / "pipeline" / "model.py"
    module.parent.mkdir()
    monkeypatch.setattr("pipeline.training.resume.ROOT", tmp_path)
    monkeypatch.setattr("pipeline.params.__file__", str(module))
    module.write_text("a = 1")
    before = fingerprint(Settings(), {})
    module.write_text("a = 2")
    assert fingerprint(Settings(), {}) != before


def test_dvc_root_holds_the_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("LAYERCAST_RESUME_DIR")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "root"))
    with resume_folder("stage", Settings(), {}) as folder:
        assert folder.parent == tmp_path / "root" / ".resume" / "stage"


def test_a_second_writer_is_refused_and_the_lock_of_a_dead_one_is_not(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    holding = spawn.Event()
    other = spawn.Process(target=hold_for_ever, args=(tmp_path / "folder", holding))
    other.start()
    assert holding.wait(60)
    with pytest.raises(UserError, match="another process"), hold(tmp_path / "folder"):
        pass
    other.kill()
    other.join()
    with hold(tmp_path / "folder"):
        pass


def hold_for_ever(folder, holding):
    with hold(folder):
        holding.set()
        time.sleep(600)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"\x80\x02cos\nsystem\n(S'exit 1'\ntR."])
def test_an_unreadable_checkpoint_is_named_and_never_run(tmp_path, capsys, content):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    assert load_checkpoint(tmp_path) is None
    assert "starting afresh" in capsys.readouterr().err


def test_a_checkpoint_is_replaced_whole(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, {"step": 1})

    def full_disk(state, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError):
        save_checkpoint(tmp_path, {"step": 2})
    assert load_checkpoint(tmp_path) == {"step": 1}
    assert os.listdir(tmp_path).count("checkpoint.pt") == 1
