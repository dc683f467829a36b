"""Prints what was found out about stores."""

from collections.abc import Iterable

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from pipeline.inspection.codes import DEAD, CodeStatistics, PresenceHistogram
from pipeline.inspection.comparison import Difference
from pipeline.inspection.facts import ArrayFacts, StoreFacts

_BAR_WIDTH = 30


def print_facts(facts: StoreFacts, console: Console) -> None:
    """Labels and provenance, then the arrays."""
    stored, whole = (sum(getattr(array, name) for array in facts.arrays) for name in ("num_bytes_stored", "num_bytes"))
    files = sum(array.num_files for array in facts.arrays)
    console.print(f"{facts.path}", style="bold", highlight=False, soft_wrap=True)
    summary = _table(None, "", "")
    summary.add_row("kind", facts.kind)
    summary.add_row("identity", facts.identity[:12])
    for name, identity in facts.made_from.items():
        summary.add_row(f"made from {name}", identity[:12])
    for name, value in facts.attributes.items():
        summary.add_row(name, f"{value}")
    for name in ("split",) if "split" in facts.group else ():
        values, counts = np.unique(facts.labels(name), return_counts=True)
        summary.add_row(name, ", ".join(f"{count} {value}" for value, count in zip(values, counts, strict=True)))
    ratio = f"{whole / max(stored, 1):.1f} times less than uncompressed"
    summary.add_row("on disk", f"{_bytes(stored)} in {files} files, {ratio}")
    console.print(summary)
    table = _table("arrays", "name", "dims", "type", "units", "on disk", "ratio")
    for array in facts.arrays:
        table.add_row(*_cells(array), style="dim" if array.is_coordinate else None)
    console.print(table)
    codecs = sorted({array.codecs for array in facts.arrays})
    console.print(f"compression: {', '.join(codecs)}; coordinates are dim", style="dim", highlight=False)


def print_codes(statistics: list[CodeStatistics], presence: PresenceHistogram, console: Console) -> None:
    """The spread of every code, then who is there how often."""
    table = _table("codes, of present objects", "code", "numbers", "mean", "std", "least", "most", "units", "dead")
    for code in statistics:
        numbers = (code.mean, code.std, code.minimum, code.maximum)
        dead = f"{len(code.dead)}: {_few(code.dead)}" if code.dead else "none"
        table.add_row(code.name, str(code.num_numbers), *map(_number, numbers), code.units, dead)
    console.print(table)
    console.print(
        f"dead: numbers that vary by less than {DEAD:.0%} of what their code's numbers vary by", style="dim",
        highlight=False,
    )
    table = _table("objects in a sequence", "", "share", "")
    for count, share in enumerate(presence.of_count):
        table.add_row(str(count), f"{share:.1%}", _bar(share))
    console.print(table)
    table = _table("slots that hold an object", "", "share", "")
    for slot, share in enumerate(presence.of_slot):
        table.add_row(f"slot {slot}", f"{share:.1%}", _bar(share))
    console.print(table)
    console.print(f"{presence.undecided:.1%} of the presences are undecided (0.1 to 0.9)", style="dim", highlight=False)


def print_comparison(
    here: StoreFacts, there: StoreFacts, num_common: int, differences: list[Difference],
    statistics: tuple[list[CodeStatistics], list[CodeStatistics]] | None, console: Console,
) -> None:
    """Both stores side by side; what differs is bold."""
    table = _table(None, "", str(here.path), str(there.path))
    for name, *pair in _pairs(here, there):
        table.add_row(name, *pair, style="bold" if pair[0] != pair[1] else None)
    table.add_row("rows of both", str(num_common), str(num_common))
    console.print(table)
    if differences:
        table = _table("how far apart, over the rows of both", "array", "rms of the difference", "rms of the first")
        for difference in differences:
            table.add_row(difference.name, f"{difference.rms:.4g}", f"{difference.rms_here:.4g}")
        console.print(table)
    if statistics:
        table = _table("codes, of present objects: mean and std", "code", str(here.path), str(there.path))
        theirs = {code.name: code for code in statistics[1]}
        for code in statistics[0]:
            both = (code, theirs[code.name])
            table.add_row(code.name, *(f"{_number(c.mean)} ± {_number(c.std)}, {len(c.dead)} dead" for c in both))
        console.print(table)


def _pairs(here: StoreFacts, there: StoreFacts) -> Iterable[tuple[str, str, str]]:
    for name in ("kind", "identity", "num_rows"):
        ours, theirs = (str(getattr(store, name))[:None if name == "kind" else 12] for store in (here, there))
        yield name, ours, theirs
    for label, values, length in (("made from ", "made_from", 12), ("", "attributes", None)):
        for name in dict.fromkeys([*getattr(here, values), *getattr(there, values)]):
            ours, theirs = (str(getattr(store, values).get(name, "-"))[:length] for store in (here, there))
            yield label + name, ours, theirs
    arrays = [{array.name: array for array in store.arrays} for store in (here, there)]
    for name in dict.fromkeys([*arrays[0], *arrays[1]]):
        both = [store.get(name) for store in arrays]
        ours, theirs = ("-" if a is None else f"{_shape(a)}, {_bytes(a.num_bytes_stored)}" for a in both)
        yield name, ours, theirs


def _cells(array: ArrayFacts) -> list[str]:
    ratio = "" if array.is_coordinate else f"{array.num_bytes / max(array.num_bytes_stored, 1):.1f}"
    dims = ", ".join(f"{dim} {length}" for dim, length in zip(array.dims, array.shape, strict=True))
    return [array.name, dims, array.dtype, array.units, _bytes(array.num_bytes_stored), ratio]


def _table(title: str | None, *headers: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False,
                  padding=(0, 1, 0, 0), show_header=any(headers))
    for header in headers:
        table.add_column(header, overflow="fold")  # nothing is cut where it is narrow
    return table


def _shape(array: ArrayFacts) -> str:
    return "x".join(map(str, array.shape))


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _number(value: float) -> str:
    return f"{value:.0e}" if 0 < abs(value) < 1e-3 else f"{value:.3g}"


def _few(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers[:4])) + (", ..." if len(numbers) > 4 else "")


def _bar(share: float) -> str:
    return "█" * round(share * _BAR_WIDTH)
