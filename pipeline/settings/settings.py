"""The whole of params.yaml, and what its sections must agree on."""

import os.path
from pathlib import Path
from typing import Any

from pipeline.autoencoder.encode_params import EncodeParams
from pipeline.autoencoder.train_autoencoder_params import TrainAutoencoderParams
from pipeline.errors import UserError
from pipeline.evaluation.evaluate_params import EvaluateParams
from pipeline.forecasting.generate_params import GenerateParams
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.params import Params, validate
from pipeline.predictor.train_predictor_params import TrainPredictorParams
from pipeline.report.report_params import ReportParams


class Settings(Params):
    """Every section, by the name of its stage."""

    preprocess: PreprocessParams
    train_autoencoder: TrainAutoencoderParams
    encode: EncodeParams
    train_predictor: TrainPredictorParams
    generate: GenerateParams
    evaluate: EvaluateParams
    report: ReportParams


def check_settings(path: Path, document: Any) -> Settings:
    """Checks what the whole file `path` holds, or is to hold. Raises UserError with every mistake, `; ` between
    them."""
    settings = validate(path, document, Settings)
    if found := [*_unknown_to_dvc(str(document["preprocess"]["source"])), *contradictions(settings)]:
        raise UserError(f"{path}: {'; '.join(found)}")
    return settings


def _unknown_to_dvc(source: str) -> list[str]:
    """Stages expand `~`, but DVC looks for the source as it stands in the file."""
    whole = os.path.expanduser(source)
    return [] if whole == source else [f"preprocess.source is {source}, and DVC does not know ~; write {whole}"]


def contradictions(settings: Settings) -> list[str]:
    """What each section allows by itself but not together with another; one line each."""
    found = []
    length, predictor, generate = settings.preprocess.sequence_length, settings.train_predictor, settings.generate
    trained = predictor.context_frames + predictor.horizon
    if trained > length:
        found.append(
            f"train_predictor.context_frames + horizon is {trained}, preprocess.sequence_length {length}; wanted at "
            "most the length: lower the former or raise the latter"
        )
    given, predicted = generate.context_frames or predictor.context_frames, generate.horizon or predictor.horizon
    if given + predicted > length and (given, predicted) != (predictor.context_frames, predictor.horizon):
        found.append(
            f"generate forecasts {predicted} frames from {given}, preprocess.sequence_length is {length}; wanted at "
            "most the length in all: lower generate.context_frames or horizon, or raise the length"
        )
    side, object_px = min(settings.preprocess.height, settings.preprocess.width), (
        settings.train_autoencoder.architecture.object_px
    )
    if object_px >= side:
        found.append(
            f"train_autoencoder.architecture.object_px is {object_px:g}, frames are {settings.preprocess.width}x"
            f"{settings.preprocess.height} px; wanted objects smaller than the frame"
        )
    return found
