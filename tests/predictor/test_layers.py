"""The layer across slots against the one that PyTorch has."""

import torch
from torch import nn

from pipeline.predictor.layers import SlotLayer

NAMES = {
    "norm_attention": "norm1", "norm_step": "norm2", "query_key_value.weight": "self_attn.in_proj_weight",
    "query_key_value.bias": "self_attn.in_proj_bias", "mix": "self_attn.out_proj", "step.0": "linear1",
    "step.2": "linear2",
}
"""Of our weights, or what they begin with, in PyTorch's layer."""


def test_the_layer_is_a_transformer_encoder_layer_with_its_norms_first():
    torch.manual_seed(0)
    ours = SlotLayer(16, 4)
    theirs = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    theirs.load_state_dict({
        their + name.removeprefix(our): weights for name, weights in ours.state_dict().items()
        for our, their in NAMES.items() if name.startswith(our)
    })
    objects, bias = torch.randn(3, 5, 16), torch.tensor([0.0, 0, -2, 0, -30]).expand(3, 5)
    seen = ours(objects, bias[:, None, None])
    torch.testing.assert_close(seen, theirs(objects, src_key_padding_mask=bias))
    assert not torch.allclose(seen, ours(objects, torch.zeros(3, 1, 1, 5)))
