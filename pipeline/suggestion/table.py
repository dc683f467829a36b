"""Prints suggestions: parameter, value, reason, section by section."""

from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.suggestion.decide import Suggestion

_VALUE = 9
"""Columns wide; a longer value has a line of its own."""


def print_suggestions(suggestions: list[Suggestion], console: Console | None = None) -> None:
    """Reasons go on in the next line where they are too long for one; nothing is cut off."""
    console = console or Console()
    widest = max(len(item.key.rpartition(".")[2]) for item in suggestions)
    for section, items in groupby(suggestions, key=lambda item: item.key.rpartition(".")[0]):
        console.print(f"{section}:", style="bold", highlight=False)
        table = Table.grid(padding=(0, 1))
        table.add_column(width=widest + 2, overflow="fold")
        table.add_column(width=_VALUE, overflow="fold")
        table.add_column(overflow="fold")
        for item in items:
            name, value = item.key.rpartition(".")[2], "null" if item.value is None else str(item.value)
            if len(value) > _VALUE:  # a path
                console.print(f"  {name:{widest}} {value}", highlight=False, markup=False, soft_wrap=True)
                name, value = "", ""
            table.add_row(Text(f"  {name}"), Text(value), Text(item.why))
        console.print(table, highlight=False)
