import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.resume.states import load_state, machine, remembered, save_state

STATE = {"step": 4, "weights": torch.arange(3.0), "points": [[1, {"loss": 0.5}]]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "state.pt"


def test_what_was_saved_is_loaded(path):
    assert load_state(path) is None
    save_state(path, STATE)
    loaded = load_state(path)
    assert torch.equal(loaded.pop("weights"), STATE["weights"])
    assert loaded == {"step": 4, "points": [[1, {"loss": 0.5}]]}
    assert os.listdir(path.parent) == ["state.pt"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"\x80\x02cos\nsystem\n(S'exit 1'\ntR."])
def test_what_it_did_not_write_is_named_and_never_run(path, capsys, content):
    save_state(path, STATE)
    path.write_bytes(content)
    assert load_state(path) is None
    assert f"{path}: not used" in capsys.readouterr().err


def test_every_flipped_byte_is_noticed(path):
    """Torch itself does not check: a flipped weight would be trained on."""
    save_state(path, STATE)
    original = path.read_bytes()
    for place in range(len(original)):
        path.write_bytes(original[:place] + bytes([original[place] ^ 1 << place % 8]) + original[place + 1:])
        assert load_state(path) is None, place
    path.write_bytes(original[:-1])
    assert load_state(path) is None


@pytest.mark.parametrize("moment", ["open", "write", "fsync", "replace"])
def test_a_kill_while_writing_leaves_the_former_state(path, moment, monkeypatch):
    save_state(path, {"step": 1})
    child = os.fork()
    if child == 0:
        def die(*_):
            os.kill(os.getpid(), signal.SIGKILL)

        if moment == "open":
            path.with_name(path.name + ".partial").write_bytes(b"half")
            os.fsync = die
        elif moment == "write":
            partial = path.with_name("state.pt.partial")
            torch.save = lambda state, file: (file.write(b"half"), partial.write_bytes(b"h"), die())
        else:
            setattr(os, moment, die)
        save_state(path, {"step": 2})
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert load_state(path) == {"step": 1}
    save_state(path, {"step": 2})
    assert load_state(path) == {"step": 2} and os.listdir(path.parent) == ["state.pt"]


def test_a_full_disk_leaves_the_former_state_and_names_the_path(path, monkeypatch):
    save_state(path, {"step": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=f"{path}: cannot be written .No space left"):
        save_state(path, {"step": 2})
    assert load_state(path) == {"step": 1}


def test_what_was_computed_is_not_computed_again(path):
    found = []

    def remember(value, keep=True):
        state = remembered(path, lambda: {"codes": torch.tensor(value)}, lambda: found.append(value), keep)
        return state["codes"].item()

    assert remember(1, keep=False) == 1 and not path.exists()
    assert [remember(2), remember(3)] == [2, 2] and found == [3]
    path.write_bytes(b"rubbish")
    assert remember(4) == 4 and found == [3]


def test_another_number_of_threads_is_another_run():
    """It rounds differently, so a run that goes on under it would end with bytes that neither number gives."""
    former, here = torch.get_num_threads(), machine()
    try:
        torch.set_num_threads(former + 1)
        assert machine() != here
    finally:
        torch.set_num_threads(former)
    assert machine() == here


def test_the_environment_fixes_the_number_of_threads():
    command = [sys.executable, "-c", "from pipeline.resume.states import machine; print(machine()[-1])"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    printed = subprocess.run(command, env={**environment, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert printed.stdout.strip() == "1", printed.stderr
