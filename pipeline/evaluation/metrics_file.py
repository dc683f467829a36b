"""metrics.json: what evaluate found out, with the identities of what it judged."""

import json
from pathlib import Path

from pipeline.errors import UserError
from pipeline.write_file import write_file

_SECTIONS = {"protocol", "reconstruction", "prediction", "baselines", "compression"}


def write_metrics(path: Path, metrics: dict) -> None:
    """Writes metrics.json in one step, floats to 6 decimals."""
    write_file(path, (json.dumps(_rounded(metrics), indent=2, allow_nan=False) + "\n").encode())


def read_metrics(path: Path) -> dict:
    """What write_metrics wrote. Raises UserError when it is missing, damaged or something else."""
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read ({error}); run `dvc repro`") from error
    if not isinstance(metrics, dict) or not _SECTIONS <= set(metrics):
        raise UserError(f"{path}: wanted the figures of evaluate, found something else; run `dvc repro`")
    return metrics


def origin(identities: dict[str, str]) -> list[str]:
    """Identities of what was judged, in the form that protocol.made_from keeps: a list, since `dvc metrics show` makes
    a column of every string that it finds."""
    return [f"{name} {identity}" for name, identity in identities.items()]


def made_from(metrics: dict) -> dict[str, str]:
    """The identities of what was judged, by name."""
    return dict(text.split(" ", 1) for text in metrics["protocol"].get("made_from", ()))


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
