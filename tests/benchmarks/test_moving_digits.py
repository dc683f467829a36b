import gzip

import numpy as np
import pytest

from benchmarks.moving_digits import cut_digits
from pipeline.errors import UserError


def test_no_picture_is_both_learned_from_and_judged(tmp_path):
    pictures = np.arange(100, dtype=np.uint8)[:, None, None] + np.zeros((1, 28, 28), np.uint8)
    head = bytes([0, 0, 8, 3]) + np.array(pictures.shape, ">u4").tobytes()
    source = tmp_path / "t10k-images-idx3-ubyte.gz"
    source.write_bytes(gzip.compress(head + pictures.tobytes()))
    cut_digits(source, tmp_path / "digits")
    found = {}
    for file in (tmp_path / "digits").iterdir():
        data = gzip.decompress(file.read_bytes())
        part = np.frombuffer(data, np.uint8, offset=16).reshape(np.frombuffer(data, ">u4", 3, 4))
        found.setdefault(file.name.split("-")[0], []).extend(part[:, 0, 0].tolist())
        assert data[:4] == head[:4] and (part == part[:, :1, :1]).all()
    assert sorted(found["train"]) == list(range(80)) and found["test"] == list(range(80, 100))


def test_another_file_is_refused(tmp_path):
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(b"no digits")
    with pytest.raises(UserError, match="t10k-images-idx3-ubyte.gz"):
        cut_digits(tmp_path / "t10k-images-idx3-ubyte.gz", tmp_path / "digits")
