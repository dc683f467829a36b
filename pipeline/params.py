"""Reads params.yaml, or one section of it, into the pydantic model that its owner defines."""

import difflib
import errno
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import UserError


class Params(BaseModel):
    """Base of every parameter model: unknown keys are refused, values cannot change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Model = TypeVar("Model", bound=BaseModel)
MAX_BYTES = 1_000_000

_MOST_OF_A_SECTION = 3
_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "a multiple of"}


def read_section(path: Path, section: str, model: type[Model]) -> Model:
    """Returns `section` of the YAML 1.2 file `path` (DVC writes numbers that YAML 1.1 would misread, such as 1e-05).

    Raises UserError naming the file, the key and the allowed values.
    """
    document = load(path)
    if not isinstance(document, dict) or section not in document:
        raise UserError(f"{path}: section '{section}' is missing")
    return validate(path, document[section], model, (section,), _MOST_OF_A_SECTION)


def load(path: Path) -> object:
    """Returns what the YAML 1.2 file `path` holds, unchecked. Raises UserError when it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "not a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) <= MAX_BYTES:
            return YAML(typ="safe", pure=True).load(content.decode("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); run from the repository's root") from error
    except (YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{path}: not valid YAML ({type(error).__name__}: {reason}); mend it") from error
    raise UserError(f"{path}: holds more than {MAX_BYTES:,} bytes, which no parameters need; is it another file?")


def validate(
    path: Path, given: object, model: type[Model], section: tuple[str, ...] = (), at_most: int | None = None,
) -> Model:
    """Returns what `path` holds as `model`. Raises UserError with its mistakes, `; ` between them."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        mistakes = [_mistake(mistake, model, section) for mistake in error.errors()[:at_most]]
        raise UserError(f"{path}: {'; '.join(mistakes)}") from error


def _mistake(mistake: ErrorDetails, model: type[BaseModel], section: tuple[str, ...]) -> str:
    place = mistake["loc"]
    key = ".".join(map(str, (*section, *place))) or "the file"
    if mistake["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(str(place[-1]), _fields_at(model, place[:-1]), 1)
        hint = f"did you mean {'.'.join(map(str, (*section, *place[:-1], *nearest)))}?" if nearest else "misspelt?"
        return f"{key} is not a parameter ({hint})"
    if mistake["type"] == "missing":
        return f"{key} is missing"
    if mistake["type"] == "value_error":  # a rule of the model's own, which names the values itself
        return f"{key}: {mistake['ctx']['error']}"
    field = _fields_at(model, place[:-1]).get(str(place[-1])) if place else None
    limits = list(_limits(field)) if field else []
    allowed = f" (allowed: {', '.join(limits)})" if len(limits) > 1 else ""  # of a single one pydantic speaks itself
    return f"{key}: {mistake['msg']}{allowed}, got {reprlib.repr(mistake['input']):.80}"


def _fields_at(model: type[BaseModel], place: tuple[str | int, ...]) -> dict[str, FieldInfo]:
    """The parameters below a key; none where the way there does not lead through models alone."""
    for name in place:
        field = model.model_fields.get(str(name))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return {}
        model = field.annotation
    return model.model_fields


def _limits(field: FieldInfo) -> Iterator[str]:
    for limit in field.metadata:
        yield from (f"{sign} {getattr(limit, name)}" for name, sign in _SIGNS.items() if hasattr(limit, name))
