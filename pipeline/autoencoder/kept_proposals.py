"""Clips that stage 1 has taken apart, kept beside its weights: encode takes them as they are, and not apart again."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipeline import checkpoint
from pipeline.autoencoder.proposals import Proposals
from pipeline.errors import UserError
from pipeline.provenance import check_made_from
from pipeline.write_file import file_to_write

FORMAT = 1
_ROWS = "rows"


def keep_proposals(path: Path, sets: Mapping[str, tuple[Tensor, Proposals]], made_from: dict[str, str]) -> None:
    """Writes the rows and the proposals of each split's clips, in one step; made_from: the identity of the `frames` and
    of the `autoencoder` that encodes them."""
    tensors: dict[str, Tensor] = {}
    for split, (rows, proposals) in sets.items():
        tensors |= {f"{split}/{name}": tensor for name, tensor in proposals.tensors().items()}
        tensors[f"{split}/{_ROWS}"] = rows
    header = {"format": FORMAT, "sets": list(sets), "made_from": made_from}
    with file_to_write(path) as file, TemporaryDirectory(dir=path.parent) as folder:
        # tensor by tensor, which safetensors does into a file of its own that nobody else may read
        own = Path(folder) / path.name
        save_file(tensors, own, {"layercast": json.dumps(header, sort_keys=True)})
        with own.open("rb") as written:
            shutil.copyfileobj(written, file)


@dataclass(frozen=True)
class KeptProposals:
    path: Path
    places: dict[int, tuple[str, int]]
    """row -> its split, and its place among that split's."""

    def __len__(self) -> int:
        return len(self.places)

    def take(self, start: int, stop: int) -> Proposals:
        """Those of the rows start <= row < stop, all below len(self), as `propose` gives them."""
        places = [self.places[row] for row in range(start, stop)]
        with safe_open(self.path, framework="pt") as file:
            names = [key.split("/")[1] for key in file.keys() if key.startswith(f"{places[0][0]}/")]
            parts = {name: [file.get_slice(f"{split}/{name}")[place:place + 1] for split, place in places]
                     for name in names if name != _ROWS}
        return Proposals.of({name: torch.cat(found).float() for name, found in parts.items()})


def open_kept_proposals(path: Path, frames: Path, autoencoder: Path, identities: dict[str, str]) -> KeptProposals:
    """What `keep_proposals` wrote; identities: of `frames` and `autoencoder`, to which it has to belong. Raises
    UserError where it is damaged, of another kind, or belongs to others."""
    wanted = f"proposals of stage 1 (format {FORMAT})"
    again = "run train_autoencoder again, or remove the file: all clips are taken apart then"
    with checkpoint.reading(path, wanted, again):
        with safe_open(path, framework="pt") as file:
            header = checkpoint.header_of(file)
            rows: dict[str, Tensor] = {name: file.get_tensor(f"{name}/{_ROWS}") for name in header.get("sets", ())}
        if header["format"] != FORMAT or not rows:
            raise UserError(f"{path}: wanted {wanted}, found format {header['format']!r:.20}; {again}")
        for name, other in (("frames", frames), ("autoencoder", autoencoder)):
            check_made_from(path, header["made_from"], name, other, identities[name])
        places = {row: (name, place) for name in rows for place, row in enumerate(rows[name].tolist())}
        return KeptProposals(path, places)
