"""Reads on in damaged video files: what is damaged is guessed, as players do, and counted.

FFmpeg conceals what is damaged in part, from what lies around it and before it. It does not always say so; therefore a
strict decoder, which refuses such frames, is asked as well. Of what it refuses the first frame after each key frame
counts: the others may just refer to that one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av

from pipeline.frames.damage import Damage
from pipeline.frames.video_file import decoder, is_hidden, is_leap, open_file


def concealed_frames(
    path: Path, num_threads: int, damage: Damage, fps: float,
) -> Iterator[tuple[int, float | None, av.VideoFrame]]:
    """Yields (index of the frame among all that the file holds, time in s, frame) and counts in `damage`.

    Where frames are lost as a whole the one before stands for them, but no longer than a clock may pause at `fps` (see
    is_leap). Raises av.FFmpegError, OSError or ValueError when the file cannot even be opened.
    """
    strictly, freely = (_decode_all(path, num_threads, is_strict) for is_strict in (True, False))
    refused = strictly.refused()
    lost = [stamp for stamp in sorted(freely.is_key) if stamp not in freely.shown] if strictly.holds_frames else []
    last: av.VideoFrame | None = None
    for frame in concealed(path, num_threads):
        missing = []
        while lost and frame.pts is not None and frame.time_base and lost[0] < frame.pts:
            missing.append(float(lost.pop(0) * frame.time_base))
        if len(missing) > 1 and is_leap(missing[-1] - missing[0], fps):
            damage.count(num_lost=len(missing))
        else:
            for time in missing:
                yield damage.num_frames, time, last or frame
                damage.count(num_concealed=1)
        is_concealed = frame.is_corrupt or frame.pts in refused
        yield damage.num_frames, frame.time, frame
        damage.count(num_whole=not is_concealed, num_concealed=is_concealed)
        last = frame
    damage.count(num_lost=len(lost))


def concealed(path: Path, num_threads: int = 1) -> Iterator[av.VideoFrame]:
    """Yields all frames that FFmpeg makes something of. Raises as concealed_frames."""
    with open_file(path) as container:
        stream = decoder(container, num_threads, is_strict=False)
        for packet in _packets(container, stream):
            for frame in _decoded(packet, stream) or []:
                frame.time_base = stream.time_base  # those that come last do not know it
                yield frame


@dataclass
class _Decoding:
    """What came of decoding a file as a whole; stamps are times in units of the stream."""

    is_key: dict[int, bool] = field(default_factory=dict)
    """stamp -> whether it is a key frame's, in the order in which the file holds them."""
    shown: set[int] = field(default_factory=set)
    """The stamps of the frames that came out, if strict: of whole ones."""
    holds_frames: bool = True
    """A packet holds a frame, and no single field of one, as far as can be told before the first damage."""

    def refused(self) -> set[int]:
        """The first frame after each key frame that did not come out."""
        found, is_sound = set(), True
        for stamp, is_key in self.is_key.items():
            is_sound = is_sound or is_key
            if is_sound and stamp not in self.shown:
                found.add(stamp)
                is_sound = False
        return found

    def are_all_shown(self) -> bool:
        latest = max(self.shown, default=None)
        return latest is None or all(stamp in self.shown for stamp in self.is_key if stamp <= latest)


def _decode_all(path: Path, num_threads: int, is_strict: bool) -> _Decoding:
    result, is_sound = _Decoding(), True
    with open_file(path) as container:
        stream = decoder(container, num_threads, is_strict)
        for packet in _packets(container, stream):
            if packet and packet.pts is not None and not (packet.is_discard or is_hidden(packet, stream)):
                result.is_key[packet.pts] = packet.is_keyframe
            decoded = _decoded(packet, stream)
            whole = [frame for frame in decoded or [] if not (is_strict and frame.is_corrupt)]
            if is_sound and (decoded is None or len(whole) < len(decoded)):
                is_sound, result.holds_frames = False, result.are_all_shown()
            result.shown |= {frame.pts for frame in whole if frame.pts is not None}
    return result


def _packets(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet | None]:
    """Yields what can be read, and at the end None, for which a decoder gives the frames that it holds back."""
    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except (av.FFmpegError, OSError):
        pass  # who reads on after damage knows that there is some
    yield None


def _decoded(packet: av.Packet | None, stream: av.VideoStream) -> list[av.VideoFrame] | None:
    """None: the decoder refuses the packet, or one before it."""
    try:
        return stream.decode(packet)
    except av.FFmpegError:
        return None
