"""Poses and cameras are read by names: nobody but their own modules knows where a component stands."""

import ast
from pathlib import Path

import pytest

from pipeline.dependencies.imports import ROOT
from tests.pipeline.test_layout import tracked

OWNERS = {"pipeline/latents/pose.py", "pipeline/latents/camera_code.py"}
SOURCES = [
    path for path in tracked("pipeline/*.py", "stages/*.py", "benchmarks/*.py")
    if path.relative_to(ROOT).as_posix() not in OWNERS
]
CODES = ("pose", "camera", "motion", "moving")
"""What poses and cameras, or parts of them, are called: a variable or attribute that is or ends with one of these."""


def violations(source: str) -> list[str]:
    """Every place that takes a component of a pose or a camera by its number, or a code apart into its components."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript) and is_code(node.value):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if is_ellipsis(parts[0]) and len(parts) > 1 and is_number(parts[-1]):
                found.append(ast.unparse(node))
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            call = node.value
            unbinds = ast.unparse(call).endswith(".unbind(-1)")
            if unbinds and any(is_code(part) for part in ast.walk(call)):
                found.append(ast.unparse(node))
    return found


def is_code(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return any(name == code or name.endswith(f"_{code}") for code in CODES)


def is_ellipsis(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def is_number(node: ast.AST) -> bool:
    """A constant, or a slice that has one."""
    if isinstance(node, ast.Slice):
        return any(is_number(end) for end in (node.lower, node.upper) if end)
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_component_is_taken_by_its_number(path: Path):
    assert not violations(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("line", [
    "x = latents.pose[..., 0]", "place = pose[..., :2]", "v = target.pose[..., -1]", "dz = motion[..., 2:]",
    "x, y, log_scale, visibility = latents.pose.flatten(0, 1).unbind(-1)", "x, y, z = camera[:, :, None].unbind(-1)",
])
def test_the_search_finds(line):
    assert violations(line)


@pytest.mark.parametrize("line", [
    "first = pose[0]", "own = pose[:, :, slot]", "x, y = place.unbind(-1)", "row = camera[:, -1]",
    "p = poses.place(pose)", "s = step[..., 2:]", "mean, spread = self.camera(scene).unbind(1)",
])
def test_the_search_leaves_alone(line):
    assert not violations(line)
