"""Sentences that give the class away: how well they do, for whom that is a leak, and corpora in which they do not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from featurekit.data import Fold, Split, make_split
from featurekit.data.audit import Severity, audit_corpus, audit_split, text_classes
from featurekit.manifest import Manifest, Utterance

OF_CLASS = {
    "angry": ["get out of my house right now", "who broke the window this morning"],
    "happy": ["we have won the whole tournament", "my sister comes home tomorrow"],
    "sad": ["nobody remembered my birthday", "the old dog is very ill today"],
}


def corpus(sentences_of, speakers=12, classes=tuple(OF_CLASS)):
    """Each speaker says the sentences that a function gives for speaker and class."""
    return Manifest(
        Utterance(f"s{who}-{name}-{k}", f"{who}/{name}{k}.wav", speaker=f"s{who}", text=text, labels={"emotion": name})
        for who in range(speakers)
        for name in classes
        for k, text in enumerate(sentences_of(who, name))
    )


def look(manifest):
    items = list(manifest)
    return text_classes.look(items, {u.id: u.text for u in items if u.text}, {u.id: u.labels["emotion"] for u in items})


def audited(manifest, **how):
    return audit_split(make_split("speaker-disjoint", manifest, "emotion"), manifest, **how)


def found(audit):
    return [finding for finding in audit.findings if finding.kind == "text-class"]


def test_sentences_that_determine_the_class_are_a_leak_with_their_figure():
    audit = audited(corpus(lambda who, name: OF_CLASS[name]))
    (finding,) = found(audit)
    assert (finding.severity, finding.count, finding.of) == (Severity.LEAK, 6, 6)
    low = 100 * 0.025 ** (1 / 12)  # right in all of twelve speakers
    told = f"the sentence alone gives the class with UA 100.0 [{low:.1f}, 100.0], chance 33.3"
    assert finding.text == f"{told}: a model of text or ASR states answers by it"
    assert "“get out of my house right now” → angry" in finding.examples
    assert not audit.ok
    assert told in audit.verdict
    assert "by design" not in audit.verdict


def test_for_a_model_that_reads_no_text_it_is_a_warning_in_the_verdict():
    audit = audited(corpus(lambda who, name: OF_CLASS[name]), reads_text=False)
    (finding,) = found(audit)
    assert finding.severity is Severity.WARNING
    assert audit.ok
    assert audit.verdict.count("this one reads neither") == 1


def test_a_corpus_that_is_not_split_is_warned_of_once():
    audit = audit_corpus(corpus(lambda who, name: OF_CLASS[name]))
    (finding,) = found(audit)
    assert finding.severity is Severity.WARNING
    assert audit.verdict.count("the sentence alone gives the class") == 1


def test_sentences_that_everybody_says_in_every_class_say_nothing():
    everything = [text for texts in OF_CLASS.values() for text in texts]
    manifest = corpus(lambda who, name: everything)
    assert look(manifest).recall == pytest.approx(1 / 3)
    audit = audited(manifest)
    assert found(audit) == []
    assert "6 sentences shared by design" in audit.verdict


def test_classes_of_other_sizes_do_not_make_common_sentences_say_something():
    # As in RAVDESS, whose neutral has half as many: the likeliest class by counts would never be neutral.
    manifest = corpus(lambda who, name: ["one and the same", "and another"] * (1 if name == "sad" else 2))
    assert look(manifest).recall == pytest.approx(1 / 3)


def test_half_of_the_sentences_are_half_of_the_way():
    manifest = corpus(lambda who, name: [OF_CLASS[name][0], "kids are talking by the door"])
    assert look(manifest).recall == pytest.approx((1 + 1 / 3) / 2)
    assert [finding.severity for finding in found(audited(manifest))] == [Severity.LEAK]


def test_a_little_is_noted_with_its_figure_and_stays_out_of_the_verdict():
    rng = np.random.default_rng(0)

    def mostly_everything(who, name):
        return [f"sentence {k}" for k in range(9) if rng.random() < 0.6 or k == list(OF_CLASS).index(name)]

    manifest = corpus(mostly_everything, speakers=40)
    audit = audited(manifest)
    (finding,) = found(audit)
    assert finding.severity is Severity.NOTE
    assert finding.text.endswith("too little to matter")
    assert "gives the class" not in audit.verdict + audit_corpus(manifest).verdict


def test_texts_that_only_one_speaker_says_are_guessed():
    assert look(corpus(lambda who, name: [f"{who} said {name} to me once"])).recall == pytest.approx(1 / 3)


def test_a_speaker_who_repeats_is_no_evidence_for_that_speaker():
    manifest = corpus(lambda who, name: [f"{who} said {name} to me once"] * 4)
    assert look(manifest).recall == pytest.approx(1 / 3)


def test_what_test_says_is_no_leak_where_train_never_says_it():
    items = list(corpus(lambda who, name: OF_CLASS[name]))
    train, test = (tuple(item.id for item in items if item.id.endswith(str(k))) for k in (0, 1))
    manifest = Manifest(items)
    audit = audit_split(Split("given", (Fold("0", train, (), test),), {}, "manifest", True, manifest.digest), manifest)
    (finding,) = found(audit)
    assert finding.severity is Severity.NOTE
    assert finding.text.endswith("test says nothing that train says")


def test_few_speakers_have_the_figure_without_an_interval():
    (finding,) = found(audited(corpus(lambda who, name: OF_CLASS[name], speakers=4)))
    assert "with UA 100.0, chance 33.3" in finding.text


def test_words_of_two_corpora_for_one_class_are_one_by_the_map():
    names = {"angry": "anger", "happy": "happiness", "sad": "sadness"}
    items = list(corpus(lambda who, name: OF_CLASS[name]))
    for place, item in enumerate(items):
        if int(item.speaker[1:]) % 2:
            items[place] = dataclasses.replace(item, labels={"emotion": names[item.labels["emotion"]]})
    manifest = Manifest(items)
    audit = audit_split(make_split("speaker-disjoint", manifest, "emotion(map=canonical)"), manifest)
    assert "UA 100.0 [73.5, 100.0], chance 33.3" in found(audit)[0].text


def test_without_texts_classes_or_speakers_nobody_can_say():
    assert look(corpus(lambda who, name: [""])) is None
    assert look(corpus(lambda who, name: ["a"], classes=("angry",))) is None
    assert look(corpus(lambda who, name: ["a"], speakers=1)) is None
    assert look(corpus(lambda who, name: [OF_CLASS[name][0]], speakers=4)) is None  # four of a class say nothing for sure


@pytest.mark.parametrize("change", [{"speaker": "s0"}, {"speaker": ""}])
def test_of_one_speaker_or_of_nobody_named_recordings_answer_for_each_other(change):
    own = corpus(lambda who, name: OF_CLASS[name])
    audit = audit_corpus(Manifest(dataclasses.replace(item, **change) for item in own))
    (finding,) = found(audit)
    assert finding.severity is Severity.WARNING
    assert "with UA 100.0, chance 33.3: " in finding.text
    assert "“the old dog is very ill today” → sad" in finding.examples
    free = corpus(lambda who, name: [f"{who} says {name}", f"{name} is {who}"])
    assert not found(audit_corpus(Manifest(dataclasses.replace(item, **change) for item in free)))


def test_an_interval_without_width_is_not_printed():
    """One class of three has a sentence of its own: whoever is left out, UA is a third for it and half for each other."""
    sentences = {"angry": ["get lost"], "happy": ["say it"], "sad": ["say it"]}
    (finding,) = found(audited(corpus(lambda who, name: sentences[name])))
    assert "with UA 66.7, chance 33.3: " in finding.text
