from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from featurekit.data import normalise
from featurekit.data.normalise import Normaliser
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.settings import digest


def test_means_and_deviations_equal_scikit_learns(store):
    fitted = Normaliser.fit(store, ["x/c0"], store.ids)
    scaler = StandardScaler().fit(np.concatenate(store.values["x/c0"]).astype(np.float64))
    np.testing.assert_allclose(fitted.columns["x/c0"]["mean"], scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(fitted.columns["x/c0"]["std"], scaler.scale_, rtol=1e-12)
    np.testing.assert_allclose(
        fitted("x/c0", store.read("x/c0", 3)), scaler.transform(store.read("x/c0", 3)), rtol=1e-4, atol=1e-6
    )


def test_only_the_given_ids_count_and_are_recorded(store):
    ids = store.ids[:10]
    fitted = Normaliser.fit(store, ["x/c1"], ids)
    np.testing.assert_allclose(
        fitted.columns["x/c1"]["mean"], np.concatenate(store.values["x/c1"][:10]).astype(np.float64).mean(axis=0)
    )
    assert (fitted.ids_digest, fitted.n_ids) == (digest(sorted(ids)), 10)
    for row in range(10, len(store.ids)):
        store.values["x/c1"][row] = np.full((5, 2), 1e6, np.float32)
    assert Normaliser.fit(store, ["x/c1"], ids) == fitted


def test_a_large_offset_loses_no_digits(store):
    for row, value in enumerate(store.values["x/c0"]):
        store.values["x/c0"][row] = value.astype(np.float64) + 1e8
    fitted = Normaliser.fit(store, ["x/c0"], store.ids)
    truth = np.concatenate(store.values["x/c0"])
    np.testing.assert_allclose(fitted.columns["x/c0"]["std"], truth.std(axis=0), rtol=1e-9)


def test_power_is_taken_to_decibels_first(store):
    fitted = Normaliser.fit(store, ["x/power"], store.ids)
    assert fitted.columns["x/power"]["scale"] == "power_to_db"
    decibels = np.concatenate([10 * np.log10(np.maximum(v.astype(np.float64), 1e-10)) for v in store.values["x/power"]])
    np.testing.assert_allclose(fitted.columns["x/power"]["mean"], decibels.mean(axis=0))
    assert np.isfinite(fitted("x/power", np.zeros((2, 4), np.float32))).all()


def test_images_have_one_mean_and_deviation_in_the_unit_interval(store):
    fitted = Normaliser.fit(store, ["x/image"], store.ids)
    pixels = np.stack(store.values["x/image"]).astype(np.float64) / 255
    record = fitted.columns["x/image"]
    assert (record["mean"], record["std"]) == (pytest.approx([pixels.mean()]), pytest.approx([pixels.std()]))
    normal = np.stack([fitted("x/image", value) for value in store.values["x/image"]])
    assert (float(normal.mean()), float(normal.std())) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))
    assert normal.dtype == np.float32


def test_what_is_not_finite_is_left_out_counted_and_becomes_the_mean(store):
    clean = Normaliser.fit(store, ["x/c0"], store.ids[1:])
    store.values["x/c0"][0] = np.array([[np.nan, np.inf, -np.inf]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = Normaliser.fit(store, ["x/c0"], store.ids)
        np.testing.assert_array_equal(fitted("x/c0", store.read("x/c0", 0)), np.zeros((1, 3)))
    assert fitted.columns["x/c0"]["left_out"] == 3
    np.testing.assert_allclose(fitted.columns["x/c0"]["mean"], clean.columns["x/c0"]["mean"])


def test_a_constant_dimension_becomes_zero(store):
    for value in store.values["x/c0"]:
        value[:, 1] = 0.1
    fitted = Normaliser.fit(store, ["x/c0"], store.ids)
    np.testing.assert_allclose(fitted("x/c0", store.read("x/c0", 0))[:, 1], 0.0, atol=1e-6)


def test_it_survives_json_without_loss(store):
    fitted = Normaliser.fit(store, ["x/c0", "x/power", "x/image"], store.ids)
    again = Normaliser.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    np.testing.assert_array_equal(again("x/c0", store.read("x/c0", 1)), fitted("x/c0", store.read("x/c0", 1)))


def test_wrong_use_is_refused(store):
    fitted = Normaliser.fit(store, ["x/c0"], store.ids)
    with pytest.raises(UnknownNameError, match="x/c1"):
        fitted("x/c1", np.zeros((2, 2)))
    with pytest.raises(ParameterError, match="fitted on 3"):
        fitted("x/c0", np.zeros((2, 2)))
    with pytest.raises(UnknownNameError, match="did you mean"):
        Normaliser.fit(store, ["x/c9"], store.ids)
    with pytest.raises(ParameterError, match="needs training utterances"):
        Normaliser.fit(store, ["x/c0"], [])
    store.values["x/c0"][2] = None
    with pytest.raises(ParameterError, match="s0_2 has no values in column x/c0"):
        Normaliser.fit(store, ["x/c0"], store.ids)
    with pytest.raises(ParameterError, match="lacks ids_digest"):
        Normaliser.from_dict({"columns": {}, "n_ids": 1})


def test_rows_follow_the_manifest(store):
    np.testing.assert_array_equal(normalise.store_rows(store, ["s1_0", "s0_0"]), [8, 0])


def test_neutral_speech_is_found_by_its_class_and_all_speech_stands_in_where_there_is_none():
    assert normalise.neutral_ids({"b": "angry", "c": "neutral", "a": "neutral"}) == ["c", "a"]
    assert normalise.neutral_ids({"b": "angry", "c": "sad"}) == []
