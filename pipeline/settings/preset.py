"""Ready parameters, each a file of what differs from params.yaml and keyed like it, or, where its first key is `like`,
of what differs from the preset of that name."""

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
    return apply_values(read_preset(preset), params, preset)


def read_preset(preset: Path, like_it: tuple[Path, ...] = ()) -> dict:
    """Values of a preset, over those of the one that it is `like`. like_it: the presets that are like this one. Raises
    UserError when a file cannot be read, or presets are like each other in a circle."""
    values = load(preset)
    if not isinstance(values, dict):
        raise UserError(f"{preset}: wanted the sections of params.yaml, found something else; correct the preset")
    if "like" not in values:
        return values
    if preset in like_it:
        raise UserError(f"{preset}: is like itself, by way of {like_it[-1]}; correct the preset")
    like = find_preset(preset.parent, str(values.pop("like")))
    return _merged(read_preset(like, (*like_it, preset)), values)


def _merged(below: dict, above: dict) -> dict:
    both = [name for name in above if isinstance(above[name], dict) and isinstance(below.get(name), dict)]
    return below | above | {name: _merged(below[name], above[name]) for name in both}


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
