"""What a weights file says of its predictor."""

from pydantic import Field

from pipeline.latents.latents import LatentSpec
from pipeline.params import Params
from pipeline.predictor.network_params import ArchitectureParams


class PredictorConfig(Params):
    """All that decides the shapes of the weights."""

    architecture: ArchitectureParams
    spec: LatentSpec
    context_frames: int = Field(ge=2)
    """W: frames looked at; of a longer context the last ones, a shorter one is lengthened backwards in a line."""
    horizon: int = Field(ge=1)
    """H: frames predicted at once."""
