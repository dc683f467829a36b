"""From facts to parameters, each with its reason: pure functions."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.frames.splits import SPLITS
from pipeline.suggestion.facts import MotionFacts, SourceFacts
from pipeline.suggestion.thresholds import Thresholds


@dataclass(frozen=True)
class Suggestion:
    """One parameter."""

    key: str
    """Place in params.yaml, with dots."""
    value: object
    why: str


@dataclass(frozen=True)
class Form:
    """Size of the frames, px, and whether their sides are cut off."""

    height: int
    width: int
    crop: Literal["center", "none"]


def choose_form(facts: SourceFacts, params: Thresholds) -> Form:
    """The source's proportions, no larger than it is."""
    longer, shorter = max(facts.height, facts.width), min(facts.height, facts.width)
    step = params.side_step
    long_side = max(step, min(params.max_side, longer) // step * step)
    exact = long_side * shorter / longer
    short_side = max(step, round(exact / step) * step)
    height, width = (short_side, long_side) if facts.width >= facts.height else (long_side, short_side)
    fits = abs(short_side / exact - 1) <= params.aspect_error
    return Form(height, width, "none" if fits else "center")


def form_suggestions(facts: SourceFacts, form: Form, params: Thresholds) -> list[Suggestion]:
    seen = f"videos are {facts.width}x{facts.height} px"
    larger = max(facts.height, facts.width) > params.max_side
    size = f"{seen}; {params.max_side} px is what two cores train on" if larger else f"{seen}; nothing is enlarged"
    fit = "nothing is cut off, proportions stay as they are" if form.crop == "none" else (
        f"{facts.width}:{facts.height} becomes {form.width}:{form.height} in steps of {params.side_step} px: "
        "both sides are cut")
    return [
        Suggestion("preprocess.height", form.height, size), Suggestion("preprocess.width", form.width, size),
        Suggestion("preprocess.crop", form.crop, fit),
    ]


def longest_step(fps: float, params: Thresholds) -> int:
    """The longest step from frame to frame at which people and cars do not jump yet."""
    return max(1, math.floor(fps / params.slowest_fps + 1e-3)) if fps >= params.fast_source else 1


def choose_step(facts: SourceFacts, speed: float, params: Thresholds) -> int:
    """The step from frame to frame: one of so many is taken. speed: px per frame of what moves, nan where nothing
    does."""
    fps = float(np.median(facts.fps))
    step = 1
    for candidate in range(2, longest_step(fps, params) + 1):
        if num_sequences(facts, candidate, params.clip_frames) < params.enough_sequences:
            break
        if not speed * candidate <= params.slow_motion:
            break
        step = candidate
    return step


def num_sequences(facts: SourceFacts, step: int, length: int) -> int:
    """Sequences of the whole source, estimated from the videos that were looked at."""
    known = sum(num_frames // step // length for num_frames in facts.num_frames)
    return round(known * facts.num_videos / (len(facts.num_frames) + facts.num_unreadable))


def fps_suggestion(facts: SourceFacts, speed: float, step: int, params: Thresholds) -> Suggestion:
    fps, differ = float(np.median(facts.fps)), max(facts.fps) > min(facts.fps) * 1.001
    moves = "nothing is seen to move" if math.isnan(speed) else f"what moves goes {speed:.1f} px a frame"
    if step > 1:
        why = f"{moves} at {fps:.3g} frames/s: one of {step} is enough"
        return Suggestion("preprocess.fps", _round(fps / step), why)
    if differ:
        return Suggestion("preprocess.fps", _round(min(facts.fps)),
                          f"videos have {min(facts.fps):.3g} to {max(facts.fps):.3g} frames/s; the slowest has these")
    why = f"{fps:.3g} frames/s and {moves}"
    if longest_step(fps, params) > 1 and speed * 2 <= params.slow_motion:
        why += f"; of fewer frames under {params.enough_sequences} sequences would be left"
    return Suggestion("preprocess.fps", None, f"{why}: all frames are kept")


def camera_suggestion(motion: MotionFacts, form: Form, params: Thresholds) -> Suggestion:
    key = "train_autoencoder.architecture.canvas_margin"
    ways = np.array([clip.camera_extent() for clip in motion.clips])
    moved = int((ways > 0).sum())
    if not moved:
        return Suggestion(key, 0, f"the camera holds still in all of {len(ways)} clips")
    way = float(np.quantile(ways[ways > 0], params.canvas_quantile))
    most = int(params.canvas_share * max(form.height, form.width))
    margin = min(most, math.ceil(way) + 1)
    why = f"the camera moves in {moved} of {len(ways)} clips, by up to {way:.1f} px to each side"
    if roll := max(clip.camera_roll() for clip in motion.clips):
        why += f", and rolls by up to {roll:.1f} degrees"
    return Suggestion(key, margin, why + (f"; more than {most} px are seen in few frames" if margin == most else ""))


def object_suggestions(motion: MotionFacts, form: Form, params: Thresholds) -> list[Suggestion]:
    """num_slots, object_px and patch_dim."""
    prefix, shorter = "train_autoencoder.architecture.", min(form.height, form.width)
    counts = np.array([_usual_peak(clip.counts(), params) for clip in motion.clips])
    tracks = [list(track.values()) for clip in motion.clips for track in clip.tracks]
    most, usual = int(counts.max()), int(np.ceil(np.quantile(counts, params.count_quantile)))
    slots = min(params.most_slots, max(params.fewest_slots, usual + params.spare_slots))
    many = f"up to {most} objects at once, {usual} or fewer in {params.count_quantile:.0%} of the clips"
    many += ", and one to spare"
    many = "nothing is seen to move: the fewest that make sense" if not tracks else (
        f"{many}; two cores take apart {slots}" if slots == params.most_slots else many)
    whole = [[region.side for region in track if not region.at_edge] for track in tracks]
    seen = [sides for sides in whole if sides] or [[region.side for region in track] for track in tracks]
    if not seen:
        side, low, high, wide = shorter / 4, 0.0, shorter / 4, "nothing is seen to move: a quarter of the frame"
    else:
        sides = np.array([np.quantile(track, params.apart_size) for track in seen])
        weights = sides * [len(track) for track in seen]  # so that fragments do not outnumber what they are of
        shares = params.size_typical, params.size_low, params.size_high
        side, low, high = np.quantile(sides, shares, weights=weights, method="inverted_cdf").tolist()
        wide = f"objects are {low:.0f} to {high:.0f} px wide, typically {side:.0f} ({len(sides)} followed)"
    largest = params.widest(form.height, form.width)
    if side > largest:
        wide += f"; more than {largest:.0f} px would be a scene rather than an object"
    object_px = round(min(largest, max(params.smallest_object, side)))
    fewest, greatest = params.patch_range
    wanted = params.patch_margin * min(high, largest)
    patch = min(greatest, max(fewest, round(wanted / params.side_step) * params.side_step))
    picture = f"large objects are {min(high, largest):.0f} px wide, and a rim"
    if not fewest <= wanted <= greatest:
        picture += f"; pictures have {fewest} to {greatest} samples a side"
    return [
        Suggestion(prefix + "num_slots", slots, many), Suggestion(prefix + "object_px", object_px, wide),
        Suggestion(prefix + "patch_dim", patch, picture),
    ]


def sequence_suggestions(facts: SourceFacts, step: int, params: Thresholds) -> tuple[int, list[Suggestion]]:
    """The length of sequences, and what follows from it."""
    lengths = [num_frames // step for num_frames in facts.num_frames]
    units, wanted = facts.num_videos - facts.num_unreadable, params.clip_frames
    enough = sum(length >= wanted for length in lengths) >= len(lengths) / 2
    parts = 3 if units < 3 else 1  # fewer than three videos are split by time
    longest = int(np.median(lengths)) // parts
    if units < 3:
        longest = min(longest, sum(lengths) // parts)
    if enough and longest >= wanted:
        return wanted, [Suggestion("preprocess.sequence_length", wanted, (
            f"ten given, ten forecast; videos have {min(lengths)} to {max(lengths)} frames" if len(lengths) > 1 else
            f"ten given, ten forecast, of {lengths[0]} frames"))]
    length = max(params.shortest_sequence, longest)
    why = f"videos have {int(np.median(lengths))} frames" + (", which train, validate and test" if parts > 1 else "")
    given = length // 2
    return length, [
        Suggestion("preprocess.sequence_length", length, why),
        Suggestion("train_predictor.context_frames", max(2, given), "half of a sequence is given"),
        Suggestion("train_predictor.horizon", length - max(2, given), "and the other half is forecast"),
    ]


def too_few(num: int, length: int) -> list[str]:
    """What is wrong with `num` sequences of `length` frames in all, if it is."""
    if num >= len(SPLITS):
        return []
    return [f"the source has {num} sequence{'s' * (num != 1)} of {length} frames, and preprocess will refuse it: "
            "wanted at least one each to train, validate and test; give more or longer videos"]


@dataclass(frozen=True)
class Work:
    """What stage 1 has to do."""

    num_train: int
    """Sequences that train."""
    num_apart: int
    """Sequences taken apart, those that validate among them."""
    length: int
    """Frames of a sequence."""
    num_pixels: int
    num_slots: int

    def scale(self) -> float:
        """Work of a frame, in frames of 64x64 px with 4 slots."""
        return self.num_pixels / 64**2 * (1 + self.num_slots) / 5

    def minutes(self, steps: int, frames_per_step: int, params: Thresholds) -> float:
        apart = self.num_apart * self.length / 20 / params.clips_per_second
        return self.scale() * (apart + steps * frames_per_step / params.frames_per_second) / 60


def step_suggestions(
    work: Work, batch_size: int, frames_per_clip: int, predictor_batch: int, params: Thresholds,
) -> list[Suggestion]:
    """num_steps of both trainings."""
    wanted = max(params.fewest_steps, _steps(params.passes * work.num_train / batch_size))
    frames = batch_size * frames_per_clip
    steps = wanted
    while steps > params.fewest_steps and work.minutes(steps, frames, params) > params.most_minutes:
        steps = max(params.fewest_steps, steps - 50)
    minutes = work.minutes(steps, frames, params)
    why = f"{work.num_train} sequences train; about {max(1, round(minutes))} min on two cores"
    why += ", half or more for taking them apart"
    if steps < wanted:
        why += f"; {wanted} steps would take {work.minutes(wanted, frames, params):.0f}"
    later = min(2000, _steps(params.predictor_passes * work.num_train / predictor_batch))
    later = max(params.fewest_predictor_steps, later)
    return [
        Suggestion("train_autoencoder.training.num_steps", steps, why),
        Suggestion("train_autoencoder.training.validate_every", max(1, steps // params.num_validations),
                   "the state that validates best is kept, the start among them"),
        Suggestion("train_predictor.training.num_steps", later,
                   f"{work.num_train} sequences train: more steps learn them by heart" if later < 2000 else
                   f"{work.num_train} sequences train; under a minute"),
        Suggestion("train_predictor.training.validate_every", max(1, later // params.num_predictor_validations),
                   "the weights that validate best are kept"),
    ]


def stride_suggestion(num: int, length: int, work: Work, params: Thresholds) -> Suggestion:
    """Leaves out sequences where taking all of them apart alone would take too long. work: of all sequences."""
    key = "preprocess.sequence_stride"
    minutes = work.minutes(0, 1, params)
    every = math.ceil(minutes / (params.apart_share * params.most_minutes) - 1e-9)
    if every <= 1 or num // every < params.enough_sequences:
        return Suggestion(key, None, f"sequences follow one another: {num} in all")
    return Suggestion(key, length * every, (
        f"{num} sequences would take {minutes:.0f} minutes to take apart: one of {every} is kept"))


def color_suggestion(is_grey: bool) -> Suggestion:
    color, why = ("gray", "no colour is seen") if is_grey else ("rgb", "there is colour")
    return Suggestion("preprocess.color", color, why)


def augmentation_suggestion(motion: MotionFacts, params: Thresholds) -> Suggestion:
    key = "train_predictor.augmentation"
    velocity = np.concatenate([clip.velocities() for clip in motion.clips])
    speed = np.hypot(*velocity.T) if len(velocity) else np.zeros(0)
    if not speed.sum():
        return Suggestion(key, "motion", "nothing is seen to move that would tell directions apart")
    drift = float(np.hypot(*velocity.mean(0)) / speed.mean())
    across, down = np.abs(velocity).mean(0)
    ratio = float(min(across, down) / max(across, down, 1e-9))
    if drift > params.one_way:
        return Suggestion(key, "none", f"things go one way ({drift:.2f} of their speed): not mirrored, not back")
    if motion.shares_scene:
        return Suggestion(key, "reverse", (
            "a fixed view of one scene tells its sides apart, but things go both ways "
            f"(drift {drift:.2f} of their speed)"))
    if ratio < params.isotropic:
        return Suggestion(key, "reverse", (
            f"things move {across:.1f} px across and {down:.1f} px down: turned they would not"))
    return Suggestion(key, "motion", f"scenes differ and things go all ways (drift {drift:.2f} of their speed)")


def _usual_peak(counts: list[int], params: Thresholds) -> int:
    """The most objects that a clip shows for some frames, from its counts frame by frame."""
    return sorted(counts, reverse=True)[min(params.track_frames, len(counts)) - 1]


def _steps(count: float) -> int:
    """Rounded to fifties."""
    return round(count / 50) * 50


def _round(value: float) -> float | int:
    rounded = round(float(value), 2)
    return int(rounded) if rounded == int(rounded) else rounded
