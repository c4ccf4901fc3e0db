from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from featurekit.data import Compose, Dataset, Fold, RandomCrop, SpecAugment
from featurekit.errors import ParameterError, SplitError, TrainingError, UnknownNameError
from featurekit.training import TrainSettings, build_for, fit, predict, resolved
from featurekit.training.monitor import has_converged
from featurekit.training.residency import Residency
from featurekit.training.trainer import Trainer

SMALL = {"units1": 8, "units2": 4, "units3": 4, "dense": 8, "dropout": 0.1}
SETTINGS = TrainSettings(lr=1e-2, epochs=6, batch_size=8, device="cpu")


def run(parts, settings=SETTINGS, name="ub-bilstm", hyper=SMALL, **changes):
    train, dev, _ = parts(**changes)
    model = build_for(name, train, seed=settings.seed, **hyper)
    return fit(model, train, dev, settings), model


def without_time(result):
    return [{key: value for key, value in row.items() if key not in ("seconds", "samples_s")} for row in result.history]


def test_it_learns_what_the_frames_tell_and_keeps_the_best_epoch(parts):
    result, model = run(parts, replace(SETTINGS, epochs=25))
    assert result.history[-1]["train_loss"] < 0.5 * result.history[0]["train_loss"]
    best = max(result.history, key=lambda row: (row["dev_ua"], -row["dev_loss"]))
    assert result.best_epoch == best["epoch"]
    assert best["dev_ua"] > 0.8
    for name, value in model.state_dict().items():
        assert torch.equal(value, result.state[name])
    assert not model.training


def test_equal_seeds_give_equal_bits_and_other_seeds_others(parts):
    (one, _), (two, _), (three, _) = (run(parts, replace(SETTINGS, seed=seed)) for seed in (0, 0, 1))
    assert without_time(one) == without_time(two)
    assert all(torch.equal(one.state[name], two.state[name]) for name in one.state)
    assert without_time(one) != without_time(three)


def test_the_callers_random_state_and_threads_are_left_alone(parts):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    run(parts, replace(SETTINGS, epochs=1, threads=1))
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


def test_streaming_and_worker_processes_change_nothing(parts):
    one, _ = run(parts, replace(SETTINGS, epochs=2))
    two, _ = run(parts, replace(SETTINGS, epochs=2, residency="stream", workers=1))
    assert without_time(one) == without_time(two)


def test_the_test_part_cannot_be_passed_in(parts):
    train, dev, test = parts()
    model = build_for("ub-lstm", train, **SMALL)
    for pair in ((test, dev), (train, test), (dev, dev)):
        with pytest.raises(SplitError, match="the test part is for one evaluation at the end"):
            fit(model, *pair, SETTINGS)


def test_shared_utterances_and_other_classes_are_refused(parts, store):
    train, _, _ = parts()
    model = build_for("ub-lstm", train, **SMALL)
    same = Fold("0", (), train.ids[:3], ())
    with pytest.raises(SplitError, match="3 utterances are in training and development"):
        fit(model, train, Dataset(store, "x/a", same, "dev"), SETTINGS)
    with pytest.raises(ParameterError, match="no utterances"):
        fit(model, train, Dataset(store, "x/a", Fold("0", (), (), ()), "dev"), SETTINGS)


def test_patience_stops_and_the_callback_sees_every_epoch(parts):
    train, dev, _ = parts()
    model = build_for("ub-lstm", train, **SMALL)
    seen = []
    settings = replace(SETTINGS, lr=1e-12, epochs=50, patience=3, optimizer="sgd")
    result = fit(model, train, dev, settings, on_epoch=seen.append)
    assert len(result.history) == len(seen) < 50
    assert len(seen) - result.best_epoch == 3
    assert [row["epoch"] for row in seen] == list(range(1, len(seen) + 1))


def test_without_a_development_part_the_last_epoch_counts(parts):
    train, _, _ = parts()
    result = fit(build_for("ub-lstm", train, **SMALL), train, None, replace(SETTINGS, epochs=3))
    assert result.best_epoch == 3
    assert set(result.history[0]) == {"epoch", "lr", "train_loss", "train_wa", "seconds", "samples_s"}


def test_a_loss_that_is_not_finite_stops_with_the_ids_of_the_batch(parts):
    train, dev, _ = parts(preload=True)
    train.packed().frames[train.slots[5, 1]][:] = np.nan
    with pytest.raises(TrainingError, match=rf"the loss is nan in epoch 1 on the batch of .*{train.ids[5]}"):
        fit(build_for("ub-lstm", train, **SMALL), train, dev, replace(SETTINGS, batch_size=30))


def test_augmentation_is_applied_in_training_and_is_seeded(parts):
    augment = Compose([SpecAugment(time_width=3, frequency_width=2), RandomCrop(6)])
    train, dev, _ = parts(augment=None)
    results = []
    for how in (None, augment, augment):
        train.augment = how
        results.append(fit(build_for("ub-lstm", train, **SMALL), train, dev, replace(SETTINGS, epochs=2)))
    assert without_time(results[1]) == without_time(results[2])
    assert without_time(results[0]) != without_time(results[1])


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "gradient_clip": 0.5},
        {"optimizer": "adamw", "weight_decay": 0.1, "schedule": "cosine", "warmup_epochs": 1},
        {"label_smoothing": 0.1, "class_weights": True},
        {"precision": "bf16"},
    ],
)
def test_every_setting_trains(parts, changes):
    result, _ = run(parts, replace(SETTINGS, epochs=3, **changes))
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    assert all(value.dtype != torch.bfloat16 for value in result.state.values())


def test_accumulated_batches_learn_what_one_large_batch_learns(parts):
    hyper, settings = SMALL | {"dropout": 0.0}, replace(SETTINGS, epochs=3, optimizer="sgd")
    one, _ = run(parts, replace(settings, batch_size=24), hyper=hyper)
    many, _ = run(parts, replace(settings, batch_size=5, accumulate=5), hyper=hyper)
    for name, value in one.state.items():
        torch.testing.assert_close(many.state[name], value, rtol=1e-4, atol=1e-6)


def test_training_stops_when_the_mean_score_hardly_rises(parts):
    settings = replace(SETTINGS, lr=1e-12, optimizer="sgd", epochs=50, improvement=0.01, improvement_epochs=4)
    assert len(run(parts, settings)[0].history) == 8
    rising = [{"epoch": n, "dev_ua": n / 50, "dev_loss": 1.0} for n in range(1, 21)]
    rises = replace(settings, monitor="ua")
    assert not has_converged(rising, replace(rises, improvement_epochs=10))
    assert has_converged(rising, replace(rises, improvement_epochs=10, improvement=0.21))


def test_memory_that_runs_out_is_an_error_that_names_the_batch_that_fits(parts):
    train, dev, _ = parts()
    model = build_for("ub-lstm", train, **SMALL)
    forward = model.forward

    def hungry(batch):
        if len(batch) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(batch)

    model.forward = hungry
    with pytest.raises(TrainingError, match=r"a batch of 4 fits: use --batch-size 4, and accumulate = 4 "):
        fit(model, train, dev, replace(SETTINGS, batch_size=16))
    model.forward = lambda batch: hungry(batch) if len(batch) == 0 else (_ for _ in ()).throw(torch.OutOfMemoryError())
    with pytest.raises(TrainingError, match="not even one utterance fits"):
        fit(model, train, dev, SETTINGS)


def test_a_model_that_cannot_be_compiled_runs_as_it_is(parts, monkeypatch):
    def refuse(model):
        def broken(batch):
            raise RuntimeError("no compiler here\nat all")

        return broken

    monkeypatch.setattr(torch, "compile", refuse)
    train, dev, _ = parts()
    notes, results = [], []
    for compiling in ("on", "off", "auto"):
        model = build_for("ub-lstm", train, **SMALL)
        results.append(fit(model, train, dev, replace(SETTINGS, epochs=2, compile=compiling), on_note=notes.append))
    told = [note for note in notes if "compile" in note]
    assert told == ["not compiled (RuntimeError: no compiler here); the model runs as it is"]
    assert without_time(results[0]) == without_time(results[1]) == without_time(results[2])


def test_a_class_that_training_lacks_is_weighed_zero_and_does_not_stop_anything(parts, store):
    train, dev, _ = parts()
    sad = [i for i, label in enumerate(train.class_numbers) if label != 2]
    few = Dataset(store, "x/a", Fold("0", tuple(train.ids[i] for i in sad), (), ()), context=3)
    result = fit(build_for("ub-lstm", few, **SMALL), few, dev, replace(SETTINGS, epochs=2, class_weights=True))
    assert np.isfinite(result.history[-1]["train_loss"])


def test_a_network_of_convolutions_trains_on_images(parts):
    result, model = run(parts, replace(SETTINGS, epochs=3, lr=1e-3), name="resnet18", hyper={}, features="x/image", context=1)
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    assert all(value.is_contiguous() for value in result.state.values())
    _, _, test = parts(features="x/image", context=1)
    assert predict(model, test).embeddings.shape == (6, 512)


def test_a_model_is_built_for_the_data_and_its_seed_alone(parts):
    train, _, _ = parts(features=["x/a", "x/image"])
    torch.manual_seed(1)
    one = build_for("ub-lstm", train, seed=3)
    torch.manual_seed(2)
    two = build_for("ub-lstm", train, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert one.classes.out_features == 3
    with pytest.raises(UnknownNameError):
        build_for("ub-lstm", train, units=3)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_sum_is_a_loss_a_frame_however_an_update_is_grouped(parts, groups):
    """One update on all 24 utterances, in one batch or in two."""
    train, dev, _ = parts(context=1)
    settings = TrainSettings(lr=1e-4, epochs=1, optimizer="sgd", momentum=0.0, reduction="sum", device="cpu")
    model = build_for("logistic", train, seed=0)
    weight, bias = model.classes.weight.detach().clone().requires_grad_(), model.classes.bias.detach()
    frames = [torch.from_numpy(np.asarray(train.store.read("x/a", train.store.manifest.index(name)))) for name in train.ids]
    x, counts = torch.stack([item.mean(0) for item in frames]), torch.tensor([len(item) for item in frames])
    each = F.cross_entropy(x @ weight.T + bias, torch.from_numpy(np.asarray(train.labels)), reduction="none")
    (expected,) = torch.autograd.grad((each * counts).sum(), weight)
    fit(model, train, dev, replace(settings, batch_size=24 // groups, accumulate=groups))
    torch.testing.assert_close((weight.detach() - model.classes.weight) / 1e-4, expected, rtol=1e-3, atol=1e-2)


def test_the_accuracy_of_an_epoch_is_that_of_its_batches_and_of_mixed_labels_the_larger_share_counts(parts, store):
    train, dev, _ = parts(context=1)
    frozen = replace(SETTINGS, lr=1e-30, optimizer="sgd", epochs=1)
    model = build_for("logistic", train)
    row = fit(model, train, dev, frozen).history[0]
    as_dev = Dataset(store, "x/a", Fold("0", (), tuple(train.ids), ()), "dev", context=1)
    assert row["train_wa"] == np.mean(predict(model, as_dev, frozen).classes == train.class_numbers)
    trainer = Trainer(model, train, resolved(frozen, train.task), torch.device("cpu"), Residency("device", 0, 0, {}), print)
    logits, shares = torch.tensor([[0.0, 2.0], [3.0, 1.0], [0.0, 1.0]]), torch.tensor([[0.4, 0.6], [0.3, 0.7], [0.0, 1.0]])
    assert trainer._right(logits, shares) == trainer._right(logits, shares.argmax(1)) == 2


def test_no_row_of_a_history_knows_the_test_part(parts):
    result, _ = run(parts, replace(SETTINGS, epochs=1))
    assert not [name for name in result.history[0] if "test" in name]
