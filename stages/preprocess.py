"""Stage preprocess: videos -> data/frames.zarr (train, val) and data/test_frames.zarr (test), cut into sequences."""

import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import av
import PIL
import typer

from pipeline.cost import measure
from pipeline.errors import Resumable, UserError, one_line_errors
from pipeline.few_sequences import few_sequences, split_summary
from pipeline.frames.about_source import about_source
from pipeline.frames.damage import Damage, DamagedVideos, UnreadableVideo, say_damaged
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.sequences import Cut, FrameSequence, cut_videos, known_sequences
from pipeline.frames.source import open_source
from pipeline.frames.splits import NOWHERE, SPLITS, Stretches, groups_of, split_sequences
from pipeline.frames.survey import Survey, survey
from pipeline.params import read_section
from pipeline.progress import progress
from pipeline.resume.folders import resume_folder
from pipeline.warn import warn
from pipeline.zarr_io import place

MACHINE = (av.__version__, PIL.__version__)  # other decoders and scalers may give other bytes
NUM_KEPT = 2  # abandoned runs whose sequences stay: they are as big as the stores


Stores = tuple[FrameStoreWriter, FrameStoreWriter]
"""The store of train and val, and that of test."""


def preprocess(params: PreprocessParams, frames: Path, test_frames: Path) -> int:
    """Writes both stores and returns how many frames were decoded. Raises UserError when the source or a parameter does
    not allow it; what was decoded stays for who goes on with another `on_damage`."""
    cut = Cut(params, params.sequence_length, params.sequence_stride or params.sequence_length)
    with open_source(params.source, *params.reading) as source:
        found, split = split_videos(params, survey(source.videos, cut, params.on_damage), cut)
        with progress("hashing the source", source.num_bytes(), "bytes") as advance:
            identity = source.identity(advance)
        decides = params.model_copy(update={"on_damage": "stop"})
        inputs = {"source": identity, "videos": "\0".join(video.video_id for video in found.videos)}
        with resume_folder("preprocess", decides, inputs, MACHINE, NUM_KEPT, keep_refused=False) as folder:
            stores = open_stores(folder, found, cut, split, identity)
            damaged = fill_stores(stores, params, found, cut, split)
            if params.on_damage == "keep" and damaged:
                read_on(stores, found, cut, split, damaged)
            if refusal := what_is_wrong(stores, params, damaged):
                for store in stores:
                    store.suspend()
                raise refusal
            for store in stores:
                store.finish()
            place(stores[0].path, frames)
            place(stores[1].path, test_frames)
            labels = [part for store in stores for _, _, part, _ in store.labels]
            num_of = {name: labels.count(name) for name in SPLITS}
    print(f"{frames}, {test_frames}: sequences of {cut.length} frames, {split_summary(num_of)}")
    num_frames = sum(info.num_frames for info in found.infos)
    if left := num_frames - sum(_num_covered(store, cut.length) for store in stores):
        print(f"left out: {left:,} of {num_frames:,} frames, where videos end or splits meet and no whole sequence "
              "fits any more; a smaller preprocess.sequence_stride may use more of them", file=sys.stderr)
    warn(few_sequences(num_of))
    return num_frames


def _num_covered(store: FrameStoreWriter, length: int) -> int:
    """Frames of the videos that are in a sequence, each counted once."""
    starts = sorted((video_id, start) for video_id, start, _, _ in store.labels)
    overlaps = (max(0, start + length - later) for (video, start), (after, later) in pairwise(starts) if video == after)
    return len(starts) * length - sum(overlaps)


def split_videos(params: PreprocessParams, found: Survey, cut: Cut) -> tuple[Survey, list[Stretches]]:
    """The videos that are used, and who gets which stretch of each; names those that are left out. Raises UserError
    when there are too few."""
    starts = [cut.starts(info) for info in found.infos]
    names = [video.video_id for video in found.videos]
    parts = split_sequences(
        [len(frames) for frames in starts], params.val_fraction, params.test_fraction, params.seed,
        names if params.split == "published" else None, groups_of(names, params.group) if params.group else None,
        -(-cut.reach(found.infos) // cut.stride) - 1, params.test_names)
    split = [Stretches.of(part, frames) for part, frames in zip(parts, starts, strict=True)]
    if short := {name for name, stretches in zip(names, split, strict=True) if not stretches.splits}:
        few = [f"'{name}' with {len(frames)}" for name, frames in zip(names, starts, strict=True) if name in short]
        print(f"left out: too few sequences to be split by time, {', '.join(few)}", file=sys.stderr)
        return split_videos(params, found.without(short), cut)
    headless = {name for name, info in zip(names, found.infos, strict=True) if info.damage}
    whole = {part for name, stretches in zip(names, split, strict=True) if name not in headless
             for part in stretches.splits}
    if params.on_damage == "skip" and headless and set() < whole < {*SPLITS}:  # of which nothing may stay
        return split_videos(params, found.without(headless), cut)
    return found, split


def open_stores(
    folder: Path, found: Survey, cut: Cut, split: list[Stretches], source: str,
) -> Stores:
    """Both stores, with what is in `folder` already."""
    reach = cut.reach(found.infos)
    parts = [
        stretches.split_of(start, reach)
        for stretches, info in zip(split, found.infos, strict=True) for start in cut.starts(info)
    ]
    num_test = parts.count("test")
    rows = {"frames.zarr": len(parts) - parts.count(NOWHERE) - num_test, "test_frames.zarr": num_test}
    shape = (cut.length, cut.form.height, cut.form.width, cut.form.num_channels)
    about = about_source(found.videos, found.infos, cut.form)
    rest, test = (
        FrameStoreWriter(
            folder / name, count, shape, fps=found.fps, crop=cut.form.crop, source=source,
            num_objects=found.num_objects, truth_names=found.truth_names, resumable=True,
            fps_is_assumed=not (cut.form.fps or found.knows_rate), about=about,
        )
        for name, count in rows.items()
    )
    return rest, test


def fill_stores(
    stores: Stores, params: PreprocessParams, found: Survey, cut: Cut, split: list[Stretches],
) -> dict[str, str]:
    """Decodes what is not there yet, of damaged videos what comes before the damage. Returns why videos cannot be
    decoded, or not to their end, by name."""
    damaged = dict(found.damaged)
    reach = cut.reach(found.infos)
    wanted = {
        number: [start for start in cut.starts(info) if split[number].split_of(start, reach) != NOWHERE]
        for number, info in enumerate(found.infos)
    }
    sequences = cut_videos(found.videos, found.infos, cut, known_sequences(_known(stores, found), cut, wanted))
    num_frames = sum(info.num_frames for info in found.infos)
    with progress("decoding", num_frames, "frames") as advance, closing(sequences):
        for item in sequences:
            if isinstance(item, UnreadableVideo):
                if item.video_id not in damaged:
                    damaged[item.video_id] = item.reason
                    say_damaged(item.video_id, item.reason, params.on_damage, is_playable=True)
            elif isinstance(item, UserError):
                raise item
            else:
                advance(cut.stride)
                _append(stores, item, found, split[item.video].split_of(item.first_frame, reach))
    return damaged


def read_on(stores: Stores, found: Survey, cut: Cut, split: list[Stretches], damaged: dict[str, str]) -> None:
    """Decodes what is still missing of damaged videos with what FFmpeg makes of it, and says how much that is."""
    names = {number: video.video_id for number, video in enumerate(found.videos) if video.video_id in damaged}
    damages = {number: Damage(damaged[name]) for number, name in names.items()}
    reach = cut.reach(found.infos)
    known = known_sequences(_known(stores, found), cut)
    sequences = cut_videos(found.videos, found.infos, cut, known, damages)
    num_frames = sum(found.infos[number].num_frames for number in damages)
    with progress("reading on in damaged videos", num_frames, "frames") as advance, closing(sequences):
        for item in sequences:
            if isinstance(item, UserError):
                raise item
            advance(cut.stride)
            _append(stores, item, found, split[item.video].split_of(item.first_frame, reach))
    for number, damage in damages.items():
        print(f"kept: video '{names[number]}' is {damage}", file=sys.stderr)


def what_is_wrong(stores: Stores, params: PreprocessParams, damaged: dict[str, str]) -> UserError | None:
    """Why the stores may not be finished."""
    if damaged and params.on_damage == "stop":
        return DamagedVideos(damaged)
    missing = set(SPLITS) - stores[0].splits - stores[1].splits
    if not missing:
        return None
    text = f"{params.source}: no sequence was left for {', '.join(sorted(missing))}; add videos"
    if damaged and params.on_damage == "skip":
        return Resumable(f"{text}, or set preprocess.on_damage to keep")
    return UserError(text)


def _known(stores: Stores, found: Survey) -> list[tuple[int, int, bool]]:
    """Video (its place among those found), first_frame and is_last of the sequences that the stores have."""
    place_of = {video.video_id: number for number, video in enumerate(found.videos)}
    return [(place_of[video_id], start, last) for store in stores for video_id, start, _, last in store.labels]


def _append(stores: Stores, item: FrameSequence, found: Survey, part: str) -> None:
    """Unless it is there, or goes nowhere."""
    if item.frames is not None and part != NOWHERE:
        stores[part == "test"].append(
            item.frames, item.truth, video_id=found.videos[item.video].video_id, first_frame=item.first_frame,
            split=part, is_last=item.is_last)


def main(
    params: Annotated[Path, typer.Option(help="File with the section 'preprocess'.")] = Path("params.yaml"),
    frames: Annotated[Path, typer.Option(help="Store to write: train and val.")] = Path("data/frames.zarr"),
    test_frames: Annotated[Path, typer.Option(help="Store to write: test.")] = Path("data/test_frames.zarr"),
    cost: Annotated[Path, typer.Option(help="File for what it cost.")] = Path("data/cost/preprocess.json"),
) -> None:
    """Cuts videos into sequences of one form and splits them into train, val and test."""
    with one_line_errors(), measure(cost, "frames") as count:
        count(preprocess(read_section(params, "preprocess", PreprocessParams), frames, test_frames))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
