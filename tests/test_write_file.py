"""A file is whole, or as it was."""

import errno
import os

import pytest

from pipeline.errors import CannotWrite
from pipeline.write_file import file_to_write, write_file


def test_parts_follow_each_other_in_a_folder_made_for_them(tmp_path):
    path = tmp_path / "new" / "file"
    write_file(path, b"one ", memoryview(b"two"))
    assert path.read_bytes() == b"one two" and list(path.parent.iterdir()) == [path]


def test_the_former_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_file(path, b"former")

    def full(descriptor: int) -> None:
        assert path.read_bytes() == b"former"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match=r"file: cannot be written \(No space left on device\)"):
        write_file(path, b"half of what sh")
    assert path.read_bytes() == b"former"
    monkeypatch.undo()
    write_file(path, b"next")  # what was left beside it is in nobody's way
    assert path.read_bytes() == b"next" and list(tmp_path.iterdir()) == [path]


def test_what_is_in_the_way_is_named(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(CannotWrite, match="file: cannot be written"):
        write_file(tmp_path / "file", b"")


def test_what_is_written_bit_by_bit_is_whole_or_not_there(tmp_path):
    path = tmp_path / "new" / "file"
    with pytest.raises(ValueError, match="midway"), file_to_write(path) as file:
        file.write(b"half of what sh")
        raise ValueError("midway")
    assert not list(path.parent.iterdir())
    with file_to_write(path) as file:
        file.write(b"one ")
        file.write(b"two")
        assert not path.exists()
    assert path.read_bytes() == b"one two" and list(path.parent.iterdir()) == [path]
