from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from featurekit.data.collate import Batch
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.models import build
from featurekit.models.backbones import Backbone, backbone_parameters, imagenet_file, read_weights
from featurekit.models.layers import picture as make_picture
from featurekit.models.sbcnn import LeNet, ZFNet
from featurekit.torchvision_mend import torchvision_models
from featurekit.training import TrainSettings
from featurekit.training.updates import Updates


@pytest.fixture(scope="module")
def mobilenet():
    folder = os.environ.get("FEATUREKIT_TEST_WEIGHTS", Path(__file__).parents[3] / "shared" / "weights")
    path = Path(folder) / "mobilenet_v2-imagenet-features.safetensors"
    if not path.is_file():
        pytest.skip("no MobileNet weights here: set FEATUREKIT_TEST_WEIGHTS")
    return path


@pytest.fixture(scope="module")
def theirs(mobilenet):
    """torchvision's own network with the same weights, up to the pooled features."""
    net = torchvision_models().mobilenet_v2(weights=None)
    missing, unexpected = net.load_state_dict({key: value.float() for key, value in load_file(mobilenet).items()}, strict=False)
    assert all(key.startswith("classifier.") for key in missing)
    assert unexpected == []
    net.classifier = nn.Identity()
    return net.eval()


@pytest.mark.parametrize("channels", [1, 3])
def test_pretrained_features_are_torchvisions_on_a_gray_picture(mobilenet, theirs, channels):
    pictures = torch.randn(2, 1, 96, 64, generator=torch.Generator().manual_seed(0))
    ours = Backbone("mobilenet_v2", weights=str(mobilenet), channels=channels).eval()
    with torch.no_grad():
        expected = theirs(pictures.expand(-1, 3, -1, -1))
        torch.testing.assert_close(ours(pictures), expected, rtol=1e-4, atol=1e-4)
    assert ours.dims_out == 1280
    assert expected.abs().max() > 0.1


@pytest.mark.parametrize(
    ("train", "trainable"), [("head", 1281 * 8), ("last", 1281 * 8 + 886_080), ("all", 1281 * 8 + 2_223_296)]
)
def test_mobilenet_by_name_sees_frames_as_a_picture_and_trains_what_it_is_told(mobilenet, theirs, train, trainable):
    model = build("mobilenet-v2", dims=64, n_classes=8, weights=str(mobilenet), train=train, n_frames=48).eval()
    frames = torch.randn(2, 1, 48, 64, generator=torch.Generator().manual_seed(0))
    batch = Batch(frames, torch.full((2, 1), 48), None, torch.ones(2, 1).bool(), torch.zeros(2).long(), ["a", "b"])
    pictures = make_picture(batch, 48)
    with torch.no_grad():
        expected = theirs(pictures.expand(-1, 3, -1, -1))
        torch.testing.assert_close(model(batch).embedding, expected, rtol=1e-4, atol=1e-4)
    assert sum(value.numel() for value in model.parameters() if value.requires_grad) == trainable


def test_a_head_on_frozen_pretrained_features_learns_and_the_backbone_stays(mobilenet):
    torch.manual_seed(0)
    coarse = F.interpolate(torch.randn(16, 1, 4, 4), (64, 64))
    fine = F.interpolate(torch.randn(16, 1, 32, 32), (64, 64))
    x, y = torch.cat([coarse, fine]), torch.arange(2).repeat_interleave(16)
    backbone = Backbone("mobilenet_v2", weights=str(mobilenet), train="head").train()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    head = nn.Linear(backbone.dims_out, 2)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    features = backbone(x)
    assert not features.requires_grad
    for _ in range(30):
        optimizer.zero_grad()
        F.cross_entropy(head(features[::2]), y[::2]).backward()
        optimizer.step()
    assert (head(features[1::2]).argmax(dim=1) == y[1::2]).float().mean() > 0.9
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "alexnet"])
def test_the_last_block_alone_is_trained_and_only_its_statistics_move(name):
    torch.manual_seed(0)
    backbone = Backbone(name, train="last").train()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    optimizer = torch.optim.SGD(backbone_parameters(backbone), lr=0.1)
    backbone(torch.randn(4, 1, 64, 64)).square().mean().backward()
    optimizer.step()
    trainable = {key for key, value in backbone.named_parameters() if value.requires_grad}
    moved = {key for key, value in backbone.state_dict().items() if not torch.equal(value, before[key])}
    assert trainable
    assert moved & trainable
    blocks = {key.rsplit(".", 1)[0] for key in trainable}
    assert {key.rsplit(".", 1)[0] for key in moved} <= blocks
    assert len(blocks) < len({key.rsplit(".", 1)[0] for key in before})


def test_a_vision_transformer_opens_its_last_block_and_takes_pictures_of_any_size():
    backbone = Backbone("vit_b_16", train="last", size=32)
    names = {key for key, value in backbone.named_parameters() if value.requires_grad}
    assert names
    assert all(key.startswith(("net.encoder.layers.encoder_layer_11.", "net.encoder.ln.")) for key in names)
    assert backbone(torch.randn(2, 1, 9, 50)).shape == (2, 768)


@pytest.mark.parametrize(("name", "dims"), [("resnet18", 512), ("alexnet", 4096), ("densenet121", 1024)])
def test_pictures_smaller_than_the_strides_are_enlarged(name, dims):
    assert Backbone(name).eval()(torch.randn(2, 1, 6, 5)).shape == (2, dims)


@pytest.mark.parametrize("make", [lambda: Backbone("alexnet"), LeNet, ZFNet])
def test_random_weights_without_normalisation_keep_two_pictures_apart(make):
    """With torch's own they end 0.0003 (AlexNet) to 0.01 (LeNet) apart, and ZFNet learns nothing from scratch."""
    torch.manual_seed(0)
    pictures = F.interpolate(torch.randn(4, 1, 16, 16), (64, 64), mode="bilinear")
    with torch.no_grad():
        vectors = make().eval()(pictures / pictures.std())
    assert 0.1 < vectors.std(dim=0).mean() < 2.0


def test_frozen_dropout_does_nothing():
    backbone = Backbone("alexnet", train="head").train()
    x = torch.randn(1, 1, 64, 64)
    assert torch.equal(backbone(x), backbone(x))


def test_weights_of_another_network_are_refused_by_the_first_key_that_differs(mobilenet, tmp_path):
    with pytest.raises(ParameterError, match=r"not hold weights of resnet18: 'conv1.weight' is missing in the file"):
        Backbone("resnet18", weights=str(mobilenet))
    state = torchvision_models().resnet18(weights=None).state_dict()
    save_file(state, tmp_path / "deep.safetensors")
    with pytest.raises(ParameterError, match=r"'layer1.2.conv1.weight' is missing in the file"):
        Backbone("resnet34", weights=str(tmp_path / "deep.safetensors"))
    state["layer2.0.conv1.weight"] = torch.zeros(1, 2)
    torch.save(state, tmp_path / "bent.pth")
    with pytest.raises(ParameterError, match=r"'layer2.0.conv1.weight' has the shape \(1, 2\) in the file"):
        Backbone("resnet18", weights=str(tmp_path / "bent.pth"))


def test_a_class_layer_of_other_classes_does_not_matter_and_pth_equals_safetensors(tmp_path):
    state = torchvision_models().resnet18(weights=None, num_classes=7).state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "a.pth")
    one, two = (Backbone("resnet18", weights=str(tmp_path / f"a.{ending}")) for ending in ("safetensors", "pth"))
    torch.testing.assert_close(one.net.conv1.weight, state["conv1.weight"].sum(dim=1, keepdim=True))
    assert all(torch.equal(value, two.state_dict()[key]) for key, value in one.state_dict().items())


def test_a_file_that_runs_code_is_refused(tmp_path):
    torch.save({"a": Path("x")}, tmp_path / "code.pth")
    with pytest.raises(ParameterError, match="more than tensors"):
        read_weights(tmp_path / "code.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(ParameterError, match="holds a list"):
        read_weights(tmp_path / "list.pth")
    (tmp_path / "torn.safetensors").write_bytes(b"\x08")
    with pytest.raises(ParameterError, match="damaged"):
        read_weights(tmp_path / "torn.safetensors")
    with pytest.raises(ParameterError, match="there is no file"):
        read_weights(tmp_path / "nowhere.pth")


def test_imagenet_weights_come_from_the_cache_and_are_never_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ParameterError, match=r"has no resnet18-\w+\.pth; get it once: mkdir -p .* && curl"):
        Backbone("resnet18", weights="imagenet")
    name = torchvision_models().get_model_weights("resnet18").DEFAULT.url.rsplit("/", 1)[1]
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    state = torchvision_models().resnet18(weights=None).state_dict()
    torch.save(state, folder / name)
    assert imagenet_file("resnet18") == folder / name
    loaded = Backbone("resnet18", weights="imagenet").state_dict()
    torch.testing.assert_close(loaded["net.layer4.1.conv2.weight"], state["layer4.1.conv2.weight"])


def test_the_old_names_in_densenet_files_are_understood(tmp_path):
    state = torchvision_models().densenet121(weights=None).state_dict()
    old = {}
    for key, value in state.items():
        for kind in ("norm", "conv"):
            for number in ("1", "2"):
                key = key.replace(f".{kind}{number}.", f".{kind}.{number}.") if "denselayer" in key else key
        old[key] = value
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "old.pth")
    ours = Backbone("densenet121", weights=str(tmp_path / "old.pth")).state_dict()
    key = "features.denseblock3.denselayer4.conv2.weight"
    assert torch.equal(ours[f"net.{key}"], state[key])


def test_unknown_networks_and_choices_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean resnet18"):
        Backbone("resnet19")
    with pytest.raises(ParameterError, match="expected all, last, head"):
        Backbone("resnet18", train="none")
    with pytest.raises(ParameterError, match="channels is 2"):
        Backbone("resnet18", channels=2)


def test_the_backbones_of_a_model_are_found_wherever_they_are():
    model = build("aff-acrnn-ub-res18", dims=4, image_shape=(32, 32), n_classes=2, joint=True)
    found = {id(value) for value in backbone_parameters(model)}
    assert found == {id(value) for value in model.casv.cnn.parameters()}
    assert list(backbone_parameters(build("ub-lstm", dims=4, n_classes=2))) == []
    frozen = build("resnet18", dims=4, n_classes=2, train="head")
    assert list(backbone_parameters(frozen)) == []
    assert {key for key, value in frozen.named_parameters() if value.requires_grad} == {"classes.weight", "classes.bias"}


def test_a_backbone_learns_at_its_own_rate():
    torch.manual_seed(0)
    model = build("resnet18", dims=8, n_classes=2, n_frames=32)
    settings = TrainSettings(lr=1e-2, backbone_lr=1e-5)
    groups = Updates(model, settings, 1).optimizer.param_groups
    rates = {id(value): group["lr"] for group in groups for value in group["params"]}
    assert rates[id(model.classes.weight)] == 1e-2
    assert rates[id(model.backbone.net.conv1.weight)] == 1e-5
    with pytest.raises(ParameterError, match="UBLSTM trains no backbone; leave it out"):
        Updates(build("ub-lstm", dims=4, n_classes=2), settings, 1)
