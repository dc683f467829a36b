"""Weights and stores that are damaged, foreign or hostile: one line, exit code 2, nothing run, nothing written."""

import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import zarr

from pipeline import checkpoint, zarr_io
from pipeline.frames.frame_store import open_frames
from pipeline.zarr_io import _digest, _document
from tests.pipeline.conftest import content
from tests.pipeline.test_no_leak import rewrite as rewrite_store
from tests.pipeline.tiny_run import run_stage
from tests.stages.conftest import artefacts  # noqa: F401  (a fixture)


class Bomb:
    """Unpickled, it would leave a folder."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.fixture
def refused(artefacts, tmp_path, monkeypatch):  # noqa: F811
    """Checks that a stage refuses a copy of the artefacts, of which one was altered, in one line."""
    shutil.copytree(artefacts.folder, tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))

    def refused(stage: str, names: tuple[str, ...], complaint: str) -> None:
        arguments = ["--params", "in/params.yaml"]
        for name in names:
            arguments += [f"--{name.replace('_', '-')}", str(getattr(type(artefacts)(Path("in")), name))]
        result = run_stage(stage, *arguments)
        assert result.exit_code == 2, result.output[-2000:] + repr(result.exception)
        lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1 and len(lines[0]) < 1000 and complaint in lines[0], result.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["in"]

    return refused


def header_of(file: Path) -> tuple[dict, bytes]:
    data = file.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def rewrite(change: Callable[[dict], None], body: bytes | None = None) -> Callable[[Path], None]:
    """Changes what the head of a safetensors file says."""
    def alter(file: Path) -> None:
        header, rest = header_of(file)
        change(header)
        text = json.dumps(header).encode()
        file.write_bytes(struct.pack("<Q", len(text)) + text + (rest if body is None else body))
    return alter


def claim(**changes) -> Callable[[Path], None]:
    """Changes what the file says of the model within."""
    def change(header: dict) -> None:
        about = json.loads(header["__metadata__"]["layercast"])
        for name, value in changes.items():
            target = about if name in about else about["config"]["architecture"]
            target[name] = value
        header["__metadata__"]["layercast"] = json.dumps(about)
    return rewrite(change)


def some_tensor(header: dict) -> dict:
    return next(value for name, value in header.items() if name != "__metadata__")


def not_finite(file: Path) -> None:
    loaded = checkpoint.load(file, "autoencoder")
    name = next(iter(loaded.tensors))
    checkpoint.save(file, "autoencoder", {**loaded.tensors, name: loaded.tensors[name] * torch.nan}, loaded.config,
                    loaded.made_from)


def as_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


WEIGHTS = {
    "missing": (Path.unlink, "cannot be read (No such file"),
    "a folder": (lambda file: (file.unlink(), file.mkdir()), "not a file"),
    "a pipe": (as_pipe, "not a file"),
    "a link to itself": (lambda file: (file.unlink(), file.symlink_to(file.name)), "cannot be read"),
    "empty": (lambda file: file.write_bytes(b""), "found something else"),
    "cut short": (lambda file: file.write_bytes(file.read_bytes()[:-1]), "found something else"),
    "a pickle": (lambda file: file.write_bytes(pickle.dumps(Bomb())), "found something else"),
    "a PyTorch file": (lambda file: torch.save(Bomb(), file), "found something else"),
    "a head longer than the file": (
        lambda file: file.write_bytes(struct.pack("<Q", 2**62) + file.read_bytes()[8:]), "found something else"),
    "a head of brackets": (
        lambda file: file.write_bytes(struct.pack("<Q", 90_000) + b"[" * 90_000), "found something else"),
    "a tensor outside the file": (
        rewrite(lambda header: some_tensor(header).update(data_offsets=[0, 2**40])), "found something else"),
    "a tensor of a shape that is not its bytes'": (
        rewrite(lambda header: some_tensor(header).update(shape=[2**31, 2**31])), "found something else"),
    "no word of layercast": (rewrite(lambda header: header.pop("__metadata__")), "found something else"),
    "a word of brackets": (
        rewrite(lambda header: header["__metadata__"].update(layercast="[" * 9000)), "found something else"),
    "another model": (claim(kind="predictor"), "found 'predictor'"),
    "another format": (claim(format=99), "format 99"),
    "a milliard slots": (claim(num_slots=10**9), "do not fit this version's autoencoder"),
    "networks wider than any memory": (claim(hidden_dim=10**7), "do not fit this version's autoencoder"),
    "other sizes": (claim(appearance_dim=7), "do not fit this version's autoencoder"),
    "an unknown setting": (claim(config={"colour": 1}), "do not fit this version's autoencoder"),
    "numbers that are none": (not_finite, "some are not finite"),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_bad_weights(refused, kind):
    make, complaint = WEIGHTS[kind]
    make(Path("in/autoencoder.safetensors"))
    refused("generate", ("test_frames", "autoencoder", "predictor"), complaint)


def say(change: Callable[[dict], None]) -> Callable[[Path], None]:
    """Changes what a store says of itself, its inventory included: an author of hostile stores can do that, too."""
    def alter(store: Path) -> None:
        document = _document(store)
        change(document["attributes"])
        is_complete = document["attributes"].pop("complete", None)
        document["attributes"].pop("inventory", None)
        document["attributes"]["inventory"] = _digest(store, document, with_chunks=False)
        if is_complete is not None:
            document["attributes"]["complete"] = is_complete
        (store / "zarr.json").write_text(json.dumps(document))
    return alter


def reshape(*shape: int) -> Callable[[Path], None]:
    def alter(store: Path) -> None:
        for file, place in (("frames/zarr.json", ()), ("zarr.json", ("consolidated_metadata", "metadata", "frames"))):
            document = json.loads((store / file).read_text())
            about = document
            for name in place:
                about = about[name]
            about["shape"] = list(shape)
            (store / file).write_text(json.dumps(document))
        say(lambda attributes: None)(store)
    return alter


def lose_chunk(store: Path) -> None:
    next(file for file in sorted(store.glob("frames/c/**/*")) if file.is_file()).unlink()
    say(lambda attributes: None)(store)


STORES = {
    "missing": (shutil.rmtree, "found none"),
    "a file": (lambda store: (shutil.rmtree(store), store.write_text("text")), "found none"),
    "an empty folder": (lambda store: (shutil.rmtree(store), store.mkdir()), "found none"),
    "no JSON": (lambda store: (store / "zarr.json").write_bytes(bytes(99)), "found none"),
    "ten thousand brackets": (lambda store: (store / "zarr.json").write_text("[" * 10_000), "found none"),
    "a pipe": (lambda store: as_pipe(store / "zarr.json"), "found none"),
    "another kind": (say(lambda attributes: attributes.update(kind="latents")), "found 'latents'"),
    "another version": (
        say(lambda attributes: attributes.update(format=zarr_io.FORMAT + 1)), f"format {zarr_io.FORMAT + 1}"),
    "never finished": (say(lambda attributes: attributes.pop("complete")), "never finished"),
    "a description altered": (
        lambda store: (store / "zarr.json").write_text((store / "zarr.json").read_text().replace("none", "much")),
        "altered",
    ),
    "a lost chunk that its inventory does not know": (lose_chunk, "lacks chunks"),
    "more rows than there are chunks": (reshape(10**12, 15, 32, 32, 3), "lacks chunks"),
    "a shape of nonsense": (reshape(-1), "made by something else"),
}


@pytest.mark.parametrize("kind", STORES)
def test_a_bad_store(refused, kind):
    make, complaint = STORES[kind]
    make(Path("in/test_frames.zarr"))
    refused("generate", ("test_frames", "autoencoder", "predictor"), complaint)


def test_names_of_videos_are_no_paths(artefacts, tmp_path, monkeypatch):  # noqa: F811
    """A store may call its videos what it likes: nothing is written by these names."""
    folder = tmp_path / "in" / "deep"
    shutil.copytree(artefacts.folder, folder)
    source, path = open_frames(artefacts.test_frames), folder / "hostile.zarr"
    rewrite_store(artefacts.test_frames, path, source.read(slice(None)))
    shutil.rmtree(path / "video_id")
    names = ["../../evil", "/tmp/evil\n\x1b[31m", "-rf"][: len(source)]
    path.rename(zarr_io.partial_place(path))
    group = zarr.open_group(zarr_io.partial_place(path), mode="r+")
    for stamp in ("identity", "inventory", "complete"):
        del group.attrs[stamp]
    zarr_io.add_coordinate(group, "video_id", names, ("sequence",))
    zarr_io.finish(path)
    monkeypatch.chdir(folder)
    before = set(content(tmp_path))
    result = run_stage("generate", "--params", "params.yaml", "--test-frames", "hostile.zarr", "--autoencoder",
                       "autoencoder.safetensors", "--predictor", "predictor.safetensors")
    assert result.exit_code == 0, result.output
    new = {name.split("/")[2] for name in set(content(tmp_path)) - before}
    assert new == {"data"} and not Path("/tmp/evil").exists()


def test_there_are_many_kinds():
    assert len(WEIGHTS) + len(STORES) >= 34
