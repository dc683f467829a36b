"""What people see of the stores of tiny artefacts."""

import io
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


def pictures_in(folder) -> dict[str, bytes]:
    """By name; something must be drawn on each."""
    for path in folder.iterdir():
        assert np.asarray(Image.open(path).convert("L")).std() > 5, f"nothing is drawn on {path.name}"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height, px."""
    return Image.open(io.BytesIO(picture)).size


def name_of(store, *, stem: str) -> str:
    return f"{stem}_{store.identity[:8]}"


def test_a_sequence_is_drawn(artefacts, tmp_path):
    options = ("--sequence", "video_1", "--autoencoder", artefacts.autoencoder, "--pictures", tmp_path)
    text = shown(artefacts.latents, *options)
    pictures, stem = pictures_in(tmp_path), name_of(open_latents(artefacts.latents), stem="latents")
    assert set(pictures) == {f"{stem}_video_1_5_{what}.png" for what in ("trajectories", "tracks", "layers")}
    assert all(name in text for name in pictures)
    shown(artefacts.latents, *options)
    assert pictures_in(tmp_path) == pictures


def write_futures(path, store):
    """Two samples of every sequence, all of which hold three objects far apart."""
    writer = PredictedLatentsWriter(
        path, store.spec, store.video_id, store.first_frame, num_samples=2, fps=8,
        made_from={"autoencoder": store.made_from["autoencoder"]}, context_frames=CONTEXT_FRAMES,
        horizon=NUM_FRAMES - CONTEXT_FRAMES,
    )
    for row in range(len(store)):
        writer.write(store.read(np.array([row, row])))
    writer.finish()


def test_futures_are_drawn_without_weights(artefacts, tmp_path):
    write_futures(tmp_path / "futures.zarr", open_latents(artefacts.latents))
    text = shown(tmp_path / "futures.zarr", "--sequence", "video_1:5", "--autoencoder", tmp_path / "none",
                 "--pictures", tmp_path / "pictures")
    name, = pictures_in(tmp_path / "pictures")
    assert name.startswith("futures_") and name.endswith("_video_1_5_trajectories.png") and "no weights" in text


def test_two_stores_are_laid_over_one_another(artefacts, tmp_path):
    """And no picture of either alone is lost."""
    store = open_latents(artefacts.latents)
    write_futures(tmp_path / "latents.zarr", store)
    options = ("--sequence", "video_1", "--autoencoder", artefacts.autoencoder, "--pictures", tmp_path / "pictures")
    shown(artefacts.latents, *options)
    shown(tmp_path / "latents.zarr", *options)
    alone = pictures_in(tmp_path / "pictures")
    assert len(alone) == 6, "the stores have one name, their pictures must not"
    shown(artefacts.latents, *options, "--compare", tmp_path / "latents.zarr")
    both = pictures_in(tmp_path / "pictures")
    assert alone.items() <= both.items()
    kinds = sorted(name.rpartition("_")[2] for name in both.keys() - alone.keys())
    assert kinds == ["layers.png", "layers.png", "tracks.png", "trajectories.png"]
    assert all("_and_" in name for name in both.keys() - alone.keys())


def test_nothing_to_lay_over_is_refused(artefacts, tmp_path):
    store = open_latents(artefacts.latents)
    writer = LatentWriter(tmp_path / "other.zarr", store.spec, ["elsewhere"], [5], ["test"], num_frames=NUM_FRAMES,
                          fps=8, made_from={})
    writer.write(0, store.read(np.array([0])))
    writer.finish()
    text = refused(artefacts.latents, "--sequence", "video_1", "--compare", tmp_path / "other.zarr")
    assert "no frames of video_1 from frame 5" in text and "name a video that both have" in text
    assert "holds the same" in refused(artefacts.latents, "--sequence", "video_1", "--compare", artefacts.latents)


def test_all_sequences_of_a_video_are_drawn_in_a_row(artefacts, tmp_path):
    """Rows lie in another order than in the video."""
    store = open_latents(artefacts.latents)
    writer = LatentWriter(
        tmp_path / "row.zarr", store.spec, ["clip/手 1.mp4"] * 3, [20, 5, 35], ["test"] * 3, num_frames=NUM_FRAMES,
        fps=8, made_from={"autoencoder": store.made_from["autoencoder"]},
    )
    writer.write(0, store.read(np.arange(3)))
    writer.finish()
    for sequence in ("clip/手 1.mp4", "clip/手 1.mp4:20"):
        shown(tmp_path / "row.zarr", "--sequence", sequence, "--autoencoder", artefacts.autoencoder,
              "--pictures", tmp_path / "pictures")
    pictures = pictures_in(tmp_path / "pictures")
    names = {name.split("_", 2)[2] for name in pictures}
    assert names == {f"clip%2F手%201.mp4_{frames}_{what}.png" for frames in ("5_to_49", "20")
                     for what in ("trajectories", "tracks", "layers")}
    width = {name.split("_", 2)[2]: size_of(picture)[0] for name, picture in pictures.items()}
    assert width["clip%2F手%201.mp4_5_to_49_trajectories.png"] > width["clip%2F手%201.mp4_20_trajectories.png"]


def test_frames_are_looked_at_beside_what_was_forecast(artefacts, inputs, tmp_path):
    for options in ((), ("--compare", inputs["predicted_frames"])):
        shown(inputs["test_frames"], "--sequence", "video_1", "--pictures", tmp_path, *options)
    shown(inputs["predicted_frames"], "--sequence", "video_1:5", "--pictures", tmp_path)
    heights = {name.count("_and_") or name[0]: size_of(picture)[1] for name, picture in pictures_in(tmp_path).items()}
    assert heights["t"] < heights["p"] < heights[1]


@pytest.mark.parametrize("columns", ["80", "60"])
def test_nothing_is_cut_where_a_terminal_is_narrow(artefacts, inputs, columns):
    for arguments in ([inputs["predicted_latents"]], [artefacts.latents, "--compare", inputs["predicted_latents"]]):
        lines, wide = (
            CliRunner().invoke(app, [str(x) for x in arguments], env={"COLUMNS": width}).stdout
            for width in (columns, "300")
        )
        assert max(map(len, lines.splitlines()[1:])) <= int(columns)
        assert "…" not in lines and sorted(filter(str.isalnum, lines)) == sorted(filter(str.isalnum, wide))


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
