import pytest

from featurekit.corpora import Corpus
from featurekit.errors import ManifestError
from featurekit.inspection.findings import Severity
from featurekit.inspection.sounds import Sound
from featurekit.inspection.utterances import class_counts, read_leniently, utterance_findings
from featurekit.manifest import Utterance


def corpus(**facts):
    texts = dict.fromkeys(("title", "licence", "citation", "obtain", "tree"), "")
    return Corpus(**{"name": "mine", "languages": (), **texts, **facts})


def utterance(name, path="v.wav", **facts):
    return Utterance(**{"id": name, "path": path, "speaker": "s", "labels": {"emotion": "sad"}, **facts})


def checks(utterances, *, facts=None, seconds=10.0, channels=1):
    file = Sound("v.wav", sample_rate=16_000, channels=channels, duration_s=seconds)
    return {finding.check: finding for finding in utterance_findings(utterances, facts or corpus(), {"v.wav": file})}


def ids(finding):
    return [name for item in finding.items for name in item.names]


def test_good_segments_give_no_finding():
    assert checks([utterance("a", start=0.0, end=2.0), utterance("b", start=2.0, end=10.0, position=1)]) == {}


@pytest.mark.parametrize(
    ("start", "end", "check", "severity"),
    [
        (3.0, 3.0, "segment-empty", Severity.ERROR),
        (3.0, 3.005, "segment-empty", Severity.ERROR),
        (9.0, 10.2, "segment-beyond", Severity.ERROR),
        (11.0, 12.0, "segment-beyond", Severity.ERROR),
        (10.0, None, "segment-beyond", Severity.ERROR),
        (9.0, 10.05, "segment-over", Severity.NOTE),
    ],
)
def test_times_are_held_against_the_file(start, end, check, severity):
    found = checks([utterance("a", start=start, end=end)])
    assert list(found) == [check]
    assert found[check].severity is severity


def test_a_duration_that_the_table_states_wrongly_and_a_channel_that_is_not_there_are_told():
    found = checks([utterance("a", duration_s=9.0), utterance("b", channel=1), utterance("c", duration_s=10.05)])
    wanted = {"duration": ["a"], "channel": ["b"], "same-stretch": ["a", "c"]}  # a and c are one file
    assert {check: ids(finding) for check, finding in found.items()} == wanted


def test_overlaps_are_told_by_how_much_they_share():
    times = [("a", 0, 2), ("b", 1.95, 4), ("c", 3.5, 6), ("d", 6, 8), ("e", 6.1, 7.9)]
    segments = [
        utterance(name, start=start, end=end, position=place, recording="v") for place, (name, start, end) in enumerate(times)
    ]
    found = [(finding.severity, ids(finding)) for finding in utterance_findings(segments, corpus(), {})]
    assert found == [(Severity.WARNING, ["d", "e"]), (Severity.NOTE, ["b", "c"])]


def test_two_channels_of_one_call_may_speak_at_once():
    both = [utterance(f"c{channel}", start=0.0, end=5.0, channel=channel, recording="v") for channel in (0, 1)]
    assert checks(both, channels=2) == {}


def test_positions_that_run_against_time_are_told():
    segments = [utterance(f"v_{n}", start=9.0 - n, end=9.5 - n, position=n, recording="v") for n in (1, 2, 3)]
    assert ids(checks(segments)["order"]) == ["v"]


def test_odd_ids_and_twins_are_told():
    names = ["plain", "Plain", "ze\u200bro", "a\u0308", "ä", "x" * 300, "b\udcff"]
    found = checks([utterance(name) for name in names])
    assert sorted(ids(found["id-odd"])) == sorted(["ze\u200bro", "a\u0308", "x" * 300, "b\udcff"])
    assert sorted(ids(found["id-twins"])) == sorted(["plain", "Plain", "a\u0308", "ä"])


def test_labels_are_held_against_the_corpus():
    facts = corpus(classes=("sad", "angry"), expected={"all": 3})
    found = checks([utterance("a"), utterance("b", labels={"emotion": "Sad"}), utterance("c", labels={})], facts=facts)
    assert ids(found["label-missing"]) == ["c"]
    assert ids(found["label-unknown"]) == ["Sad"]
    assert ids(found["class-absent"]) == ["angry"]
    assert "count" not in found


def test_scores_beyond_the_scale_of_the_sentiment_tasks_are_told():
    scores = (-3, 0.5, 3.0, 3.2, 30, "4")
    found = checks([utterance(f"u{at}", labels={"score": score}) for at, score in enumerate(scores)])
    assert ids(found["score-range"]) == ["u3", "u4"]
    assert found["score-range"].sentence == "2 scores lie outside [-3, 3], the scale of the sentiment tasks"


def test_labels_that_differ_only_in_case_are_told():
    found = checks([utterance(name, labels={"emotion": name}) for name in ("sad", "Sad", "angry")])
    assert ids(found["label-twins"]) == ["Sad", "sad"]


def test_numbers_in_ids_that_run_against_time_are_a_note_where_positions_follow_it():
    def video(*numbers, position):
        return [
            utterance(f"v_{n}", recording="v", start=float(at), end=at + 0.9, position=position(at, n))
            for at, n in enumerate(numbers)
        ]

    by_time, by_number = (lambda at, n: at), (lambda at, n: n)
    assert checks(video(1, 2, 10, position=by_time)) == {}
    found = checks(video(1, 10, 2, position=by_time))
    assert {check: (ids(finding), finding.severity) for check, finding in found.items()} == {
        "numbering": (["v"], Severity.NOTE)
    }
    assert list(checks(video(1, 10, 2, position=by_number))) == ["order"]


def test_a_count_that_fits_no_variant_is_an_error():
    facts = corpus(expected={"speech": 2, "all": 4})
    assert checks([utterance("a")], facts=facts)["count"].severity is Severity.ERROR
    assert "count" not in checks([utterance("a"), utterance("b")], facts=facts)
    assert checks([])["count"].severity is Severity.ERROR


def test_speakers_genders_and_texts_that_are_missing_or_twofold_are_told():
    facts = corpus(speaker_source="recording")
    people = [
        utterance("a", gender="male", text="hello"),
        utterance("b", gender="female", text="hello"),
        utterance("c", speaker=""),
    ]
    found = checks(people, facts=facts)
    assert ids(found["gender-twofold"]) == ["s"]
    assert ids(found["speaker-missing"]) == ids(found["text-missing"]) == ["c"]
    assert "speaker-source" not in found  # somebody named them


def test_recordings_that_stand_in_for_speakers_are_told_and_counted():
    facts = corpus(speaker_source="recording")
    nameless = [utterance("a_1", recording="a", speaker="a"), utterance("a_2", recording="a", speaker="aB")]
    assert "each recording stands in" in checks(nameless, facts=facts)["speaker-source"].text
    assert "1 utterances have a speaker's name" in checks([*nameless, utterance("b")], facts=facts)["speaker-source"].text
    assert "speaker-source" not in checks(nameless, facts=corpus())


def test_reading_goes_on_after_an_utterance_that_is_not_valid():
    def recipe():
        yield utterance(" padded")
        yield utterance("a", path="../out.wav")
        yield utterance("b")
        yield utterance("b", path="other.wav")
        yield utterance("c", start=2.0, end=1.0)
        raise ManifestError("labels.csv:9: a broken line")

    valid, findings = read_leniently(recipe(), "mine")
    assert [item.path for item in valid] == ["v.wav"]
    assert {finding.check: ids(finding) for finding in findings} == {
        "table": ["mine"],
        "utterance": [" padded", "a", "c"],
        "same-id": ["b"],
    }
    assert all(finding.severity is Severity.ERROR for finding in findings)


def test_class_counts_are_of_words_only():
    assert class_counts(corpus(), [utterance("a"), utterance("b")]) == {"sad": 2}
    assert class_counts(corpus(), [utterance("a", labels={"score": 1.5})]) == {}
