"""Latents of this working tree with zarr and xarray, and latents of any git revision without checking it out.

From the repository's root:  python tests/examples/look_at_latents.py [REPOSITORY [REVISION]]
REPOSITORY is a folder or URL of a clone of this project (default: this one), REVISION a commit, branch, tag or
experiment.
"""

import sys

import xarray
import zarr
from dvc.api import DVCFileSystem
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from zarr.storage import FsspecStore


def open_revision(repository: str, revision: str, path: str = "data/latents.zarr") -> xarray.Dataset:
    """Opens a store as it was in `revision`; chunks come from DVC's cache, else from its remote, when they are read."""
    files = AsyncFileSystemWrapper(DVCFileSystem(repository, rev=revision), asynchronous=True)
    return xarray.open_zarr(FsspecStore(files, read_only=True, path=path))


def describe(latents: xarray.Dataset) -> None:
    test = latents.isel(sequence=latents.split == "test").load()
    first = test.isel(sequence=0)
    x = first.pose.sel(pose_component="x")
    print("latents", latents.attrs["identity"][:12], "of", latents.sizes["sequence"], "sequences")
    print("objects in a test sequence:", float((test.presence > 0.5).sum("slot").mean()))
    print("first one:", first.video_id.item(), "slot 0 goes from x =", x[0, 0].item(), "to", x[-1, 0].item(), "px")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments:
        repository, revision = (*arguments, "HEAD")[:2]
        describe(open_revision(repository, revision))
    else:
        pose = zarr.open_group("data/latents.zarr", mode="r")["pose"]
        print("pose", pose.shape, pose.metadata.dimension_names, pose.attrs["units"])
        describe(xarray.open_zarr("data/latents.zarr"))
