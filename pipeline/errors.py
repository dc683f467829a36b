"""The one kind of error that is the user's to mend, and how a command shows it."""

import sys
from contextlib import contextmanager


class UserError(ValueError):
    """A mistake the user can mend: its text is one line with what was wanted, what came, where, and what to do."""


@contextmanager
def one_line_errors():
    """Turns a UserError into one line on stderr and exit code 2; everything else keeps its traceback."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
