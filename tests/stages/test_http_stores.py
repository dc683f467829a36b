"""Stores opened over plain HTTP, from a server that gives files and parts of them and no listings."""

import re
import threading
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import xarray
import zarr

from pipeline.frames.frame_store import open_frames


class Files(SimpleHTTPRequestHandler):
    """As static servers are: no listings, and parts of files where a range is asked for."""

    def list_directory(self, path):
        self.send_error(HTTPStatus.NOT_FOUND)

    def do_GET(self):
        wanted, path = self.headers.get("Range"), Path(self.translate_path(self.path))
        if wanted is None or not path.is_file():
            return super().do_GET()
        content = path.read_bytes()
        first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted).groups()
        start = int(first) if first else len(content) - int(last)
        part = content[start:int(last) + 1 if first and last else None]
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_):
        pass


@pytest.fixture
def address(artefacts) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(artefacts.folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_frames_and_latents_are_read_where_nothing_can_be_listed(address, artefacts):
    """Without consolidated metadata a store that cannot be listed opens as a dataset without any array."""
    latents = xarray.open_zarr(f"{address}/latents.zarr")
    with xarray.open_zarr(artefacts.latents) as here:
        assert "pose" in latents and latents.load().identical(here.load())
    group = zarr.open_group(f"{address}/test_frames.zarr", mode="r")
    store = open_frames(artefacts.test_frames)
    assert "frames" in dict(group.arrays())
    assert np.array_equal(group["frames"][1:3], store.read(np.array([1, 2])))
