from __future__ import annotations

import pytest
import torch

from featurekit.data.collate import Batch
from featurekit.errors import ParameterError
from featurekit.models import build
from featurekit.models.layers import picture as make_picture
from featurekit.torchvision_mend import torchvision_models


def make_batch(images=None, frames=None, lengths=None):
    B, C = (images if images is not None else frames).shape[:2]
    lengths = torch.zeros(B, C).long() if lengths is None else lengths
    return Batch(frames, lengths, images, torch.ones(B, C).bool(), torch.zeros(B).long(), ["x"] * B)


def test_torchvision_imports_beside_a_cpu_torch_and_only_once():
    assert torchvision_models() is torchvision_models()


@pytest.mark.parametrize(("name", "embedding"), [("resnet18", 512), ("resnet34", 512), ("resnet50", 2048)])
def test_only_the_first_and_the_last_layer_differ_from_torchvisions(name, embedding):
    model = build(name, image_shape=(64, 64), n_classes=8)
    full = getattr(torchvision_models(), name)(weights=None, num_classes=8)
    count = {key: sum(value.numel() for value in net.parameters()) for key, net in (("ours", model), ("theirs", full))}
    assert count["theirs"] - count["ours"] == 2 * 64 * 7 * 7
    assert model.eval()(make_batch(torch.rand(1, 1, 64, 64))).embedding.shape == (1, embedding)


def test_it_reads_the_middle_slot_only():
    model = build("resnet18", image_shape=(32, 32), n_classes=2).eval()
    images = torch.rand(1, 3, 32, 32)
    changed = images.clone()
    changed[:, [0, 2]] = 0.0
    assert torch.equal(model(make_batch(images)).logits, model(make_batch(changed)).logits)


def test_frames_become_a_picture_of_fixed_width():
    frames = torch.randn(2, 1, 50, 20)
    batch = make_batch(frames=frames, lengths=torch.tensor([[50], [10]]))
    picture = make_picture(batch, 40)
    assert picture.shape == (2, 1, 20, 40)
    torch.testing.assert_close(picture[0, 0], frames[0, 0, :40].T)
    assert not picture[1, 0, :, 10:].any()


def test_a_batch_without_images_and_frames_is_refused():
    model = build("resnet18", dims=20, n_classes=2)
    empty = Batch(None, torch.zeros(1, 1).long(), None, torch.ones(1, 1).bool(), torch.zeros(1).long(), ["x"])
    with pytest.raises(ParameterError, match="images or frames"):
        model(empty)
