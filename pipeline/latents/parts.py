"""Latents a few frames at a time, so that neither the batch nor the size of frames decides how much memory their layers
take: these are floats, and many times as large as the frames."""

from collections.abc import Iterator

from pipeline.latents.latents import Latents

PIXELS_AT_ONCE = 2**20
"""Pixels of layers, one for each slot, that are looked at together. Decoding holds about five pictures of them at a
time, each 40 MB of floats."""
MORE_ON_A_GPU = 16
"""So many times as many there, which would stand idle otherwise; it has more memory than this takes."""


def parts(latents: Latents, height: int, width: int) -> Iterator[tuple[slice, slice, Latents]]:
    """The latents of frames of height x width px in parts, in order: which clips, which of their frames, and these.
    They are whole clips, or where one is too much at once some frames of a clip."""
    pixels = PIXELS_AT_ONCE * (MORE_ON_A_GPU if latents.pose.is_cuda else 1)
    at_once = max(1, pixels // (latents.presence.shape[1] * height * width))
    num_clips = max(1, at_once // latents.num_frames)
    for b in range(0, len(latents), num_clips):
        which = slice(b, b + num_clips)
        clips = latents.map(lambda code: code[which])  # noqa: B023, called at once
        for t in range(0, latents.num_frames, at_once):
            yield which, slice(t, t + at_once), clips.frames(t, t + at_once)
