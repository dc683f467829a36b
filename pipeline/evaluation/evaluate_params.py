"""Parameters of stage evaluate."""

from pydantic import Field

from pipeline.metrics.network_file import NetworkFile
from pipeline.params import Params


class EvaluateParams(Params):
    """How to judge."""

    batch_size: int = Field(ge=1)
    """Sequences or clips decoded at once."""
    num_sheets: int = Field(ge=0)
    """Clips drawn as still sheets."""
    surprise: bool = True
    """Whether to say which objects of the test clips went where nobody could have foreseen."""
    lpips: NetworkFile | None = None
    """The state dict of lpips.LPIPS(net="alex" or "vgg"), for LPIPS; null: without."""
    fvd: NetworkFile | None = None
    """A TorchScript I3D, for FVD; null: without."""
