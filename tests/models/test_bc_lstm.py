"""bc-lstm: a recurrent layer over all utterances of a video, each judged by its own state."""

import pytest
import torch
from torch import nn

from featurekit.data.collate import Batch
from featurekit.models import MODELS, build

DIMS, K = 6, 3


def videos(*sizes, seed=0, width=None, steps=1):
    """A batch of videos of so many utterances; every utterance is a target."""
    generator = torch.Generator().manual_seed(seed)
    width = width or max(sizes)
    frames = torch.zeros(len(sizes), width, steps, DIMS)
    for row, size in enumerate(sizes):
        frames[row, :size] = torch.randn(size, steps, DIMS, generator=generator)
    present = torch.arange(width) < torch.tensor(sizes)[:, None]
    ids = [f"v{row}_{i}" for row, size in enumerate(sizes) for i in range(size)]
    labels = torch.arange(len(ids)) % K
    return Batch(frames, present * steps, None, present, labels, ids, targets=present)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build("bc-lstm", dims=DIMS, n_classes=K, units=5, dense=4).eval()


def test_it_has_the_layers_of_the_paper_and_one_logit_vector_an_utterance(model):
    output = model(videos(4, 2, 1))
    assert output.logits.shape == (7, K)
    assert output.embedding.shape == (7, 4)
    full = build("bc-lstm", dims=3102, n_classes=2)
    lstm = 2 * 4 * 300 * (3102 + 300 + 2)  # two directions, four gates, two biases
    assert sum(value.numel() for value in full.parameters()) == lstm + (600 * 100 + 100) + (100 * 2 + 2)
    one = build("bc-lstm", dims=3102, n_classes=2, bidirectional=False)
    assert sum(value.numel() for value in one.parameters()) == lstm // 2 + (300 * 100 + 100) + (100 * 2 + 2)
    assert MODELS.get("bc-lstm").context == 0


@torch.no_grad()
def test_a_video_alone_and_in_a_padded_batch_says_the_same(model):
    together = videos(5, 1, 3, width=8)
    logits = model(together).logits.split([5, 1, 3])
    for row, size in enumerate((5, 1, 3)):
        alone = videos(size)
        alone.frames.copy_(together.frames[row : row + 1, :size])
        torch.testing.assert_close(model(alone).logits, logits[row], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_what_pads_a_video_is_not_seen_and_no_state_crosses_to_another(model):
    batch = videos(3, 2, width=5)
    before = model(batch).logits
    batch.frames[~batch.present] = 99.0
    torch.testing.assert_close(model(batch).logits, before)
    batch.frames[0, :3] += 1.0
    after = model(batch).logits
    torch.testing.assert_close(after[3:], before[3:])
    assert (after[:3] != before[:3]).any(dim=1).all()


@torch.no_grad()
def test_an_utterance_knows_all_of_its_video_and_with_one_direction_what_came_before(model):
    batch = videos(4)
    before = model(batch).logits
    batch.frames[0, 3] += 1.0
    assert (model(batch).logits != before).any(dim=1).tolist() == [True] * 4
    torch.manual_seed(0)
    ahead = build("bc-lstm", dims=DIMS, n_classes=K, units=5, dense=4, bidirectional=False).eval()
    batch = videos(4)
    before = ahead(batch).logits
    batch.frames[0, 2] += 1.0
    assert (ahead(batch).logits != before).any(dim=1).tolist() == [False, False, True, True]


@torch.no_grad()
def test_only_targets_are_judged_and_the_others_are_heard(model):
    batch = videos(4, 2)
    every = model(batch).logits
    targets = batch.targets.clone()
    targets[0, [0, 2]] = False
    some = Batch(batch.frames, batch.lengths, None, batch.present, batch.labels, batch.ids, targets=targets)
    torch.testing.assert_close(model(some).logits, every[[1, 3, 4, 5]])


@torch.no_grad()
def test_a_window_is_judged_in_its_middle_as_the_recording_that_it_is(model):
    batch = videos(3)
    window = Batch(batch.frames, batch.lengths, None, batch.present, batch.labels[:1], ["v0_1"])
    torch.testing.assert_close(model(window).logits[0], model(batch).logits[1])


def test_frames_count_by_their_mean(model):
    batch = videos(3, steps=4)
    batch.lengths[0, 1] = 2
    batch.frames[0, 1, 2:] = 0.0
    mean = torch.stack([batch.frames[0, i, : int(batch.lengths[0, i])].mean(dim=0) for i in range(3)])
    vectors = Batch(mean[None, :, None], batch.present * 1, None, batch.present, batch.labels, batch.ids, targets=batch.present)
    torch.testing.assert_close(model(vectors).logits, model(batch).logits)


def test_videos_are_learnt_by_heart_and_gradients_reach_everything():
    torch.manual_seed(0)
    model = build("bc-lstm", dims=DIMS, n_classes=K, units=16, dense=16, dropout=0.0).train()
    batch = videos(5, 3, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch).logits, batch.labels)
        loss.backward()
        optimizer.step()
    assert all(value.grad is not None and value.grad.any() for value in model.parameters())
    assert (model.eval()(batch).logits.argmax(dim=1) == batch.labels).all()
