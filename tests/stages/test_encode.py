import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pipeline.autoencoder import many_clips
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig, load_autoencoder, save_autoencoder
from pipeline.autoencoder.kept_proposals import keep_proposals
from pipeline.autoencoder.proposals import propose
from pipeline.encoding import encode_rows
from pipeline.frames.frame_store import open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.pixels import to_unit
from pipeline.latents import latent_store
from pipeline.latents.latent_store import open_latents
from stages import encode
from tests.pipeline.conftest import content

ROOT = Path(__file__).resolve().parents[2]
CONFIG = AutoencoderConfig(
    architecture=ArchitectureParams(
        num_slots=2, object_px=6, patch_dim=8, canvas_margin=0, background_channels=2, appearance_dim=4, hidden_dim=4,
    ),
    num_channels=3, height=16, width=24,
)


def write_frames(path: Path, num_rows: int, splits: tuple[str, ...], num_frames=3, fps=10.0) -> None:
    rng = np.random.default_rng(len(splits))
    shape = (num_frames, CONFIG.height, CONFIG.width, CONFIG.num_channels)
    writer = FrameStoreWriter(path, num_rows, shape, fps=fps, crop="none", source="0" * 64, num_objects=None)
    for row in range(num_rows):
        writer.append(rng.integers(0, 256, shape, dtype=np.uint8), {}, video_id=f"{splits[0]} {row // 2}",
                      first_frame=row % 2 * num_frames, split=splits[row % len(splits)])
    writer.finish()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A place with params.yaml and all that encode reads by default: 7 + 4 sequences."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("encode: {batch_size: 2}\n")
    write_frames(tmp_path / "data/frames.zarr", 7, ("train", "val"))
    write_frames(tmp_path / "data/test_frames.zarr", 4, ("test",))
    torch.manual_seed(0)
    save_autoencoder(tmp_path / "data/autoencoder.safetensors", Autoencoder(CONFIG), {"frames": "0" * 64})
    return tmp_path


@pytest.fixture(autouse=True)
def resume(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    return tmp_path / "resume"


def run(*arguments: str):
    return CliRunner().invoke(encode.app, list(arguments))


def test_rows_are_those_of_both_stores_in_order(folder, monkeypatch):
    """Batches of two neither fit the files of four rows nor the border between the stores."""
    for module in (encode_rows, latent_store):
        monkeypatch.setattr(module, "ROWS_PER_SHARD", 5)
    assert run().exit_code == 0
    stores = [open_frames(folder / "data" / f"{name}.zarr") for name in ("frames", "test_frames")]
    latents = open_latents(folder / "data/latents.zarr")
    for label in ("video_id", "first_frame", "split"):
        assert np.array_equal(getattr(latents, label), np.concatenate([getattr(store, label) for store in stores]))
    assert (latents.preparation.crop, latents.preparation.fps) == ("none", 10)
    model = Autoencoder(CONFIG)
    model.load_state_dict(encode.load_autoencoder(folder / "data/autoencoder.safetensors")[0].state_dict())
    frames = np.concatenate([store.read(slice(None)) for store in stores])
    with torch.no_grad():
        for row in range(len(frames)):
            expected = model.encode(to_unit(frames[row:row + 1]))
            for name, code in latents.read([row]).codes.items():
                torch.testing.assert_close(code, getattr(expected, name), atol=1e-4, rtol=1e-4)


def test_what_stage_1_has_taken_apart_is_not_taken_apart_again(folder, monkeypatch):
    assert run("--latents", "apart.zarr").exit_code == 0
    path, autoencoder = folder / "data/proposals.safetensors", folder / "data/autoencoder.safetensors"
    store = open_frames(folder / "data/frames.zarr")
    sets = {split: (torch.from_numpy(store.rows(split)),
                    propose(to_unit(store.read(store.rows(split))), CONFIG.architecture)) for split in ("train", "val")}
    keep_proposals(path, sets, {"frames": store.identity, "autoencoder": load_autoencoder(autoencoder)[1].identity})
    counted = []

    def propose_few(frames, *others):
        counted.append(len(frames))
        return propose(frames, *others)

    monkeypatch.setattr(many_clips, "propose", propose_few)
    shutil.rmtree(folder / "resume", ignore_errors=True)
    assert run("--latents", "kept.zarr").exit_code == 0
    assert sum(counted) == 4
    for name, code in open_latents(folder / "kept.zarr").read(range(11)).codes.items():
        torch.testing.assert_close(code, open_latents(folder / "apart.zarr").read(range(11)).codes[name])
    torch.manual_seed(1)
    save_autoencoder(autoencoder, Autoencoder(CONFIG), {"frames": "0" * 64})
    assert "proposals.safetensors was made from autoencoder" in refusal()


def test_two_processes_write_the_same_bytes_as_one(folder):
    (folder / "small_files.py").write_text(
        "from pipeline.encoding import encode_rows\nfrom pipeline.latents import latent_store\n"
        "from stages import encode\nlatent_store.ROWS_PER_SHARD = encode_rows.ROWS_PER_SHARD = 2\nencode.app()\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for launcher, name in (([], "one.zarr"), (torchrun, "two.zarr")):
        command = [sys.executable, *launcher, "small_files.py", "--latents", name]
        subprocess.run(command, cwd=folder, env=environment, check=True)
    one, two = (
        {file.relative_to(root): file.read_bytes() for file in root.rglob("*") if file.is_file()}
        for root in (folder / "one.zarr", folder / "two.zarr")
    )
    assert one == two and len(open_latents(folder / "one.zarr")) == 11


def refusal(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 2 and not Path("data/latents.zarr").exists()
    return result.stderr


def test_frames_of_another_form_are_refused(folder):
    other = CONFIG.model_copy(update={"height": 32})
    save_autoencoder(folder / "data/autoencoder.safetensors", Autoencoder(other), {"frames": "0" * 64})
    message = refusal()
    assert "frames.zarr: the autoencoder wants frames of 24x32 with 3 channels, found 24x16 with 3 channels" in message


@pytest.mark.parametrize("change", [{"num_frames": 4}, {"fps": 5.0}])
def test_stores_that_do_not_belong_together_are_refused(folder, change):
    write_frames(folder / "data/test_frames.zarr", 4, ("test",), **change)
    assert "test_frames.zarr: sequence length or fps differ" in refusal()


def test_it_goes_on_after_the_last_whole_shard(folder, monkeypatch, resume):
    for module in (encode_rows, latent_store):
        monkeypatch.setattr(module, "ROWS_PER_SHARD", 4)
    assert run().exit_code == 0
    undisturbed = content(folder / "data/latents.zarr")
    shutil.rmtree(folder / "data/latents.zarr")
    calls, compute = [], Autoencoder.encode

    def counted(model, frames, proposals):
        calls.append(len(frames))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return compute(model, frames, proposals)

    monkeypatch.setattr(Autoencoder, "encode", counted)
    assert run().exit_code != 0 and not (folder / "data/latents.zarr").exists()
    assert len(list(resume.rglob("rows_*"))) == 1
    assert run().exit_code == 0
    assert sum(calls) == 4 + 2 + 2 + (11 - 4), "rows that were done have been encoded again"
    assert content(folder / "data/latents.zarr") == undisturbed
    assert not list(resume.rglob("rows_*"))
