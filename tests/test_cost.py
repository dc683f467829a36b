import json
import mmap
import subprocess
import sys
import time

import numpy as np
import pytest

from pipeline.cost import measure


def cost(path, body, unit="frames") -> dict:
    with measure(path, unit) as count:
        body(count)
    return json.loads(path.read_text())


def test_time_memory_and_rate(tmp_path):
    def work(count):
        held = np.frombuffer(mmap.mmap(-1, 2**28), np.uint8)  # 0.25 GiB that no earlier test has left
        held[:] = 1
        time.sleep(0.5)
        count(30)
        count(int(held[:10].sum()))

    idle = cost(tmp_path / "idle.json", lambda count: None)
    figures = cost(tmp_path / "new folder/work.json", work)
    assert 0.5 <= figures["seconds"] < 5
    assert figures["frames_per_second"] == pytest.approx(40 / figures["seconds"], rel=1e-2)
    assert figures["peak_resident_gib"] > idle["peak_resident_gib"] + 0.2
    assert figures["gib_hours"] == pytest.approx(figures["peak_resident_gib"] * figures["seconds"] / 3600, rel=1e-2)
    assert figures["peak_cuda_allocated_gib"] <= figures["peak_cuda_reserved_gib"] and figures["processes"] == 1


def test_child_processes_count(tmp_path):
    child = [sys.executable, "-c", "import time; held = b'x' * 2**28; time.sleep(0.6)"]
    idle = cost(tmp_path / "idle.json", lambda count: None)
    figures = cost(tmp_path / "work.json", lambda count: subprocess.run(child, check=True))
    assert figures["peak_resident_gib"] > idle["peak_resident_gib"] + 0.2


def test_nothing_is_written_of_what_failed(tmp_path):
    with pytest.raises(KeyError), measure(tmp_path / "cost.json", "steps"):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_of_several_processes_the_first_one_writes(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with measure(tmp_path / "second.json", "steps"):
        pass
    monkeypatch.setenv("RANK", "0")
    assert cost(tmp_path / "first.json", lambda count: time.sleep(0.1))["processes"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["first.json"]
