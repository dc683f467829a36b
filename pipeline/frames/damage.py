"""Damaged videos: what is said of them, and what the reader of one finds out."""

import sys
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import Resumable, UserError

OnDamage = Literal["stop", "skip", "keep"]

_REMEDY = (
    "repair or remove {}, or set {} to keep (goes on with what FFmpeg makes of the rest) or skip "
    "(leaves the rest out)"
)
_KEY = "preprocess.on_damage"
_MOST_NAMED = 8


class UnreadableVideo(UserError):
    """A video that cannot be decoded, or not to its end."""

    def __init__(self, video_id: str, reason: object):
        self.video_id, self.reason = video_id, str(reason)
        super().__init__(f"video '{video_id}' cannot be decoded ({reason}); {_REMEDY.format('it', _KEY)}")

    def of_option(self, on_damage: OnDamage) -> UserError:
        """The same error for commands that read one video, and are told with --on-damage what becomes of damage."""
        text = f"video '{self.video_id}' cannot be decoded ({self.reason})"
        if on_damage == "stop":
            return UserError(f"{text}; {_REMEDY.format('it', '--on-damage')}")
        return UserError(f"{text}, and --on-damage {on_damage} leaves nothing of it; give another video")

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return UnreadableVideo, (self.video_id, self.reason)


class DamagedVideos(Resumable):
    """All videos of a source that cannot be decoded, or not to their end."""

    def __init__(self, reasons: dict[str, str]):
        """reasons: by video_id, at least one."""
        (first, reason), names = next(iter(reasons.items())), [f"'{video_id}'" for video_id in reasons]
        if len(names) == 1:
            text = f"video '{first}' cannot be decoded ({reason}); {_REMEDY.format('it', _KEY)}"
        else:
            more = f" and {len(names) - _MOST_NAMED} more" * (len(names) > _MOST_NAMED)
            text = f"{len(names)} videos cannot be decoded: {', '.join(names[:_MOST_NAMED])}{more} (reasons are above)"
            text += f"; {_REMEDY.format('them', _KEY)}"
        super().__init__(text)


@dataclass
class Damage:
    """What was found by reading on in a damaged video."""

    reason: str
    """What its decoder says."""
    first: int | None = None
    """The first damaged frame, counted in the source."""
    num_concealed: int = 0
    """Frames that are guessed: in part or, where the one before stands for them, as a whole."""
    num_lost: int = 0
    """Frames that nothing stands for."""
    num_frames: int = 0
    """All frames that there are, lost ones included."""

    def count(self, num_whole: int = 0, num_concealed: int = 0, num_lost: int = 0) -> None:
        """Takes note of what follows, frames of one of these kinds."""
        if num_concealed + num_lost and self.first is None:
            self.first = self.num_frames
        self.num_concealed += num_concealed
        self.num_lost += num_lost
        self.num_frames += num_whole + num_concealed + num_lost

    def __str__(self) -> str:
        since = f" from frame {self.first} on" if self.first is not None else ""
        lost = f" and {self.num_lost} lost" if self.num_lost else ""
        return f"damaged{since} ({self.reason}): {self.num_concealed} of {self.num_frames} frames concealed{lost}"


def say_damaged(video_id: str, reason: str, on_damage: OnDamage, is_playable: bool) -> None:
    """Says on stderr that a video cannot be decoded, or not to its end, and what becomes of it. is_playable: something
    can be made of it, so that it may be kept."""
    if on_damage == "keep" and is_playable:
        return  # of that one can say more once it is read
    what = "damaged" if on_damage == "stop" else "skipped"
    stays = "; what comes before the damage stays" * (on_damage == "skip" and is_playable)
    print(f"{what}: video '{video_id}' cannot be decoded ({reason}){stays}", file=sys.stderr, flush=True)
