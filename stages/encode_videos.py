"""Encodes any videos with trained weights into a store of their own (no stage of the pipeline)."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import PIL
import torch
import typer

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.autoencoder.encode_params import EncodeParams
from pipeline.encoding.encode_rows import encode_rows
from pipeline.errors import UserError, one_line_errors
from pipeline.frames.about_source import about_source
from pipeline.frames.damage import Damage, OnDamage, UnreadableVideo
from pipeline.frames.frame_format import ALIKE_FPS, FrameFormat
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.new_videos import NewVideo, bring_all, open_videos, reading_of
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.sequences import Cut, Known, cut_video
from pipeline.latents.latent_store import LatentWriter, open_latents
from pipeline.params import read_section
from pipeline.progress import progress
from pipeline.resume.folders import resume_folder
from pipeline.resume.states import machine

OUTPUTS = tuple(f"data/{name}.zarr" for name in (
    "frames", "test_frames", "latents", "predicted_latents", "predicted_frames",
))
"""Stores that belong to the stages."""
NUM_KEPT = 2  # abandoned runs whose frames stay


def encode_videos(
    params: EncodeParams, reading: PreprocessParams, autoencoder: Path, videos: list[Path], into: Path,
) -> None:
    """Brings videos to the form that the weights want, cuts them into sequences and writes their latents. Raises
    UserError when nothing can be read, or `into` holds what another command wrote."""
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise UserError("encode_videos is one process; start it without torchrun")
    check_free(into)
    model, weights = load_autoencoder(autoencoder)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    length, stride = reading.sequence_length, reading.sequence_stride or reading.sequence_length
    with open_videos(videos, reading) as source:
        new = long_enough(bring_all(source.videos, model.config.form, reading.on_damage == "keep"), length, stride)
        with progress("hashing the videos", source.num_bytes(), "bytes") as advance:
            made_from = {"autoencoder": weights.identity, "videos": source.identity(advance)}
        inputs = {**made_from, "batch_size": str(params.batch_size)}
        versions = (*machine(), av.__version__, PIL.__version__)
        with resume_folder("encode_videos", reading, inputs, versions, NUM_KEPT, keep_refused=False) as folder:
            store = frames_of(
                new, model.config.form, length, stride, folder / "frames.zarr", made_from["videos"], reading.on_damage
            )
            writer = LatentWriter(
                into, model.spec, store.video_id, store.first_frame, store.split, num_frames=length, fps=store.fps,
                made_from=made_from, crop=store.crop, fps_is_assumed=store.fps_is_assumed, about=store.about,
                object_px=model.config.architecture.object_px,
            )
            encode_rows(
                model, lambda start, stop: store.read(slice(start, stop)), len(store), params.batch_size, writer, folder
            )
            writer.finish()
    print(f"{into}: {len(store)} sequences of {length} frames, of {len(set(store.video_id))} videos")


def check_free(into: Path) -> None:
    """Raises UserError where something lies that this command did not write, or a stage will write."""
    own = not os.path.lexists(into)
    if not own:
        try:
            own = "videos" in open_latents(into).made_from
        except UserError:
            pass
    if not own or into.resolve() in {Path(name).resolve() for name in OUTPUTS}:
        raise UserError(f"--into {into}: belongs to the pipeline or holds what is not of encode_videos; give another")


def long_enough(brought: list[NewVideo], length: int, stride: int) -> list[NewVideo]:
    """The videos that hold a sequence. Says what is done to all, and which are too short. Raises UserError when no
    video is left, or rates differ that nobody can bring to one."""
    videos, short = list[NewVideo](), list[NewVideo]()
    for new in brought:
        (videos if Cut(new.form, length, stride).num_sequences(new.info) else short).append(new)
    for done, count in Counter(new.done for new in videos).items():
        example = next(new.video.video_id for new in videos if new.done == done)
        print(f"{example}{f' and {count - 1} more' if count > 1 else ''}: {done}")
    if short:
        text = (
            f"{len(short)} videos have no {length} frames (preprocess.sequence_length) in a row, such as "
            f"'{short[0].video.video_id}' with {max(short[0].info.runs)}"
        )
        if not videos:
            raise UserError(f"{text}; no other is left, give longer ones or make sequences shorter")
        print(f"left out: {text}", file=sys.stderr)
    for new in videos:
        if abs(new.info.fps - videos[0].info.fps) > ALIKE_FPS * new.info.fps:
            raise UserError(
                f"videos differ in frames per second ('{videos[0].video.video_id}' {videos[0].info.fps:g}, "
                f"'{new.video.video_id}' {new.info.fps:g}) and the weights know no rate; encode them one by one"
            )
    return videos


def frames_of(
    videos: list[NewVideo], form: FrameFormat, length: int, stride: int, path: Path, source: str, on_damage: OnDamage,
) -> FrameStore:
    """The sequences of all videos as a store at `path`, where an interrupted run may have left it. Names videos that
    cannot be decoded to their end. Raises UserError when no sequence is left."""
    if path.exists():
        return open_frames(path)
    cuts = [Cut(new.form, length, stride) for new in videos]
    num_rows = sum(cut.num_sequences(new.info) for cut, new in zip(cuts, videos, strict=True))
    writer = FrameStoreWriter(
        path, num_rows, (length, form.height, form.width, form.num_channels), fps=form.fps or videos[0].info.fps,
        crop=form.crop, source=source, num_objects=None,
        fps_is_assumed=not (form.fps or any(new.info.rate_is_known for new in videos)),
        about=about_source([new.video for new in videos], [new.info for new in videos], form),
    )
    with progress("decoding", num_rows, "sequences") as advance:
        for number, (cut, new) in enumerate(zip(cuts, videos, strict=True)):
            for first_frame, frames in sequences_of(number, new, cut, on_damage):
                writer.append(frames, {}, video_id=new.video.video_id, first_frame=first_frame, split="test")
                advance()
    if not writer.labels:
        raise UserError("no sequence of these videos can be decoded; give others")
    writer.finish()
    return open_frames(path)


def sequences_of(number: int, new: NewVideo, cut: Cut, on_damage: OnDamage) -> Iterator[tuple[int, np.ndarray]]:
    """The sequences of a video: first frame and frames [T, H, W, C]. Where it is damaged that is said, and it goes on
    with what FFmpeg makes of the rest if damage is to be kept, else it ends."""
    done, damage = set[int](), None
    while True:
        known = Known(frozenset(done), is_whole=False)
        try:
            for sequence in cut_video(number, new.video, new.info, known, cut, os.cpu_count() or 1, damage):
                if sequence.frames is not None:
                    done.add(sequence.first_frame)
                    yield sequence.first_frame, sequence.frames
            break
        except UnreadableVideo as error:
            if on_damage != "keep" or damage is not None:
                kept = f"{len(done)} sequences before that are kept"
                print(f"skipped: the rest of video '{error.video_id}' ({error.reason}); {kept}", file=sys.stderr)
                return
            damage = Damage(error.reason)
    if damage is not None:
        print(f"kept: video '{new.video.video_id}' is {damage}", file=sys.stderr)


def main(
    videos: Annotated[list[Path], typer.Argument(
        help="Videos, folders of pictures, folders of videos; all that preprocess reads, as its parameters say.",
    )],
    into: Annotated[Path, typer.Option(help="Store of latents to write; one that this command wrote is replaced.")],
    params: Annotated[Path, typer.Option(
        help="File with the sections 'encode' and 'preprocess', of which sequence_length and sequence_stride count and "
             "how files are read.",
    )] = Path("params.yaml"),
    autoencoder: Annotated[
        Path, typer.Option(help="Weights, which know size, rate and crop.")
    ] = Path("data/autoencoder.safetensors"),
) -> None:
    """Encodes new videos with trained weights, brought to the size, rate and crop that these know."""
    with one_line_errors():
        encode_videos(read_section(params, "encode", EncodeParams), reading_of(params), autoencoder, videos, into)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
