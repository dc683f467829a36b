"""What people see of the stores of tiny artefacts."""

import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline.latents.codes import CODES
from pipeline.latents.latent_store import LatentWriter, PredictedLatentsWriter, open_latents
from stages.inspect import app
from tests.stages.conftest import CONTEXT_FRAMES, NUM_FRAMES


def shown(*arguments) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
    return result.stderr


def test_the_summary_has_provenance_arrays_and_codes(artefacts):
    store, text = open_latents(artefacts.latents), shown(artefacts.latents)
    arrays = [name for name in CODES if 0 not in store.spec.shape(name, NUM_FRAMES)]  # others are left out
    for word in (store.identity[:12], store.made_from["autoencoder"][:12], "zstd + crc32c", "px", *arrays):
        assert word in text
    assert "3 test" in text and f"{NUM_FRAMES}" in text and "pose x" in text and "slot 2" in text
    assert max(map(len, text.splitlines())) <= 100


def test_frames_have_a_summary_without_codes(artefacts):
    text = shown(artefacts.test_frames)
    assert "truth_segmentation" in text and "pose x" not in text


def test_a_sequence_is_drawn(artefacts, tmp_path):
    options = ("--sequence", "video_1", "--autoencoder", artefacts.autoencoder, "--pictures", tmp_path)
    text = shown(artefacts.latents, *options)
    pictures = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(pictures) == {f"video_1_5_{what}.png" for what in ("trajectories", "tracks", "layers")}
    assert all(name in text for name in pictures)
    for path in tmp_path.iterdir():
        assert np.asarray(Image.open(path).convert("L")).std() > 5, "nothing is drawn"
    shown(artefacts.latents, *options)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == pictures


def test_futures_are_drawn_without_weights(artefacts, tmp_path):
    store = open_latents(artefacts.latents)
    writer = PredictedLatentsWriter(
        tmp_path / "futures.zarr", store.spec, store.video_id, store.first_frame, num_samples=2, fps=8, made_from={},
        context_frames=CONTEXT_FRAMES, horizon=NUM_FRAMES - CONTEXT_FRAMES,
    )
    for row in range(len(store)):
        writer.write(store.read(np.array([row, row])))
    writer.finish()
    text = shown(tmp_path / "futures.zarr", "--sequence", "video_1:5", "--autoencoder", tmp_path / "none",
                 "--pictures", tmp_path / "pictures")
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["video_1_5_trajectories.png"]
    assert "no weights" in text


def test_two_stores_are_set_side_by_side(artefacts, tmp_path):
    """The other one has one sequence less, in another order, and each depth is 2 larger."""
    store, rows = open_latents(artefacts.latents), np.array([2, 1])
    writer = LatentWriter(
        tmp_path / "other.zarr", store.spec, store.video_id[rows], store.first_frame[rows], store.split[rows],
        num_frames=NUM_FRAMES, fps=8, made_from={},
    )
    latents = store.read(rows)
    writer.write(0, latents.replace(depth=latents.depth + 2))
    writer.finish()
    lines = shown(artefacts.latents, "--compare", tmp_path / "other.zarr").splitlines()
    assert next(line for line in lines if "rows of both" in line).split()[-2:] == ["2", "2"]
    titles = [i for i, line in enumerate(lines) if line.startswith(("how far apart", "codes, of"))]
    rows = [line.split() for line in lines[slice(*titles)]]
    apart = {cells[0]: cells[1] for cells in rows if cells and cells[0] in CODES}
    assert apart["depth"] == "2" and apart["appearance"] == apart["pose"] == "0"


def test_check_reads_every_byte(artefacts, tmp_path):
    copy = shutil.copytree(artefacts.latents, tmp_path / "latents.zarr")
    assert "every byte" in shown(copy, "--check")
    chunk = copy / "appearance" / "c" / "0" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    assert "'appearance' is damaged" in refused(copy, "--check")
    chunk.unlink()
    assert "missing" in refused(copy, "--check")


@pytest.mark.parametrize(("sequence", "wanted"), [("video_9", "video_2:5"), ("video_1:6", "VIDEO:FIRST_FRAME")])
def test_an_unknown_sequence_is_refused_with_some_that_there_are(artefacts, tmp_path, sequence, wanted):
    assert wanted in refused(artefacts.latents, "--sequence", sequence, "--pictures", tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()


def test_what_is_no_store_is_refused(artefacts, tmp_path):
    assert "wanted a store of layercast" in refused(tmp_path)
    assert "holds frames" in refused(artefacts.test_frames, "--sequence", "video_1")
