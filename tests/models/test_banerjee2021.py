"""The networks of Banerjee, Huang, Lettiere 2021: shapes and counts, what is trained, and how MultiNet is fused."""

from __future__ import annotations

import copy

import pytest
import torch

from featurekit import training
from featurekit.data.collate import Batch
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.experiments.initial import Initial
from featurekit.models import build
from featurekit.models.pictures import PictureClassifier
from featurekit.runs import StoredRun
from featurekit.torchvision_mend import torchvision_models
from featurekit.training import settings_for
from tests.runs.making import make_record, make_split, write_fold

COLUMNS = {"p/mel": slice(0, 20), "p/mfcc": slice(20, 26), "p/chroma_stft": slice(26, 34), "p/tonnetz": slice(34, 40)}


def make_batch(frames, lengths=None):
    lengths = torch.full((len(frames), 1), frames.shape[2]) if lengths is None else torch.tensor(lengths)[:, None]
    return Batch(frames, lengths, None, lengths > 0, torch.zeros(len(frames)).long(), ["x"] * len(frames))


def shapes_of(name, **arguments):
    """The model without its values, which take no time and no memory."""
    with torch.device("meta"):
        return build(name, n_classes=8, **arguments)


def count(module, *, trained=False):
    return sum(value.numel() for value in module.parameters() if value.requires_grad or not trained)


@pytest.mark.parametrize(
    "name",
    ["logistic", "cnn5", "issa", "vit", "resnet50", "densenet201", "resnet50-stitched", "densenet201-stitched", "multinet"],
)
def test_every_network_stops_when_ten_epochs_gain_less_than_one_percent(name):
    settings = settings_for(name)
    assert (settings.improvement, settings.improvement_epochs) == (0.01, 10)
    assert settings.patience is None


def test_logistic_regression_sees_the_mean_of_the_frames_there_are():
    model = build("logistic", dims=4, n_classes=3)
    frames = torch.randn(2, 1, 9, 4)
    output = model(make_batch(frames, [9, 5]))
    mean = frames[1, 0, :5].mean(dim=0)
    torch.testing.assert_close(output.logits[1], model.classes.weight @ mean + model.classes.bias)


def test_the_picture_of_cnn5_shrinks_to_286_by_235():
    model = build("cnn5", dims=301, n_classes=8)
    assert model.classes.in_features == 32 * 286 * 235 == 2_150_720
    convolutions = (16 * 32 + 32) + 4 * (16 * 32 * 32 + 32)
    assert count(model) == convolutions + 4 * 2 * 32 + 2_150_720 * 8 + 8
    with torch.inference_mode():
        assert model.eval()(make_batch(torch.randn(1, 1, 100, 301))).logits.shape == (1, 8)


@pytest.mark.parametrize(("name", "dims", "message"), [("cnn5", 15, "at least 16 x 16"), ("issa", 7, "8 dims into one")])
def test_inputs_too_small_are_refused(name, dims, message):
    with pytest.raises(ParameterError, match=message):
        build(name, dims=dims, n_classes=3)


def test_issas_signal_runs_along_the_dimensions():
    model = build("issa", dims=301, n_classes=8).eval()
    frames = torch.randn(1, 1, 6, 301)
    output = model(make_batch(frames))
    assert output.embedding.shape == (1, 128 * 37)
    torch.testing.assert_close(output.logits, model(make_batch(frames.mean(dim=2, keepdim=True))).logits)


@pytest.mark.parametrize("name", ["densenet121", "densenet201"])
def test_only_the_first_and_the_last_layer_of_a_densenet_differ_from_torchvisions(name):
    with torch.device("meta"):
        theirs = getattr(torchvision_models(), name)(weights=None, num_classes=8)
    assert count(theirs) - count(shapes_of(name, dims=40)) == 2 * 64 * 7 * 7


def test_a_vit_is_frozen_but_for_its_head_or_its_last_block_too():
    head = 768 * 8 + 8
    block = 2 * 2 * 768 + (3 * 768 * 768 + 3 * 768) + (768 * 768 + 768) + 2 * 768 * 3072 + 3072 + 768
    model = shapes_of("vit", dims=301, train="head")
    assert count(model, trained=True) == head
    assert len(model.backbone.net.encoder.layers) == 12
    model = shapes_of("vit", dims=301)
    assert count(model, trained=True) == head + block + 2 * 768  # and the norm after the blocks


@pytest.mark.parametrize(("name", "pooled"), [("resnet50-stitched", 2048), ("densenet201-stitched", 1920)])
def test_three_linear_layers_are_stitched_on(name, pooled):
    model = shapes_of(name, dims=40)
    linear = [layer for layer in [*model.dense, model.classes] if isinstance(layer, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(pooled, 512), (512, 128), (128, 8)]
    with pytest.raises(ParameterError, match="two layers"):
        shapes_of(name, dims=40, dense=(512,))


# Table 6: Model A, Model B, final unit, dropout where the unit has one.
TABLE6 = [
    ("D1", "R1", "A1", 0.5),  # lr 1e-3: 74.31
    ("D1", "R1", "A1", 0.9),
    ("D1", "R1", "A1", 0.5),  # lr 1e-4: 74.31, too
    ("D1", "R1", "A2", None),
    ("D2", "R2", "A3", None),  # lr 1e-4: 79.17
    ("R2", "D2", "A3", None),
    ("D3", "R3", "A3", None),  # 83.33
    ("D2", "R2", "A4", 0.5),
    ("D3", "R3", "A3", None),  # 84.72
    ("D2", "R2", "A3", None),  # lr 1e-3: 81.25
    ("D2", "D2", "A3", None),
]
# torchvision's own counts with 1000 classes (its table of weights), and the width of the pooled vector.
TORCHVISION = {
    "densenet121": (7_978_856, 1024),
    "densenet201": (20_013_928, 1920),
    "resnet18": (11_689_512, 512),
    "resnet50": (25_557_032, 2048),
}
NETWORKS = {
    "D1": ("densenet201", 1024),
    "D2": ("densenet201", 32),
    "D3": ("densenet121", 32),
    "R1": ("resnet50", 1024),
    "R2": ("resnet50", 32),
    "R3": ("resnet18", 32),
}
UNITS = {"A1": 2048 * 512 + 512 + 512 * 8 + 8, "A2": 2048 * 8 + 8, "A3": 64 * 8 + 8, "A4": 64 * 8 + 8}
COLUMNS_READ = {"D": 20 + 6 + 6, "R": 40}


def branch(name):
    """Parameters of a network of table 5 on gray pictures, its class layer exchanged for one of its output's size."""
    variant, size = NETWORKS[name]
    whole, pooled = TORCHVISION[variant]
    return whole - (pooled + 1) * 1000 - 2 * 64 * 7 * 7 + (pooled + 1) * size


@pytest.mark.parametrize(("a", "b", "unit", "dropout"), TABLE6)
def test_each_row_of_table_6_is_built_with_its_parameters_and_columns(a, b, unit, dropout):
    hyper = {} if dropout is None else {"dropout": dropout}
    model = shapes_of("multinet", dims=40, columns=COLUMNS, a=a, b=b, unit=unit, **hyper)
    assert count(model, trained=True) == branch(a) + branch(b) + UNITS[unit]
    assert [layer.p for layer in model.unit if isinstance(layer, torch.nn.Dropout)] == ([] if dropout is None else [dropout])
    read = [40 if dims is None else len(dims) for dims in (model.dims_a, model.dims_b)]
    assert read == [COLUMNS_READ[name[0]] for name in (a, b)]


def test_the_eleven_rows_have_five_sizes():
    sizes = [branch(a) + branch(b) + UNITS[unit] for a, b, unit, _ in TABLE6]
    assert sizes == [
        *[46_706_888] * 3,
        45_670_088,
        *[41_715_976] * 2,
        18_167_560,
        41_715_976,
        18_167_560,
        41_715_976,
        36_296_776,
    ]


def test_the_recipe_is_that_of_the_best_rows():
    settings = settings_for("multinet")
    assert (settings.lr, settings.weight_decay, settings.batch_size, settings.optimizer) == (1e-3, 1e-3, 32, "adam")


@pytest.mark.parametrize("unit", ["A2", "A3"])
def test_a_dropout_for_a_unit_without_one_is_refused(unit):
    size = {"A2": {"a": "D1", "b": "R1"}, "A3": {}}[unit]
    with pytest.raises(ParameterError, match=rf"unit {unit} has no dropout, and dropout is 0\.5; leave it out"):
        shapes_of("multinet", dims=40, columns=COLUMNS, unit=unit, dropout=0.5, **size)


def test_a_unit_with_dropout_has_a_half_unless_another_is_given():
    model = shapes_of("multinet", dims=40, columns=COLUMNS, unit="A4")
    assert [layer.p for layer in model.unit] == [0.5]


def test_combinations_that_do_not_fit_are_refused_with_those_that_do():
    with pytest.raises(ParameterError, match="D3 and R3 give 64 numbers and A1 takes 2048; A3, A4 takes 64"):
        build("multinet", dims=40, n_classes=8, unit="A1")
    with pytest.raises(ParameterError, match="D1 and R3 give 1056 numbers and A3 takes 64; no unit takes 1056"):
        build("multinet", dims=40, n_classes=8, a="D1")
    with pytest.raises(UnknownNameError, match="'D4'"):
        build("multinet", dims=40, n_classes=8, a="D4")


@pytest.fixture(scope="module")
def multinet():
    torch.manual_seed(0)
    return build("multinet", dims=40, n_classes=8, columns=COLUMNS, n_frames=32).eval()


def test_the_best_multinet_is_the_default(multinet):
    assert multinet.model_a.backbone.dims_out == 1024  # DenseNet-121
    assert multinet.model_b.backbone.dims_out == 512  # ResNet-18
    assert (multinet.out_a.out_features, multinet.out_b.out_features) == (32, 32)
    assert (len(multinet.unit), multinet.classes.in_features) == (0, 64)


def test_model_a_reads_mel_mfcc_and_tonnetz_and_model_b_all(multinet):
    frames = torch.randn(1, 1, 30, 40)
    changed = frames.clone()
    changed[..., COLUMNS["p/chroma_stft"]] += 1.0
    with torch.inference_mode():
        one, two = multinet(make_batch(frames)).embedding, multinet(make_batch(changed)).embedding
    assert torch.equal(one[:, :32], two[:, :32])
    assert not torch.equal(one[:, 32:], two[:, 32:])


def test_columns_follow_the_network_into_the_other_place():
    model = build("multinet", dims=40, n_classes=8, columns=COLUMNS, n_frames=32, a="R3", b="D3").eval()
    frames = torch.randn(1, 1, 30, 40)
    changed = frames.clone()
    changed[..., COLUMNS["p/chroma_stft"]] += 1.0
    with torch.inference_mode():
        one, two = model(make_batch(frames)).embedding, model(make_batch(changed)).embedding
    assert not torch.equal(one[:, :32], two[:, :32])
    assert torch.equal(one[:, 32:], two[:, 32:])


def test_the_columns_of_a_densenet_have_one_name_and_the_former_one_says_it():
    with pytest.raises(ParameterError, match="'columns_a'; did you mean densenet_columns"):
        build("multinet", dims=40, n_classes=8, columns=COLUMNS, columns_a=["mel"])
    model = shapes_of("multinet", dims=40, columns=COLUMNS, densenet_columns=["mel"])
    assert len(model.dims_a) == 20


def test_columns_without_any_of_a_densenet_are_refused():
    with pytest.raises(ParameterError, match="no mel among luo2019/rms"):
        build("multinet", dims=3, n_classes=8, columns={"luo2019/rms": slice(0, 3)})


def test_a_single_column_of_a_densenet_that_is_not_there_is_refused_too():
    with pytest.raises(ParameterError, match="no tonetz among"):  # a mistyped name must not leave a column out in silence
        build("multinet", dims=40, n_classes=8, columns=COLUMNS, densenet_columns=["mel", "mfcc", "tonetz"])


def test_the_parts_are_the_registered_networks_and_their_class_layers_rest(multinet):
    for part, name in (("model_a", "densenet121"), ("model_b", "resnet18")):
        own = multinet.get_submodule(part)
        own.load_state_dict(build(name, dims=40, n_classes=8).state_dict())
        assert not any(value.requires_grad for value in own.classes.parameters())
        assert all(value.requires_grad for value in own.backbone.parameters())


def test_a_part_takes_the_backbone_of_a_run_with_layers_stitched_on(multinet, tmp_path):
    stitched = PictureClassifier("resnet18", n_classes=5, n_frames=9, weights="", dense=(8, 4))
    run = StoredRun(tmp_path / "run")
    run.begin(make_record(), make_split(), {})
    write_fold(run.fold(0), training.bytes_of(stitched.state_dict()))
    multinet = copy.deepcopy(multinet)
    Initial({"model_b": run.folds}).load_into(multinet, 0)
    found, given = multinet.model_b.backbone.state_dict(), stitched.backbone.state_dict()
    assert all(torch.equal(found[key], value) for key, value in given.items())
    with pytest.raises(ParameterError, match=r"does not fit part 'model_a': 'backbone\.net\.features\."):
        Initial({"model_a": run.folds}).load_into(multinet, 0)


def test_a_part_whose_class_layer_counts_takes_the_whole_run():
    whole = PictureClassifier("resnet18", n_classes=5, n_frames=9, weights="")
    assert whole.used_of({"classes.bias": torch.ones(5)}).keys() == {"classes.bias"}


def test_unit_a1_is_dropout_linear_relu_linear():
    model = shapes_of("multinet", dims=40, columns=COLUMNS, a="D1", b="R1", unit="A1")
    assert [type(layer).__name__ for layer in model.unit] == ["Dropout", "Linear", "ReLU"]
    assert (model.unit[1].in_features, model.unit[1].out_features, model.classes.out_features) == (2048, 512, 8)
