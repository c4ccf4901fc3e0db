from __future__ import annotations

import pickle

import pytest

from featurekit.data import tasks
from featurekit.errors import ManifestError, ParameterError, UnknownNameError
from featurekit.manifest import Manifest, Utterance


def scored(*scores):
    return Manifest(Utterance(id=f"u{i}", path="a.wav", labels={"score": score}) for i, score in enumerate(scores))


def labels_of(name, *scores):
    manifest = scored(*scores)
    return list(tasks.labelled(manifest, tasks.get_task(name, manifest)).values())


def test_sentiment2_puts_zero_with_the_non_negative():
    assert labels_of("sentiment2", -0.01, 0, 3) == ["negative", "non-negative", "non-negative"]


def test_sentiment2_nonzero_leaves_zero_out_without_calling_it_missing():
    assert labels_of("sentiment2-nonzero", -0.2, 0.0, 0.2) == ["negative", "positive"]


def test_sentiment3_has_its_borders_outside_neutral():
    assert labels_of("sentiment3", -0.5, -0.49, 0.49, 0.5) == ["negative", "neutral", "neutral", "positive"]


def test_sentiment5_and_7_clip_and_round_halves_away_from_zero():
    seven = labels_of("sentiment7", -3, -2.5, -1.5, -0.5, -0.4, 0.4, 0.5, 1.5, 2.5, 3.4)
    numbers = [tasks.get_task("sentiment7", scored(0)).number(label) - 3 for label in seven]
    assert numbers == [-3, -3, -2, -1, 0, 0, 1, 2, 3, 3]
    five = labels_of("sentiment5", -3, -1.5, -0.5, 0, 0.5, 1.4, 2.9)
    assert [tasks.get_task("sentiment5", scored(0)).number(label) - 2 for label in five] == [-2, -2, -1, 0, 1, 1, 2]


def test_emotion_has_the_sorted_classes_of_the_whole_manifest():
    manifest = Manifest(Utterance(id=e, path="a.wav", labels={"emotion": e}) for e in ("sad", "angry"))
    task = tasks.get_task("emotion", manifest)
    assert task.classes == ("angry", "sad")
    assert tasks.labelled(manifest, task, ["sad"]) == {"sad": "sad"}
    assert task.number("sad") == 1
    with pytest.raises(UnknownNameError, match="did you mean angry"):
        task.number("angri")


def test_numbers_as_raw_labels_become_names():
    manifest = Manifest(Utterance(id=f"u{i}", path="a.wav", labels={"label": i}) for i in (0, 1))
    assert tasks.get_task("label", manifest).classes == ("0", "1")


def test_missing_labels_are_named_together_with_what_there_is():
    manifest = Manifest(
        [
            Utterance(id="a", path="a.wav", labels={"emotion": "sad"}),
            *(Utterance(id=f"b{i}", path="a.wav", labels={"score": 1.0}) for i in range(4)),
        ]
    )
    task = tasks.get_task("emotion", manifest)
    with pytest.raises(
        ParameterError, match=r"4 utterances have no label for task 'emotion': b0, b1, b2, …; .*'emotion', 'score'"
    ):
        tasks.labelled(manifest, task)
    assert tasks.labelled(manifest, task, drop_unlabelled=True) == {"a": "sad"}


def test_a_task_without_any_label_says_which_raw_labels_exist():
    with pytest.raises(ParameterError, match="reads the raw label 'emotion' and the manifest has 'score'"):
        tasks.get_task("emotion", scored(1.0))
    with pytest.raises(ParameterError, match="no raw labels"):
        tasks.get_task("sentiment2", Manifest([Utterance(id="a", path="a.wav")]))


def test_an_unknown_task_suggests_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean sentiment"):
        tasks.get_task("sentimnt3", scored(1.0))


@pytest.mark.parametrize("score", ["1", float("nan"), True])
def test_a_score_that_is_no_number_is_refused_with_its_id(score):
    with pytest.raises(ManifestError, match=r"u0.*score"):
        labels_of("sentiment3", score)


def test_every_task_is_described_and_pickles():
    for name in tasks.names():
        labels = {"emotion": "happy" if name == "msp8" else "sad", "label": "y", "score": 0.6, "sentiment": "neutral"}
        rated = {"valence": 2.0, "activation": 3, "arousal": 4.5, "dominance": 5.0}
        labels |= rated | {"raters": {"1": list(labels.values())}, "ratings": {"1": rated}}
        labels["sentiment"] = "positive" if name.startswith("moud2") else "neutral"
        labels["raters"] = {"1": [value for value in labels.values() if not isinstance(value, dict)]}
        manifest = Manifest([Utterance(id="a", path="a.wav", gender="female", labels=labels)])
        assert len(tasks.describe(name)) > 20
        task = pickle.loads(pickle.dumps(tasks.get_task(name, manifest)))
        assert task.label_of(manifest["a"]) in task.classes
        assert task.kind == "classes" or len(task.target_of(manifest["a"])) == len(task.outputs)
        assert len(task.digest) == 64


def labelled_by(name, key, *values):
    manifest = Manifest(Utterance(id=f"u{i}", path="a.wav", labels={key: value}) for i, value in enumerate(values))
    return tasks.labelled(manifest, tasks.get_task(name, manifest))


def test_iemocap4_merges_excited_into_happy_and_leaves_the_rest_out():
    codes = ("ang", "hap", "exc", "neu", "sad", "fru", "xxx", "oth", "fea", "sur", "dis")
    found = labelled_by("iemocap4", "emotion", *codes)
    assert list(found.values()) == ["angry", "happy", "happy", "neutral", "sad"]
    assert labelled_by("iemocap5", "emotion", "exc", "fru") == {"u0": "happy", "u1": "frustrated"}
    assert labelled_by("iemocap6", "emotion", "hap", "exc", "fru", "sad") == {
        "u0": "happy",
        "u1": "excited",
        "u2": "frustrated",
        "u3": "sad",
    }


def test_a_gathering_refuses_a_label_it_has_no_rule_for():
    with pytest.raises(
        ManifestError, match=r"u1: task 'iemocap4' cannot read the raw label 'emotion': got 'joy', it takes ang, hap"
    ):
        labelled_by("iemocap4", "emotion", "ang", "joy")


def test_sentiment_runs_from_negative_to_positive_and_leaves_ties_out():
    manifest = Manifest([Utterance(id="a", path="a.wav", labels={"sentiment": "positive"})])
    assert tasks.get_task("sentiment", manifest).classes == ("negative", "neutral", "positive")
    assert labelled_by("sentiment", "sentiment", "positive", "no agreement") == {"u0": "positive"}


def test_a_rating_scale_is_cut_into_equal_thirds_of_itself():
    five = labelled_by("iemocap-valence3", "valence", 1, 2.3, 2.4, 3, 3.6, 3.7, 5.5)
    assert list(five.values()) == ["low", "low", "middle", "middle", "middle", "high", "high"]
    seven = labelled_by("msp-arousal3", "arousal", 1, 2.9, 3.0, 5.0, 5.1, 7)
    assert list(seven.values()) == ["low", "low", "middle", "middle", "high", "high"]
    with pytest.raises(ManifestError, match=r"u0: .* the raw label 'valence': got '3', it takes a finite number"):
        labelled_by("msp-valence3", "valence", "3")


def test_a_digest_tells_schemes_and_class_sets_apart():
    manifests = [
        Manifest([Utterance(id="a", path="a.wav", labels={"emotion": "sad", "score": 1.0}), *more])
        for more in ([], [Utterance(id="b", path="b.wav", labels={"emotion": "ang"})])
    ]
    one, same = (tasks.get_task("iemocap4", manifest).digest for manifest in manifests)
    assert one == same  # a fixed scheme does not depend on what happens to be there
    digests = {tasks.get_task(name, manifests[0]).digest for name in ("iemocap4", "iemocap5", "emotion", "sentiment3")}
    assert len(digests) == 4
    assert tasks.get_task("emotion", manifests[1]).digest not in digests
    task = tasks.get_task("iemocap4", manifests[1])
    assert tasks.shuffled(task, manifests[1]).digest != task.digest


def rated(*labels):
    return Manifest(Utterance(id=f"u{i}", path="a.wav", labels=given) for i, given in enumerate(labels))


def test_a_class_task_puts_out_its_classes_and_has_no_other_target():
    task = tasks.get_task("sentiment3", scored(1.0))
    assert (task.kind, task.outputs, task.target_of, task.scale) == ("classes", task.classes, None, None)


def test_a_score_is_predicted_as_it_is_and_its_strata_are_those_of_sentiment3():
    manifest = scored(-3.0, 0.2, 1.4)
    task = tasks.get_task("sentiment-score", manifest)
    assert (task.kind, task.outputs, task.scale) == ("values", ("score",), (-3.0, 3.0))
    assert [task.target_of(item) for item in manifest] == [(-3.0,), (0.2,), (1.4,)]
    assert tasks.labelled(manifest, task) == {"u0": "negative", "u1": "neutral", "u2": "positive"}


def test_dimensions_come_in_one_order_and_one_that_lacks_makes_the_target_missing():
    whole = {"dominance": 5.0, "valence": 1.5, "arousal": 4}
    manifest = rated(whole, {"valence": 1.5, "arousal": 4.0}, {})
    task = tasks.get_task("msp-dimensions", manifest)
    assert task.outputs == ("valence", "arousal", "dominance")
    assert task.scale == (1.0, 7.0)
    assert [task.target_of(item) for item in manifest] == [(1.5, 4.0, 5.0), None, None]
    assert [task.label_of(item) for item in manifest] == ["low", None, None]
    with pytest.raises(
        ParameterError, match=r"2 .* 'msp-dimensions': u1, u2; it reads .* 'valence' and 'arousal' and 'dominan"
    ):
        tasks.labelled(manifest, task)
    assert tasks.get_task("iemocap-dimensions", rated(whole | {"activation": 1.0})).target_of(
        rated(whole | {"activation": 1})["u0"]
    ) == (1.5, 1.0, 5.0)


@pytest.mark.parametrize("rating", ["3", float("inf"), True])
def test_a_rating_that_is_no_number_is_refused_with_its_id(rating):
    manifest = rated({"valence": 1.0, "arousal": rating, "dominance": 1.0})
    with pytest.raises(ManifestError, match="u0: the raw label 'arousal' must be a finite number"):
        tasks.get_task("msp-dimensions", manifest)


def test_a_soft_task_is_scored_on_the_labels_of_its_hard_one_where_somebody_voted():
    manifest = rated(
        {"emotion": "ang", "raters": {"1": ["Anger"], "2": ["Anger"], "3": ["Neutral state"], "4": ["Anger"]}},
        {"emotion": "fru", "raters": {"1": ["Frustration"], "2": ["Anger"]}},
        {"emotion": "sad"},
    )
    task = tasks.get_task("iemocap4-soft", manifest)
    assert (task.kind, task.outputs) == ("soft", ("angry", "happy", "neutral", "sad"))
    assert task.target_of(manifest["u0"]) == (0.75, 0.0, 0.25, 0.0)
    assert [task.label_of(item) for item in manifest] == ["angry", tasks.EXCLUDED, None]
    assert task.digest != tasks.get_task("iemocap4", manifest).digest


def test_a_soft_task_without_raters_says_what_it_reads():
    with pytest.raises(
        ParameterError, match=r"'score' and 'raters' \(an object: rater → choice\) and the manifest has 'score'"
    ):
        tasks.get_task("sentiment3-soft", scored(1.0))
    with pytest.raises(
        ParameterError, match=r"'score' and 'raters' \(an object: rater → choice\) and the manifest has 'raters'"
    ):
        tasks.get_task("sentiment3-soft", rated({"raters": {"1": 1.0}}))


def test_targets_are_dealt_with_their_labels():
    manifest = scored(*(float(i % 7 - 3) for i in range(70)))
    task = tasks.get_task("sentiment-score", manifest)
    control = pickle.loads(pickle.dumps(tasks.shuffled(task, manifest, 1)))
    dealt = [control.target_of(item) for item in manifest]
    assert sorted(dealt) == sorted(task.target_of(item) for item in manifest)
    assert dealt != [task.target_of(item) for item in manifest]
    told = [task.label_of(Utterance(id="x", path="x", labels={"score": score})) for (score,) in dealt]
    assert [control.label_of(item) for item in manifest] == told
    assert control.digest != task.digest


def test_the_deal_of_a_seed_is_frozen():
    manifest = scored(*(float(i % 5 - 2) for i in range(12)))
    task = tasks.shuffled(tasks.get_task("sentiment3", manifest), manifest, 3)
    assert "".join(task.label_of(item)[2] for item in manifest) == "sgggususgggs"  # s, g, u: positive, negative, neutral


def test_shuffled_labels_keep_their_counts_and_children_follow_their_parents():
    originals = [Utterance(id=f"u{i}", path="a.wav", labels={"score": float(i % 5 - 2)}) for i in range(50)]
    children = [Utterance(id=f"{u.id}~", path="a.wav", parent=u.id, labels=u.labels) for u in originals]
    manifest = Manifest([*originals, *children])
    task = tasks.get_task("sentiment2-nonzero", manifest)
    one, again, other = (
        tasks.shuffled(task, m, seed) for m, seed in ((manifest, 1), (Manifest(reversed(originals)), 1), (manifest, 2))
    )
    plain = {u.id: task.label_of(u) for u in originals}
    dealt = {u.id: pickle.loads(pickle.dumps(one)).label_of(u) for u in originals}
    assert sorted(dealt.values()) == sorted(plain.values())
    assert dealt != plain
    assert [name for name in plain if plain[name] == ""] == [name for name in dealt if dealt[name] == ""]
    assert dealt == {u.id: again.label_of(u) for u in originals}
    assert dealt != {u.id: other.label_of(u) for u in originals}
    assert all(one.label_of(child) == dealt[child.parent] for child in children)


def test_moud2_leaves_neutral_out_and_counts_it():
    found = labelled_by("moud2", "sentiment", "negative", "neutral", "positive", "neutral", "no agreement")
    assert found == {"u0": "negative", "u2": "positive"}
    words = ["negative", "neutral", "positive", "neutral", "no agreement"]
    rows = [Utterance(id=f"u{i}", path="a.wav", labels={"sentiment": word}) for i, word in enumerate(words)]
    rows.append(Utterance(id="u1~noise", path="a.wav", parent="u1", perturbation="noise(snr_db=9.0)", labels=rows[1].labels))
    manifest = Manifest(rows)
    assert tasks.get_task("moud2", manifest).classes == ("negative", "positive")
    assert tasks.left_out("moud2", manifest) == {"neutral": 2, "no agreement": 1}  # a child is no utterance of the corpus
    assert tasks.left_out("sentiment2-nonzero", scored(0.0, 1.0)) == {"0.0": 1}
    assert tasks.left_out("sentiment", manifest) == {"no agreement": 1}


def test_gender_is_a_task_of_the_manifest_and_not_of_a_raw_label():
    genders = ("male", "female", "female")
    manifest = Manifest(
        Utterance(id=f"u{i}", path="a.wav", gender=who, labels={"gender": "raw"}) for i, who in enumerate(genders)
    )
    task = tasks.get_task("gender", manifest)
    assert task.classes == ("female", "male")
    assert list(tasks.labelled(manifest, task).values()) == list(genders)
    assert pickle.loads(pickle.dumps(task)).label_of(manifest["u0"]) == "male"
    assert "gender-soft" not in tasks.names()


def test_gender_is_refused_where_the_manifest_has_none_and_missing_ones_are_named():
    with pytest.raises(ParameterError, match=r"manifest's gender, which 0 of 1 utterances have; .*: sentiment-score"):
        tasks.get_task("gender", scored(1.0))
    manifest = Manifest([Utterance(id="a", path="a.wav", gender="male"), Utterance(id="b", path="a.wav")])
    with pytest.raises(ParameterError, match=r"have no label for task 'gender': b; .* which 1 of 2 utterances have"):
        tasks.labelled(manifest, "gender")
    with pytest.raises(ParameterError, match="tasks that read what it has: gender"):
        tasks.get_task("emotion", manifest)
