from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from featurekit.data.collate import Batch
from featurekit.errors import ParameterError
from featurekit.models import MODELS, build
from featurekit.models.sbcnn import LeNet, ZFNet


def count(module):
    return sum(value.numel() for value in module.parameters())


def make_batch(present, side=32, seed=0):
    present = torch.tensor(present)
    images = torch.randn(*present.shape, side, side, generator=torch.Generator().manual_seed(seed))
    labels = torch.zeros(len(present)).long()
    return Batch(None, torch.zeros(present.shape).long(), images, present, labels, ["x"] * len(present))


def test_lenet_and_zfnet_have_the_parameters_of_their_papers_but_for_color_and_class_layer():
    assert count(LeNet()) + 84 * 10 + 10 == 61_706
    assert count(ZFNet()) + 2 * 96 * 49 + 4096 * 1000 + 1000 == 62_357_608
    assert LeNet()(torch.randn(2, 1, 32, 32)).shape == (2, 84)


def test_lenet_on_its_own_pictures_pools_nothing_away():
    net = LeNet().eval()
    x = torch.randn(1, 1, 32, 32)
    plain = torch.nn.functional.max_pool2d(net.features[:5](x), 2)
    torch.testing.assert_close(net.features(x), plain)


def test_each_image_that_exists_goes_through_the_cnn_once():
    model = build("sbcnn-lenet", image_shape=(32, 32), n_classes=2).eval()
    seen = []
    model.cnn.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    model(make_batch([[True, True, False], [False, True, False], [True, True, True]]))
    assert seen == [6]


def test_the_casv_of_the_middle_decides_and_neighbours_change_it():
    torch.manual_seed(0)
    model = build("sbcnn-lenet", image_shape=(32, 32), n_classes=2).eval()
    batch = make_batch([[True, True, True]])
    output = model(batch)
    assert output.embedding.shape == (1, 200)
    torch.testing.assert_close(output.embedding, model.vectors(batch)[:, 1])
    torch.testing.assert_close(output.logits, model.classes(output.embedding))
    turned = Batch(None, batch.lengths, batch.images.flip(1), batch.present, batch.labels, batch.ids)
    assert not torch.allclose(model(turned).logits, output.logits)


def test_the_cnns_without_imagenet_weights_offer_none():
    assert "weights" not in MODELS.get("sbcnn-lenet").hyper
    assert "weights" not in MODELS.get("sbcnn-zfnet").hyper
    assert MODELS.get("sbcnn-resnet152").hyper["weights"] == ""


def test_the_dropout_of_the_dense_layers_can_be_left_out_where_there_is_one():
    torch.manual_seed(0)
    batch = make_batch([[True]])
    for rate, same in ((0.5, False), (0.0, True)):
        cnn = build("sbcnn-zfnet", image_shape=(32, 32), n_classes=2, cnn_dropout=rate).train().cnn
        assert torch.equal(cnn(batch.images[0][:, None]), cnn(batch.images[0][:, None])) == same
    assert "cnn_dropout" not in MODELS.get("sbcnn-resnet18").hyper
    with pytest.raises(ParameterError, match="between 0 and 1"):
        build("sbcnn-zfnet", image_shape=(32, 32), n_classes=2, cnn_dropout=1.5)


def test_a_batch_without_images_is_refused():
    model = build("sbcnn-lenet", image_shape=(32, 32), n_classes=2)
    with pytest.raises(ParameterError, match="reads images"):
        model(replace(make_batch([[True]]), images=None))
