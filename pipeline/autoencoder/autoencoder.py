"""The hierarchical autoencoder: frames -> background and objects -> time-independent and time-varying codes, and back.

Legend: B batch, T frames, K slots, C channels, H W frame, P patch side in samples.

encode: proposals (no learning) give background picture, sprites, tracks; two small encoders turn the pictures into
codes. decode: two small decoders turn codes into pictures, once per clip; the pictures are drawn along the tracks and
composited.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline import checkpoint
from pipeline.autoencoder import spatial_transform
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.background import BackgroundDecoder, BackgroundEncoder, num_blocks
from pipeline.autoencoder.camera import shown
from pipeline.autoencoder.compositing import composite
from pipeline.autoencoder.objects import AppearanceDecoder, AppearanceEncoder
from pipeline.autoencoder.proposals import Proposals, propose
from pipeline.autoencoder.sprites import BOX_MARGIN
from pipeline.checkpoint import Checkpoint
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.params import Params

KIND = "autoencoder"


class AutoencoderConfig(Params):
    """All that is needed to build the model; kept inside its weights."""

    architecture: ArchitectureParams
    num_channels: int = Field(ge=1, le=4)
    height: int = Field(ge=8)
    width: int = Field(ge=8)


@dataclass(frozen=True)
class Pictures:
    """What the layers of a clip look like: decoded from its codes, or as its frames showed them."""

    background: Tensor
    """[B, C, H', W'] about [0, 1]: the whole canvas"""
    objects: Tensor
    """[B, K, C + 1, P, P] premultiplied colour, then alpha"""

    def map(self, change: Callable[[Tensor], Tensor]) -> "Pictures":
        return Pictures(change(self.background), change(self.objects))


@dataclass(frozen=True)
class Decoded:
    frames: Tensor
    """[B, T, C, H, W] in [0, 1]"""
    background: Tensor
    """[B, T, C, H, W] in [0, 1]"""
    objects: Tensor
    """[B, T, K, C, H, W] each object's colour, not multiplied by alpha; 0 where its mask is"""
    alpha: Tensor
    """[B, T, K, H, W] visibility after occlusion"""
    mask: Tensor
    """[B, T, K, H, W] shape before occlusion"""

    def segmentation(self) -> Tensor:
        """[B, T, H, W] integer ids: 0 background, k + 1 slot k, whichever shows most."""
        return torch.cat([1 - self.alpha.sum(2, keepdim=True), self.alpha], 2).argmax(2)


class Autoencoder(nn.Module):
    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        self.config = config
        arch, C = config.architecture, config.num_channels
        canvas = config.height + 2 * arch.canvas_margin, config.width + 2 * arch.canvas_margin
        h, w = num_blocks(*canvas)
        self.spec = LatentSpec(
            num_slots=arch.num_slots, background_dim=arch.background_channels * h * w, appearance_dim=arch.appearance_dim,
            height=config.height, width=config.width,
        )
        self.background_encoder = BackgroundEncoder(C, arch.background_channels)
        self.background_decoder = BackgroundDecoder(C, arch.background_channels, *canvas, arch.hidden_dim)
        self.appearance_encoder = AppearanceEncoder(C, arch.patch_dim, arch.appearance_dim, arch.hidden_dim)
        self.appearance_decoder = AppearanceDecoder(C, arch.patch_dim, arch.appearance_dim, arch.hidden_dim)

    def encode(self, frames: Tensor) -> Latents:
        """Codes of clips [B, T, C, H, W] in [0, 1]; all of them, the time-independent ones too, come from these frames."""
        return self.encode_proposals(self._propose(frames))

    def encode_with_pictures(self, frames: Tensor) -> tuple[Latents, Pictures]:
        """Codes of clips, and their layers in all the detail that these frames show; where they show none, as decoded.

        To `decode` such pictures along a predicted track carries into the future what the codes are too small for, as the
        skip connections from the last given frame do in SVG (Denton and Fergus 2018, arXiv 1802.07687).
        """
        proposals = self._propose(frames)
        latents = self.encode_proposals(proposals)
        decoded, sprites = self.decode_pictures(latents), proposals.sprites
        seen, own = sprites.seen[:, :, None], torch.cat([sprites.color, sprites.alpha[:, :, None]], 2)
        return latents, Pictures(
            torch.lerp(decoded.background, proposals.background, proposals.background_seen),
            torch.lerp(decoded.objects, own, seen.expand_as(own)),
        )

    def _propose(self, frames: Tensor) -> Proposals:
        wanted = (self.config.num_channels, self.config.height, self.config.width)
        assert frames.ndim == 5 and tuple(frames.shape[2:]) == wanted, f"wanted [B, T, {wanted}], got {tuple(frames.shape)}"
        return propose(frames, self.config.architecture)

    def encode_proposals(self, proposals: Proposals) -> Latents:
        """Codes of clips that are already taken apart."""
        sprites = proposals.sprites
        B, T, K = sprites.visibility.shape
        picture = torch.cat([sprites.color, sprites.alpha[:, :, None]], 2)
        appearance = self.appearance_encoder(picture.flatten(0, 1)).unflatten(0, (B, K))
        log_scale = (sprites.step * sprites.patch_dim / self.patch_px).log()
        pose = torch.cat([
            sprites.centre, log_scale[:, None, :, None].expand(B, T, K, 1), sprites.visibility[..., None],
        ], -1)
        return Latents(
            background=self.background_encoder(proposals.background),
            appearance=appearance * sprites.presence[..., None], presence=sprites.presence, depth=sprites.depth,
            camera=proposals.camera, pose=pose,
        ).check(self.spec)

    def decode(self, latents: Latents, pictures: Pictures | None = None) -> Decoded:
        """Frames and layers of latents. Pictures are decoded once per clip, whatever its length, unless they are given."""
        latents.check(self.spec)
        pictures = pictures or self.decode_pictures(latents)
        lit = shown(pictures.background, latents.camera, self.config.height, self.config.width)
        drawn = self._draw(pictures.objects, latents)
        color, mask = drawn[:, :, :, :-1], drawn[:, :, :, -1]
        frames, alpha = composite(lit, color, mask, latents.depth)
        objects = color / mask[:, :, :, None].clamp(min=1e-3)
        return Decoded(frames.clamp(0, 1), lit.clamp(0, 1), objects.clamp(0, 1), alpha, mask)

    def decode_as_seen(self, latents: Latents, context: Tensor) -> Decoded:
        """Frames and layers of latents, in the detail in which the frames [B, T, C, H, W] of `context` show the layers."""
        return self.decode(latents, self.encode_with_pictures(context)[1])

    def decode_pictures(self, latents: Latents) -> Pictures:
        """The layers as the time-independent codes describe them."""
        objects = self.appearance_decoder(latents.appearance.flatten(0, 1))
        return Pictures(self.background_decoder(latents.background), objects.unflatten(0, latents.presence.shape))

    @property
    def patch_px(self) -> float:
        """Side of a patch at log_scale 0, px: a typical object with its margin."""
        return self.config.architecture.object_px * BOX_MARGIN

    def _draw(self, picture: Tensor, latents: Latents) -> Tensor:
        """Pictures [B, K, C + 1, P, P] along the tracks, faded by visibility and presence: [B, T, K, C + 1, H, W]."""
        B, T, K, _ = latents.pose.shape
        x, y, log_scale, visibility = latents.pose.flatten(0, 1).unbind(-1)
        # no picture is drawn smaller than a pixel or larger than 16 patches, whatever a predictor may say
        step = self.patch_px / picture.shape[-1] * log_scale.clamp(-math.log(16), math.log(16)).exp()
        repeated = picture[:, None].expand(B, T, *picture.shape[1:]).flatten(0, 1)
        centre = torch.stack([x, y], -1)
        drawn = spatial_transform.paste(repeated, centre, step, self.config.height, self.config.width)
        shown = visibility.clamp(0, 1) * latents.presence.repeat_interleave(T, 0)
        return (drawn * shown[..., None, None, None]).unflatten(0, (B, T))


def save_autoencoder(path: Path, model: Autoencoder, made_from: dict[str, str]) -> None:
    checkpoint.save(path, KIND, model.state_dict(), model.config.model_dump(mode="json"), made_from)


def load_autoencoder(path: Path) -> tuple[Autoencoder, Checkpoint]:
    """In eval mode. Raises UserError when the file is missing, damaged, of another kind or of another architecture."""
    return checkpoint.load_model(path, KIND, AutoencoderConfig, Autoencoder)
