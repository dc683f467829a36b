"""Lets a training finish the step at hand when it is told to stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace


@contextmanager
def interruptible(is_main: bool) -> Iterator[SimpleNamespace]:
    """Notes SIGINT and SIGTERM in `.signal` instead of ending the process, so that the step at hand can be finished.

    Only the first of several processes heeds them: the others would leave it waiting for their gradients.
    """
    noted = SimpleNamespace(signal=None)

    def note(number: int, _frame: object) -> None:
        if is_main:
            noted.signal = number

    if threading.current_thread() is not threading.main_thread():
        yield noted  # Python delivers signals to the main thread alone
        return
    former = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
