"""A forecast sees the context frames alone."""

import sys

import numpy as np

from pipeline import zarr_io
from pipeline.frames.frame_store import ABOUT, KIND, open_frames
from pipeline.latents.latent_store import open_predicted_latents
from tests.pipeline.conftest import content


def test_later_frames_change_no_byte_of_the_predicted_latents(workspace, tmp_path):
    store = open_frames(workspace.root / "data/test_frames.zarr")
    predicted = workspace.root / "data/predicted_latents.zarr"
    context_frames = open_predicted_latents(predicted).context_frames
    frames = store.read(slice(None))
    frames[:, context_frames:] = np.random.default_rng(0).integers(0, 256, frames[:, context_frames:].shape)
    altered = tmp_path / "test_frames.zarr"
    rewrite(workspace.root / "data/test_frames.zarr", altered, frames)
    workspace.run(
        sys.executable, "-m", "stages.generate", "--test-frames", str(altered),
        "--pictures", str(tmp_path / "pictures"),
        "--predicted-latents", str(tmp_path / "latents.zarr"), "--predicted-frames", str(tmp_path / "frames.zarr"),
        "--cost", str(tmp_path / "cost.json"),
    )
    assert open_frames(altered).identity != store.identity
    assert content(tmp_path / "latents.zarr") == content(predicted)
    assert content(tmp_path / "frames.zarr") == content(workspace.root / "data/predicted_frames.zarr")


def rewrite(path, altered, frames: np.ndarray) -> None:
    """The frame store at `path` once more, with other frames."""
    source = zarr_io.open_store(path, KIND)
    attributes = {name: source.attrs[name] for name in ("fps", "crop", *ABOUT) if name in source.attrs}
    coordinates = tuple(source.attrs["coordinates"].split())
    group = zarr_io.create(altered, KIND, attributes, zarr_io.made_from(source), coordinates)
    for name, array in source.arrays():
        values = frames if name == "frames" else zarr_io.read_rows(source, name)
        zarr_io.add_coordinate(group, name, values, array.metadata.dimension_names)
    zarr_io.finish(altered)
