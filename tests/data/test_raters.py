"""Agreement and votes: closed forms on a few raters."""

from __future__ import annotations

import pytest

from featurekit.data import tasks
from featurekit.manifest import Manifest, Utterance


def rated(*labels):
    return Manifest(Utterance(id=f"u{i}", path="a.wav", labels=given) for i, given in enumerate(labels))


def agreement(name, *labels):
    manifest = rated(*labels)
    return tasks.agreement(manifest, tasks.get_task(name, manifest))


def shares(name, labels):
    manifest = rated(labels)
    task = tasks.get_task(name, manifest)
    return dict(zip(task.outputs, task.target_of(manifest["u0"]), strict=True))


def test_agreement_is_the_share_of_raters_that_chose_the_class():
    raters = [
        ("ang", {"E1": ["Anger"], "E2": ["Anger", "Frustration"], "E3": ["Neutral state"], "F1": ["Anger"]}),  # 3 of 4
        ("exc", {"E1": ["Happiness"], "E2": ["Excited"]}),  # one class: 2 of 2
        ("ang", {"E1": ["Anger"], "E2": ["Sadness"]}),  # 1 of 2
        ("xxx", {"E1": ["Anger"]}),  # left out
        ("sad", {}),  # nobody asked
    ]
    manifest = Manifest(
        Utterance(id=f"u{i}", path="a.wav", labels={"emotion": code, "raters": who}) for i, (code, who) in enumerate(raters)
    )
    found = tasks.agreement(manifest, tasks.get_task("iemocap4", manifest))
    assert found.utterances == 3
    assert found.weighted == pytest.approx((0.75 + 1 + 0.5) / 3)
    assert found.by_class == pytest.approx({"angry": 0.625, "happy": 1.0})
    assert found.unweighted == pytest.approx((0.625 + 1) / 2)


def test_agreement_on_scores_compares_classes_and_none_is_made_up():
    manifest = Manifest([Utterance(id="a", path="a.wav", labels={"score": 1.0, "raters": {"1": 2.0, "2": 0.0, "3": 1.0}})])
    assert tasks.agreement(manifest, tasks.get_task("sentiment3", manifest)).weighted == pytest.approx(2 / 3)
    assert tasks.agreement(rated({"score": 1.0}), tasks.get_task("sentiment3", rated({"score": 1.0}))) is None


def test_agreement_on_the_raw_emotion_reads_the_words_of_raters_for_the_codes_of_the_label():
    assert agreement("emotion", {"emotion": "ang", "raters": {"1": ["Anger"], "2": ["Sadness"]}}).weighted == 0.5
    assert agreement("emotion", {"emotion": "happy", "raters": {"1": ["Happy"], "2": ["Other-amused"]}}).weighted == 0.5


def test_agreement_on_a_dimension_reads_ratings_and_is_none_where_raters_were_asked_for_words():
    words = {"valence": 2.0, "raters": {"1": ["Anger"], "2": ["Neutral"]}}
    assert agreement("iemocap-valence3", words) is None
    ratings = {"1": {"valence": 1.0, "activation": 5.0}, "2": {"valence": 3.0}, "3": {"activation": 1.0}}
    assert agreement("iemocap-valence3", words | {"ratings": ratings}).by_class == {"low": 0.5}


def test_agreement_is_none_for_a_task_of_ratings():
    assert agreement("sentiment-score", {"score": 1.0, "raters": {"1": 2.0}}) is None


def test_a_soft_task_has_the_agreement_of_its_hard_one():
    labels = {"score": 1.0, "raters": {"1": 2.0, "2": 0.0, "3": 1.0}}
    assert agreement("sentiment3-soft", labels) == agreement("sentiment3", labels)


def test_a_rater_has_one_vote_and_splits_it_among_the_classes_named():
    labels = {"emotion": "ang", "raters": {"1": ["Anger", "Sadness"], "2": ["Anger"], "3": ["Happiness", "Excited"]}}
    assert shares("iemocap4-soft", labels) == pytest.approx({"angry": 0.5, "happy": 1 / 3, "neutral": 0.0, "sad": 1 / 6})


def test_votes_outside_the_classes_are_left_out_and_the_rest_sums_to_one():
    labels = {"emotion": "ang", "raters": {"1": ["Anger", "Frustration"], "2": ["Other"], "3": ["Neutral state"]}}
    assert shares("iemocap4-soft", labels) == {"angry": 0.5, "happy": 0.0, "neutral": 0.5, "sad": 0.0}


def test_shares_of_scores_are_shares_of_the_classes_they_fall_in():
    labels = {"score": 1.0, "raters": {"1": 2, "2": 0.0, "3": 1.0, "4": -3.0}}
    assert shares("sentiment3-soft", labels) == {"negative": 0.25, "neutral": 0.25, "positive": 0.5}


def test_a_rater_who_chose_nothing_does_not_count():
    assert agreement("iemocap4", {"emotion": "ang", "raters": {"1": ["Anger"], "2": [], "3": None}}).weighted == 1.0


def test_augmented_children_are_not_counted():
    labels = {"score": 1.0, "raters": {"1": 2.0, "2": 0.0}}
    one = Utterance(id="a", path="a.wav", labels=labels)
    other = Utterance(id="b", path="b.wav", labels=labels | {"raters": {"1": 1.0}})
    child = Utterance(id="a~", path="a.wav", labels=labels, parent="a", perturbation="speed(0.9)")
    manifest = Manifest([one, other, child])
    found = tasks.agreement(manifest, tasks.get_task("sentiment3", manifest))
    assert (found.utterances, found.weighted) == (2, 0.75)


def test_choices_of_any_shape_break_nothing():
    odd = {"1": {"a": [1]}, "2": None, "3": [], "4": ["Anger", 3, None], "5": float("nan")}
    assert shares("iemocap4-soft", {"emotion": "ang", "raters": odd})["angry"] == 1.0
    assert shares("sentiment3-soft", {"score": 1.0, "raters": odd | {"6": -1}})["positive"] == 0.5
