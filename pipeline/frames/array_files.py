"""The arrays of a source, gathered file by file, and what is said of them."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UserError
from pipeline.frames import array_source, hdf5_array_source
from pipeline.frames.array_axes import FoundArray, NoVideos
from pipeline.frames.preprocess_params import ArrayLayout
from pipeline.frames.source_video import SourceVideo


class ArrayFiles:
    """Finds videos in files of arrays, each file understood by itself, and compares them."""

    def __init__(self, layout: ArrayLayout | None, array_name: str | None, scratch: Path):
        self._layout, self._array_name, self._scratch = layout, array_name, scratch
        self._found: list[FoundArray] = []
        self._without: list[NoVideos] = []

    def videos(self, file: Path, name: str, truth: Path | None, is_alone: bool) -> list[SourceVideo]:
        """The videos of a file; none in one of arrays that cannot be videos (see without_videos). A damaged one among
        others is a video that cannot be read. Raises UserError."""
        try:
            if file.suffix.lower() in array_source.SUFFIXES:
                found = array_source.find_arrays(file, name, self._layout, self._array_name, truth, self._scratch)
            else:
                found = hdf5_array_source.find_arrays(file, name, self._layout, self._array_name)
        except NoVideos as reason:
            self._without.append(reason)
            return []
        except array_source.CannotRead as reason:
            if is_alone:
                raise
            return [array_source.damaged(file, name, reason)]
        self._found += found
        return [video for array in found for video in array.videos]

    def without_videos(self) -> NoVideos | None:
        """What the files hold that have no videos, if there are any."""
        if len(self._without) < 2:
            return next(iter(self._without), None)
        return NoVideos(f"{len(self._without)} files of arrays that are no videos, such as {self._without[0]}")

    def refuse_unlike(self) -> None:
        """Raises UserError when some are in colour and others have one channel (masks, say), and nobody has named them.
        """
        by_channels = {array.reading.length("C"): array for array in reversed(self._found)}
        if len(by_channels) > 1 and not self._array_name:
            grey, colour = (by_channels[count] for count in (1, 3))
            raise UserError(
                f"wanted arrays of one kind, found some in colour, such as {colour.name} {list(colour.reading.shape)}, "
                f"and some with one channel, such as {grey.name} {list(grey.reading.shape)}; set preprocess.array_name "
                "to the names of those that are videos (* takes all)"
            )

    def guesses(self) -> Iterator[str]:
        """A line on each way in which axes were understood that nobody has said."""
        guessed: dict[str, list[FoundArray]] = {}
        for array in self._found:
            if not array.reading.is_said and array.videos:
                guessed.setdefault(array.reading.order, []).append(array)
        for arrays in guessed.values():
            more = f", and {len(arrays) - 1} more arrays so" if len(arrays) > 1 else ""
            yield f"{arrays[0].name}: taken for {arrays[0].reading}{more}"
