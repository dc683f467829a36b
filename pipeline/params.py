"""Reads one section of params.yaml into the pydantic model that its owner defines."""

import reprlib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import UserError


class Params(BaseModel):
    """Base of every parameter model: unknown keys are refused, values cannot change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Model = TypeVar("Model", bound=BaseModel)


def read_section(path: Path, section: str, model: type[Model]) -> Model:
    """Returns `section` of the YAML 1.2 file `path` (DVC writes numbers that YAML 1.1 would misread, such as 1e-05).

    Raises UserError naming the file, the key and the allowed values.
    """
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); run from the repository's root") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(document, dict) or section not in document:
        raise UserError(f"{path}: section '{section}' is missing")
    try:
        return model.model_validate(document[section])
    except ValidationError as error:
        raise UserError(f"{path}: {_first_mistakes(error, section)}") from error


def _first_mistakes(error: ValidationError, section: str) -> str:
    lines = []
    for mistake in error.errors()[:3]:
        key = ".".join([section, *map(str, mistake["loc"])])
        if mistake["type"] == "extra_forbidden":
            lines.append(f"{key} is not a parameter (misspelt?)")
        elif mistake["type"] == "missing":
            lines.append(f"{key} is missing")
        else:
            lines.append(f"{key}: {mistake['msg']}, got {reprlib.repr(mistake['input']):.80}")
    return "; ".join(lines)
