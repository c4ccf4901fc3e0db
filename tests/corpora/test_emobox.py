"""EmoBox's metadata, with audio where its lines say or a little higher."""

from __future__ import annotations

import json
import logging

import pytest

from featurekit.corpora import read_corpus
from featurekit.errors import ManifestError


def test_a_line_becomes_an_utterance(miniature):
    (utterance,) = read_corpus("emobox", miniature("emobox"))
    assert (utterance.id, utterance.speaker) == ("casia-239-wangzhe-neutral",) * 2
    assert utterance.labels == {"emotion": "neutral"}
    assert utterance.channel is None


def test_audio_may_lie_without_the_download_folder(miniature):
    root = miniature("emobox")
    (root / "downloads" / "casia" / "wangzhe").rename(root / "wangzhe")
    assert read_corpus("emobox", root).utterances[0].path == "wangzhe/neutral/239.wav"
    (root / "wangzhe" / "neutral" / "239.wav").unlink()
    assert read_corpus("emobox", root).utterances[0].path == "downloads/casia/wangzhe/neutral/239.wav"


def test_audio_of_another_case_or_suffix_is_found_where_it_is_one_file(miniature, put):
    root = miniature("emobox")
    lines = [{"key": name, "wav": f"downloads/meld/test/{name}.mp4"} for name in ("DIA0_utt0", "dia1_utt0", "dia2_utt0")]
    put(root / "casia.jsonl", "\n".join(map(json.dumps, lines)))
    put(root / "test" / "dia0_utt0.wav", "")
    put(root / "test" / "dia1_utt0.wav", "")
    put(root / "test" / "dia1_utt0.flac", "")
    paths = [item.path for item in read_corpus("emobox", root)]
    assert paths == ["test/dia0_utt0.wav", "downloads/meld/test/dia1_utt0.mp4", "downloads/meld/test/dia2_utt0.mp4"]


def test_times_and_speakers_are_used_where_a_line_has_them(miniature, put):
    root = miniature("emobox")
    line = {"key": "a", "wav": "a.wav", "start_time": 1, "end_time": 2.5, "spk": 7}
    put(root / "casia.jsonl", json.dumps(line))
    (utterance,) = read_corpus("emobox", root)
    assert (utterance.start, utterance.end, utterance.speaker, utterance.labels) == (1.0, 2.5, "7", {})


def test_a_speaker_that_a_line_does_not_name_is_unknown_beside_known_ones(miniature, put):
    root = miniature("emobox")
    lines = [{"key": key, "wav": "a.wav", "spk": who} for key, who in zip("abcde", ("anna", None, "", " ", 0), strict=True)]
    put(root / "casia.jsonl", "\n".join(map(json.dumps, [*lines, {"key": "f", "wav": "a.wav"}])))
    assert [item.speaker for item in read_corpus("emobox", root)] == ["anna", "", "", "", "0", ""]


def test_two_metadata_files_are_a_question(miniature, put):
    root = miniature("emobox")
    put(root / "other.jsonl", "")
    with pytest.raises(ManifestError, match=r"several metadata files \(casia.jsonl, other.jsonl\)"):
        read_corpus("emobox", root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"casia.jsonl:2: not JSON"),
        ("3", r"casia.jsonl:2: expected an object, got int"),
        ('{"wav": "a.wav"}', r"casia.jsonl:2: key must be str, got None"),
        ('{"key": "a", "wav": 3}', r"casia.jsonl:2: wav must be str, got 3"),
        ('{"key": "a", "wav": "a.wav", "n": NaN}', r"casia.jsonl:2: .*NaN is not a number"),
        ('{"key": "a", "wav": "a.wav", "start_time": "1", "end_time": 2}', r"casia.jsonl:2: start_time must be int or float"),
        ('{"key": "a", "wav": "/a.wav"}', "must be relative and stay inside"),
        ('{"key": "casia-239-wangzhe-neutral", "wav": "a.wav"}', "two utterances have the id"),
    ],
)
def test_a_broken_line_names_file_and_line(miniature, line, message):
    root = miniature("emobox")
    with (root / "casia.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ManifestError, match=message):
        read_corpus("emobox", root)


def test_a_line_that_is_not_utf8_names_its_number(miniature, put):
    root = miniature("emobox")
    put(root / "casia.jsonl", b'{"key": "a", "wav": "a.wav"}\n{"key": "\xe9"}\n')
    with pytest.raises(ManifestError, match=r"casia.jsonl:2: not JSON that can be kept"):
        read_corpus("emobox", root)


def test_a_line_whose_times_cannot_be_is_named_and_the_rest_is_read(miniature, caplog):
    root = miniature("emobox")
    whole = read_corpus("emobox", root)
    (table,) = root.glob("*.jsonl")
    with table.open("a") as file:
        file.write('{"key":"casia-0","dataset":"casia","wav":"downloads/casia/x.wav","start_time":-0.46,"end_time":1.0}\n')
    with caplog.at_level(logging.WARNING):
        assert read_corpus("emobox", root).digest == whole.digest
    assert "the segment runs from -0.46 s to 1.0 s" in caplog.text
