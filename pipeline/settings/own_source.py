"""What DVC needs to know of a source of one's own, beside its name in params.yaml."""

import shlex
from pathlib import Path

DEMONSTRATION = Path("data/sprites")
"""Folder of the stage that draws the demonstration videos; relative, like all here, to the current folder, the
repository."""


def lasting_path(source: Path) -> Path:
    """The path to write into params.yaml: experiments run in folders of their own, where only what lies within the
    repository has a relative one. `~` is expanded, which DVC does not do."""
    source = source.expanduser()
    whole = source.resolve()
    return whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole


def next_steps(source: Path) -> list[str]:
    """One line on each command that is still to be given before experiments, `dvc status` and `dvc push` do as they
    should with that source."""
    if source.is_relative_to(DEMONSTRATION):
        return []
    steps = []
    if not source.is_absolute() and not _is_tracked(source):
        command = shlex.join(["dvc", "add", source.as_posix()])
        when = "" if source.exists() else "once it is there, "
        steps.append(f"next: {when}{command}    # else experiments in the queue do not find it")
    if (DEMONSTRATION / "dvc.yaml").exists():
        steps.append(f"next: dvc remove {DEMONSTRATION.as_posix()}/dvc.yaml:sprites    # the demonstration, not needed")
    return steps


def _is_tracked(source: Path) -> bool:
    """Whether DVC keeps it, or a folder that it lies in."""
    return any(path.with_name(f"{path.name}.dvc").exists() for path in (source, *source.parents) if path.name)
