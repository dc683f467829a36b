"""The stage preprocess run on small videos."""


import numpy as np
import pytest
from ruamel.yaml import YAML

from pipeline.frames.frame_store import open_frames
from pipeline.frames.write_video import write_video
from stages.preprocess import main

LENGTH = 8


def noise(seed: int, frames: int = LENGTH, height: int = 16, width: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the stage with these parameters changed; returns its two stores."""

    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))

    def run(source=tmp_path / "videos", **changes):
        section = {
            "source": str(source), "array_layout": None, "split": "random", "tfrecord_feature": "{}/encoded",
            "digits": {"num_videos": 3, "num_frames": LENGTH, "num_digits": 2, "frame_px": 64, "seed": 0},
            "height": 16, "width": 16, "crop": "center", "color": "rgb",
            "fps": None, "fps_if_unknown": 10, "sequence_length": LENGTH, "sequence_stride": None, "val_fraction": 0.2,
            "test_fraction": 0.2, "seed": 0, "on_damage": "stop", **changes,
        }
        YAML().dump({"preprocess": section}, tmp_path / "params.yaml")
        main(tmp_path / "params.yaml", tmp_path / "out" / "frames.zarr", tmp_path / "out" / "test_frames.zarr",
             tmp_path / "cost.json")
        return open_frames(tmp_path / "out" / "frames.zarr"), open_frames(tmp_path / "out" / "test_frames.zarr")

    return run


@pytest.fixture
def videos(tmp_path):
    """Six lossless videos of one to three sequences, some in subfolders; returns their frames by name."""
    names = ["0.mkv", "nested/1.mkv", "2.mkv", "nested/3.mkv", "4.mkv", "nested/5.mkv"]
    frames = {name: noise(seed, LENGTH * (1 + seed % 3) + 3) for seed, name in enumerate(names)}
    (tmp_path / "videos" / "nested").mkdir(parents=True)
    for name, pixels in frames.items():
        write_video(tmp_path / "videos" / name, pixels, 10, lossless=True)
    return frames


@pytest.fixture
def refuses(run, capsys, tmp_path):
    """Checks that the stage, run so, ends with exit code 2 and one line with `complaint`, earlier outputs untouched."""

    def refuses(complaint: str, **changes):
        out = tmp_path / "out"
        before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file() and ".partial" not in str(file)}
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            run(**changes)
        assert stop.value.code == 2
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1 and complaint in errors[0]
        assert before == {file: file.read_bytes() for file in before}

    return refuses
