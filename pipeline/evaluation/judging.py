"""Goes through the test split: reads what was made, decodes it, compares it with the truth.

Legend: B clips, S samples, T frames, K slots, C channels, H W px.
"""

from collections.abc import Iterator

import numpy as np

from pipeline.evaluation.drawn import draw, most_together
from pipeline.evaluation.evaluate_params import EvaluateParams
from pipeline.evaluation.evidence import NUM_REENCODED, Encode, Evidence, SceneTruth
from pipeline.evaluation.forecast import ForecastScores
from pipeline.evaluation.networks import Networks
from pipeline.evaluation.occupancy import OccupancyScores
from pipeline.evaluation.per_clip import Row, per_clip_rows
from pipeline.evaluation.reconstruction import ReconstructionScores, Truth
from pipeline.evaluation.slots import cut
from pipeline.evaluation.swaps import AppearanceSwaps
from pipeline.frames.forecast_clips import (
    ForecastClips,
    find_clips,
    forecast_clips,
    read_clip_truth,
    read_clips,
)
from pipeline.frames.frame_store import FrameStore
from pipeline.frames.prediction_store import PredictionStore
from pipeline.latents.decoded import Decode
from pipeline.latents.extrapolation import linear_extrapolation
from pipeline.latents.latent_store import LatentStore, PredictedLatentsStore
from pipeline.latents.latents import Latents
from pipeline.metrics.exchanges import TrueClip
from pipeline.progress import progress
from pipeline.provenance import match_rows
from pipeline.spacing import evenly_spaced


def judge_reconstruction(
    params: EvaluateParams, store: FrameStore, encoded: LatentStore, encode: Encode, decode: Decode,
) -> dict[str, dict]:
    """Sections of metrics.json on the whole test sequences and what their latents are decoded to.

    Objects are exchanged between a sequence and the one after it. Raises UserError when `encoded` lacks one of the
    sequences.
    """
    sequences = forecast_clips(store, store.num_frames)
    count = len(sequences)
    scores, evidence = ReconstructionScores(), Evidence(decode, store.height, store.width)
    swaps = AppearanceSwaps(decode)
    rows = match_rows(encoded, store.path, sequences.video_id, sequences.first_frame)
    following = np.roll(np.arange(count), -1)
    has_exchanges = {"segmentation", "background", "position"} <= set(store.truth_names)
    with progress("judging reconstructions", count, "sequences") as advance:
        for part in _batches(count, most_together(params.batch_size, store.num_frames * _values_per_frame(store))):
            target, latents = read_clips(store, sequences[part], 0, store.num_frames), encoded.read(rows[part])
            other, drawn = encoded.read(rows[following[part]]), draw(decode, latents, store.height, store.width)
            segmented, scene = drawn.segmentation, _read_scene(store, sequences.row[part])
            scores.add(target, drawn.frames)
            evidence.add_interventions(latents)
            if reencoded := [i - part.start for i in _chosen(part, count, NUM_REENCODED)]:
                evidence.add_halves(encode, target[reencoded], segmented[reencoded])
            if truth := _read_truth(store, sequences[part], store.num_frames):
                scores.add_layers(truth, segmented, latents, sequences.video_id[part])
            if scene:
                evidence.add_truth(scene, segmented, drawn.background, latents, sequences.video_id[part])
            background, position = scene.background if scene else None, truth.position if truth else None
            if truth and background is not None and position is not None:
                for b, codes in enumerate(_one_by_one(latents)):
                    clip = TrueClip(target[b], background[b], truth.segmentation[b], position[b])
                    swaps.add(clip, segmented[b], codes)
            if scene and background is not None and count > 1:
                under = store.read_truth("background", sequences.row[following[part]])
                evidence.add_swap(target, scene, latents, other, under)
            advance(len(target))
    sections = scores.figures()
    for name, figures in evidence.figures(sections.get("disentanglement")).items():
        sections[name] = sections.get(name, {}) | figures
    if has_exchanges:
        sections["disentanglement"]["swap_appearance_psnr"] = swaps.psnr
    return sections


def judge_forecasts(
    params: EvaluateParams, store: FrameStore, frames: PredictionStore, latents: PredictedLatentsStore,
    encoded: LatentStore, decode: Decode, networks: Networks,
) -> tuple[dict[str, dict], list[Row]]:
    """Sections of metrics.json on all predicted clips and the baselines beside them, and the figures of each clip.
    Where the prediction is drawn with what the context shows, straight lines are too, so that they differ in motion,
    and in how far the mix believes it, alone; and the prediction is judged as its codes alone describe it as well.

    Raises UserError when the clips are not those of the test split, `latents` lacks one of them, or `encoded` a
    sequence.
    """
    given, num_frames = frames.context_frames, frames.context_frames + frames.horizon
    clips, scores = find_clips(store, frames.video_id, frames.first_frame, num_frames), ForecastScores(networks)
    rows = match_rows(latents, frames.path, frames.video_id, frames.first_frame)
    of_sequence = match_rows(encoded, store.path, clips.video_id, store.first_frame[clips.row])
    unsure = OccupancyScores()
    with progress("judging forecasts", len(clips), "clips") as advance:
        values = (frames.num_samples * num_frames + store.num_frames) * _values_per_frame(store)
        for part in _batches(len(clips), most_together(params.batch_size, values)):
            target, prediction = read_clips(store, clips[part], 0, num_frames), frames.read(part.start, part.stop)
            samples = latents.read(rows[part])
            context = samples.map(lambda code: code[::frames.num_samples]).frames(0, given)
            linear = linear_extrapolation(context, frames.horizon)
            straight = frames.read_straight_on(part.start, part.stop)
            scores.add(target[:, :given], target[:, given:], prediction, straight)
            scores.add_samples(samples, frames.num_samples, given)
            if frames.carry_pictures:
                plain = draw(decode, samples.frames(given, num_frames), store.height, store.width)
                scores.add_plain(target[:, given:], plain.frames.reshape(prediction.shape))
            truth = _read_truth(store, clips[part], num_frames)
            if truth and truth.position is not None:
                segmented = frames.read_context_segmentation(part.start, part.stop)
                scores.add_places(truth, segmented, samples, linear)
            occupancy = frames.read_occupancy(part.start, part.stop)
            if occupancy is not None and truth:
                presence, segmented = context.presence.numpy(), frames.read_context_segmentation(part.start, part.stop)
                unsure.add_truth(occupancy, presence, truth.segmentation, segmented, truth.num_objects)
            elif occupancy is not None:
                whole = cut(encoded.read(of_sequence[part]), clips.start[part], num_frames)
                future = draw(decode, whole.frames(given, num_frames), store.height, store.width)
                unsure.add_found(occupancy, context, whole, future.segmentation)
            advance(len(target))
    sections = scores.figures()
    if figures := unsure.figures(frames.num_samples):
        sections["prediction"]["occupancy"] = figures
    return sections, per_clip_rows(clips, scores.by_clip())


def _values_per_frame(store: FrameStore) -> int:
    return store.height * store.width * store.num_channels


def _one_by_one(latents: Latents) -> Iterator[Latents]:
    for b in range(len(latents)):
        yield _one(latents, b)


def _one(latents: Latents, b: int) -> Latents:
    return latents.map(lambda code: code[b:b + 1])


def _read_scene(store: FrameStore, row: np.ndarray) -> SceneTruth | None:
    names = {"segmentation", "background", "velocity", "color", "shape"} & set(store.truth_names)
    if "segmentation" not in names:
        return None
    return SceneTruth(num_objects=store.num_objects, **{name: store.read_truth(name, row) for name in names})


def _read_truth(store: FrameStore, clips: ForecastClips, num_frames: int) -> Truth | None:
    segmentation, position = (
        read_clip_truth(store, clips, name, 0, num_frames) if name in store.truth_names else None
        for name in ("segmentation", "position")
    )
    return None if segmentation is None else Truth(segmentation, position, store.num_objects)


def _batches(count: int, batch_size: int) -> Iterator[slice]:
    for start in range(0, count, batch_size):
        yield slice(start, min(start + batch_size, count))


def _chosen(part: slice, count: int, num_chosen: int) -> list[int]:
    """Which of `part` are among num_chosen of `count`, evenly spread."""
    return [int(i) for i in evenly_spaced(count, num_chosen) if part.start <= i < part.stop]
