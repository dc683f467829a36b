"""Weights with their configuration and provenance inside one safetensors file; nothing is ever unpickled."""

import errno
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize

from pipeline.errors import UserError
from pipeline.write_file import write_file

FORMAT = 1
Model = TypeVar("Model", bound=torch.nn.Module)


@dataclass(frozen=True)
class Checkpoint:
    """What a weights file holds. `identity` is the SHA-256 of the file's bytes."""

    tensors: dict[str, torch.Tensor]
    config: dict
    made_from: dict[str, str]
    identity: str


def save(path: Path, kind: str, tensors: dict[str, torch.Tensor], config: dict, made_from: dict[str, str]) -> str:
    """Writes the file in one step (temp file, then rename) and returns its identity, as in Checkpoint. `kind` names the
    model; `made_from` maps name -> identity.

    The header is one JSON string: safetensors keeps several keys in no fixed order, and equal runs must give equal
    bytes.
    """
    header = {"format": FORMAT, "kind": kind, "config": config, "made_from": made_from}
    dense = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = serialize(dense, metadata={"layercast": json.dumps(header, sort_keys=True)})
    write_file(path, content)
    return hashlib.sha256(content).hexdigest()


@contextmanager
def reading(path: Path, wanted: str, again: str) -> Iterator[None]:
    """Makes a UserError of whatever goes wrong while the body reads the safetensors file at `path`, which should hold
    what is `wanted`; again: what to do."""
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); {again}") from error
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: wanted {wanted}, found something else ({reason}); {again}") from error


def header_of(file: safe_open) -> dict:
    """The header that `save` wrote into an opened safetensors file. Call inside `reading`."""
    return json.loads((file.metadata() or {})["layercast"])


def load(path: Path, kind: str) -> Checkpoint:
    """Reads a file that `save` wrote. Raises UserError when it is missing, damaged, or of another kind or format."""
    wanted = f"layercast {kind} weights (format {FORMAT})"
    with reading(path, wanted, "run the stage that trains it again"):
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "not a file")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with safe_open(path, framework="pt") as file:
            header = header_of(file)
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        if (header["kind"], header["format"]) != (kind, FORMAT):
            raise UserError(f"{path}: wanted {wanted}, found {header['kind']!r:.40} "
                            f"(format {header['format']!r:.20}); train it again")
        return Checkpoint(tensors, header["config"], header["made_from"], digest)


def load_model(path: Path, kind: str, config: type[BaseModel], build: Callable[..., Model]) -> tuple[Model, Checkpoint]:
    """The model that `build` makes of the file's `config`, with the file's weights, in eval mode.

    Raises UserError as `load` does, and when config or weights are not those of this version's model.
    """
    loaded = load(path, kind)
    try:
        settings = config.model_validate(loaded.config)
        with torch.device("meta"):  # a model without memory: sizes that the file does not hold are never allocated
            build(settings).load_state_dict(loaded.tensors, assign=True)
        model = build(settings)
        model.load_state_dict(loaded.tensors)
        if not all(tensor.isfinite().all() for tensor in loaded.tensors.values()):
            raise RuntimeError("some are not finite")
    except (ValidationError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: the weights do not fit this version's {kind} ({reason}); train it again") from error
    return model.eval(), loaded
