"""Word times: the alignments of IEMOCAP and of Switchboard, in the forms they are distributed in."""

from __future__ import annotations

import logging

import pytest

from featurekit.corpora import read_corpus
from featurekit.corpora._words import read_ms98, read_wdseg, within
from featurekit.errors import ManifestError

# As Sphinx writes it: a tab, columns of fixed width, a sum at the end.
WDSEG = """\
\t SFrm  EFrm    SegAScr Word
\t    0    44     -166030 <s>
\t   45    79     -379103 EXCUSE(8)
\t   80   103     -246532 ME
\t  104   131      -88314 <sil>
\t  132   170     -512881 ++LAUGHTER++
\t  171   180       -9321 SIL
\t  181   193      -39040 </s>
 Total score:    -1441221
"""
FOLDER = "Session1/sentences/ForcedAlignment/Ses01F_impro01"
MS98 = """\
sw2005B-ms98-a-0056 0.000000 0.271875 [silence]
sw2005B-ms98-a-0057 0.271875 0.400000 um-hum
sw2005B-ms98-a-0057 0.400000 0.420000 [silence]
sw2005B-ms98-a-0057 0.420000 0.500000 [laughter-yeah]
sw2005B-ms98-a-0057 0.500000 0.600000 about_1
sw2005B-ms98-a-0057 0.600000 0.700000 [laughter]
sw2005B-ms98-a-0057 0.700000 0.900000 prob[ably]-
sw2005B-ms98-a-0058 0.900000 0.900000 <e_aside>
"""


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_frames_of_10_ms_become_seconds_silence_goes_and_laughter_stays(tmp_path):
    words = read_wdseg(written(tmp_path / "a.wdseg", WDSEG))
    assert words == [(0.45, 0.8, "EXCUSE"), (0.8, 1.04, "ME"), (1.32, 1.71, "[LAUGHTER]")]


def test_ms98_words_keep_what_they_say_and_lose_the_mark_of_a_pronunciation(tmp_path):
    words = read_ms98(written(tmp_path / "a.text", MS98))
    assert [word for _, _, word in words] == ["um-hum", "[laughter-yeah]", "about", "[laughter]", "prob[ably]-"]
    assert words[0][:2] == (0.271875, 0.4)


def test_a_word_at_a_border_is_in_the_segment_that_has_its_middle_and_is_cut_there(tmp_path):
    words = read_ms98(written(tmp_path / "a.text", MS98))
    before, after = within(words, 0.271875, 0.78), within(words, 0.78, 1.0)
    assert before[0] == (0.0, 0.128125, "um-hum")
    assert [word for _, _, word in before][-1] == "[laughter]"
    assert after == [(0.0, 0.12, "prob[ably]-")]
    assert within(words, 0.271875, 0.82)[-1] == (0.428125, 0.548125, "prob[ably]-")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("   12   20   -5", "a.wdseg:3: expected first frame, last frame, score, word, got '12   20   -5'"),
        ("   x   20   -5 WELL", "a.wdseg:3: the first frame must be a whole number >= 0, got 'x'"),
        ("   12   -3   -5 WELL", "a.wdseg:3: the last frame must be a whole number >= 0, got '-3'"),
        ("   12   3   -5 WELL", r"a.wdseg:3: the segment runs from 0.12 s to 0.04 s"),
    ],
)
def test_a_broken_line_of_a_wdseg_names_file_and_line(tmp_path, line, message):
    lines = WDSEG.splitlines()
    lines.insert(2, line)
    with pytest.raises(ManifestError, match=message):
        read_wdseg(written(tmp_path / "a.wdseg", "\n".join(lines)))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sw2005B-ms98-a-0057 0.1 0.2", "a.text:9: expected segment, start, end, word, got 'sw2005B-ms98-a-0057 0.1 0.2'"),
        ("sw2005B-ms98-a-0057 soon 0.2 well", "a.text:9: start must be a number, got 'soon'"),
        ("sw2005B-ms98-a-0057 0.3 0.2 well", "a.text:9: the segment runs from 0.3 s to 0.2 s"),
    ],
)
def test_a_broken_line_of_a_word_file_names_file_and_line(tmp_path, line, message):
    with pytest.raises(ManifestError, match=message):
        read_ms98(written(tmp_path / "a.text", MS98 + line + "\n"))


def test_iemocaps_turns_have_their_words_and_those_without_are_counted(miniature, caplog):
    root = miniature("iemocap")
    written(root / FOLDER / "Ses01F_impro01_F000.wdseg", WDSEG)
    written(root / FOLDER / "Ses01F_impro01_M001.wdseg", " Total score:  0\n")  # an alignment that failed
    written(root / FOLDER / "._Ses01F_impro01_F000.wdseg", "\x05\x16\x07")
    with caplog.at_level(logging.WARNING):
        manifest = read_corpus("iemocap", root)
    assert manifest["Ses01F_impro01_F000"].labels["words"] == [
        [0.45, 0.8, "EXCUSE"],
        [0.8, 1.04, "ME"],
        [1.32, 1.71, "[LAUGHTER]"],
    ]
    assert "words" not in manifest["Ses01F_impro01_M001"].labels
    assert (
        "3 of 4 utterances have no word times (ForcedAlignment/*.wdseg): Ses01F_impro01_M000, Ses01F_impro01_M001,"
        in caplog.text
    )


def test_a_corpus_without_alignments_is_read_without_a_word_about_them(miniature, caplog):
    for name in ("iemocap", "swbd_sentiment"):
        with caplog.at_level(logging.WARNING):
            manifest = read_corpus(name, miniature(name))
        assert not any("words" in utterance.labels for utterance in manifest)
    assert "word times" not in caplog.text


def test_a_segment_of_a_call_has_the_words_of_the_side_that_speaks(miniature, caplog):
    root = miniature("swbd_sentiment")
    folder = root / "swb_ms98_transcriptions" / "20" / "2005"
    written(folder / "sw2005B-ms98-a-word.text", MS98)
    written(folder / "sw2005A-ms98-a-word.text", "sw2005A-ms98-a-0057 0.3 0.4 not-this-side\n")
    with caplog.at_level(logging.WARNING):
        manifest = read_corpus("swbd_sentiment", root)
    words = manifest["sw02005_57"].labels["words"]  # from 0.271875 to 0.732375 s
    assert words[0] == [0.0, 0.128125, "um-hum"]
    assert [word for _, _, word in words] == ["um-hum", "[laughter-yeah]", "about", "[laughter]"]
    # The side of the others is not known.
    assert "2 of 3 utterances have no word times (sw*-ms98-a-word.text of the side that speaks): sw02005_14, sw0" in caplog.text


def test_another_pronunciation_of_silence_is_silence(tmp_path):
    path = tmp_path / "Ses01F_impro01_F000.wdseg"
    path.write_text(
        "\tSFrm EFrm SegAScr Word\n0 9 -1 <sil>(2)\n10 19 -1 ++BREATH++(2)\n20 29 -1 SIL\n30 39 -1 DO(2)\n", "utf-8"
    )
    assert read_wdseg(path) == [(0.1, 0.2, "[BREATH]"), (0.3, 0.4, "DO")]
