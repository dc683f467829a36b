import errno
import fcntl
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

from pipeline.errors import UserError
from pipeline.params import Params
from pipeline.resume.folders import _is_locked, _wait, fingerprint, hold, list_interrupted, remove, resume_folder
from stages.resume import app

SPAWN = multiprocessing.get_context("spawn")


class Settings(Params):
    depth: int = 3


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    return tmp_path / "resume"


def abandon(stage="stage", depth=3):
    """What a run that breaks off leaves behind."""
    with pytest.raises(KeyError), resume_folder(stage, Settings(depth=depth), {"data": "a"}) as folder:
        (folder / "state").write_text("half")
        raise KeyError
    return folder


def test_the_folder_lasts_until_the_block_ends_well(root):
    folder = abandon()
    with resume_folder("stage", Settings(), {"data": "a"}) as again:
        assert again == folder and folder.parent == root / "stage"
        assert (again / "state").read_text() == "half"
    assert os.listdir(root / "stage") == []


def test_parameters_inputs_and_machine_decide_the_folder():
    prints = {
        fingerprint(Settings(), {"data": "a"}), fingerprint(Settings(depth=4), {"data": "a"}),
        fingerprint(Settings(), {"data": "b"}), fingerprint(Settings(), {"data": "a", "more": "b"}),
        fingerprint(Settings(), {"data": "a"}, ("two threads",)),
    }
    assert len(prints) == 5
    assert fingerprint(Settings(), {"data": "a"}) in prints


def write_and_remove(root, stop):
    """What a run does that writes checkpoints and ends, again and again."""
    while not stop.is_set():
        with hold(root / "stage" / "other"):
            for _ in range(20):
                (root / "stage" / "other" / "partial").write_text("half")
                (root / "stage" / "other" / "partial").rename(root / "stage" / "other" / "checkpoint")
        remove(root / "stage" / "other")


def test_folders_are_listed_while_a_run_writes_and_removes(root):
    stop = SPAWN.Event()
    other = SPAWN.Process(target=write_and_remove, args=(root, stop))
    other.start()
    try:
        while not list_interrupted():
            time.sleep(0.01)
        for _ in range(3000):
            list_interrupted()
    finally:
        stop.set()
        other.join()
    assert other.exitcode == 0


def test_loaded_code_decides_the_folder(monkeypatch, tmp_path):
    module = tmp_path / "pipeline" / "model.py"
    module.parent.mkdir()
    monkeypatch.setattr("pipeline.resume.folders.SOURCES", tmp_path)
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


def work(path, entered):
    """Counts up what is in the folder, as a run does that goes on where another stopped."""
    with resume_folder("stage", Settings(), {}) as folder:
        state = folder / "state"
        steps = state.read_text() if state.exists() else ""
        path.write_text(steps + "x")
        entered.set()
        time.sleep(0.5)
        state.write_text(steps + "x")


def test_a_second_run_waits_and_takes_over(tmp_path, root):
    entered = [SPAWN.Event(), SPAWN.Event()]
    first, second = (SPAWN.Process(target=work, args=(tmp_path / str(i), entered[i])) for i in range(2))
    first.start()
    assert entered[0].wait(60)
    assert list_interrupted()[0].in_use
    result = CliRunner().invoke(app, ["--remove", "all"])
    assert "kept, a process is at it" in result.output
    os.kill(first.pid, 19)  # SIGSTOP: the second cannot get in before it is certainly waiting
    second.start()
    waiting = list((root / "stage").iterdir())[0] / "waiting"
    deadline = time.monotonic() + 60
    while not waiting.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2)
    assert not entered[1].is_set()
    os.kill(first.pid, 18)
    first.join()
    second.join()
    assert ((tmp_path / "0").read_text(), (tmp_path / "1").read_text()) == ("x", "xx")
    assert os.listdir(root / "stage") == []


def hold_for_ever(folder, holding):
    with hold(folder):
        holding.set()
        time.sleep(600)


def test_the_lock_of_a_dead_process_is_none(tmp_path):
    holding = SPAWN.Event()
    other = SPAWN.Process(target=hold_for_ever, args=(tmp_path / "folder", holding))
    other.start()
    assert holding.wait(60)
    other.kill()
    other.join()
    with hold(tmp_path / "folder"):
        pass


def test_several_processes_that_work_together_do_not_wait(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with hold(tmp_path / "folder"), pytest.raises(UserError, match="another run"), hold(tmp_path / "folder"):
        pass


def test_abandoned_folders_are_bounded_whatever_the_clock_says(root):
    num_kept, newest = 5, abandon(depth=1)
    os.utime(newest / "state", (2e9, 2e9))  # written in the future
    oldest = abandon(depth=2)
    for file in oldest.iterdir():
        os.utime(file, (0, 0))
    for depth in range(3, 3 + num_kept):
        abandon(depth=depth)
    other = abandon(stage="other")
    with resume_folder("stage", Settings(depth=100), {}, num_kept=num_kept):
        assert len(list((root / "stage").iterdir())) == num_kept + 1
    assert newest.exists() and not oldest.exists() and other.exists()
    assert abandon(depth=1) == newest


def test_the_command_lists_and_removes(root):
    assert "no interrupted run" in CliRunner().invoke(app).output
    one, two = abandon(depth=1), abandon(stage="other", depth=2)
    listed = CliRunner().invoke(app).output
    assert f"stage/{one.name}" in listed and f"other/{two.name}" in listed and "waiting" in listed
    assert CliRunner().invoke(app, ["--remove", f"stage/{one.name}"]).output == f"stage/{one.name}: removed\n"
    assert not one.exists() and two.exists()
    refused = CliRunner().invoke(app, ["--remove", "../.."])
    assert refused.exit_code == 2 and "holds no '../..'" in refused.output and two.exists()
    CliRunner().invoke(app, ["--remove", "all"])
    assert not two.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_one_line_that_says_what_to_do(monkeypatch, root, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(UserError, match="lock: cannot be locked, .*set LAYERCAST_RESUME_DIR"), \
            resume_folder("stage", Settings(), {}):
        pass


def test_a_run_ends_well_where_a_file_in_use_cannot_be_removed(monkeypatch, root):
    """NFS leaves `.nfs...` in a folder whose lock file is still open."""
    with monkeypatch.context() as patch, resume_folder("stage", Settings(), {}) as folder:
        (folder / "state").write_text("half")
        patch.setattr(os, "rmdir", Mock(side_effect=OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))))
    (left,) = (root / "stage").iterdir()
    assert left.name.startswith(f"{folder.name}.removed")
    with resume_folder("stage", Settings(depth=4), {}, num_kept=0):
        pass
    assert os.listdir(root / "stage") == []


def test_locks_are_asked_for_as_nfs_wants_them(monkeypatch, tmp_path):
    """For one process alone a file has to be open for writing, for several for reading: NFS has byte locks only."""
    flock = fcntl.flock

    def strict(file, operation):
        assert file.writable() if operation & fcntl.LOCK_EX else file.readable()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", strict)
    with hold(tmp_path / "folder"):
        assert _is_locked(tmp_path / "folder")
    with ThreadPoolExecutor(1) as pool:
        with hold(tmp_path / "folder"):
            waiting = pool.submit(_wait, tmp_path / "folder")
            while not (tmp_path / "folder/waiting").exists():
                time.sleep(0.01)
        waiting.result(60)
