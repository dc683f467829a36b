"""What the report animates: a few clips of the test split that tell most, forecast, taken apart, and changed by hand.

Legend: B clips, S samples, T frames, N true objects, K slots, C channels, H W px.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from pipeline.evaluation.chosen import Chosen
from pipeline.frames.forecast_clips import ForecastClips, find_clips, forecast_clips, read_clip_truth, read_clips
from pipeline.frames.frame_store import FrameStore
from pipeline.frames.pixels import mean_picture, to_uint8
from pipeline.frames.prediction_store import PredictionStore
from pipeline.latents import pose as poses
from pipeline.latents.decoded import Decode
from pipeline.latents.exchanges import with_background, with_looks
from pipeline.latents.latent_store import LatentStore, PredictedLatentsStore
from pipeline.latents.latents import Latents
from pipeline.pictures.baselines import baselines, mean_name, sample_name
from pipeline.pictures.error_map import ERROR, error_map
from pipeline.pictures.layers import color_displacement, color_segmentation, layers_of_clip, slot_color
from pipeline.pictures.maps import OCCUPANCY, SPREAD, occupancy_picture, spread_picture
from pipeline.provenance import match_rows
from pipeline.thresholds import IN_VIEW, PRESENT

_MOST_SAMPLES = 3
_MOVE, _GROW = 0.15, 1.5
"""Interventions: share of the frame's width, and factor of size."""


@dataclass(frozen=True)
class Track:
    """Where one object is: points [T, 2] x, y px, not finite while it is out of view; color of CSS."""

    points: np.ndarray
    color: str
    dashed: bool = False


@dataclass(frozen=True)
class Tile:
    """One film of a scene: frames uint8 [T, H, W, C], tracks drawn over them."""

    label: str
    frames: np.ndarray
    is_forecast: bool = False
    is_flat: bool = False
    """Flat colours, not a picture."""
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True)
class Scene:
    """Tiles that run together."""

    kind: str
    """forecast, layers or changes."""
    title: str
    fps: float
    tiles: list[Tile] = field(default_factory=list)
    num_given: int | None = None
    """Frames before the forecast starts; None: nothing is forecast."""


@dataclass(frozen=True)
class Scenes:
    """The scenes of the report: the forecast of every chosen clip, then its sequence taken apart, and changed. Each is
    made when it is asked for."""

    store: FrameStore
    encoded: LatentStore
    frames: PredictionStore
    futures: PredictedLatentsStore
    decode: Decode
    chosen: list[Chosen]

    def __len__(self) -> int:
        return len(self.chosen) + 2 * len(self._sequences())

    def __iter__(self) -> Iterator[Scene]:
        yield from forecast_scenes(self.store, self.frames, self.futures, self.chosen)
        yield from layer_scenes(self.store, self.encoded, self.decode, self._sequences())

    def _sequences(self) -> dict[int, str]:
        """The places of the chosen clips' sequences in the test split, each once, and why it is shown."""
        row_of = forecast_clips(self.store, self.store.num_frames).row.tolist()
        clips = find_clips(
            self.store, np.array([choice.video_id for choice in self.chosen]),
            np.array([choice.first_frame for choice in self.chosen], np.int64),
            self.frames.context_frames + self.frames.horizon,
        )
        shown: dict[int, str] = {}
        for row, choice in zip(clips.row.tolist(), self.chosen, strict=True):
            shown.setdefault(row_of.index(row), f"holds the {choice.reason}")
        return shown


def forecast_scenes(
    store: FrameStore, frames: PredictionStore, latents: PredictedLatentsStore, chosen: list[Chosen],
) -> Iterator[Scene]:
    """Truth, the samples, their mean and what that misses, and baselines; nothing else is read."""
    given, num_frames = frames.context_frames, frames.context_frames + frames.horizon
    clips = find_clips(store, frames.video_id, frames.first_frame, num_frames)
    rows = match_rows(latents, frames.path, frames.video_id, frames.first_frame)
    names = list(zip(frames.video_id.tolist(), frames.first_frame.tolist(), strict=True))
    for choice in chosen:
        i = names.index((choice.video_id, choice.first_frame))
        clip = clips[i:i + 1]
        target, samples = read_clips(store, clip, 0, num_frames)[0], frames.read(i, i + 1)[0]
        futures, straight = latents.read(rows[[i]]), frames.read_straight_on(i, i + 1)[0]
        scene = Scene("forecast", choice.title, store.fps, num_given=given)
        scene.tiles.append(Tile("truth", target, tracks=_true_tracks(store, clip, num_frames)))
        shown = {mean_name(len(samples)): mean_picture(samples)} if len(samples) > 1 else {}
        shown |= {sample_name(s, len(samples)): sample for s, sample in enumerate(samples[:_MOST_SAMPLES])}
        for number, (name, forecast) in enumerate(shown.items()):
            scene.tiles.append(Tile(name, np.concatenate([target[:given], forecast]), True))
            if number == 0:
                scene.tiles.append(Tile(ERROR, error_map(scene.tiles[-1].frames, target), True))
        scene.tiles.extend(_maps(frames, i))
        paths = tuple(track for s in range(len(futures.pose)) for track in _found_tracks(futures, s))
        scene.tiles.append(Tile(f"truth, tracks of {_count(len(samples), 'sample')}", target, tracks=paths))
        for name, baseline in baselines(target[:given], straight).items():
            scene.tiles.append(Tile(name, np.concatenate([target[:given], baseline]), True))
        yield scene


def _maps(frames: PredictionStore, i: int) -> Iterator[Tile]:
    """How sure the forecast of clip i is, as far as generate stored it: white and whole before it starts, as nothing
    is unsure of what was given."""
    if (spread := frames.read_spread(i, i + 1)) is not None:
        given = np.zeros((frames.context_frames, *spread.shape[2:]), spread.dtype)
        yield Tile(SPREAD, spread_picture(np.concatenate([given, spread[0]])), True)
    if (occupancy := frames.read_occupancy(i, i + 1)) is not None:
        shown = color_segmentation(frames.read_context_segmentation(i, i + 1)[0])
        yield Tile(OCCUPANCY, np.concatenate([shown, occupancy_picture(occupancy[0])]), True, is_flat=True)


def layer_scenes(
    store: FrameStore, encoded: LatentStore, decode: Decode, chosen: dict[int, str],
) -> Iterator[Scene]:
    """Sequences, by their places in the test split and with why they are shown, taken apart, and the same ones with
    codes changed by hand."""
    sequences = forecast_clips(store, store.num_frames)
    rows = match_rows(encoded, store.path, sequences.video_id, sequences.first_frame)
    for i, reason in chosen.items():
        after = (i + 1) % len(sequences)
        target, following = (read_clips(store, sequences[j:j + 1], 0, store.num_frames)[0] for j in (i, after))
        latents, other = encoded.read(rows[[i]]), encoded.read(rows[[after]])
        title = f"{sequences.video_id[i]} from frame {sequences.first_frame[i]}: {reason}"
        truth = _true_tracks(store, sequences[i:i + 1], store.num_frames)
        yield Scene("layers", title, store.fps, _layer_tiles(target, truth, latents, decode))
        changes = Scene("changes", title, store.fps)
        changes.tiles.append(Tile("A, decoded as it is", _drawn(decode, latents)))
        for label, changed in _changes(latents, store.width).items():
            changes.tiles.append(Tile(label, _drawn(decode, changed)))
        if len(sequences) > 1:
            changes.tiles.extend([
                Tile(f"B, {sequences.video_id[after]}", following),
                Tile("objects of A, background of B", _drawn(decode, with_background(latents, other))),
                Tile("tracks of A, looks of B", _drawn(decode, with_looks(latents, other))),
            ])
        yield changes


def _layer_tiles(target: np.ndarray, truth: tuple[Track, ...], latents: Latents, decode: Decode) -> list[Tile]:
    layers = layers_of_clip(decode(latents), 0)
    tiles = [
        Tile("video, true tracks" if truth else "video", target, tracks=truth),
        Tile("decoded, tracks found", layers.frames, tracks=_found_tracks(latents, 0)),
        Tile("background", layers.background),
    ]
    for slot in _present(latents):
        tiles.append(Tile(f"slot {slot}", layers.objects[:, slot]))
    tiles.append(Tile("who is where", color_segmentation(layers.segmentation), is_flat=True))
    if layers.displacement.shape[1]:
        tiles.append(Tile("motion code", np.stack([color_displacement(field) for field in layers.displacement])))
    return tiles


def _changes(latents: Latents, width: int) -> dict[str, Latents]:
    """One code changed at a time, of the first object there is: where it is, how large, whether at all."""
    present = _present(latents)
    if not present:
        return {}
    slot = present[0]
    name = f"slot {slot}"
    moved, grown = latents.pose.clone(), latents.pose.clone()
    own = latents.pose[0, :, slot]
    side = -1 if poses.place(own).mean(0)[0] > width / 2 else 1
    moved[0, :, slot] = poses.moved(own, own.new_tensor([side * _MOVE * width, 0]))
    grown[0, :, slot] = poses.grown(own, _GROW)
    gone = latents.presence.clone()
    gone[0, slot] = 0
    return {
        f"{name} moved {_MOVE * width:.0f} px {'left' if side < 0 else 'right'}": latents.replace(pose=moved),
        f"{name} {_GROW:g} times as large": latents.replace(pose=grown),
        f"without {name}": latents.replace(presence=gone),
    }


def _drawn(decode: Decode, latents: Latents) -> np.ndarray:
    return to_uint8(decode(latents).frames)[0]


def _found_tracks(latents: Latents, b: int) -> tuple[Track, ...]:
    pose = latents.pose[b].cpu().numpy().astype(float)
    tracks = []
    for slot in _present(latents):
        seen = poses.visibility(pose[:, slot, None]) > IN_VIEW
        points = np.where(seen, poses.place(pose[:, slot]), np.nan)
        tracks.append(Track(points, "rgb({},{},{})".format(*slot_color(slot))))
    return tuple(tracks)


def _true_tracks(store: FrameStore, clip: ForecastClips, num_frames: int) -> tuple[Track, ...]:
    if not {"segmentation", "position"} <= set(store.truth_names):
        return ()
    segmentation, position = (
        read_clip_truth(store, clip, name, 0, num_frames)[0] for name in ("segmentation", "position")
    )
    seen = (segmentation[..., None] == np.arange(1, position.shape[1] + 1)).any((1, 2))
    points = np.where(seen[..., None], position, np.nan)
    return tuple(Track(points[:, i], "white", dashed=True) for i in range(points.shape[1]) if seen[:, i].any())


def _present(latents: Latents) -> list[int]:
    return torch.nonzero(latents.presence[0] > PRESENT)[:, 0].tolist()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
