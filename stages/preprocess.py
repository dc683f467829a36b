"""Stage preprocess: videos -> data/frames.zarr (train, val) and data/test_frames.zarr (test), cut into sequences."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import PIL
import typer

from pipeline.cost import measure
from pipeline.errors import UserError, one_line_errors
from pipeline.few_sequences import few_sequences, split_summary
from pipeline.frames.about_source import about_source
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.read_video import UnreadableVideo
from pipeline.frames.sequences import Cut, cut_videos, known_sequences
from pipeline.frames.source import open_source
from pipeline.frames.splits import SPLITS, split_sequences
from pipeline.frames.survey import Survey, skip_or_raise, survey
from pipeline.params import read_section
from pipeline.progress import progress
from pipeline.resume.folders import resume_folder
from pipeline.warn import warn
from pipeline.zarr_io import place

MACHINE = (av.__version__, PIL.__version__)  # other decoders and scalers may give other bytes
NUM_KEPT = 2  # abandoned runs whose sequences stay: they are as big as the stores


def preprocess(params: PreprocessParams, frames: Path, test_frames: Path) -> int:
    """Writes both stores and returns how many frames were decoded. Raises UserError when the source or a parameter does
    not allow it."""
    cut = Cut(params, params.sequence_length, params.sequence_stride or params.sequence_length)
    with open_source(
        params.source, params.array_layout, params.digits, params.tfrecord_feature, params.pictures,
    ) as source:
        found = survey(source.videos, cut, params.skip_unreadable)
        counts = [cut.num_sequences(info) for info in found.infos]
        names = [video.video_id for video in found.videos] if params.split == "published" else None
        split = split_sequences(counts, params.val_fraction, params.test_fraction, params.seed, names)
        with progress("hashing the source", source.num_bytes(), "bytes") as advance:
            identity = source.identity(advance)
        with resume_folder("preprocess", params, {"source": identity}, MACHINE, NUM_KEPT, keep_refused=False) as folder:
            stores = fill_stores(folder, params, found, cut, split, identity)
            missing = set(SPLITS) - stores[0].splits - stores[1].splits
            if missing:
                raise UserError(f"{params.source}: no sequence was left for {', '.join(sorted(missing))}; add videos")
            for store in stores:
                store.finish()
            place(stores[0].path, frames)
            place(stores[1].path, test_frames)
            labels = [part for store in stores for _, _, part, _ in store.labels]
            num_of = {name: labels.count(name) for name in SPLITS}
    print(f"{frames}, {test_frames}: sequences of {cut.length} frames, {split_summary(num_of)}")
    warn(few_sequences(num_of))
    return sum(info.num_frames for info in found.infos)


def fill_stores(
    folder: Path, params: PreprocessParams, found: Survey, cut: Cut, split: list[np.ndarray], source: str,
) -> list[FrameStoreWriter]:
    """Decodes what is not in `folder` yet: the stores of train and val and of test, not finished."""
    num_test = sum(list(part).count("test") for part in split)
    rows = {"frames.zarr": sum(map(len, split)) - num_test, "test_frames.zarr": num_test}
    shape = (cut.length, cut.form.height, cut.form.width, cut.form.num_channels)
    about = about_source(found.videos, found.infos, cut.form)
    stores = [
        FrameStoreWriter(
            folder / name, count, shape, fps=found.fps, crop=cut.form.crop, source=source,
            num_objects=found.num_objects, truth_names=found.truth_names, resumable=True, about=about,
        )
        for name, count in rows.items()
    ]
    place_of = {video.video_id: number for number, video in enumerate(found.videos)}
    labels = [(place_of[video_id], start, last) for store in stores for video_id, start, _, last in store.labels]
    sequences = cut_videos(found.videos, found.infos, cut, known_sequences(labels, cut))
    num_frames = sum(info.num_frames for info in found.infos)
    with progress("decoding", num_frames, "frames") as advance, closing(sequences):
        for item in sequences:
            if isinstance(item, UnreadableVideo):
                skip_or_raise(item, params.skip_unreadable)
            elif isinstance(item, UserError):
                raise item
            else:
                advance(cut.stride)
                part = split[item.video]
                name = str(part[min(item.first_frame // cut.stride, len(part) - 1)])
                if item.frames is not None:
                    stores[name == "test"].append(
                        item.frames, item.truth, video_id=found.videos[item.video].video_id,
                        first_frame=item.first_frame, split=name, is_last=item.is_last)
    return stores


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
