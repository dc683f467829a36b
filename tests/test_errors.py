import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.errors import UserError, one_line_errors, writing
from pipeline.write_file import write_file


def test_a_users_mistake_is_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught, one_line_errors():
        raise UserError("clip.mp4: no frames")
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", "error: clip.mp4: no frames\n")


def test_our_own_mistakes_keep_their_traceback():
    with pytest.raises(ValueError, match="ours"), one_line_errors():
        raise ValueError("ours")


CHILD = """
import time
from pipeline.errors import one_line_errors
with one_line_errors():
    print("at work", flush=True)
    time.sleep(30)
    print("survived", flush=True)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_a_stage_ends_when_the_dvc_that_runs_it_is_killed():
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), "DVC_STAGE": "encode"}
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout.readline()
        parent.kill()
        assert parent.stdout.read() == b""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_refusal_to_write_names_the_path(number):
    with pytest.raises(UserError, match=r"a/b.zarr: cannot be written \(.*\); make room"), writing(Path("a/b.zarr")):
        raise OSError(number, os.strerror(number))


def test_other_errors_of_the_system_are_not_the_users(tmp_path):
    with pytest.raises(FileNotFoundError), writing(tmp_path):
        (tmp_path / "a").read_text()


def test_a_full_disk_that_nobody_named_is_one_line(capsys):
    with pytest.raises(SystemExit) as caught, one_line_errors():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert tempfile.gettempdir() in line and "No space left on device" in line and "set TMPDIR" in line


def test_temporary_folders_without_room_are_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    with pytest.raises(SystemExit) as caught, one_line_errors(), tempfile.TemporaryDirectory():
        pass
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: temporary files find no room") and "set TMPDIR" in line


def test_a_home_that_the_shell_left_is_no_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="~/a/b.json: the shell has left ~ as it is; write /home/me/a/b.json"):
        write_file(Path("~/a/b.json"), b"")
    assert os.listdir(tmp_path) == []
    write_file(Path("~backup"), b"")
    assert os.listdir(tmp_path) == ["~backup"]
