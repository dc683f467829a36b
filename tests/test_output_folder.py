"""Output folders are replaced whole, or left alone."""

import pytest

from pipeline.errors import UserError
from pipeline.output_folder import output_folder


def names(folder) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*"))


def test_the_new_folder_takes_the_old_ones_place(tmp_path):
    for name in ("a.png", "b.png"):
        with output_folder(tmp_path / "made" / "out", {".png"}) as folder:
            (folder / name).write_text(name)
    assert names(tmp_path) == ["made", "made/out", "made/out/b.png"]


def test_a_failure_leaves_the_old_one_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_text("old")
    with pytest.raises(RuntimeError), output_folder(tmp_path / "out", {".png"}) as folder:
        (folder / "a.png").write_text("new")
        raise RuntimeError
    assert (tmp_path / "out" / "a.png").read_text() == "old"


def test_foreign_files_are_never_lost(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="thesis.tex"), output_folder(tmp_path, {".png"}):
        pass
    assert (tmp_path / "deep" / "thesis.tex").exists()


def test_a_desktops_own_files_are_nothing_to_lose(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Thumbs.db").write_text("rubbish")
    with output_folder(tmp_path / "out", {".png"}) as folder:
        (folder / "a.png").write_text("new")
    assert names(tmp_path / "out") == ["a.png"]
