"""What each code knows: linear probes {time_independent, time_varying} x {position, velocity, shape, colour}.

Protocol. As in `disentanglement`: objects are matched to slots by overlap, probes are fitted on every second video of
the test split (in the order of their names) and scored on the others, the strength of their penalty is chosen by
cross-validation within the fitted half. time_independent is the appearance of the matched slot, one code per clip;
time_varying its pose (place, log_scale, log_aspect, angle, visibility) in the example's frame, the shape too where it
does not change in a clip.
position   px; one example per object and frame in which it shows; R2 of ridge regression, the figures position_r2_*
velocity   px per frame; likewise; the time-varying code is the pose and its change to the next frame, since no single
           frame could know it
shape      class; one example per object, its pose that of the middle one of the frames in which it shows; logistic
           regression; (accuracy - chance) / (1 - chance), chance being the accuracy of always answering the commonest
           class of the fitted half
colour     RGB in [0, 1]; the examples of shape; R2 of ridge regression
Codes outside of what the fitted half showed are taken to its nearest bound: no probe is asked beyond what it has seen.
1 is perfect, 0 as good as knowing nothing, below 0 worse than that. None: too few videos, or nothing varies.

Legend: T frames, N true objects, K slots, M examples, D features, G classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from pipeline.metrics.disentanglement import NUM_FOLDS, probe_r2, within
from pipeline.metrics.segmentation import UNMATCHED

STRENGTHS = tuple(10.0**exponent for exponent in range(-4, 1))
"""Penalties of the logistic regression to choose from, for standardised codes and the mean log loss."""


@dataclass(frozen=True)
class Factors:
    """Ground truth of one clip: velocity [T, N, 2] px per frame, color [N, 3] in [0, 1], shape int [N]."""

    velocity: np.ndarray
    color: np.ndarray
    shape: np.ndarray


@dataclass(frozen=True)
class FactorExamples:
    """Examples of one clip. Per object and frame [M, ...]: motion (pose and its change), appearance_by_frame, velocity.
    Per object [n, ...]: pose, appearance, color, shape."""

    motion: np.ndarray
    appearance_by_frame: np.ndarray
    velocity: np.ndarray
    pose: np.ndarray
    appearance: np.ndarray
    color: np.ndarray
    shape: np.ndarray
    video_id: str


def factor_examples(
    pose: np.ndarray, appearance: np.ndarray, factors: Factors, slot_of: np.ndarray, shown: np.ndarray, video_id: str,
) -> FactorExamples:
    """Codes pose [T, K, P] (T at least 2) and appearance [K, D], slot_of int [N], shown bool [T, N] -> examples."""
    seen = shown & (slot_of != UNMATCHED)
    frame, item = np.nonzero(seen)
    change = np.diff(pose, axis=0)
    motion = np.concatenate([pose, np.concatenate([change, change[-1:]])], -1)
    items = np.flatnonzero(seen.any(0))
    middle = np.array([np.flatnonzero(seen[:, i])[seen[:, i].sum() // 2] for i in items], dtype=int)
    return FactorExamples(
        motion=motion[frame, slot_of[item]], appearance_by_frame=appearance[slot_of[item]],
        velocity=factors.velocity[frame, item], pose=pose[middle, slot_of[items]],
        appearance=appearance[slot_of[items]], color=factors.color[items], shape=factors.shape[items],
        video_id=video_id,
    )


def probe_matrix(
    clips: list[FactorExamples], position: dict[str, float | None],
) -> dict[str, dict[str, float | None]]:
    """{time_independent, time_varying} -> {position, velocity, shape, color}; position are the figures of
    disentanglement.position_figures."""
    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(clip, name) for clip in clips])

    by_frame = np.repeat([clip.video_id for clip in clips], [len(clip.velocity) for clip in clips])
    by_object = np.repeat([clip.video_id for clip in clips], [len(clip.shape) for clip in clips])
    fitted = np.unique(np.concatenate([by_frame, by_object]))[::2]
    matrix = {}
    for name, moving, fixed in (
        ("time_independent", "appearance_by_frame", "appearance"), ("time_varying", "motion", "pose"),
    ):
        matrix[name] = {
            "position": position[f"position_r2_{name}"],
            "velocity": _r2(joined(moving), joined("velocity"), by_frame, fitted),
            "shape": class_score(joined(fixed), joined("shape"), by_object, np.isin(by_object, fitted)),
            "color": _r2(joined(fixed), joined("color"), by_object, fitted),
        }
    return matrix


def _r2(codes: np.ndarray, factors: np.ndarray, video_id: np.ndarray, videos: np.ndarray) -> float | None:
    """R2 over the factors that vary among the held-out examples."""
    fitted = np.isin(video_id, videos)
    if not _can_be_probed(video_id, fitted):
        return None
    varying = factors[~fitted].std(0) > 1e-6
    return probe_r2(codes, factors[:, varying], video_id, fitted) if varying.any() else None


def class_score(codes: np.ndarray, classes: np.ndarray, video_id: np.ndarray, fitted: np.ndarray) -> float | None:
    """Fits codes [M, D] -> classes int [M] on the examples marked in `fitted` [M]; returns (accuracy - chance) / (1 -
    chance) on the others. None where one class is all there is, or a half has too few videos."""
    if not _can_be_probed(video_id, fitted):
        return None
    codes = within(codes, codes[fitted]).astype(np.float64)
    known, answers, asked, wanted = codes[fitted], classes[fitted], codes[~fitted], classes[~fitted]
    groups = np.unique(video_id[fitted], return_inverse=True)[1] % NUM_FOLDS
    names, counts = np.unique(answers, return_counts=True)
    chance = float((wanted == names[counts.argmax()]).mean())
    if len(names) < 2 or chance == 1:
        return None
    num_right = np.zeros(len(STRENGTHS))
    for fold in np.unique(groups):
        inside = groups != fold
        for i, strength in enumerate(STRENGTHS):
            answer = logistic_regression(known[inside], answers[inside], strength)
            num_right[i] += (answer(known[~inside]) == answers[~inside]).sum()
    # of equal strengths the larger one: the simpler answer
    best = len(STRENGTHS) - 1 - int(num_right[::-1].argmax())
    accuracy = float((logistic_regression(known, answers, STRENGTHS[best])(asked) == wanted).mean())
    return (accuracy - chance) / (1 - chance)


def logistic_regression(codes: np.ndarray, classes: np.ndarray, strength: float) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the map from codes [M, D] to the likeliest class [M] whose weights minimise the mean log loss of the
    softmax (multinomial logistic regression) + strength / 2 * |weights|^2, offsets free; codes are standardised for it
    by their own mean and spread."""
    centre, spread = codes.mean(0), codes.std(0)
    spread = np.where(spread > 1e-8, spread, 1.0)
    names, labels = np.unique(classes, return_inverse=True)
    known = np.concatenate([(codes - centre) / spread, np.ones((len(codes), 1))], 1)
    shape, rows = (known.shape[1], len(names)), np.arange(len(labels))
    penalty = np.append(np.full(codes.shape[1], strength), 0.0)[:, None]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        logits = known @ weights
        error = softmax(logits, 1)
        error[rows, labels] -= 1
        value = -log_softmax(logits, 1)[rows, labels].mean() + (penalty * weights**2).sum() / 2
        return value, (known.T @ error / len(labels) + penalty * weights).ravel()

    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    weights = found.x.reshape(shape)
    return lambda codes: names[((codes - centre) / spread @ weights[:-1] + weights[-1]).argmax(1)]


def _can_be_probed(video_id: np.ndarray, fitted: np.ndarray) -> bool:
    """A strength needs two videos to be chosen, a score one."""
    return len(np.unique(video_id[fitted])) > 1 and bool((~fitted).any())
