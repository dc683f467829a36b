"""Stores opened straight from S3, as docs/latents.md shows, from a server on this machine."""

import numpy as np
import pytest
import s3fs
import xarray
import zarr
from moto.server import ThreadedMotoServer

from pipeline.frames.frame_store import open_frames


@pytest.fixture
def bucket(artefacts, monkeypatch) -> str:
    """A bucket with the stores of frames and latents; only what lies in it is asked for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.mkdir("bucket")
    for store in (artefacts.test_frames, artefacts.latents):
        files.put(str(store), f"bucket/{store.name}", recursive=True)
    yield "s3://bucket"
    server.stop()


def test_frames_and_latents_are_read_from_s3(bucket, artefacts):
    latents = xarray.open_zarr(f"{bucket}/latents.zarr")
    here = xarray.open_zarr(artefacts.latents)
    assert latents.load().identical(here.load())
    frames = zarr.open_group(f"{bucket}/test_frames.zarr", mode="r")["frames"]
    store = open_frames(artefacts.test_frames)
    assert np.array_equal(frames[1:3], store.read(np.array([1, 2])))
