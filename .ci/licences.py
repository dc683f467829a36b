"""Prints the licence of every package in constraints.txt, as its own metadata states it: python .ci/licences.py"""

from importlib import metadata
from pathlib import Path


def licence(package: str) -> str:
    """The SPDX expression; else the classifiers; else the first words of the free text."""
    about = metadata.metadata(package)
    classified = about.get_all("Classifier") or ()
    classifiers = [text.split(" :: ")[-1] for text in classified if text.startswith("License ::")]
    text = " ".join((about.get("License") or "").split())[:60]
    return about.get("License-Expression") or ", ".join(classifiers) or text or "not stated"


if __name__ == "__main__":
    for line in (Path(__file__).parents[1] / "constraints.txt").read_text().splitlines():
        if "==" in line:
            print(f"{line.split('==')[0]}: {licence(line.split('==')[0])}")
