"""Video files, as FFmpeg reads them: their frames, and the times of these without decoding any.

What a header says of rate and number of frames is a hint: a recorder that was killed never came to write it, a file
of fragments knows its first fragment, a variable rate has none. So packets are counted, and clocks are read.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import av

from pipeline.frames.container_end import missing_bytes

LONGEST_PAUSE = 1.0
"""s between two frames, and _LONGEST_PAUSE_FRAMES at the video's rate; what is longer is a gap in its clock."""
_LONGEST_PAUSE_FRAMES = 10
_UNORDERED_FRAMES = 8
"""Frames by which a decoder may confuse their order, so that time stands still; farther back a clock starts again."""
_SAME_RATE = 0.02
"""Share by which a header may differ from the clock and is believed."""
_BACKWARDS = 2.0
"""s that a clock goes back at least, at a frame that is no key frame, when it starts again; less is the order of
coding."""
_MOST_REORDERED = 32
"""Frames that may be stored before one that is shown before them."""


def frames(path: Path, num_threads: int) -> Iterator[av.VideoFrame]:
    """Raises av.FFmpegError or ValueError, after the frames before the damage."""
    with open_file(path) as container:
        for frame in container.decode(decoder(container, num_threads, is_strict=True)):
            if frame.is_corrupt:
                raise ValueError("a frame is damaged")
            yield frame
    if missing := missing_bytes(path):
        raise ValueError(cut_off(missing))


def cut_off(num_bytes: int) -> str:
    """What is wrong with a file that lacks so many bytes, for a line of text."""
    return f"its end is cut off, at least {num_bytes:,} bytes are missing"


def pixel_aspect(path: Path) -> float:
    """How many times as wide as high a pixel is, 1 where the file does not say. Raises av.FFmpegError or ValueError."""
    with open_file(path) as container:
        return float(video_stream(container).sample_aspect_ratio or 1)


def times_and_rate(path: Path) -> tuple[list[float | None], float | None]:
    """The time of each frame in s as its clock says (None where it does not), in the order in which they are shown, and
    how many there are in a second (None where nothing says).

    Raises av.FFmpegError or ValueError.
    """
    with open_file(path) as container:
        stream = video_stream(container)
        headers = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]
        runs: list[list[float]] = [[]]
        unknown = 0
        try:
            for packet in container.demux(stream):
                if not packet.size or packet.is_discard or is_hidden(packet, stream):
                    continue
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is None or packet.time_base is None:
                    unknown += 1
                    continue
                time = float(stamp * packet.time_base)
                latest = max(runs[-1][-_MOST_REORDERED:], default=time)
                if time < latest and (packet.is_keyframe or time < latest - _BACKWARDS):
                    runs.append([])
                runs[-1].append(time)
        except (av.FFmpegError, OSError):
            if not any(runs):
                raise
            # What comes before the damage counts; whoever decodes it comes upon the damage, too.
    times = [time for run in runs for time in sorted(run)]
    return [*times, *[None] * unknown], _rate(times, headers)


def is_leap(step: float, fps: float) -> bool:
    """Whether the clock of a video leaps where it goes on by `step` s from a frame to the next: over a gap, or back,
    where it starts again."""
    return step > max(LONGEST_PAUSE, _LONGEST_PAUSE_FRAMES / fps) or step < -_UNORDERED_FRAMES / fps


def _rate(times: list[float], headers: list[float]) -> float | None:
    """Frames per second: the first of the headers that the clock bears out, otherwise the clock's, its leaps left out;
    None where neither says."""
    steps = [after - before for before, after in pairwise(times)]
    typical = 1 / median([step for step in steps if step > 0] or [1.0])
    going = [step for step in steps if step >= 0 and not is_leap(step, typical)]
    duration = sum(going)
    if not duration:
        return headers[0] if headers else None
    for header in headers:
        if abs(duration - len(going) / header) <= _SAME_RATE * duration + 1 / header:
            return header
    return len(going) / duration


def is_hidden(packet: av.Packet, stream: av.VideoStream) -> bool:
    """Whether a packet of VP8 is never shown (RFC 6386, 9.1); other codecs keep such frames in the packets of others'.
    """
    return stream.codec_context.name in ("vp8", "libvpx") and not memoryview(packet)[0] & 0x10


def open_file(path: Path) -> av.container.InputContainer:
    """The protocol is said: in a name like 10:30.mp4 FFmpeg would look for one, and a playlist that calls itself .mp4
    would reach into the network. Titles and the like may be in any encoding; nobody reads them."""
    return av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")


def decoder(container: av.container.InputContainer, num_threads: int, is_strict: bool) -> av.VideoStream:
    """Ready to decode. is_strict: it refuses what is damaged rather than guess what is hidden there."""
    stream = video_stream(container)
    stream.codec_context.thread_count = num_threads
    stream.codec_context.thread_type = "AUTO"
    stream.codec_context.options = {"err_detect": "explode"} if is_strict else {}
    return stream


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The first one with pictures. Raises ValueError when there is none."""
    if not container.streams.video:
        raise ValueError("it holds no pictures")
    return container.streams.video[0]
