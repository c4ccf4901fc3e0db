import numpy as np
import pytest
import torch
from torch import nn

from featurekit import inference
from featurekit.inference import speed
from featurekit.models.backbones import Backbone


def random_statistics(net):
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.5, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
    return net.eval()


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121"])
def test_folding_batch_normalisation_changes_no_number_and_leaves_only_what_follows_no_convolution(name):
    net = random_statistics(Backbone(name))
    pictures = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = net(pictures)
        norms = sum(isinstance(module, nn.BatchNorm2d) for module in net.modules())
        speed.ready(nn.Sequential(net), "fp32")
        after = net(pictures)
    left = sum(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-4 * float(before.abs().max()))
    assert left == 0 if name != "densenet121" else left < norms  # densenet also normalises what it concatenates


def test_an_utterance_is_looked_at_once_and_the_answer_is_the_same(speech_store, finish):
    run = finish(speech_store, "sbcnn-lenet", "spectrogram(height=48,width=48)", context=3)
    predictor = inference.Predictor(run, device="cpu")
    (net,) = [module for module in predictor._folds[0].model.modules() if isinstance(module, speed.Remembering)]
    seen = []
    net.net.register_forward_pre_hook(lambda module, pictures: seen.append(len(pictures[0])))
    random = np.random.default_rng(0)
    signals = [(0.1 * random.standard_normal(16000)).astype(np.float32) for _ in range(3)]
    first, second, third = (predictor.ear(signal, 16000) for signal in signals)
    predictor.judge([[None, first, None]])
    predictor.judge([[first, second, None]])
    known = predictor.judge([[first, second, third]])
    assert seen == [1, 1, 1]
    fresh = predictor.judge([[predictor.ear(signal, 16000) for signal in signals]])
    assert seen == [1, 1, 1, 3]
    np.testing.assert_allclose(known, fresh, atol=1e-6)


def test_a_batch_of_windows_shares_what_it_knows(speech_store, finish):
    run = finish(speech_store, "sbcnn-lenet", "spectrogram(height=48,width=48)", context=3)
    predictor = inference.Predictor(run, device="cpu")
    heard = [predictor.ear(np.full(8000, 0.1 * number, np.float32), 16000) for number in range(1, 4)]
    together = predictor.judge([[None, heard[0], heard[1]], [heard[0], heard[1], heard[2]]])
    again = [predictor.judge([window])[0] for window in ([None, heard[0], heard[1]], [heard[0], heard[1], heard[2]])]
    np.testing.assert_allclose(together, again, atol=1e-6)
