"""FVD: Fréchet distance between features of true and of generated videos (Unterthiner et al. 2018, arXiv 1812.01717).

The network is the user's: the TorchScript I3D of the papers since StyleGAN-V (i3d_torchscript.pt), called as they do:
network(videos [n, 3, T, H, W] in 0 .. 255, rescale=True, resize=True, return_features=True) -> [n, 400].

Protocol. A video is a whole clip, given frames and forecast; the given ones are the same in both sets. Every true clip
counts once. Of K samples the k-th of every clip make one set; the figure is the mean of the K distances. It falls with
the number of clips, and can only be compared at the same number.

Legend: n clips, S samples, T frames, H W px, C channels, D features.
"""

import io
import warnings

import numpy as np
import torch

from pipeline.errors import UserError
from pipeline.metrics.frechet import frechet_distance_of_samples
from pipeline.metrics.network_file import NetworkFile, read_network

KEY = "evaluate.fvd"
_VIDEOS_AT_ONCE = 4


class VideoNetwork:
    def __init__(self, file: NetworkFile, video_shape: tuple[int, int, int, int], device: torch.device):
        """video_shape: T, H, W, C. Raises UserError when the file is not the one meant, or does not take such
        videos."""
        content, self._path, self._device = read_network(file, KEY), file.path, device
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript, the form that FVD is published in
                self._network = torch.jit.load(io.BytesIO(content), map_location=device).eval()
        except RuntimeError as error:
            raise UserError(f"{KEY}: {file.path} is no TorchScript file ({_first_line(error)})") from error
        self.features(np.zeros((1, *video_shape), np.uint8))

    @torch.inference_mode()
    def features(self, videos: np.ndarray) -> np.ndarray:
        """uint8 [n, T, H, W, C] -> float64 [n, D]."""
        parts = []
        for start in range(0, len(videos), _VIDEOS_AT_ONCE):
            part = torch.from_numpy(np.ascontiguousarray(np.moveaxis(videos[start:start + _VIDEOS_AT_ONCE], -1, 1)))
            part = part.to(self._device, torch.float32).expand(-1, 3, -1, -1, -1)
            try:
                found = self._network(part, rescale=True, resize=True, return_features=True)
            except (RuntimeError, TypeError) as error:
                raise UserError(
                    f"{KEY}: {self._path} does not take videos of shape {tuple(part.shape)} with rescale, resize and "
                    f"return_features, as i3d_torchscript.pt does ({_first_line(error)})"
                ) from error
            parts.append(found.double().flatten(1).cpu().numpy())
        return np.concatenate(parts)


def fvd(true: np.ndarray, generated: np.ndarray) -> float | None:
    """Features [n, D] of true clips and [n, S, D] of generated ones -> the figure; None for fewer than two clips."""
    distances = [frechet_distance_of_samples(generated[:, sample], true) for sample in range(generated.shape[1])]
    known = [distance for distance in distances if distance is not None]
    return float(np.mean(known)) if len(known) == len(distances) else None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:160]
