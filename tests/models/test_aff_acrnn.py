from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from featurekit.data.collate import Batch
from featurekit.errors import ParameterError
from featurekit.models import MODELS, build, rebuild
from featurekit.models.sbcnn import SBCNN
from featurekit.models.ub_lstm import UBLSTM

NAME = "aff-acrnn-ubbi-res18"
SHAPES = {"dims": 5, "image_shape": (32, 32), "n_classes": 3}


def make_batch(B=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    frames, images = torch.randn(B, 3, 6, 5, generator=generator), torch.randn(B, 3, 32, 32, generator=generator)
    lengths = torch.full((B, 3), 6)
    return Batch(frames, lengths, images, lengths > 0, torch.arange(B) % 3, [str(i) for i in range(B)])


def prepare(model):
    model.prepare(lambda: iter([make_batch()]), torch.Generator(), speakers={})


@pytest.fixture(scope="module")
def branches():
    torch.manual_seed(1)
    frames = build("ub-bilstm", dims=5, n_classes=3)
    return {"lasv": frames, "casv": build("sbcnn-resnet18", image_shape=(32, 32), n_classes=3)}


@pytest.fixture
def fused(branches):
    """The fusion of two finished branches."""
    model = build(NAME, joint=False, **SHAPES)
    for part, branch in branches.items():
        getattr(model, part).load_state_dict(branch.state_dict())
    return model


def test_six_fusions_exist_and_the_short_name_is_the_best_one():
    six = [f"aff-acrnn-{branch}-res{depth}" for branch in ("ub", "ubbi") for depth in (18, 50, 152)]
    assert set(six) <= set(MODELS.names())
    assert MODELS.get("aff-acrnn").fixed == MODELS.get("aff-acrnn-ubbi-res152").fixed
    assert {(MODELS.get(name).fixed["bidirectional"], MODELS.get(name).fixed["variant"]) for name in six} == {
        (both, f"resnet{depth}") for both in (False, True) for depth in (18, 50, 152)
    }


def test_the_parts_are_registered_networks_and_give_the_vectors_they_give_alone(fused, branches):
    assert isinstance(fused.lasv, UBLSTM)
    assert isinstance(fused.casv, SBCNN)
    batch = make_batch()
    fused.eval()
    for name, branch in branches.items():
        vectors = getattr(fused, name).vectors(batch)
        vectors = vectors[0] if name == "lasv" else vectors
        torch.testing.assert_close(vectors[:, 1], branch.eval()(batch).embedding)


def test_finished_branches_stay_as_they_are_and_the_fusion_learns(fused):
    prepare(fused)
    before = {key: value.clone() for key, value in fused.state_dict().items()}
    optimizer = torch.optim.SGD([value for value in fused.parameters() if value.requires_grad], lr=0.1)
    batch = make_batch()
    F.cross_entropy(fused.train()(batch).logits, batch.labels).backward()
    optimizer.step()
    moved = {key for key, value in fused.state_dict().items() if not torch.equal(value, before[key])}
    assert moved
    assert not any(key.startswith(("lasv.", "casv.")) for key in moved)  # nor do the statistics of batch normalisation


def test_jointly_the_branches_learn_but_for_their_class_layers():
    model = build(NAME, joint=True, **SHAPES)
    prepare(model)
    frozen = {key for key, value in model.named_parameters() if not value.requires_grad}
    assert frozen == {f"{part}.classes.{kind}" for part in ("lasv", "casv") for kind in ("weight", "bias")}


def test_frozen_branches_that_nobody_trained_are_refused():
    with pytest.raises(ParameterError, match="lasv was not trained: start it from its finished run, --init lasv=RUN"):
        prepare(build(NAME, joint=False, **SHAPES))


def test_the_asv_has_two_hundred_dimensions_and_both_attentions_can_be_read(fused):
    output = fused.eval()(make_batch())
    assert output.embedding.shape == (2, 200)
    assert {name: tuple(value.shape) for name, value in output.attention.items()} == {"context": (2, 3), "lasv": (2, 3)}


def test_either_branch_changes_the_decision(fused):
    fused.eval()
    batch = make_batch()
    logits = fused(batch).logits
    other = make_batch(seed=9)
    for kind in ("frames", "images"):
        changed = Batch(
            other.frames if kind == "frames" else batch.frames,
            batch.lengths,
            other.images if kind == "images" else batch.images,
            batch.present,
            batch.labels,
            batch.ids,
        )
        assert not torch.allclose(fused(changed).logits, logits)


def test_a_finished_run_is_rebuilt_without_its_initial_weights():
    with pytest.raises(ParameterError, match="no file"):
        build(NAME, joint=True, weights="gone.safetensors", **SHAPES)
    with pytest.raises(ParameterError, match="no file"):
        build(NAME, joint=True, sbcnn={"weights": "gone.safetensors"}, **SHAPES)
    assert rebuild(NAME, joint=True, weights="gone.safetensors", sbcnn={"weights": "gone.safetensors"}, **SHAPES)


def test_the_branches_have_the_sizes_that_their_tables_say():
    model = build(NAME, bilstm={"units1": 3, "dense": 100}, sbcnn={"units": 20}, **SHAPES)
    assert model.lasv.lstm1.dims_out == 6
    assert model.lasv.dense.out_features == 100
    assert model.casv.lstm.dims_out == 40
    assert model.lstm.forwards.input_size == 140
    assert build("aff-acrnn-ub-res18", lstm={"dense": 50}, **SHAPES).lstm.forwards.input_size == 250


def test_the_stages_are_the_models_that_the_parts_are():
    model = build(NAME, **SHAPES)
    for stage in MODELS.get(NAME).stages:
        alone = build(stage.model, **SHAPES) if stage.part == "casv" else build(stage.model, dims=5, n_classes=3)
        shapes = [{key: value.shape for key, value in one.state_dict().items()} for one in (alone, getattr(model, stage.part))]
        assert shapes[0] == shapes[1]
    assert MODELS.get(NAME).stages_for({}) == MODELS.get(NAME).stages
    assert MODELS.get(NAME).stages_for({"joint": True}) == ()
    assert MODELS.get("ub-bilstm").stages_for({}) == ()


def test_images_alone_do_not_suffice():
    with pytest.raises(ParameterError, match="got images: add such a column, as in --features luo2019"):
        build(NAME, image_shape=(32, 32), n_classes=2)
