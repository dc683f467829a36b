"""Still sheets of a few clips: their forecasts, and the sequences that they are from taken apart and exchanged.

Legend: S samples, T frames, K slots, C channels, H W px.
"""

from pathlib import Path

import numpy as np

from pipeline.evaluation.chosen import Chosen
from pipeline.evaluation.drawn import draw, draw_layers
from pipeline.frames.forecast_clips import ForecastClips, find_clips, forecast_clips, read_clip_truth, read_clips
from pipeline.frames.frame_store import FrameStore
from pipeline.frames.pixels import mean_picture
from pipeline.frames.prediction_store import PredictionStore
from pipeline.latents import pose as poses
from pipeline.latents.decoded import Decode
from pipeline.latents.exchanges import with_background, with_looks
from pipeline.latents.latent_store import LatentStore
from pipeline.latents.latents import Latents
from pipeline.pictures.baselines import baselines, mean_name, sample_name
from pipeline.pictures.grid import write_png
from pipeline.pictures.sheets import forecast_sheet, layers_sheet, swap_sheet
from pipeline.pictures.tracks import tracks_sheet
from pipeline.provenance import match_rows
from pipeline.thresholds import IN_VIEW, PRESENT


def draw_sheets(
    chosen: list[Chosen], store: FrameStore, frames: PredictionStore, encoded: LatentStore, decode: Decode,
    folder: Path,
) -> None:
    """Writes forecast_NAME.png of every chosen clip, and layers_, tracks_ and swap_NAME.png of its sequence, which are
    drawn once however many of its clips are chosen. Raises UserError when a store lacks a clip."""
    given, num_frames = frames.context_frames, frames.context_frames + frames.horizon
    names = list(zip(frames.video_id.tolist(), frames.first_frame.tolist(), strict=True))
    clips, sequences = find_clips(store, frames.video_id, frames.first_frame, num_frames), _sequences(store)
    drawn: set[int] = set()
    for choice in chosen:
        i = names.index((choice.video_id, choice.first_frame))
        target = read_clips(store, clips[i:i + 1], 0, num_frames)[0]
        sheet = _forecast_sheet(
            target, frames.read(i, i + 1)[0], frames.read_straight_on(i, i + 1)[0], given, choice.title
        )
        write_png(folder / f"forecast_{choice.name}.png", sheet)
        place = int(np.flatnonzero(sequences.row == clips.row[i])[0])
        if place not in drawn:
            drawn.add(place)
            draw_sequence(store, encoded, decode, place, choice.name, f"holds the {choice.reason}", folder)


def draw_sequence(
    store: FrameStore, encoded: LatentStore, decode: Decode, place: int, name: str, reason: str, folder: Path,
) -> None:
    """Writes layers_, tracks_ and swap_NAME.png of the sequence at this place in the test split; its objects are
    exchanged with those of the one after it."""
    sequences, after = _sequences(store), (place + 1) % len(_sequences(store))
    rows = match_rows(encoded, store.path, sequences.video_id, sequences.first_frame)
    target, following = (read_clips(store, sequences[i:i + 1], 0, store.num_frames)[0] for i in (place, after))
    latents, other = encoded.read(rows[[place]]), encoded.read(rows[[after]])
    title = f"{sequences.video_id[place]} from frame {sequences.first_frame[place]}: {reason}"
    layers = draw_layers(decode, latents, store.height, store.width)
    write_png(folder / f"layers_{name}.png", layers_sheet(target, layers, title))
    write_png(folder / f"tracks_{name}.png", _tracks_sheet(store, sequences[place:place + 1], target, latents, title))
    write_png(folder / f"swap_{name}.png", _swap_sheet(target, following, decode, latents, other, title))


def _sequences(store: FrameStore) -> ForecastClips:
    return forecast_clips(store, store.num_frames)


def _forecast_sheet(target: np.ndarray, samples: np.ndarray, linear: np.ndarray, given: int, title: str) -> np.ndarray:
    future = target[given:]
    errors = [np.square(sample.astype(float) - future).mean() for sample in samples]
    forecasts = {sample_name(0, len(samples)): samples[0]}
    if len(samples) > 1:
        forecasts = {mean_name(len(samples)): mean_picture(samples)} | forecasts
        forecasts[f"best of {len(samples)} samples"] = samples[np.argmin(errors)]
    forecasts |= baselines(target[:given], linear)
    return forecast_sheet(target[:given], future, forecasts, title)


def _tracks_sheet(
    store: FrameStore, sequence: ForecastClips, target: np.ndarray, latents: Latents, title: str,
) -> np.ndarray:
    pose = latents.pose[0].cpu().numpy()
    in_view = (poses.visibility(pose) > IN_VIEW) & (latents.presence[0].cpu().numpy() > PRESENT)
    position = shown = None
    if {"segmentation", "position"} <= set(store.truth_names):
        segmentation, position = (
            read_clip_truth(store, sequence, name, 0, store.num_frames)[0] for name in ("segmentation", "position")
        )
        shown = (segmentation[..., None] == np.arange(1, store.num_objects + 1)).any((1, 2))
    return tracks_sheet(target[len(target) // 2], poses.place(pose), in_view, position, shown, title)


def _swap_sheet(
    target: np.ndarray, after: np.ndarray, decode: Decode, latents: Latents, other: Latents, title: str,
) -> np.ndarray:
    """target, after uint8 [T, H, W, C]; latents, other: of one sequence each, the one drawn and the one after it."""
    def drawn(codes: Latents) -> np.ndarray:
        return draw(decode, codes, *target.shape[1:3]).frames[0]

    return swap_sheet({
        "A, video": target, "B, video": after, "objects of A, background of B": drawn(with_background(latents, other)),
        "tracks of A, looks of B": drawn(with_looks(latents, other)),
    }, title)
