"""Parameters of stage train_autoencoder."""

from pydantic import Field

from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.params import Params
from pipeline.training.training_params import TrainingParams


class LossParams(Params):
    object_weight: float = Field(ge=0)
    """Pixels that differ from the background count up to 1 + this much."""
    picture_weight: float = Field(ge=0)
    """Weight of the pictures themselves (object colour and mask, background behind the objects), which the frames alone
    leave open where something covers them."""


class TrainAutoencoderParams(Params):
    architecture: ArchitectureParams
    loss: LossParams
    training: TrainingParams
    batch_size: int = Field(ge=1)
    """Clips per step."""
    frames_per_clip: int = Field(ge=1)
    """Random frames of each clip that a step renders; bounds the memory whatever the clip's length."""
    memory_budget: float | None = Field(gt=0)
    """GiB for weights, optimiser and a step: the clips of a step are run in parts that fit, which changes no gradient.
    null: all at once."""
    recompute: bool
    """Render frames once more in the backward pass instead of keeping what it needs: less memory, more time."""
