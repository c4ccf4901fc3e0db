from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from featurekit.data import Dataset, Fold, get_task
from featurekit.data.augment import make_augment
from featurekit.data.collate import collate
from featurekit.errors import ParameterError, TrainingError
from featurekit.training import TrainSettings, build_for, fit, predict, records


def test_predictions_are_in_the_order_of_the_dataset_whatever_the_batches(parts):
    _, _, test = parts()
    model = build_for("ub-bilstm", test).eval()
    one, many = (predict(model, test, TrainSettings(batch_size=size, device="cpu")) for size in (1, 6))
    np.testing.assert_allclose(one.logits, many.logits, rtol=1e-4, atol=1e-6)
    with torch.inference_mode():
        direct = model(collate([test[i] for i in range(len(test))]))
    np.testing.assert_allclose(many.logits, direct.logits.numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(many.embeddings, direct.embedding.numpy(), rtol=1e-4, atol=1e-6)
    assert many.ids == test.ids
    np.testing.assert_allclose(many.probabilities, direct.logits.softmax(dim=1).numpy(), rtol=1e-4, atol=1e-6)


def test_deterministic_kernels_predict_where_they_trained(parts):
    _, _, test = parts()
    model, seen = build_for("ub-lstm", test), []
    model.register_forward_hook(
        lambda *_: seen.append((torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic))
    )
    predict(model, test, TrainSettings(device="cpu", deterministic=True))
    assert set(seen) == {(True, True)}
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_models_mode_is_put_back(parts):
    _, _, test = parts()
    model = build_for("ub-lstm", test).train()
    predict(model, test)
    assert model.training


def test_records_are_json_and_name_classes(parts):
    _, _, test = parts()
    rows = records(test, predict(build_for("ub-lstm", test), test), fold="s5")
    assert json.loads(json.dumps(rows)) == rows
    first = rows[0]
    assert (first["id"], first["speaker"], first["gender"], first["fold"]) == ("s5_0", "s5", "m", "s5")
    assert first["label"] == test.store.manifest["s5_0"].labels["emotion"]
    assert first["predicted"] == test.classes[int(np.argmax(first["probabilities"]))]
    assert sum(first["probabilities"]) == pytest.approx(1)


def test_nothing_to_predict_is_refused(store, parts):
    _, _, test = parts()
    model = build_for("ub-lstm", test)
    with pytest.raises(ParameterError, match="no utterances to predict"):
        predict(model, Dataset(store, "x/a", Fold("0", (), (), ()), "test"))


def test_what_is_not_finite_is_no_prediction(parts):
    _, dev, _ = parts()
    model = build_for("ub-lstm", dev)
    with torch.no_grad():
        model.classes.bias[0] = torch.inf
    with pytest.raises(TrainingError, match=r"for 6 of 6 utterances of the dev part: s4_0, s4_1, s4_2; lower lr"):
        predict(model, dev)


def with_task(store, part, **changes):
    """The same part of the store with another kind of label: shares that hesitate, or how high the class number is."""
    emotion = get_task("emotion", store.manifest)
    number = {name: place for place, name in enumerate(emotion.classes)}

    def shares(utterance):
        return tuple(np.roll([0.6, 0.3, 0.1], number[utterance.labels["emotion"]]))

    def ratings(utterance):
        return float(1 + 2 * number[utterance.labels["emotion"]]), 3.0

    target_of = shares if changes["kind"] == "soft" else ratings
    ids = store.manifest.ids
    parts = {"train": ids[:24], "dev": ids[24:30], "test": ids[30:]}
    fold = Fold("0", *(tuple(parts[name]) for name in ("train", "dev", "test")))
    return Dataset(store, "x/a", fold, part, context=3, task=replace(emotion, target_of=target_of, **changes))


SETTINGS = TrainSettings(lr=1e-2, epochs=25, batch_size=8, device="cpu")
SMALL = {"units1": 8, "units2": 4, "units3": 4, "dense": 8, "dropout": 0.0}


def test_shares_of_raters_are_learnt_and_scored_on_the_class(store):
    train, dev, test = (with_task(store, part, kind="soft") for part in ("train", "dev", "test"))
    model = build_for("ub-lstm", train, **SMALL)
    result = fit(model, train, dev, SETTINGS)
    assert max(row["dev_ua"] for row in result.history) > 0.8
    entropy = -sum(share * np.log(share) for share in (0.6, 0.3, 0.1))
    assert entropy < min(row["dev_loss"] for row in result.history) < np.log(3)  # the entropy of the shares is the floor
    row = records(test, predict(model, test, SETTINGS))[0]
    assert row["label"] in train.classes
    assert row["target"] == pytest.approx(with_task(store, "test", kind="soft").labels[0].tolist())


@pytest.mark.parametrize("loss", ["auto", "ccc"])
def test_ratings_come_out_on_their_own_scale(store, loss):
    how = {"kind": "values", "outputs": ("valence", "arousal"), "scale": (1.0, 5.0)}
    train, dev, test = (with_task(store, part, **how) for part in ("train", "dev", "test"))
    model = build_for("ub-lstm", train, **SMALL)
    result = fit(model, train, dev, replace(SETTINGS, loss=loss))
    found = predict(model, test, SETTINGS)
    assert found.values.shape == (6, 2)
    np.testing.assert_allclose(found.values, 3 + 2 * found.logits, rtol=1e-6)
    assert np.corrcoef(found.values[:, 0], test.labels[:, 0])[0, 1] > 0.8
    best = result.history[result.best_epoch - 1]
    assert best["dev_ccc"] == max(row["dev_ccc"] for row in result.history)
    row = records(test, found)[0]
    assert row["label"] == test.labels[0].tolist()
    assert row["predicted"] == found.values[0].tolist()


def test_mixed_utterances_have_mixed_labels_and_train(parts):
    train, dev, _ = parts()
    train.augment = make_augment(["mixup"], 3)
    result = fit(build_for("ub-lstm", train, **SMALL), train, dev, replace(SETTINGS, epochs=12))
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
