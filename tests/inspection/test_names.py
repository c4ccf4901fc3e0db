"""What the doctor says of names under two spellings."""

from __future__ import annotations

from featurekit.inspection.names import name_findings
from featurekit.manifest import Utterance

NFC, NFD = "J\u00fcrgen", "Ju\u0308rgen"


def checks(*utterances, labels=()):
    return {finding.check: finding for finding in name_findings(utterances, labels)}


def test_spellings_of_speakers_recordings_sessions_and_labels_are_warned_of():
    found = checks(
        Utterance("a", "a.wav", speaker="anna", recording="call_1", labels={"session": "1"}),
        Utterance("b", "b.wav", speaker="ANNA", recording="call-1", labels={"session": "01"}),
        labels=["happy", "Happy", "sad"],
    )
    assert set(found) == {"speaker-twins", "recording-twins", "session-twins", "label-twins"}
    assert {str(finding.severity) for finding in found.values()} == {"warning"}
    assert str(found["speaker-twins"].items[0]) == "ANNA and anna: case"
    assert found["speaker-twins"].sentence.startswith("1 speaker may be there under several spellings")


def test_two_unicode_forms_are_one_speaker_and_a_note():
    (note,) = checks(Utterance("a", "a.wav", speaker=NFC), Utterance("b", "b.wav", speaker=NFD)).values()
    assert (note.check, str(note.severity), note.items[0].names) == ("speaker-forms", "note", (NFC,))
    assert note.sentence == "1 speaker is written in two Unicode forms, and is one"


def test_plain_names_are_left_alone():
    actors = (Utterance(f"u{n}", f"u{n}.wav", speaker=f"{n:02d}") for n in range(1, 25))
    assert checks(*actors, labels=["angry", "calm"]) == {}
