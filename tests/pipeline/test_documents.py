"""README.md, CONTRIBUTING.md and docs/ say what is so: links, names, commands, figures."""

import dataclasses
import importlib
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
import typer
from dvc.cli.parser import get_main_parser

from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.dependencies.imports import ROOT
from pipeline.latents.codes import CODES
from pipeline.params import load
from tests.pipeline import default_run
from tests.pipeline.documents import DOCUMENTS, block_lines, pasted, text_of
from tests.pipeline.dvc_stages import dvc_stages
from tests.pipeline.test_layout import tracked

MOST_LINES = 150
by_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
FILES = set(tracked())
ROOMS = "pipeline", "stages", "tests", "benchmarks", "presets", "docs", r"\.ci"
PASTED = "From a fresh clone", "One run, then a grid", "Looking at latents", "Tracks", "What was surprising"
"""Sections of docs/ that README.md takes its blocks from; other tests run them (of surprises those of the stage, since
they take more validation clips than a tiny run has)."""


def anchors(document: Path) -> set[str]:
    """What GitHub calls the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", text_of(document))


def command_lines() -> list[str]:
    """Every command that a document tells to paste, or names within its text."""
    lines = []
    for document in DOCUMENTS:
        text = text_of(document)
        lines += block_lines(text)
        lines += [part for quoted in re.findall(r"`([^`\n]+)`", text) for part in re.split(r" && |; ", quoted)]
    return sorted(set(lines))


def module_commands() -> list[str]:
    found = [line for line in command_lines() if re.match(r"python -m (stages|benchmarks)\.", line)]
    found += [re.sub(r"torchrun .*? -m", "python -m", line) for line in command_lines() if line.startswith("torchrun ")]
    return [line for line in found if "stages.NAME" not in line]


def as_app(main: Callable) -> typer.Typer:
    app = typer.Typer()
    app.command()(main)
    return app


def test_there_is_something_to_look_at():
    assert len(DOCUMENTS) == 9 and sum(len(links(document)) for document in DOCUMENTS) > 30
    assert len(module_commands()) > 20


def test_the_readme_is_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= MOST_LINES


@by_document
def test_links_lead_somewhere(document):
    for link in links(document):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https" and parts.netloc, link
            continue
        target = (document.parent / parts.path).resolve() if parts.path else document
        assert target in FILES and target.is_file(), f"{link}: git does not know it"
        assert not parts.fragment or parts.fragment in anchors(target), f"{link}: no such heading"


@by_document
def test_named_files_are_there(document):
    pattern = rf"`((?:{'|'.join(ROOMS)})/[\w./-]*)`"
    for name in re.findall(pattern, text_of(document)):
        assert "NAME" in name or (ROOT / name).exists(), name
    names = {path.name for path in FILES}
    assert not [name for name in re.findall(r"`(\w+\.py)`", text_of(document)) if name not in names]


@by_document
def test_named_parameters_are_there(document):
    params = load(ROOT / "params.yaml")
    for name in re.findall(rf"`((?:{'|'.join(params)})(?:\.\w+)+)", text_of(document)):
        if name.endswith((".py", ".yaml", ".json")):
            continue
        value = params
        for key in name.split("."):
            assert key in value, name
            value = value[key]


@pytest.mark.parametrize("line", module_commands())
def test_commands_have_these_options(line):
    _, _, module, *arguments = shlex.split(line)
    found = importlib.import_module(module)
    command = typer.main.get_command(getattr(found, "app", None) or as_app(found.main))
    command.make_parser(click.Context(command)).parse_args(arguments)


@pytest.mark.parametrize("line", [line for line in command_lines() if re.match(r"dvc \w+ .+", line)])
def test_dvc_knows_these_commands(line):
    known, unknown = get_main_parser().parse_known_args(shlex.split(line)[1:])
    assert not unknown, unknown


@pytest.mark.parametrize("line", [line for line in command_lines() if line.startswith("make ")])
def test_make_has_these_targets(line):
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets and line.split()[1] in targets[1].split()


def test_what_the_readme_shows_stands_in_the_docs():
    """There it is run, see test_experiments, test_own_videos and test_examples."""
    own = [line for line in block_lines(text_of(ROOT / "README.md"))
           if not re.match(r"make (repro|test)|python -m stages.generate", line)]
    there = [line for heading in PASTED for line in pasted(heading)]
    assert len(own) > 12 and not [line for line in own if line not in there]


@pytest.mark.parametrize("document", default_run.SHOWN_IN, ids=lambda path: path.name)
def test_figures_are_those_of_the_default_run(document):
    """Otherwise: python -m tests.pipeline.default_run"""
    text = text_of(document)
    assert default_run.filled(text, default_run.rows_of(document)) == text
    shown = [row for row in default_run.rows_of(document) if row in text]
    assert len(shown) == (4 if document.name == "README.md" else len(default_run.rows_of(document)))


def test_figures_are_filled_in():
    assert default_run.filled("| a | 1 |\n| b | |\n| ab | |\n", ["| b | 2 |"]) == "| a | 1 |\n| b | 2 |\n| ab | |\n"


def test_every_threshold_is_explained():
    text = text_of(ROOT / "docs/inference.md")
    for group in dataclasses.fields(DISCOVERY):
        params, table = getattr(DISCOVERY, group.name), text.split(f"| `{group.name}` | value |")[1].split("\n\n")[0]
        shown = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", table, re.MULTILINE))
        wanted = {field.name: str(getattr(params, field.name)) for field in dataclasses.fields(params)}
        wanted.pop("fit", None)  # its rounds are told in words
        assert shown == wanted, group.name


def test_every_code_stage_and_preset_is_named():
    design, data = text_of(ROOT / "docs/design.md"), text_of(ROOT / "docs/data.md")
    for code in CODES.values():
        assert f"| `{code.name}` | {code.owner} | {'yes' if code.varies else 'no'} |" in design, code.name
    for stage in dvc_stages():
        assert f"| `{stage.name}`" in design, stage.name
    for preset in (ROOT / "presets").glob("*.yaml"):
        assert f"| `{preset.stem}` |" in data, preset.name


def test_there_is_a_licence():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")
