"""LPIPS with random weights: what holds for any, and a second computation layer by layer."""

import hashlib

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F

from pipeline.errors import UserError
from pipeline.metrics.lpips import Lpips, load_lpips
from pipeline.metrics.network_file import NetworkFile

STEPS = {  # (slice, index, what)
    "alex": [(1, 0, (4, 2)), (1, 1, "relu"), (2, 2, "pool"), (2, 3, (1, 2)), (2, 4, "relu"), (3, 5, "pool"),
             (3, 6, (1, 1)), (3, 7, "relu"), (4, 8, (1, 1)), (4, 9, "relu"), (5, 10, (1, 1)), (5, 11, "relu")],
    "vgg": [(number, i, "pool" if i == start and start else "relu" if (i - start - (start > 0)) % 2 else (1, 1))
            for number, (start, stop) in enumerate(((0, 4), (4, 9), (9, 16), (16, 23), (23, 30)), 1)
            for i in range(start, stop)],
}


def random_weights(backbone: str) -> dict[str, torch.Tensor]:
    """He's initialisation; heads are not negative, as training leaves them."""
    torch.manual_seed(0)
    tensors = Lpips(backbone).state_dict()
    for name, tensor in tensors.items():
        if name.startswith("lin"):
            tensor.uniform_(0, 1)
        elif tensor.ndim > 1:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5)
        else:
            tensor.normal_(0, 0.1)
    return tensors


def write(path, tensors) -> NetworkFile:
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return NetworkFile(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lpips")
    return {backbone: write(folder / f"{backbone}.safetensors", random_weights(backbone)) for backbone in STEPS}


def step_by_step(tensors: dict[str, torch.Tensor], backbone: str, pictures: torch.Tensor) -> list[torch.Tensor]:
    """Features after each slice, made unit vectors."""
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    x, features = (pictures * 2 - 1 - shift.view(3, 1, 1)) / scale.view(3, 1, 1), {}
    for number, index, what in STEPS[backbone]:
        if what == "relu":
            x = x.clamp(min=0)
        elif what == "pool":
            x = F.max_pool2d(x, *((3, 2) if backbone == "alex" else (2, 2)))
        else:
            name = f"net.slice{number}.{index}"
            x = F.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], *what)
        features[number] = x
    return [x / x.norm(dim=1, keepdim=True).clamp(min=1e-10) for x in features.values()]


@pytest.mark.parametrize("backbone", STEPS)
def test_it_is_the_weighted_distance_of_features(files, backbone):
    tensors = safetensors.torch.load_file(files[backbone].path)
    one, two = torch.rand(2, 3, 3, 40, 36, generator=torch.Generator().manual_seed(1))
    wanted = torch.zeros(3)
    for i, (a, b) in enumerate(zip(*(step_by_step(tensors, backbone, x) for x in (one, two)), strict=True)):
        wanted += ((a - b).square() * tensors[f"lin{i}.model.1.weight"]).sum(1).mean((1, 2))
    found = load_lpips(files[backbone], 40, 36).distance(one, two)
    assert found == pytest.approx(wanted.numpy(), rel=1e-4) and (found > 0.01).all()


def test_equal_pictures_have_none_and_order_does_not_matter(files):
    model = load_lpips(files["alex"], 32, 32)
    one, two = torch.rand(2, 2, 5, 1, 32, 32)
    assert model.distance(one, one).tolist() == [[0] * 5] * 2
    assert model.distance(one, two) == pytest.approx(model.distance(two, one)) and (model.distance(one, two) > 0).all()
    in_color = model.distance(one.repeat(1, 1, 3, 1, 1), two.repeat(1, 1, 3, 1, 1))
    assert model.distance(one, two) == pytest.approx(in_color)


def test_a_file_of_the_newer_package_is_read_as_well(files, tmp_path):
    tensors = safetensors.torch.load_file(files["alex"].path)
    newer = {**tensors, "scaling_layer.shift": torch.zeros(1, 3, 1, 1)}
    newer |= {f"lins.{i}.model.1.weight": tensors[f"lin{i}.model.1.weight"] for i in range(5)}
    one, two = torch.rand(2, 1, 3, 32, 32)
    models = [load_lpips(file, 32, 32) for file in (files["alex"], write(tmp_path / "alex.pt", newer))]
    assert models[0].distance(one, two) == models[1].distance(one, two)


class Hostile:
    def __reduce__(self):
        return print, ("run",)


def test_what_is_not_meant_is_not_loaded(files, tmp_path, capsys):
    cases = [
        (NetworkFile(path=files["alex"].path, sha256="0" * 64), "evaluate.lpips", "wanted 000000000000"),
        (NetworkFile(path=tmp_path / "no", sha256="0" * 64), "evaluate.lpips.path", "cannot be read"),
        (write(tmp_path / "other.pt", {"weight": torch.zeros(1)}), "other.pt", "no state dict of lpips.LPIPS"),
        (write(tmp_path / "hostile.pt", {"weight": Hostile()}), "hostile.pt", "holds no state dict"),
    ]
    (tmp_path / "cut.safetensors").write_bytes(files["alex"].path.read_bytes()[:1000])
    digest = hashlib.sha256((tmp_path / "cut.safetensors").read_bytes()).hexdigest()
    cases.append((NetworkFile(path=tmp_path / "cut.safetensors", sha256=digest), "cut.safetensors", "no state dict"))
    for file, *texts in cases:
        with pytest.raises(UserError) as caught:
            load_lpips(file, 64, 64)
        assert all(text in str(caught.value) for text in texts) and "\n" not in str(caught.value)
    assert "run" not in capsys.readouterr().out
    with pytest.raises(UserError, match="32x24 px are too small, alex wants 31 px"):
        load_lpips(files["alex"], 24, 32)
