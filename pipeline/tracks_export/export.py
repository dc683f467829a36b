"""Writes the tracks of a store of codes into the file that its suffix asks for: see table, coco and mot."""

import sys
from pathlib import Path

import numpy as np

from pipeline.autoencoder.autoencoder import Autoencoder, load_autoencoder
from pipeline.errors import UserError
from pipeline.evaluation.device import fastest_device
from pipeline.inspection.facts import StoreFacts
from pipeline.progress import progress
from pipeline.provenance import check_made_from
from pipeline.tracks_export.clips import CodeStore
from pipeline.tracks_export.coco import write_coco
from pipeline.tracks_export.mot import mot_files, write_mot
from pipeline.tracks_export.points import points
from pipeline.tracks_export.table import write_table

SUFFIXES = {".csv": "a table", ".json": "COCO", ".txt": "MOT challenge"}


def export_tracks(
    facts: StoreFacts, autoencoder: Path, path: Path, rows: np.ndarray | None = None, sample: int | None = None,
) -> str:
    """Writes tracks of the store's rows (None: all), of forecasts one sample (None: all); returns what was written, in
    a line.

    Boxes are those of masks that are drawn with the weights at `autoencoder`; where there is no such file, of squares
    that are as wide as poses say, and a line on stderr says so. Raises UserError when the suffix is none of SUFFIXES,
    the store is not of codes, or damaged, or does not say how its frames lie in the source, the weights are others
    than those that made it, or are missing and masks are wanted.
    """
    if path.suffix not in SUFFIXES:
        known = ", ".join(f"{suffix} ({what})" for suffix, what in SUFFIXES.items())
        raise UserError(f"--export {path}: wanted a name that ends in {known}; got '{path.suffix}'")
    store = CodeStore(facts)
    samples = _samples(store, sample)
    model = _model(facts, autoencoder, path)
    chosen = np.arange(facts.num_rows) if rows is None else rows
    videos = sorted(set(facts.labels("video_id")[chosen].tolist()))
    written = str(path)
    with progress("exporting tracks", len(chosen), "sequences" if facts.kind == "latents" else "clips") as advance:
        found = points(store, model, chosen, sample, advance)
        if path.suffix == ".csv":
            write_table(path, found)
        elif path.suffix == ".json":
            title = f"tracks of layercast's {facts.path.name} {facts.identity}"
            write_coco(path, title, lambda: (clip for clip in store.clips(chosen) if clip.is_wanted), found)
        else:
            files = mot_files(path, videos, samples)
            write_mot(files, samples, found)
            written = str(path) if [*files.values()] == [path] else f"{path.with_suffix('')}/: {len(files)} files"
    return f"{written}: {SUFFIXES[path.suffix]}, tracks of {len(videos)} videos"


def _samples(store: CodeStore, sample: int | None) -> list[int]:
    if sample is None:
        return list(range(store.num_samples))
    if store.num_given == store.num_frames:
        raise UserError(f"--sample {sample}: {store.facts.path} was observed and has no samples; leave it out")
    if not 0 <= sample < store.num_samples:
        raise UserError(f"--sample {sample}: {store.facts.path} has the samples 0 to {store.num_samples - 1}; name one")
    return [sample]


def _model(facts: StoreFacts, autoencoder: Path, path: Path) -> Autoencoder | None:
    if autoencoder.exists():
        model, weights = load_autoencoder(autoencoder)
        check_made_from(facts.path, facts.made_from, "autoencoder", autoencoder, weights.identity)
        return model.to(fastest_device()).eval()
    missing = f"no weights at {autoencoder}; name those that made {facts.path} with --autoencoder"
    if path.suffix == ".json":
        raise UserError(f"--export {path}: COCO wants masks, which are drawn with weights: {missing}, or export .csv")
    print(f"boxes are squares as wide as poses say, not those of masks: {missing}", file=sys.stderr)
    return None
