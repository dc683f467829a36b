"""What README.md, CONTRIBUTING.md and docs/ tell to paste, so that tests can run it as a reader would."""

import re
from pathlib import Path

from pipeline.dependencies.imports import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def block_lines(text: str) -> list[str]:
    """The lines of indented blocks, as they are pasted: without the indentation, and without comments."""
    lines = [line[4:].split("  #")[0].rstrip() for line in text.splitlines() if re.match(r"    \S", line)]
    return [line for line in lines if not line.startswith("#")]


def section(heading: str) -> str:
    """What stands below a heading of the second level, which only one of the documents has."""
    found = [text_of(document).split(f"\n## {heading}\n")[1:] for document in DOCUMENTS]
    sections = [part for parts in found for part in parts]
    assert len(sections) == 1, f"{len(sections)} sections are called '{heading}'"
    return sections[0].split("\n## ", 1)[0]


def pasted(heading: str) -> list[str]:
    """All that a section has in indented blocks."""
    lines = block_lines(section(heading))
    assert lines, f"section '{heading}' has nothing to paste"
    return lines


def commands(heading: str, *programs: str) -> list[str]:
    """The lines of a section's indented blocks that call one of these programs."""
    return [line for line in pasted(heading) if line.split()[0] in programs]
