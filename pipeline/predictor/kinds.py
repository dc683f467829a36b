"""The kinds of predictor by the name that params.yaml and weights files give them."""

from pathlib import Path

from pipeline import checkpoint
from pipeline.checkpoint import Checkpoint
from pipeline.predictor.autoregressive import AutoregressivePredictor
from pipeline.predictor.flow import FlowPredictor
from pipeline.predictor.mixture import MixturePredictor
from pipeline.predictor.predictor import Predictor
from pipeline.predictor.predictor_config import PredictorConfig

KIND = "predictor"
_CLASSES = {
    "mixture": MixturePredictor, "deterministic": MixturePredictor, "flow": FlowPredictor,
    "autoregressive": AutoregressivePredictor,
}


def build_predictor(config: PredictorConfig) -> Predictor:
    """With random weights."""
    return _CLASSES[config.architecture.kind](config)


def save_predictor(path: Path, predictor: Predictor, made_from: dict[str, str]) -> None:
    """Writes weights and configuration; made_from names latents and autoencoder."""
    config = predictor.config.model_dump(mode="json")
    checkpoint.save(path, KIND, predictor.state_dict(), config, made_from)


def load_predictor(path: Path) -> tuple[Predictor, Checkpoint]:
    """In eval mode. Raises UserError when the file is missing, damaged, of another kind or of another architecture."""
    return checkpoint.load_model(path, KIND, PredictorConfig, build_predictor)
