"""One contract for every registered model; a new file in featurekit/models is under it without a line here."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from featurekit.data.collate import Batch
from featurekit.models import MODELS, build
from featurekit.training import TrainSettings, settings_for

DIMS, N_CLASSES, SIDE = 9, 3, 64
NAMES = MODELS.names()


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
    images = torch.rand(*lengths.shape, SIDE, SIDE, generator=generator) * (lengths > 0)[..., None, None]
    labels = torch.arange(len(lengths)) % N_CLASSES
    words = torch.randint(1, 1000, (*lengths.shape, steps), generator=generator) * inside[..., 0]
    return Batch(
        frames,
        lengths,
        images,
        lengths > 0,
        labels,
        [f"u{i}" for i in range(len(lengths))],
        {"x/a": slice(0, 4), "x/b": slice(4, DIMS)},
        words,
        lengths,
    )


def prepared(model, batch):
    """What the training loop does before its first step."""
    if hasattr(model, "prepare"):
        model.prepare(lambda: iter([batch]), torch.Generator().manual_seed(0))
    return model


def trainable(model):
    return [value for value in model.parameters() if value.requires_grad]


def make_model(name, **hyper):
    torch.manual_seed(0)
    return build(name, n_classes=N_CLASSES, dims=DIMS, image_shape=(SIDE, SIDE), columns={"x/a": slice(0, 4)}, **hyper)


def views(name, batch):
    """The batch as the model may get it: one view for a model that needs all it reads, else one an input."""
    member = MODELS.get(name)
    if not member.either:
        return [batch]
    kinds = {"frames": replace(batch, images=None), "images": replace(batch, frames=None)}
    return [kinds[kind] for kind in member.reads]


def window(name, *lengths):
    """Rows of context slots, cut to the model's own context."""
    context = MODELS.get(name).context
    return [row if context == len(row) else [row[len(row) // 2]] * context for row in lengths]


FULL = ([12, 15, 9], [7, 20, 11], [20, 6, 13], [5, 9, 17])


@pytest.mark.parametrize("name", NAMES)
def test_logits_and_embedding_have_a_row_a_target(name):
    for batch in views(name, make_batch(window(name, *FULL))):
        model = prepared(make_model(name), batch).eval()
        output = model(batch)
        assert output.logits.shape == (4, N_CLASSES)
        assert output.embedding.shape[0] == 4
        assert output.embedding.ndim == 2
        assert torch.isfinite(output.logits).all()
        for weights in (output.attention or {}).values():
            torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))


@pytest.mark.parametrize("name", NAMES)
def test_batch_mates_and_padding_do_not_matter(name):
    rows = window(name, *FULL)
    if MODELS.get(name).context > 1:
        rows[0][0] = rows[3][2] = 0
    for batch in views(name, make_batch(rows, pad=7)):
        model = prepared(make_model(name), batch).eval()
        together = model(batch).logits
        for i, row in enumerate(rows):
            steps = max(row)
            alone = Batch(
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
            torch.testing.assert_close(model(alone).logits[0], together[i], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_beyond_a_length_or_in_an_empty_slot_is_never_seen(name):
    rows = window(name, *FULL)
    if MODELS.get(name).context > 1:
        rows[1][0] = rows[2][2] = 0
    batch = make_batch(rows, pad=3)
    inside = (torch.arange(batch.frames.shape[2]) < batch.lengths[..., None])[..., None]
    dirty = replace(
        batch,
        frames=torch.where(inside, batch.frames, 99.0),
        images=torch.where(batch.present[..., None, None], batch.images, 99.0),
        text=torch.where(inside[..., 0], batch.text, 99),
    )
    for clean, spoilt in zip(views(name, batch), views(name, dirty), strict=True):
        model = prepared(make_model(name), clean).eval()
        torch.testing.assert_close(model(spoilt).logits, model(clean).logits, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_an_utterance_of_one_frame_and_one_without_neighbours_are_classified(name):
    rows = window(name, [4, 1, 5], [0, 3, 0] if MODELS.get(name).context > 1 else [3, 3, 3])
    for batch in views(name, make_batch(rows)):
        model = prepared(make_model(name), make_batch(window(name, *FULL))).eval()
        assert torch.isfinite(model(batch).logits).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_trainable_parameter_gets_a_gradient(name):
    for batch in views(name, make_batch(window(name, *FULL))):
        model = prepared(make_model(name), batch).train()
        if not trainable(model):
            continue
        F.cross_entropy(model(batch).logits, batch.labels).backward()
        without = [key for key, value in model.named_parameters() if value.requires_grad and value.grad is None]
        assert without == []
        assert all(torch.isfinite(value.grad).all() for value in model.parameters() if value.requires_grad)


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_is_deterministic_and_leaves_the_state_alone(name):
    for batch in views(name, make_batch(window(name, *FULL))):
        model = prepared(make_model(name), batch).eval()
        before = {key: value.clone() for key, value in model.state_dict().items()}
        assert torch.equal(model(batch).logits, model(batch).logits)
        assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", NAMES)
def test_the_state_of_one_model_makes_another_equal(name):
    for batch in views(name, make_batch(window(name, *FULL))):
        one, two = prepared(make_model(name), batch).eval(), make_model(name).eval()
        for value in two.parameters():
            value.data.add_(1.0)
        two.load_state_dict(one.state_dict())
        assert torch.equal(one(batch).logits, two(batch).logits)


@pytest.mark.parametrize("name", NAMES)
def test_eight_utterances_are_learnt_by_heart(name):
    torch.manual_seed(0)
    batch = views(name, make_batch(window(name, *(FULL + FULL)), seed=1))[0]
    model = prepared(make_model(name), batch).train()
    if not trainable(model):
        assert (model.eval()(batch).logits.argmax(dim=1) == batch.labels).all()
        return
    optimizer = torch.optim.Adam(trainable(model), lr=3e-3 if "resnet" not in name else 1e-3)
    for step in range(300):
        optimizer.zero_grad()
        logits = model(batch).logits
        loss = F.cross_entropy(logits, batch.labels)
        if step > 5 and loss < 0.05:
            break
        loss.backward()
        optimizer.step()
    assert (logits.argmax(dim=1) == batch.labels).all()
    assert loss < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_is_made_of_known_settings_and_the_paper_is_named(name):
    member = MODELS.get(name)
    assert isinstance(settings_for(name), TrainSettings)
    assert member.paper
    assert member.context % 2 == 1
    assert (member.network.__doc__ or "").strip()


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_parameters_is_that_of_a_light_model(name):
    count = sum(value.numel() for value in make_model(name).parameters())
    assert count < 100_000_000
