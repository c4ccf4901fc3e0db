"""One contract for every registered model; a new file in featurekit/models is under it without a line here."""

from __future__ import annotations

import copy
import math
import tomllib
from dataclasses import replace
from functools import cached_property

import pytest
import torch
from torch.nn import functional as F

from featurekit.data.collate import Batch
from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.experiments import RunSettings
from featurekit.models import MODELS, build
from featurekit.models.explanation import fragment
from featurekit.settings import from_mapping
from featurekit.training import TrainSettings, settings_for

DIMS, N_CLASSES, SIDE = 20, 3, 64
FULL = ((12, 15, 9), (7, 20, 11), (20, 6, 13), (5, 9, 17))  # frames of the slots of four windows
COLUMNS = {"x/mel": slice(0, 14), "x/mfcc": slice(14, 17), "x/chroma_stft": slice(17, DIMS)}
# Two names of one network with one set of fixed arguments are one model: it is tested once.
NAMES = sorted({(member.network, repr(sorted(member.fixed.items()))): member.name for member in MODELS}.values())
# More than 20 million parameters (a test holds the list): few utterances, and learning them by heart is outside CI.
HEAVY = [
    name
    for name in NAMES
    if name.endswith(("resnet34", "resnet50", "resnet152", "res50", "res152", "vgg16", "alexnet", "zfnet"))
    or name in ("resnet50-stitched", "vit")
]
# Deep enough that learning by heart takes long, too.
SLOW = [name for name in NAMES if name in HEAVY or name.startswith(("densenet", "multinet"))]
# The deepest of several depths of one network: the others are under the contract in each run of the tests.
DEEPEST = [name for name in NAMES if "152" in name or "densenet201" in name]
# What a model needs to be small enough for these tests, by the beginning of its name.
HYPER: dict[str, dict[str, object]] = {
    "aff-acrnn": {"joint": True},  # alone: its branches are no finished runs
    "cnn2d": {"n_frames": 32},
    "cnn5": {"n_frames": 32},
    "densenet": {"n_frames": 32},
    "multinet": {"n_frames": 32, "densenet_columns": ["mel", "mfcc"]},
    "rnnt": {"filters": 24, "units": 16, "projection": 32},
    "sae": {"window": 2, "n_windows": 2},  # several blocks in a few frames
    "vit": {"side": 32},
}
# Steps of Adam that learn eight utterances by heart, where 3e-3 is not right.
LR = {
    **dict.fromkeys(("sbcnn-alexnet", "sbcnn-zfnet"), 1e-4),  # no normalisation, dense layers of 4096
    "sbcnn-vgg16": 3e-5,  # with 1e-4 it stays at ln 3
    "resnet": 1e-3,
    "sbcnn": 1e-3,
    "aff-acrnn": 1e-3,
    "asr-linear": 0.1,
    "logistic": 0.1,
}
# Of eight answers the least that one wrong costs, were the others certain.
ONE_WRONG = math.log(2) / 8


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small tensors gain nothing from threads, which wait for each other many times longer when the cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_batch(lengths, seed=0, *, pad=0):
    """Random frames of these lengths, (B, C); 0 is an empty slot. Images for the slots that exist."""
    lengths = torch.tensor(lengths)
    generator = torch.Generator().manual_seed(seed)
    steps = int(lengths.max()) + pad
    inside = (torch.arange(steps) < lengths[..., None])[..., None]
    frames = torch.randn(*lengths.shape, steps, DIMS, generator=generator) * inside
    images = torch.randn(*lengths.shape, SIDE, SIDE, generator=generator) * (lengths > 0)[..., None, None]
    labels = torch.arange(len(lengths)) % N_CLASSES
    words = torch.randint(1, 1000, (*lengths.shape, steps), generator=generator) * inside[..., 0]
    return Batch(
        frames,
        lengths,
        images,
        lengths > 0,
        labels,
        [f"u{i}" for i in range(len(lengths))],
        COLUMNS,
        words,
        lengths,
    )


def prepared(model, batch):
    """What the training loop does before its first step."""
    if hasattr(model, "prepare"):
        try:
            model.prepare(lambda: iter([batch]), torch.Generator().manual_seed(0))
        except MissingDependencyError as error:
            pytest.skip(str(error))
    return model


def trainable(model):
    return [value for value in model.parameters() if value.requires_grad]


def of_beginning(table, name, default):
    return next((value for beginning, value in table.items() if name.startswith(beginning)), default)


def make_model(name, seed=0):
    torch.manual_seed(seed)
    hyper = of_beginning(HYPER, name, {})
    return build(name, n_classes=N_CLASSES, dims=DIMS, image_shape=(SIDE, SIDE), columns=COLUMNS, **hyper)


def views(name, batch):
    """The batch as the model may get it: one view for a model that needs all it reads, else one an input."""
    member = MODELS.get(name)
    if not member.either:
        return [batch]
    kinds = {"frames": replace(batch, images=None), "images": replace(batch, frames=None)}
    return [kinds[kind] for kind in member.reads]


def one(batch, i):
    """The i-th target alone, padded to its own longest slot."""
    steps = int(batch.lengths[i].max())
    return Batch(
        None if batch.frames is None else batch.frames[i : i + 1, :, :steps],
        batch.lengths[i : i + 1],
        None if batch.images is None else batch.images[i : i + 1],
        batch.present[i : i + 1],
        batch.labels[i : i + 1],
        batch.ids[i : i + 1],
        batch.columns,
        None if batch.text is None else batch.text[i : i + 1, :, :steps],
        None if batch.text is None else batch.text_lengths[i : i + 1],
    )


def slots_of(name):
    """Slots of a window; a model of whole recordings reads windows too, and its batches of recordings have their own tests."""
    return MODELS.get(name).context or 3


def window(name, *lengths):
    """Rows of context slots, cut to the model's own context."""
    context = slots_of(name)
    return [list(row) if context == len(row) else [row[len(row) // 2]] * context for row in lengths]


class Subject:
    """A model of one name, prepared and in evaluation mode, that its tests share; none of them changes it."""

    def __init__(self, name):
        self.name, self.member = name, MODELS.get(name)
        self.model = prepared(make_model(name), self.batch).eval()

    @cached_property
    def rows(self):
        """Full windows and, where the model has context, some with empty slots."""
        rows = window(self.name, *FULL)[: 2 if self.name in HEAVY else 4]
        if slots_of(self.name) > 1:
            rows[0][0] = rows[-1][2] = 0
        return rows

    @cached_property
    def batch(self):
        return make_batch(self.rows, pad=5)

    @cached_property
    def seen(self):
        """Each view of the batch with what the model says of it."""
        with torch.no_grad():
            return [(view, self.model(view)) for view in views(self.name, self.batch)]


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.slow if name in DEEPEST else ()) for name in NAMES],
)
def subject(request):
    return Subject(request.param)


@pytest.mark.parametrize("name", DEEPEST)
def test_another_depth_of_the_same_network_is_under_the_contract_each_time(name):
    network = MODELS.get(name).network
    assert [other for other in NAMES if MODELS.get(other).network is network and other not in DEEPEST]


def test_logits_and_embedding_have_a_row_a_target_and_weights_sum_to_one(subject):
    for batch, output in subject.seen:
        assert output.logits.shape == (len(batch), N_CLASSES)
        assert output.embedding.shape[0] == len(batch)
        assert output.embedding.ndim == 2
        assert torch.isfinite(output.logits).all()
        assert torch.isfinite(output.embedding).all()
        for weights in (output.attention or {}).values():
            assert weights.shape[0] == len(batch)
            torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))


@torch.no_grad()
def test_batch_mates_and_padding_do_not_matter(subject):
    for batch, together in subject.seen:
        for i in range(len(batch)):
            torch.testing.assert_close(subject.model(one(batch, i)).logits[0], together.logits[i], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_what_lies_beyond_a_length_or_in_an_empty_slot_is_never_seen(subject):
    batch = subject.batch
    inside = (torch.arange(batch.frames.shape[2]) < batch.lengths[..., None])[..., None]
    dirty = replace(
        batch,
        frames=torch.where(inside, batch.frames, 99.0),
        images=torch.where(batch.present[..., None, None], batch.images, 99.0),
        text=torch.where(inside[..., 0], batch.text, 99),
    )
    for spoilt, (_, clean) in zip(views(subject.name, dirty), subject.seen, strict=True):
        torch.testing.assert_close(subject.model(spoilt).logits, clean.logits, rtol=0, atol=1e-6)


@torch.no_grad()
def test_an_utterance_of_one_frame_and_one_without_neighbours_are_classified(subject):
    rows = window(subject.name, (4, 1, 5), (0, 3, 0))
    for batch in views(subject.name, make_batch(rows)):
        assert torch.isfinite(subject.model(batch).logits).all()


@torch.no_grad()
def test_evaluation_is_deterministic_and_leaves_the_state_alone(subject):
    before = {key: value.clone() for key, value in subject.model.state_dict().items()}
    for batch, output in subject.seen:
        assert torch.equal(subject.model(batch).logits, output.logits)
    assert all(torch.equal(before[key], value) for key, value in subject.model.state_dict().items())


@torch.no_grad()
def test_the_state_of_one_model_makes_another_equal(subject, monkeypatch):
    # Random weights of large models take long to draw, and none of them may be left after the state is loaded.
    for draw in ("normal_", "uniform_"):
        monkeypatch.setattr(torch.Tensor, draw, lambda tensor, *_, **__: tensor.fill_(torch.nan))
    other = make_model(subject.name, seed=1).eval()
    monkeypatch.undo()
    other.load_state_dict(subject.model.state_dict())
    for batch, output in subject.seen:
        assert torch.equal(other(batch).logits, output.logits)


@torch.no_grad()
def test_half_precision_says_nearly_the_same(subject):
    # A processor without bf16 imitates it, slowly: of a heavy model one utterance is enough.
    rows = 1 if subject.name in HEAVY else len(subject.batch)
    for batch, output in subject.seen:
        some, exact = (one(batch, 0) if rows == 1 else batch), output.logits[:rows]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = subject.model(some).logits.float()
        assert torch.isfinite(half).all()
        assert (half - exact).abs().max() <= 0.05 * max(1.0, float(exact.abs().max()))


def test_a_gradient_reaches_every_trainable_parameter_every_input_and_every_slot(subject):
    if not trainable(subject.model):
        return
    for batch, _ in subject.seen:
        model = copy.deepcopy(subject.model).train()
        kinds = [kind for kind in ("frames", "images") if kind in subject.member.reads and getattr(batch, kind) is not None]
        inputs = {kind: getattr(batch, kind).clone().requires_grad_() for kind in kinds}
        F.cross_entropy(model(replace(batch, **inputs)).logits, batch.labels).backward()
        gradients = {key: value.grad for key, value in model.named_parameters() if value.requires_grad}
        assert [key for key, value in gradients.items() if value is None] == []
        assert all(torch.isfinite(value).all() for value in gradients.values())
        zero = [key for key, value in gradients.items() if not value.any()]
        assert [key for key in zero if key != "pooling.score.2.bias"] == []  # added to all that a softmax is over
        for kind, values in inputs.items():
            assert torch.equal(values.grad.flatten(2).any(dim=2), batch.present), kind


def test_the_list_of_heavy_models_is_right(subject):
    count = sum(value.numel() for value in subject.model.parameters())
    assert (count > 20_000_000) == (subject.name in HEAVY), f"{count:,}"


def loss_after_learning(model, batch, lr, steps=300):
    """Loss that Adam reaches on one batch; it stops where every answer is nearly certain."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):  # whose purpose is that nothing is learnt by heart
            module.p = 0.0
    optimizer = torch.optim.Adam(trainable(model), lr=lr, fused=True)
    for step in range(steps):
        loss = F.cross_entropy(model(batch).logits, batch.labels)
        if step > 5 and loss < 0.05:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def learns_eight_by_heart(name):
    batch = views(name, make_batch(window(name, *FULL, *FULL), seed=1))[0]
    if name == "sbcnn-vgg16":  # 24 pictures of 64 x 64 take several seconds a step
        batch = replace(batch, images=batch.images[..., :32, :32])
    torch.manual_seed(0)
    model = prepared(make_model(name), batch).train()
    if trainable(model):
        assert loss_after_learning(model, batch, of_beginning(LR, name, 3e-3)) < ONE_WRONG
    else:
        assert (model.eval()(batch).logits.argmax(dim=1) == batch.labels).all()


@pytest.mark.parametrize("name", ["asr-attentive", "sbcnn-lenet", "ub-lstm"])
def test_what_cannot_be_learnt_by_heart_is_not(name):
    batch = make_batch(window(name, *FULL, *FULL), seed=1)
    for values in (batch.frames, batch.images, batch.lengths):
        values[1] = values[0]  # equal utterances, different labels: half of each answer is the best there is
    torch.manual_seed(0)
    loss = loss_after_learning(make_model(name).train(), batch, of_beginning(LR, name, 3e-3), steps=80)
    assert loss > 2 * ONE_WRONG - 1e-3


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SLOW])
def test_eight_utterances_are_learnt_by_heart(name):
    learns_eight_by_heart(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_eight_utterances_are_learnt_by_heart_by_heavy_models(name):
    learns_eight_by_heart(name)


@pytest.mark.parametrize("name", MODELS.names())
def test_the_recipe_is_a_run_file_and_the_paper_is_named(name):
    member = MODELS.get(name)
    assert isinstance(settings_for(name), TrainSettings)
    assert member.paper
    assert member.context == 0 or member.context % 2 == 1
    assert (member.network.__doc__ or "").strip()
    run = from_mapping(RunSettings, tomllib.loads(fragment(name)), where=name)
    assert (run.model, run.features, run.context, run.augment) == (name, member.features, member.context, member.augment)
    assert {key: value for key, value in member.recipe.items() if value is not None} == run.training
    assert {key: value for key, value in member.hyper.items() if value is not None} == {
        key: tuple(value) if isinstance(value, list) else value for key, value in run.hyper.items()
    }


@pytest.mark.parametrize("name", MODELS.names())
def test_data_without_what_a_model_reads_are_refused(name):
    if MODELS.get(name).reads == ("text",):
        return
    with pytest.raises(ParameterError, match=f"{name} reads .*got neither: add such a column"):
        build(name, n_classes=N_CLASSES)
