import pytest

from featurekit.inspection.findings import Severity
from featurekit.inspection.hearing import Owner, audio_findings
from featurekit.inspection.sounds import Sound, listen
from featurekit.inspection.tree import walk


def sound(path, **facts):
    usual = {"format": "WAV PCM_16", "sample_rate": 16_000, "channels": 1, "duration_s": 1.0, "peak": 0.5, "rms": 0.1}
    return Sound(path, **{**usual, "bytes_digest": path, "samples_digest": path, **facts})


def test_every_defect_of_the_zoo_is_found_and_nothing_else(zoo, by_check):
    heard = listen(zoo, walk(zoo).audio)
    assert by_check(audio_findings(heard)) == {
        "lfs-pointer": ["pointer.wav"],
        "empty": ["bytes_0.wav", "header.wav"],
        "nonfinite": ["nan.wav"],
        "truncated": ["truncated.wav"],
        "wrong-suffix": ["aiff.wav"],
        "channels": ["stereo.wav"],
        "rates": ["rate.wav"],
        "rate-odd": ["rate.wav"],
        "clipped": ["clipped.wav"],
        "silent": ["silent.wav"],
        "quiet": ["quiet.wav"],
        "same-bytes": ["good_0.wav", "twin.wav"],
        "same-audio": ["good_1.wav", "twin.flac"],
    }


def test_what_stops_extraction_is_an_error_and_nothing_else_is(zoo):
    errors = {finding.check for finding in audio_findings(listen(zoo, walk(zoo).audio)) if finding.severity is Severity.ERROR}
    assert errors == {"lfs-pointer", "empty", "nonfinite", "truncated"}


def test_good_files_give_no_finding(make):
    names = [make(f"{number}.wav", hz=100 + number).name for number in range(5)]
    assert list(audio_findings(listen(make.root, names))) == []


@pytest.mark.parametrize(
    ("one", "two", "severity", "said"),
    [
        (Owner(frozenset({"a"}), frozenset({"sad"})), Owner(frozenset({"a"}), frozenset({"sad"})), Severity.WARNING, ""),
        (
            Owner(frozenset({"a"}), frozenset({"sad"})),
            Owner(frozenset({"a"}), frozenset({"angry"})),
            Severity.ERROR,
            "angry and sad",
        ),
        (Owner(frozenset({"a"})), Owner(frozenset({"b"})), Severity.ERROR, "speakers a and b"),
        (Owner(), Owner(), Severity.WARNING, ""),
    ],
)
def test_a_duplicate_is_an_error_where_it_contradicts_itself_or_crosses_speakers(one, two, severity, said):
    pair = [sound("1.wav", samples_digest="x"), sound("2.wav", samples_digest="x")]
    (finding,) = audio_findings(pair, {"1.wav": one, "2.wav": two})
    assert (finding.check, finding.severity) == ("same-audio", severity)
    assert said in finding.items[0].detail


@pytest.mark.parametrize(("count", "said"), [(1, "1 file is not audio, or contradicts itself"), (2, "2 files are not audio, ")])
def test_a_sentence_has_no_brackets_left(count, said):
    refused = [Sound(f"{number}.wav", "DECODE", "is text") for number in range(count)]
    (found,) = audio_findings(refused, {})
    assert found.sentence.startswith(said)
    assert not set("[|]") & set(found.sentence)


def test_a_speaker_recorded_far_quieter_than_the_others_is_named():
    sounds, owners = [], {}
    for who, rms in (("a", 0.1), ("b", 0.12), ("c", 0.09), ("d", 0.011), ("e", 0.08)):
        for number in range(3):
            sounds.append(sound(f"{who}{number}.wav", rms=rms))
            owners[f"{who}{number}.wav"] = Owner(frozenset({who}))
    (finding,) = audio_findings(sounds, owners)
    assert (finding.check, [item.names for item in finding.items]) == ("speaker-level", [("d",)])


def test_a_corpus_that_is_stereo_throughout_gives_one_note():
    (finding,) = audio_findings([sound(f"{number}.wav", channels=2) for number in range(4)])
    assert (finding.check, finding.severity) == ("channels", Severity.NOTE)
