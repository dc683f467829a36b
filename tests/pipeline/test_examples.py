"""The examples for people who open the stores, run as they are."""

import sys
from pathlib import Path

from pipeline.latents.latent_store import open_latents
from tests.pipeline.imports import ROOT

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
    assert f"latents {identity}" in here and "slot 0 goes from x" in here and "pose (12, 20, 4, 4)" in here
    assert there.splitlines() == here.splitlines()[1:]
