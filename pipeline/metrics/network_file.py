"""Networks that some metrics are defined by: files that the user gives, used only when they are the very ones meant."""

import hashlib
from pathlib import Path

from pydantic import Field

from pipeline.errors import UserError
from pipeline.params import Params


class NetworkFile(Params):
    """A network's file, and which one it has to be."""

    path: Path
    """Where it lies."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Hash of the file (`sha256sum FILE`): figures made by different files cannot be compared."""


def read_network(file: NetworkFile, key: str) -> bytes:
    """The content. Raises UserError, naming the parameter `key`, when the file cannot be read or is another one."""
    try:
        content = file.path.read_bytes()
    except OSError as error:
        reason = f"cannot be read ({error.strerror}); get the file or set {key}: null"
        raise UserError(f"{key}.path: {file.path} {reason}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise UserError(
            f"{key}: {file.path} has sha256 {found[:12]}..., wanted {file.sha256[:12]}...; get the right file or "
            f"change {key}.sha256"
        )
    return content
