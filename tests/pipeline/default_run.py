"""The figures of the default run as README.md and docs/results.md show them, from what the run left in data/.

    python -m tests.pipeline.default_run

fills them in anew, after a new run: every row of a table that has the label of one of these.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.dependencies.imports import ROOT

SHOWN_IN = (ROOT / "README.md", ROOT / "docs/results.md")
STAGES = ("preprocess", "train_autoencoder", "encode", "train_predictor", "generate", "evaluate", "report")


def forecasts() -> dict[str, str]:
    """A row of a table for each forecast, by the key of metrics.json that it is from."""
    figures = _metrics()
    prediction, baselines = figures["prediction"], figures["baselines"]
    position, num = prediction["position_error"], figures["protocol"]["num_samples"]
    named = {
        "prediction": ("**prediction**, mean over samples", prediction),
        "best_of_samples": (f"best of {num} samples", prediction["best_of_samples"]),
        "mean_picture": (f"mean of {num} samples as one picture", prediction["mean_picture"]),
        "without_carried_pictures": (
            "prediction from its codes alone, nothing carried over",
            prediction["without_carried_pictures"] | {"position_error": position},
        ),
        "linear_extrapolation": ("every object straight on, drawn and mixed alike", baselines["linear_extrapolation"]),
        "flow": ("optical flow of the last two frames, carried on", baselines["flow"]),
        "copy_last": ("last frame, copied", baselines["copy_last"]),
    }
    return {key: _row(label, _quality(found)) for key, (label, found) in named.items()}


def layers() -> list[str]:
    """Rows of a table about the layers."""
    figures = _metrics()
    masks, probes = figures["decomposition"], figures["disentanglement"]["probes"]
    fixed, moving = probes["time_independent"], probes["time_varying"]
    reconstruction, size = figures["reconstruction"], figures["compression"]
    return [
        _row("reconstruction psnr, dB", [f"{reconstruction['psnr']:.1f}"]),
        _row("psnr of each clip's median image, dB", [f"{reconstruction['median_background_psnr']:.1f}"]),
        *(_row(name, [f"{masks[name]:.2f}"]) for name in ("fg_miou", "fg_ari", "identity_consistency")),
        _row("place (R2 of a linear probe) from pose / from appearance",
             [f"{moving['position']:.3f} / {fixed['position']:.2f}"]),
        _row("shape (accuracy of a linear probe above chance) from appearance / from pose",
             [f"{fixed['shape']:.2f} / {moving['shape']:.2f}"]),
        _row("numbers per frame", [f"{size['floats_per_frame']:.0f}, {size['ratio']:.0f} times fewer than its pixels"]),
    ]


def costs() -> list[str]:
    """Rows of a table of what each stage cost."""
    found = {stage: json.loads((ROOT / f"data/cost/{stage}.json").read_text()) for stage in STAGES}
    return [
        _row(f"`{stage}`", [f"{cost['seconds']:.0f}", f"{cost['peak_resident_gib']:.1f}"])
        for stage, cost in found.items()
    ]


def _metrics() -> dict:
    return json.loads((ROOT / "data/evaluation/metrics.json").read_text())


def _quality(found: dict) -> Iterator[str]:
    steps, position = found.get("psnr_by_step"), found.get("position_error", {}).get("median_by_step")
    yield f"{found['psnr']:.1f}"
    yield from (f"{steps[i]:.1f}" if steps else "" for i in (0, -1))
    yield f"{found['ssim']:.3f}"
    yield from (f"{position[i]:.2f}" if position else "" for i in (0, -1))


def _row(label: str, values: Iterable[str]) -> str:
    return f"| {' | '.join([label, *values])} |"


def rows_of(document: Path) -> list[str]:
    """All rows of the run in data/ that a document shows, if it shows their label at all."""
    return [*forecasts().values(), *([] if document.name == "README.md" else [*layers(), *costs()])]


def filled(text: str, rows: list[str]) -> str:
    """A document with these rows in place of those of the same labels."""
    for row in rows:
        label = row[: row.index(" | ")]
        lines = [row if line.startswith(f"{label} | ") else line for line in text.split("\n")]
        text = "\n".join(lines)
    return text


if __name__ == "__main__":
    for document in SHOWN_IN:
        text = document.read_text(encoding="utf-8")
        document.write_text(filled(text, rows_of(document)), encoding="utf-8")
