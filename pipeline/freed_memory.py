"""Memory that a process has freed and will soon want again."""

import ctypes


def keep_freed_memory() -> None:
    """Tells glibc to keep freed memory: giving large tensors back and fetching them again costs a third of a step of
    training, and a seventh of taking a clip apart. The process then holds what it held at its peak."""
    m_trim_threshold, m_mmap_max = -1, -4  # malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # another C library
    mallopt(m_mmap_max, 0)
    mallopt(m_trim_threshold, 2**31 - 1)
