"""Parameters of stage train_predictor."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params
from pipeline.predictor.network_params import Augmentation, DeterministicParams, MixtureParams
from pipeline.training.training_params import TrainingParams


class TrainPredictorParams(Params):
    """How to learn to continue latents."""

    kind: Literal["mixture", "deterministic"]
    """Which of the two below is trained."""
    mixture: MixtureParams
    deterministic: DeterministicParams
    training: TrainingParams
    context_frames: int = Field(ge=2)
    """Frames given."""
    horizon: int = Field(ge=1)
    """Frames predicted at once; longer futures are made of several such blocks."""
    batch_size: int = Field(ge=1)
    """Clips per step."""
    short_context_share: float = Field(ge=0, le=1)
    """Share of the steps with fewer context frames than that, so that fewer may be given later."""
    augmentation: Augmentation
    """motion: mirror, turn and reverse the tracks of clips at random; reverse: that alone. Without mirrors, what an
    object looks like may say where it turns back; without either, walls may hold it for a moment."""
