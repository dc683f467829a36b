"""What should worry whoever runs a stage: one line each on stderr, beside its result."""

import sys
from collections.abc import Iterable


def warn(texts: Iterable[str]) -> None:
    """Prints every text as one line; names of files in it may hold anything."""
    for text in texts:
        print(f"warning: {' '.join(text.split())}", file=sys.stderr, flush=True)
