"""Looks at a source and says which parameters fit it."""

import math
import time
from dataclasses import dataclass

import numpy as np

from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.settings.settings import Settings
from pipeline.suggestion import decide
from pipeline.suggestion.decide import Form, Suggestion, Work
from pipeline.suggestion.decide_codes import code_suggestions
from pipeline.suggestion.decide_split import split_suggestions
from pipeline.suggestion.facts import MotionFacts, SourceFacts
from pipeline.suggestion.look import Stretch, opened, read_stretches
from pipeline.suggestion.motion import Clip, look_at_clips
from pipeline.suggestion.thresholds import Thresholds

_PROBING, _READING, _LOOKING = 0.15, 0.35, 0.5
"""Shares of the time for looking at files, for reading clips, and for looking at clips. The last is counted in seconds
of a processor that does nothing else: on a busy machine as many clips are looked at, and it takes longer."""
_FIRST_CLIPS = 4
"""Clips that say how fast things move and how long a clip takes."""


@dataclass(frozen=True)
class Looked:
    """What is suggested, and what it rests on."""

    suggestions: list[Suggestion]
    worries: list[str]
    """Why a run with these would fail."""
    source: SourceFacts
    motion: MotionFacts


def suggest(preprocess: PreprocessParams, settings: Settings, seconds: float, params: Thresholds) -> Looked:
    """Looks at preprocess.source for about that long. Raises UserError when it cannot be read."""
    with opened(preprocess, _PROBING * seconds) as source:
        facts = source.facts
        form = decide.choose_form(facts, params)
        frame_format = FrameFormat(
            height=form.height, width=form.width, crop=form.crop, color="rgb", fps=None,
            fps_if_unknown=preprocess.fps_if_unknown,
        )
        num_frames = params.clip_frames * max(2, decide.longest_step(float(np.median(facts.fps)), params))
        stretches = read_stretches(source, frame_format, num_frames, _READING * seconds, params)
    began = time.process_time()
    first = look_at_clips([_thinned(stretch, 1, params) for stretch in _some(stretches, _FIRST_CLIPS)], params)
    speed = _speed(first)
    step = decide.choose_step(facts, speed, params)
    per_clip = max((time.process_time() - began) / len(first.clips), 1e-3)
    affordable = max(_FIRST_CLIPS, int(_LOOKING * seconds / per_clip))
    motion = look_at_clips([_thinned(stretch, step, params) for stretch in _some(stretches, affordable)], params)
    is_grey = all(_is_grey(stretch.frames, params) for stretch in stretches)
    length, sequences = decide.sequence_suggestions(facts, step, params)
    suggestions = _suggestions(
        preprocess, settings, facts, form, speed, step, length, sequences, is_grey, motion, params
    )
    worries = decide.too_few(decide.num_sequences(facts, step, length), length)
    return Looked(suggestions, worries, facts, motion)


def _suggestions(
    preprocess: PreprocessParams, settings: Settings, facts: SourceFacts, form: Form, speed: float, step: int,
    length: int, sequences: list[Suggestion], is_grey: bool, motion: MotionFacts, params: Thresholds,
) -> list[Suggestion]:
    objects = decide.object_suggestions(motion, form, params)
    chosen = {item.key.split(".")[-1]: item.value for item in objects}
    num_slots, patch_dim = chosen["num_slots"], chosen["patch_dim"]
    assert isinstance(num_slots, int) and isinstance(patch_dim, int), "slots and samples are counted"
    num = decide.num_sequences(facts, step, length)
    stride = decide.stride_suggestion(num, length, Work(num, num, length, form.height * form.width, num_slots), params)
    every = stride.value or length
    assert isinstance(every, int), "sequences begin at whole frames"
    kept = num * length // every
    per_video = [max(0, (num_frames // step - length) // every + 1) for num_frames in facts.num_frames]
    split, counts = split_suggestions(facts, preprocess, kept, per_video, params)
    num_train = counts["train"]
    work = Work(num_train, num_train + counts["val"], length, form.height * form.width, num_slots)
    autoencoder = settings.train_autoencoder
    many = "1 video" if facts.num_videos == 1 else f"{facts.num_videos} videos"
    seen = f"{many}; looked at {len(motion.clips)} clips of {len(motion.clips[0].frames)} frames"
    return [
        Suggestion("preprocess.source", str(preprocess.source), seen),
        *decide.form_suggestions(facts, form, params), decide.color_suggestion(is_grey),
        decide.fps_suggestion(facts, speed, step, params), *(item for item in sequences if "preprocess" in item.key),
        stride, *split, decide.camera_suggestion(motion, form, params), *objects,
        *code_suggestions(motion, patch_dim, num_train, params),
        *decide.step_suggestions(
            work, autoencoder.batch_size, autoencoder.frames_per_clip, settings.train_predictor.batch_size, params),
        *(item for item in sequences if "preprocess" not in item.key),
        decide.augmentation_suggestion(motion, params),
    ]


def as_document(suggestions: list[Suggestion]) -> dict:
    """Nested like params.yaml."""
    document: dict = {}
    for item in suggestions:
        *sections, name = item.key.split(".")
        place = document
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = item.value
    return document


def _thinned(stretch: Stretch, step: int, params: Thresholds) -> Clip:
    """One of `step` frames: the clip in the middle of the stretch, the others around it."""
    frames = stretch.frames[::step] if len(stretch.frames) >= 2 * step else stretch.frames
    first = max(0, (len(frames) - params.clip_frames) // 2)
    last = first + params.clip_frames
    around = np.concatenate([frames[:first], frames[last:]])
    return Clip(stretch.video_id, stretch.first_frame + first * step, frames[first:last], around)


def _some(stretches: list[Stretch], count: int) -> list[Stretch]:
    chosen = np.unique(np.linspace(0, len(stretches) - 1, min(count, len(stretches))).round().astype(int))
    return [stretches[i] for i in chosen]


def _speed(motion: MotionFacts) -> float:
    """px per frame of what moves fast, or of the camera if it is faster; nan where nothing moves."""
    velocities = np.concatenate([clip.velocities() for clip in motion.clips])
    objects = float(np.quantile(np.hypot(*velocities.T), 0.75)) if len(velocities) else math.nan
    cameras = [np.diff(clip.camera_path[:, :2], axis=0) for clip in motion.clips if (clip.camera_path != 0).any()]
    camera = float(np.median(np.hypot(*np.concatenate(cameras).T))) if cameras else math.nan
    return float(np.nanmax([objects, camera])) if not math.isnan(objects) or cameras else math.nan


def _is_grey(frames: np.ndarray, params: Thresholds) -> bool:
    some = frames[:: max(1, len(frames) // 4)].astype(np.int16)
    return bool(np.quantile(some.max(-1) - some.min(-1), params.grey_share) <= 255 * params.grey_chroma)
