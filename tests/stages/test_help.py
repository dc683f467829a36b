"""What `python -m stages.NAME --help` says."""

import importlib
import os
import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from pipeline.dependencies.imports import ROOT
from tests.pipeline.test_layout import tracked

NAMES = sorted(path.stem for path in tracked("stages/*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("name", NAMES)
def test_help_is_whole_on_a_narrow_terminal_and_tells_options_apart(name):
    module = importlib.import_module(f"stages.{name}")
    result = CliRunner().invoke(module.app, ["--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert result.exit_code == 0 and "…" not in result.stdout and max(map(len, result.stdout.splitlines())) <= 80
    command = typer.main.get_command(module.app)
    words = " ".join(re.sub("[│╭╮╰╯─]", " ", result.stdout).split())
    summary = " ".join(command.help.split("\n\n")[0].split())
    assert summary in words and summary[0].isupper() and summary.endswith((".", ";", "?"))
    helps = [option.help for option in command.params]
    assert all(helps) and len(set(helps)) == len(helps), "two options say the same, or one says nothing"


def test_no_color_takes_the_colors_off():
    colors = re.compile(r"\x1b\[[0-9;]*?\b(3[0-8]|9[0-7])[0-9;]*m")
    shown = []
    for settings in ({}, {"NO_COLOR": "1"}):
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        shown.append(subprocess.run(
            [sys.executable, "-m", "stages.check", "--help"], cwd=ROOT, check=True, capture_output=True, text=True,
            env={**environment, "FORCE_COLOR": "1", "TERM": "xterm-256color", **settings},
        ).stdout)
    assert colors.search(shown[0]) and not colors.search(shown[1])
