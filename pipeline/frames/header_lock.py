"""One NumPy header at a time.

NumPy reads it with Python's parser. That of Python 3.11 now and then loses count of its own recursion where several
threads parse at once, and raises SystemError (CPython issue 106905).
"""

import threading

HEADER_LOCK = threading.Lock()
