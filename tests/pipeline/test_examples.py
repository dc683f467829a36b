"""The examples for people who open the stores, run as they are, and what docs/latents.md tells to paste."""

import sys
from pathlib import Path

from pipeline.dependencies.imports import ROOT
from pipeline.latents.latent_store import open_latents, open_predicted_latents
from tests.pipeline.documents import commands, pasted

EXAMPLE = ROOT / "tests/examples/look_at_latents.py"


def test_latents_are_looked_at_in_the_working_tree_and_in_a_revision(workspace, tmp_path):
    latents: Path = workspace.root / "data/latents.zarr"
    identity = open_latents(latents).identity[:12]
    here = workspace.run(sys.executable, str(EXAMPLE))
    latents.rename(tmp_path / "hidden")  # a revision is read from the cache
    try:
        there = workspace.run(sys.executable, str(EXAMPLE), ".", "HEAD")
    finally:
        (tmp_path / "hidden").rename(latents)
    assert f"latents {identity}" in here and "slot 0 goes from x" in here and "pose (12, 20, 4, 6)" in here
    assert there.splitlines() == here.splitlines()[1:]


def test_what_is_said_about_latents_works_when_pasted(workspace, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    lines = commands("Looking at latents", "python", "make", "dvc")
    shell = "\n".join(lines)
    python = "\n".join(line for line in pasted("Looking at latents") if line not in lines)
    assert shell.count("stages.inspect") == 6 and "DVCFileSystem" in python
    assert "007.mkv" in shell  # the twelve videos of this run are numbered with two digits
    forecast = open_predicted_latents(workspace.root / "data/predicted_latents.zarr").video_id[0]
    printed = workspace.run("bash", "-ec", shell.replace("007.mkv", "07.mkv").replace("118.mkv", forecast))
    assert "pose visibility" in printed and "07.mkv_0_layers.png" in printed and "every byte" in printed
    assert len(list((workspace.root / "data/inspection").glob("latents_*_07.mkv_0_tracks.png"))) == 1
    workspace.run(sys.executable, "-c", f"{python}\nassert latents.pose.shape[2:] == (4, 6)")
    assert workspace.run("git", "status", "--porcelain") == ""


def test_what_is_said_about_tracks_works_when_pasted(workspace, tmp_path):
    lines = commands("Tracks", "python")
    python = [line for line in pasted("Tracks") if line.startswith(("from ", "export_tracks"))]
    header = next(line for line in pasted("Tracks") if line.startswith("video,"))
    forecast = open_predicted_latents(workspace.root / "data/predicted_latents.zarr").video_id[0]
    assert len(lines) == 2 and len(python) == 4
    workspace.run("bash", "-ec", "\n".join(lines).replace("118.mkv", forecast))
    shell = (workspace.root / "tracks.csv").read_text()
    assert shell.splitlines()[0] == header and f"{forecast}," in (workspace.root / "futures.csv").read_text()
    (workspace.root / "tracks.csv").unlink()
    workspace.run(sys.executable, "-c", "\n".join(python))
    assert (workspace.root / "tracks.csv").read_text() == shell
    for name in ("tracks.csv", "futures.csv"):
        (workspace.root / name).unlink()
