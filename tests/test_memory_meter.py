import mmap
import time

from pipeline.memory_meter import most_resident, resident, watch_resident


def touched(num_bytes: int) -> mmap.mmap:
    """Memory that is given back as soon as it is closed."""
    block = mmap.mmap(-1, num_bytes)
    block.write(b"x" * num_bytes)
    return block


def test_a_peak_within_the_block_is_seen_after_it_has_gone():
    before = resident()
    with watch_resident(0.01) as peak, touched(2**27):
        time.sleep(0.1)
    assert peak[0] > before + 2**26 and peak[0] > resident() + 2**26


def test_the_most_ever_held_is_no_less_than_what_is_held_now():
    with touched(2**27):
        held = resident()
    assert most_resident() >= held - 2**22 > 2**26  # the system counts in pages of its own, and not at every moment
