"""Parameters that every training has."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params


class TrainingParams(Params):
    """How a model is trained."""

    num_steps: int = Field(ge=1)
    """Optimiser steps."""
    learning_rate: float = Field(gt=0, allow_inf_nan=False)
    """Peak of the schedule: a linear rise, then half a cosine down to zero."""
    weight_decay: float = Field(ge=0, allow_inf_nan=False)
    """Weight decay of AdamW."""
    warmup_fraction: float = Field(ge=0, le=1)
    """Share of the steps in which the learning rate rises."""
    max_grad_norm: float = Field(gt=0, allow_inf_nan=False)
    """Longer gradients are shortened to this length."""
    validate_every: int = Field(ge=1)
    """Steps between two validations; the last step is always followed by one."""
    patience: int | None = Field(default=None, ge=1)
    """Validations in a row that may bring no gain before training stops; null: it takes all steps."""
    precision: Literal["no", "bf16"]
    """no: float32 throughout; bf16: mixed with bfloat16."""
    seed: int = Field(ge=0, lt=2**32)
    """Decides weights, batches and every other draw."""
