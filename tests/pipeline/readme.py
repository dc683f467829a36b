"""The commands that the README shows, so that tests can run them as a reader would paste them."""

from pipeline.dependencies.imports import ROOT


def commands(heading: str, *programs: str) -> list[str]:
    """The lines of the indented blocks below a heading of the second level that call one of these programs, comments
    cut off."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line.strip().split("  #")[0].strip() for line in section.splitlines() if line.startswith("    ")]
    return [line for line in lines if line.split()[0] in programs]
