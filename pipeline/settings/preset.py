"""Ready parameters, each a file of what differs from params.yaml and keyed like it."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.errors import UserError
from pipeline.params import load
from pipeline.settings.settings import check_settings
from pipeline.write_file import write_file


def find_preset(folder: Path, name: str) -> Path:
    """Raises UserError, with the names that there are, when there is no such preset."""
    there = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in there:
        raise UserError(f"{folder}: no preset '{name}'; there are {', '.join(there) or 'none'}")
    return folder / f"{name}.yaml"


def apply_preset(preset: Path, params: Path) -> list[str]:
    """Writes the preset's values into `params`, leaving comments and everything else as they are.

    Returns one line per value that changed. Raises UserError, with nothing written, when a key is unknown or the whole
    would not be valid.
    """
    load(params)  # says what is wrong with a file that cannot be read
    values: Any = load(preset)
    return apply_values(values, params, preset)


def apply_values(values: dict, params: Path, origin: Path) -> list[str]:
    """`apply_preset` with values keyed like params.yaml; origin: what an error message is about."""
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 1000, True
    yaml.representer.add_representer(type(None), lambda r, _: r.represent_scalar("tag:yaml.org,2002:null", "null"))
    document = yaml.load(params.read_text(encoding="utf-8"))
    changes = list(_change(document, values, origin, ""))
    written = io.StringIO()
    yaml.dump(document, written)
    check_settings(origin, YAML(typ="safe", pure=True).load(written.getvalue()))
    write_file(params, written.getvalue().encode())
    return changes


def _change(document: dict, values: Any, preset: Path, prefix: str) -> Iterator[str]:
    for name, value in values.items():
        key = prefix + name
        if name not in document or isinstance(value, dict) != isinstance(document[name], dict):
            raise UserError(f"{preset}: {key} is not a parameter of params.yaml; correct the preset")
        if isinstance(value, dict):
            yield from _change(document[name], value, preset, f"{key}.")
        elif document[name] != value:
            yield f"{key}: {_text(document[name])} -> {_text(value)}"
            document[name] = value


def _text(value: object) -> str:
    return "null" if value is None else str(value)
