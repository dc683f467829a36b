"""How much the closed form looks at; what comes of it is in test_autoencoder.py."""

import torch

from pipeline.autoencoder import initialise as module
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig
from pipeline.autoencoder.proposals import Proposals
from pipeline.spacing import evenly_spaced

NUM_CLIPS, SIDE, PATCH, NUM_FRAMES = 12, 16, 8, 3
ARCHITECTURE = ArchitectureParams(num_slots=2, object_px=4, patch_dim=PATCH, background_channels=4, appearance_dim=4,
                                  hidden_dim=8, canvas_margin=0, detail_dim=0, deformation_dim=0)
OF_CLIP = 3 * SIDE**2 + 2 * 4 * PATCH**2


def proposals() -> Proposals:
    generator = torch.Generator().manual_seed(0)

    def pictures(*shape: int) -> torch.Tensor:
        return torch.rand(NUM_CLIPS, *shape, generator=generator).half()

    return Proposals.of({
        "background": pictures(3, SIDE, SIDE), "background_seen": torch.ones(NUM_CLIPS, 1, SIDE, SIDE),
        "camera": torch.zeros(NUM_CLIPS, NUM_FRAMES, 6), "centre": torch.zeros(NUM_CLIPS, NUM_FRAMES, 2, 2),
        "step": torch.ones(NUM_CLIPS, 2), "shape": torch.zeros(NUM_CLIPS, NUM_FRAMES, 2, 3),
        "color": pictures(2, 3, PATCH, PATCH), "mask": pictures(2, PATCH, PATCH), "seen": pictures(2, PATCH, PATCH),
        "visibility": torch.ones(NUM_CLIPS, NUM_FRAMES, 2),
        "depth": torch.ones(NUM_CLIPS, 2), "presence": torch.ones(NUM_CLIPS, 2),
    })


def weights(found: Proposals) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    model = Autoencoder(AutoencoderConfig(architecture=ARCHITECTURE, num_channels=3, height=SIDE, width=SIDE))
    module.initialise(model, found)
    return model.state_dict()


def test_what_all_blocks_have_in_common_is_not_lost():
    """Of few clips, say a stripe down every block, in the mean of the blocks."""
    found = proposals()
    background = torch.linspace(0.2, 0.6, NUM_CLIPS).view(-1, 1, 1, 1).expand(-1, 3, SIDE, SIDE).clone()
    background[..., ::8] += 0.3
    found = found.map(lambda name, x: background.half() if name == "background" else x)
    model = Autoencoder(AutoencoderConfig(architecture=ARCHITECTURE, num_channels=3, height=SIDE, width=SIDE))
    module.initialise(model, found)
    drawn = model.background_decoder(model.background_encoder(background))
    torch.testing.assert_close(drawn, background, atol=2e-3, rtol=0)


def test_codes_that_two_objects_taught_draw_others_that_are_smooth():
    def discs(places: list[float]) -> torch.Tensor:
        across = torch.arange(PATCH) - torch.tensor(places)[:, None]
        return torch.exp(-(across[:, :, None].square() + across[:, None].square()) / 8)

    masks = discs([3.0, 4.0])[None]
    shown = {"mask": masks, "color": masks[:, :, None].repeat(1, 1, 3, 1, 1) / 2, "seen": torch.ones_like(masks)}
    found = proposals().map(lambda name, x: shown.get(name, x[:1]))
    architecture = ARCHITECTURE.model_copy(update={"appearance_dim": 32})
    model = Autoencoder(AutoencoderConfig(architecture=architecture, num_channels=3, height=SIDE, width=SIDE))
    module.initialise(model, found)
    others = torch.linspace(0, 1, PATCH).expand(2, PATCH, PATCH) * torch.tensor([0.5, 1.0])[:, None, None]
    pictures = torch.cat([others[:, None].expand(-1, 3, -1, -1) * torch.tensor([0.2, 0.5, 0.8])[:, None, None],
                          others[:, None]], 1)
    drawn = model.appearance_decoder(model.appearance_encoder(pictures))
    mean = model.appearance_decoder(torch.zeros(1, 32))
    assert (drawn - pictures).square().mean() < 0.2 * (mean - pictures).square().mean()


def test_large_pictures_are_those_of_fewer_clips(monkeypatch):
    found = proposals()
    assert module.most_clips(found) == module.MAX_CLIPS
    monkeypatch.setattr(module, "MAX_VALUES", 5 * OF_CLIP + 1)
    assert module.most_clips(found) == 5
    few = found.take(torch.from_numpy(evenly_spaced(NUM_CLIPS, 5)))
    for one, other in zip(weights(found).values(), weights(few).values(), strict=True):
        assert torch.equal(one, other)
    monkeypatch.setattr(module, "MAX_VALUES", 1)
    assert module.most_clips(found) == 1
