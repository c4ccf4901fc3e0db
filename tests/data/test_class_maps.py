"""Class maps: what becomes of each word, of each corpus's classes, and of tables that are wrong."""

import dataclasses
import pickle

import numpy as np
import pytest

from featurekit import corpora
from featurekit.data import get_task
from featurekit.data.tasks import EXCLUDED, agreement, class_maps, labelled
from featurekit.data.views.joined import JoinedStore
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.manifest import Manifest, Utterance

WORDS = {
    "angry", "bored", "calm", "contempt", "disgust", "excited", "fear", "frustrated", "happy", "neutral", "sad", "surprise",
}  # fmt: skip


def said(*words):
    return Manifest(Utterance(f"u{place}", f"{place}.wav", labels={"emotion": word}) for place, word in enumerate(words))


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_every_recipe_of_emotions_has_its_classes_in_the_canonical_words():
    canonical = class_maps.get_map("canonical")
    with_emotions = [recipe.corpus for recipe in corpora.CORPORA if "emotion" in recipe.corpus.labels and recipe.corpus.classes]
    assert len(with_emotions) >= 12
    for corpus in with_emotions:
        found = {name: canonical.class_of(name) for name in corpus.classes}
        assert {label for label in found.values() if label} <= WORDS, corpus.name
        left_out = {name for name, label in found.items() if label == EXCLUDED}
        assert left_out <= {"oth", "xxx", "other", "no agreement"}, corpus.name
        # No corpus loses a class of its own in one of another of its classes.
        kept = [label for label in found.values() if label]
        assert len(set(kept)) == len(kept), corpus.name


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("anger", "angry"),
        ("ANGRY", "angry"),
        (" Happiness", "happy"),
        ("joy", "happy"),
        ("surprised", "surprise"),
        ("pleasant_surprise", "surprise"),
        ("Pleasant-Surprise", "surprise"),
        ("fearful", "fear"),
        ("no agreement", EXCLUDED),
        ("Disagreement", EXCLUDED),
        ("hot anger", "hot anger"),
    ],
)
def test_the_canonical_word_of_a_word(word, found):
    assert class_maps.get_map("canonical").class_of(word) == found


@pytest.mark.parametrize("name", [name for name in class_maps.names() if name != "mosi-moud"])  # of sentiments alone
def test_every_map_has_a_class_for_every_emotion_or_leaves_it_out(name):
    found = {word: class_maps.get_map(name).class_of(word) for word in WORDS}
    assert None not in found.values()
    assert found["sad"] == ("negative" if name == "polarity" else "sad")
    assert class_maps.get_map(name).class_of("happiness") == found["happy"] != EXCLUDED


def test_a_task_by_a_map_has_its_classes_and_leaves_raw_labels_alone():
    manifest = said("anger", "boredom", "joy", "excited", "happy", "neutral")
    task = get_task("emotion(map=four)", manifest)
    assert (task.name, task.classes, task.outputs) == ("emotion(map=four)", ("angry", "happy", "neutral"), task.classes)
    assert labelled(manifest, task) == {"u0": "angry", "u2": "happy", "u3": "happy", "u4": "happy", "u5": "neutral"}
    assert task.map == {
        "anger": "angry", "boredom": "", "excited": "happy", "happy": "happy", "joy": "happy", "neutral": "neutral",
    }  # fmt: skip
    assert manifest["u0"].labels == {"emotion": "anger"}
    assert pickle.loads(pickle.dumps(task)).label_of(manifest["u3"]) == "happy"
    assert task.digest != get_task("emotion", manifest).digest


def test_a_map_that_changes_nothing_leaves_the_task_as_it_is():
    manifest = said("angry", "sad")
    assert get_task("emotion(map=canonical)", manifest).digest == get_task("emotion", manifest).digest
    assert get_task("emotion(map=none)", said("anger", "sad")).classes == ("anger", "sad")


def test_raters_agree_by_the_same_map():
    manifest = Manifest(
        Utterance(f"u{place}", f"{place}.wav", labels={"emotion": "anger", "raters": {"a": "anger", "b": "joy", "c": "rage"}})
        for place in range(3)
    )
    manifest = Manifest([*manifest, Utterance("v", "v.wav", labels={"emotion": "joy", "raters": {"a": "joy", "b": "joy"}})])
    found = agreement(manifest, get_task("emotion(map=canonical)", manifest))
    assert found.by_class == {"angry": pytest.approx(1 / 3), "happy": 1}


def test_a_map_of_ones_own_refuses_a_word_that_it_does_not_know(tmp_path):
    path = written(tmp_path / "two.toml", 'left_out = ["boredom"]\n[classes]\nhigh = ["anger", "happy"]\nlow = ["Trauer"]\n')
    own, words = class_maps.get_map(path), ("Anger", "low", "trauer", "boredom", "joy", "sad")
    assert [own.class_of(word) for word in words] == ["high", "low", "low", "", "high", None]
    message = "map two has no class for 'calm', 'sad' of task emotion; its classes are high, low"
    with pytest.raises(ParameterError, match=message):
        class_maps.mapped_by(get_task("emotion", said("anger", "sad", "calm")), path)
    assert class_maps.mapped_by(get_task("emotion", said("anger", "boredom")), path).classes == ("high",)


def test_a_word_that_is_kept_is_kept_as_its_canonical_word(tmp_path):
    path = written(tmp_path / "own.toml", 'others = "keep"\nleft_out = ["boredom"]\n[classes]\nmad = ["anger"]\n')
    own, words = class_maps.get_map(path), ("Anger", "sadness", "boredom", "Fearful", "fear", "happiness", "hot anger", "other")
    assert [own.class_of(word) for word in words] == ["mad", "sad", "", "fear", "fear", "happy", "hot anger", "other"]
    assert own.rule.endswith("any other word stays, as its canonical word")
    one, two = (
        class_maps.mapped_by(get_task("emotion", said(*words)), path) for words in (("fear", "joy"), ("fearful", "happy"))
    )
    assert set(one.classes) == set(two.classes) == {"fear", "happy"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[classes]\nangry = ['anger']\nmad = ['Anger']\n", "'Anger' stands in angry and in mad"),
        ("left_out = ['sad']\n[classes]\nsad = []\n", "'sad' stands in sad and in left_out"),
        ("angry = ['anger']\n", r"is no class map: it lacks \[classes\]"),
        ("[classes]\nangry = 'anger'\n", "angry is 'anger'; expected a list of words"),
        ("[classes]\nangry = [1]\n", "expected a list of words"),
        ("others = 'drop'\n[classes]\nangry = []\n", "others is 'drop'; expected 'refuse' or 'keep' or 'leave out'"),
        ("[classes\n", "is not TOML"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_the_place(text, message, tmp_path):
    with pytest.raises(ParameterError, match=message):
        class_maps.get_map(written(tmp_path / "m.toml", text))


def test_what_is_no_map_is_refused_with_the_way():
    with pytest.raises(UnknownNameError, match="did you mean canonical"):
        class_maps.get_map("cannonical")
    with pytest.raises(ParameterError, match="there is no settings file"):
        class_maps.get_map("nowhere.toml")
    with pytest.raises(ParameterError, match=r"one setting, its class map, as in emotion\(map=canonical\)"):
        get_task("emotion(words=canonical)", said("sad"))
    rated = Manifest([Utterance("a", "a.wav", labels={"score": 1.0})])
    with pytest.raises(ParameterError, match="a map gathers classes, and task sentiment-score learns values"):
        get_task("sentiment-score(map=canonical)", rated)


@dataclasses.dataclass
class Named:
    """As much of a store as a joint task reads."""

    corpus: str
    manifest: Manifest

    def __post_init__(self):
        self.path = type("Path", (), {"name": self.corpus})
        self.columns = {"rms": type("Info", (), {"key": "0", "trained_on": ()})}


def both(one, two):
    return JoinedStore(Named("one", said(*one)), Named("two", said(*two)))


def test_two_corpora_with_other_words_for_the_same_have_all_classes():
    joined = both(["angry", "happy", "surprised"] * 2, ["anger", "happiness", "surprise"] * 3)
    task = joined.task("emotion", "emotion")
    assert (task.name, task.classes) == ("emotion(map=canonical)", ("angry", "happy", "surprise"))
    assert [task.label_of(item) for item in joined.manifest] == ["angry", "happy", "surprise"] * 5
    assert joined.left_out(task, "emotion", "emotion") == ({}, {})


def test_a_class_that_one_corpus_lacks_is_refused_and_with_common_classes_left_out_of_both():
    joined = both(["angry", "happy", "calm", "calm"], ["anger", "happiness", "boredom"])
    message = (
        r"two has no calm \(2\) of one, the training corpus; one has no bored \(1\) of two, the test corpus; "
        r"2 classes are in both: angry, happy; score those alone: --common-classes, or gather the words of both by a table"
    )
    with pytest.raises(ParameterError, match=message):
        joined.task("emotion", "emotion")
    task = joined.task("emotion", "emotion", common=True)
    assert [task.label_of(item) for item in joined.manifest] == ["angry", "happy", "", "", "angry", "happy", ""]
    assert joined.left_out(task, "emotion", "emotion") == ({"calm": 2}, {"boredom": 1})
    assert task.map == {"angry": "angry", "happy": "happy", "calm": "", "anger": "angry", "happiness": "happy", "boredom": ""}


def test_without_a_map_the_words_of_two_corpora_are_their_own():
    joined = both(["angry", "sad"], ["anger", "sad"])
    with pytest.raises(ParameterError, match=r"two has no angry \(1\) of one"):
        joined.task("emotion", "emotion", class_map="none")
    assert joined.task("emotion", "emotion", class_map="none", common=True).classes == ("sad",)
    with pytest.raises(ParameterError, match=r"no class is in both corpora: .* --map FILE.toml"):
        both(["angry"], ["anger"]).task("emotion", "emotion", class_map="none", common=True)


def test_a_map_of_ones_own_serves_two_corpora(tmp_path):
    path = written(tmp_path / "arousal.toml", '[classes]\nhigh = ["angry", "Wut"]\nlow = ["sad", "Trauer"]\n')
    joined = both(["angry", "sad"], ["Wut", "Trauer"])
    assert joined.task("emotion", "emotion", class_map=path).classes == ("high", "low")


def test_the_classes_of_a_joint_task_are_in_the_order_of_its_numbers():
    joined = both(["sad", "angry", "happy"], ["joy", "anger", "sadness"])
    task = joined.task("emotion", "emotion")
    assert [task.number(name) for name in task.classes] == list(np.arange(3))


def test_mosi_and_moud_meet_in_two_classes_and_neutral_is_refused():
    mosi = Manifest(Utterance(f"a{i}", "a.wav", labels={"score": score}) for i, score in enumerate((-1.0, 0.0, 2.0)))
    moud = Manifest(
        Utterance(f"b{i}", "b.wav", labels={"sentiment": word}) for i, word in enumerate(("negative", "neutral", "positive"))
    )
    both = class_maps.get_map("mosi-moud")
    one, other = class_maps.mapped(get_task("sentiment2", mosi), both), class_maps.mapped(get_task("moud2", moud), both)
    assert one.classes == other.classes == ("negative", "positive")
    assert list(labelled(mosi, one).values()) == ["negative", "positive", "positive"]
    assert labelled(moud, other) == {"b0": "negative", "b2": "positive"}
    with pytest.raises(
        ParameterError, match="map mosi-moud has no class for 'neutral' of task sentiment; its classes are negative"
    ):
        class_maps.mapped(get_task("sentiment", moud), both)


def test_a_map_from_an_editor_of_windows_and_a_suffix_in_capitals_are_read(tmp_path):
    path = tmp_path / "MINE.TOML"
    path.write_bytes(b'\xef\xbb\xbf[classes]\r\nangry = ["Wut"]\r\n')
    assert class_maps.get_map(path).class_of("wut") == "angry"


@pytest.mark.parametrize(
    "text", ['[classes]\n"" = ["sad"]\n', '[classes]\nsad = ["-"]\n', 'left_out = [""]\n[classes]\nsad = []\n']
)
def test_an_empty_word_is_refused(text, tmp_path):
    with pytest.raises(ParameterError, match=r"m.toml: an empty word stands in (\[classes\]|sad|left_out)"):
        class_maps.get_map(written(tmp_path / "m.toml", text))


def test_a_task_takes_one_map():
    task = get_task("emotion(map=four)", said("anger", "joy", "boredom"))
    with pytest.raises(
        ParameterError, match=r"task emotion\(map=four\) is by a class map already, and polarity is a second one"
    ):
        class_maps.mapped_by(task, "polarity")
    joined = both(["anger", "joy", "boredom"], ["angry", "happy"])
    assert joined.task("emotion(map=four)", "emotion").classes == ("angry", "happy")
    with pytest.raises(ParameterError, match="is by a class map already"):
        joined.task("emotion(map=four)", "emotion", class_map="polarity")


def test_a_map_has_its_own_name_whatever_signs_are_in_it(tmp_path):
    path = written(tmp_path / "my map(1).toml", '[classes]\nhigh = ["angry", "Wut"]\nlow = ["sad", "Trauer"]\n')
    task = both(["angry", "sad"], ["Wut", "Trauer"]).task("emotion", "emotion", class_map=path)
    assert (task.name, class_maps.map_name(task)) == ("emotion(map=my map(1))", "my map(1)")
    assert class_maps.map_name(get_task("emotion", said("sad"))) == ""


def test_a_table_that_a_task_kept_makes_the_same_classes_again():
    manifest = said("anger", "joy", "boredom", "sad")
    task = get_task("emotion(map=four)", manifest)
    again = class_maps.mapped_by(get_task("emotion", manifest), class_maps.ClassMap.of_table("four", task.map))
    assert labelled(manifest, again) == labelled(manifest, task)
    assert (again.name, again.map) == (task.name, task.map)
