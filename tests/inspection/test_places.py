import json
import shutil

import numpy as np
import pytest
import soundfile

from featurekit.errors import CorpusNotFoundError, ParameterError
from featurekit.inspection import Severity, inspect_corpus, inspect_folder


def checks(report, severity=None):
    """Check → names of the items, of one severity or all."""
    found = {}
    for finding in report.findings:
        if severity is None or finding.severity is severity:
            found.setdefault(finding.check, []).extend(name for item in finding.items for name in item.names)
    return found


@pytest.fixture
def mine(make):
    """A small corpus of one's own in good order."""
    rows = ["path,label,speaker"]
    for number in range(6):
        make(f"audio/{number}.wav", hz=100 + 30 * number)
        rows.append(f"audio/{number}.wav,{'sad' if number % 2 else 'happy'},s{number // 2}")
    (make.root / "manifest.csv").write_text("\n".join(rows) + "\n")
    return make.root


def test_a_corpus_in_good_order_gives_no_finding(mine):
    report = inspect_corpus("custom", mine)
    assert report.findings == []
    assert report.ok
    assert report.facts["labels"] == {"happy": 3, "sad": 3}
    assert (report.facts["utterances"], report.facts["speakers"], report.facts["sample_rate"]) == (6, 3, {"16000": 6})
    assert json.dumps(report.to_record())


def test_missing_and_extra_files_are_told_with_a_hint_where_the_name_is_almost_right(mine, make):
    (mine / "audio" / "0.wav").rename(mine / "audio" / "0.WAV")
    (mine / "audio" / "1.wav").unlink()
    make("audio/left_over.wav", hz=900)
    report = inspect_corpus("custom", mine)
    assert checks(report, Severity.ERROR) == {"missing": ["audio/0.wav", "audio/1.wav"]}
    (missing,) = (finding for finding in report.findings if finding.check == "missing")
    assert [item.detail for item in missing.items] == ["there is audio/0.WAV", ""]
    assert "2 of 6 utterances" in missing.sentence
    assert checks(report)["extra"] == ["audio/0.WAV", "audio/left_over.wav"]


def test_one_sound_under_two_labels_is_an_error(mine):
    shutil.copy(mine / "audio" / "0.wav", mine / "audio" / "1.wav")
    report = inspect_corpus("custom", mine)
    assert checks(report, Severity.ERROR) == {"same-bytes": ["audio/0.wav", "audio/1.wav"]}
    assert "labels happy and sad" in report.findings[0].items[0].detail


@pytest.mark.parametrize("encoding", ["gbk", "utf-16"])
def test_a_table_in_another_encoding_is_told_and_the_audio_is_looked_at_all_the_same(mine, encoding):
    table = mine / "manifest.csv"
    table.write_bytes(table.read_text(encoding="utf-8").replace("sad", "悲伤").encode(encoding))
    report = inspect_corpus("custom", mine)
    assert checks(report, Severity.WARNING) == {"encoding": ["manifest.csv"]}
    assert report.facts["decoded"] == 6


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": " a", "path": "audio/0.wav"}', "' a'"),
        ('{"id": "a", "path": "../../secret.wav"}', "inside the corpus's root"),
        ('{"id": "a", "path": "audio/0.wav", "start": 2, "end": 1}', "before start"),
    ],
)
def test_a_line_that_cannot_be_right_is_an_error(mine, line, said):
    (mine / "manifest.jsonl").write_text(line + "\n")
    report = inspect_corpus("custom", mine, manifest="manifest.jsonl")
    (error,) = (finding for finding in report.findings if finding.severity is Severity.ERROR)
    assert error.check == "table"
    assert said in str(error.items[0])


def test_what_the_reading_of_a_table_says_is_in_the_report(mine, caplog):
    rows = ["audio/0.wav,nan,-1,1,7", "audio/0.wav,sad,0,0.1,7", "audio/1.wav,sad,0,0.1,7"]
    (mine / "manifest.csv").write_text("\n".join(["Path,label,start,end,actor", *rows]) + "\n")
    report = inspect_corpus("custom", mine)
    said = {
        severity: [f.text for f in report.findings if (f.check, f.severity) == ("reading", severity)] for severity in Severity
    }
    assert [text.partition(":")[2] for text in said[Severity.NOTE]] == [" the column 'Path' is read as path"]
    speaker, word, left_out = said[Severity.WARNING]
    assert "did you mean 'actor'?" in speaker
    assert "1 cell is 'nan' in the column 'label'" in word
    assert "1 of 3 rows are left out" in left_out
    assert not caplog.records


def test_ids_with_blanks_in_a_table_are_told(mine):
    (mine / "labels.csv").write_text("id,label\n a1,x\n")
    assert checks(inspect_corpus("custom", mine)) == {"id-blanks": ["labels.csv"]}


def test_a_zero_length_segment_and_one_beyond_the_file_are_errors(mine):
    rows = ["path,label,speaker,start,end", "audio/0.wav,a,s,0.1,0.1", "audio/0.wav,b,s,0.1,9.5", "audio/0.wav,c,s,0,0.1"]
    (mine / "manifest.csv").write_text("\n".join(rows) + "\n")
    found = checks(inspect_corpus("custom", mine), Severity.ERROR)
    assert found == {"segment-empty": ["0_0.1_0.1"], "segment-beyond": ["0_0.1_9.5"]}


def test_a_symlink_loop_ends_and_a_link_out_of_the_root_is_not_read(mine, tmp_path):
    (mine / "loop").symlink_to(mine)
    secret = tmp_path / "secret.wav"
    shutil.copy(mine / "audio" / "0.wav", secret)
    (mine / "audio" / "0.wav").unlink()
    (mine / "audio" / "0.wav").symlink_to(secret)
    found = checks(inspect_corpus("custom", mine))
    assert found == {"link-circle": ["loop"], "link-out": ["audio/0.wav"], "outside": ["audio/0.wav"]}


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CorpusNotFoundError):
        inspect_corpus("ravdess", tmp_path / "no")
    with pytest.raises(ParameterError, match="no folder"):
        inspect_folder(tmp_path / "no")


def test_a_folder_without_a_recipe_is_looked_at_by_its_files(zoo):
    report = inspect_folder(zoo)
    assert not report.ok
    assert checks(report)["hidden"] == ["._good_0.wav"]
    assert report.facts["files"] == 17


def test_one_file_may_be_looked_at(zoo):
    assert inspect_folder(zoo / "good_0.wav").ok
    assert checks(inspect_folder(zoo / "truncated.wav")) == {"truncated": ["truncated.wav"]}


def test_a_folder_without_audio_is_an_error(tmp_path):
    assert checks(inspect_folder(tmp_path)) == {"no-audio": []}


def test_the_odd_files_of_real_corpora_are_told_apart(real_corpora):
    report = inspect_folder(real_corpora / "odd")
    aiff = ["aiff_named_wav_YAF_germ_angry.wav", "aiff_named_wav_YAF_neat_fear.wav"]
    assert checks(report, Severity.ERROR) == {
        "lfs-pointer": ["git_lfs_pointer_1001_DFA_ANG_XX.wav"],
        "empty": ["header_only_44_bytes.wav", "zero_frames_asterisk_ru_is.wav"],
    }
    assert checks(report, Severity.WARNING) == {"wrong-suffix": aiff, "rates": ["rate_96k_OAF_food_fear.wav"]}
    assert checks(report, Severity.NOTE) == {"rate-odd": aiff}


def test_the_real_mosi_table_lacks_its_audio_and_one_segment_has_no_length(real_corpora):
    report = inspect_corpus("mosi", real_corpora / "mosi_labels")
    (error,) = (finding for finding in report.findings if finding.severity is Severity.ERROR)
    assert (error.check, len(error.items)) == ("missing", 93)
    assert "2199 of 2199" in error.sentence
    found = checks(report)
    assert found["segment-empty"] == ["2WGyTLYerpo_44"]
    assert found["text-missing"] == ["2WGyTLYerpo_44", "5W7Z1C_fDaE_24", "BioHAh1qJAQ_30", "lXPQBPVc5Cw_30"]
    assert found["numbering"] == ["VbQk4H8hgr0", "d6hH302o4v8"]
    twice = ("same-stretch", "overlap")
    once = {"missing", "segment-empty", "text-missing", "numbering", "speaker-source", "published"}
    assert found.keys() == {*once, *twice}
    # The ten pairs that are known; the scores of four of them differ, by no more than a tenth of the scale.
    shared = [finding for finding in report.findings if finding.check in twice]
    assert [(finding.check, str(finding.severity), len(finding.items), bool(finding.known)) for finding in shared] == [
        ("same-stretch", "warning", 2, True),
        ("overlap", "warning", 8, True),
        ("overlap", "note", 75, False),
    ]
    assert (report.facts["utterances"], report.facts["recordings"], report.facts["variant"]) == (2199, 93, "all")


def test_real_emodb_is_whole_and_only_its_listening_test_is_latin1(real_corpora):
    report = inspect_corpus("emodb", real_corpora / "emodb", workers=2)
    assert checks(report, Severity.WARNING) == {}
    assert checks(report).keys() == {"encoding", "published"}
    assert checks(report)["encoding"] == ["erkennung.txt"]
    assert report.ok


def test_real_ravdess_has_the_pair_that_everybody_has_and_a_speaker_nearly_silent(real_corpora):
    report = inspect_corpus("ravdess", real_corpora / "ravdess", workers=2)
    found = checks(report)
    assert found.keys() == {"same-bytes", "speaker-level", "quiet", "published"}
    assert [name.split("/")[1] for name in found["same-bytes"]] == [
        "03-01-03-01-02-01-07.flac",
        "03-01-03-01-02-02-07.flac",
    ]
    assert found["speaker-level"] == ["Actor_09"]
    assert {name.split("/")[0] for name in found["quiet"]} == {"Actor_06", "Actor_09", "Actor_20"}
    assert report.ok
    assert all(finding.known for finding in report.findings if finding.check in ("same-bytes", "speaker-level"))


def test_one_actor_of_ravdess_is_not_the_corpus(real_corpora):
    report = inspect_corpus("ravdess", real_corpora / "ravdess_48k")
    assert checks(report, Severity.ERROR) == {"count": []}
    assert len(checks(report)["same-bytes"]) == 2


def test_a_table_that_cannot_be_read_is_the_only_thing_said_of_what_it_holds(tmp_path):
    (tmp_path / "manifest.csv").write_text("path,label\n../out.wav,sad\n")
    (tmp_path / "a.wav").write_bytes(b"")
    assert checks(inspect_corpus("custom", tmp_path)).keys() == {"table", "empty"}


def test_a_segmented_file_of_mosi_that_is_shorter_than_the_table_says_is_told_and_known(tmp_path):
    (tmp_path / "OpinionLevelSentiment.csv").write_text("0.0,4.04,03bSnISJMiM,1,2.4\n4.04,6.04,03bSnISJMiM,2,-0.8\n")
    folder = tmp_path / "Raw" / "Audio" / "WAV_16000" / "Segmented"
    folder.mkdir(parents=True)
    for number, seconds in ((1, 3.33), (2, 2.0)):
        tone = 0.1 * np.sin(np.arange(round(seconds * 16_000)) * 0.1 * number)
        soundfile.write(folder / f"03bSnISJMiM_{number}.wav", tone, 16_000)
    (finding,) = (item for item in inspect_corpus("mosi", tmp_path).findings if item.check == "duration")
    assert [str(item) for item in finding.items] == ["03bSnISJMiM_1: 4.04 s stated, 3.33 s present"]
    assert "issue 255" in finding.known
