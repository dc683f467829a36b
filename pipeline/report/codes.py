"""What the codes of a clip are, for the report: a row for each that has a width."""

from dataclasses import dataclass

from pipeline.latents.codes import CODES, Code
from pipeline.latents.latents import LatentSpec


@dataclass(frozen=True)
class CodeRow:
    name: str
    description: str
    numbers: str
    """How many numbers it has, of how many objects (if it is of objects), and whether in each frame or once a clip."""
    goes_on: str
    """How it is continued without learning; empty where it does not vary in time."""


def code_rows(spec: LatentSpec) -> list[CodeRow]:
    """One row for each code, in the order of the table."""
    codes = [CODES[name] for name in spec.names]
    return [CodeRow(code.name, code.description, _numbers(code, spec), _goes_on(code)) for code in codes]


def _numbers(code: Code, spec: LatentSpec) -> str:
    slots = f"{spec.num_slots} x " if code.owner == "object" else ""
    return f"{slots}{spec.width_of(code)} per {'frame' if code.varies else 'clip'}"


def _goes_on(code: Code) -> str:
    if not code.varies:
        return ""
    kinds = list(dict.fromkeys(code.goes_on))
    if len(kinds) == 1:
        return kinds[0]
    of_kind = {kind: [n for n, k in zip(code.components, code.goes_on, strict=True) if k == kind] for kind in kinds}
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in of_kind.items())
