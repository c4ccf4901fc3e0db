"""Files that are none of a corpus's: all are named at once, or left out and counted."""

from __future__ import annotations

import logging

import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.corpora import read_corpus
from featurekit.corpora._strays import StrayFileError, each
from featurekit.errors import ManifestError

# Strays that a tree of each corpus may hold: of another name, and of a code that the corpus does not have.
STRAYS = {
    "casia": ["201.wav", "CASIA/liuchanhg/glad/202.wav"],
    "crema_d": ["AudioWAV/201.wav", "AudioWAV/1001_DFA_GLD_XX.wav", "AudioWAV/1001_XYZ_ANG_XX.wav"],
    "emodb": ["wav/99a01Wa.wav", "wav/03a99Wa.wav"],
    "esd": ["201.wav", "0011/Glad/0011_000001.wav"],
    "iemocap": ["201.wav", "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_X000.wav"],
    "mosi": ["201.wav", "Raw/Audio/WAV_16000/Full/ccc.wav", "Raw/Audio/WAV_16000/Segmented/ccc_1.wav"],
    "nemo": ["samples/201.wav", "samples/EB0_glad_1.wav"],
    "ravdess": ["Actor_01/03-01-09-01-01-01-01.wav", "Actor_99/03-01-01-01-01-01-99.wav"],
    "savee": ["201.wav", "202.wav", "XX/a01.wav", "DC/203.wav"],
    "tess": ["201.wav", "OAF_back_glad.wav"],
    "urdu": ["201.wav", "Sad/SM9_F9_A099.wav"],
}


@pytest.mark.parametrize("name", sorted(STRAYS))
def test_all_strays_of_a_tree_are_named_at_once_or_left_out_and_counted(name, miniature, put, caplog):
    root = miniature(name)
    whole = read_corpus(name, root)
    for stray in STRAYS[name]:
        put(root / stray, b"")
    with pytest.raises(ManifestError, match=rf"{len(STRAYS[name])} files are none of this corpus's; .*--skip-strays") as error:
        read_corpus(name, root)
    for stray in STRAYS[name]:
        assert stray in str(error.value)
    with caplog.at_level(logging.WARNING):
        assert read_corpus(name, root, skip_strays=True).digest == whole.digest
    assert f"{len(STRAYS[name])} files are none of this corpus's, and left out: " in caplog.text


@pytest.mark.parametrize("name", sorted(STRAYS))
def test_strays_that_several_steps_of_a_recipe_find_are_named_at_once(name, miniature, put, caplog):
    root = miniature(name)
    whole = read_corpus(name, root)
    twice = f"zcopy/{whole[0].path}"
    for stray in (*STRAYS[name], twice):
        put(root / stray, b"")
    with pytest.raises(ManifestError, match=rf"{len(STRAYS[name]) + 1} files are none of this corpus's") as error:
        read_corpus(name, root)
    for stray in (*STRAYS[name], twice):
        assert stray in str(error.value)
    assert read_corpus(name, root, skip_strays=True).digest == whole.digest


def test_two_clips_of_one_utterance_in_meld_and_mosei_are_all_named_or_left_out(miniature, put, caplog):
    twice = {
        "meld": ["train_splits/zcopy/dia0_utt0.wav", "train_splits/zcopy/dia0_utt1.wav"],
        "cmu_mosei": ["more/-3g5yACwYnA/2.flac", "more/Full/_x.flac"],
    }
    for name, strays in twice.items():
        root = miniature(name)
        whole = read_corpus(name, root)
        for stray in strays:
            put(root / stray, b"")
        with pytest.raises(ManifestError, match="2 files are none of this corpus's") as error:
            read_corpus(name, root)
        assert all(stray in str(error.value) for stray in strays)
        assert str(error.value).count("is there twice, first in ") == 2
        with caplog.at_level(logging.WARNING):
            assert read_corpus(name, root, skip_strays=True).digest == whole.digest
        assert "2 files are none of this corpus's, and left out: " in caplog.text


def test_a_clip_of_crema_d_under_its_old_and_its_new_name_is_one_too_many(miniature, put):
    root = miniature("crema_d")
    whole = read_corpus("crema_d", root)
    put(root / "AudioWAV" / "1040_ITH_SAD_XX.wav", b"")
    with pytest.raises(StrayFileError, match=r"1040_ITH_SAD_XX.wav': '1040_ITH_SAD_XX' is there twice, first in .*SAD_X.wav"):
        read_corpus("crema_d", root)
    assert read_corpus("crema_d", root, skip_strays=True).digest == whole.digest


@pytest.mark.parametrize(
    ("name", "table", "row", "message"),
    [
        ("msp_podcast", "Labels/labels_consensus.csv", "x.wav,N,2,4,2,30,Male,Test1\n", r"csv:\d+: 'x.wav' is no name of this"),
        ("nemo", "data.tsv", "EB0_glad_1.wav\tglad\t\t\tEB0\t\t\n", r"data.tsv:\d+: unknown emotion 'glad'"),
    ],
)
def test_a_row_that_names_no_clip_of_the_corpus_is_no_file_to_leave_out(name, table, row, message, miniature):
    root = miniature(name)
    with (root / table).open("a") as file:
        file.write(row)
    for skip in (False, True):
        with pytest.raises(ManifestError, match=message) as error:
            read_corpus(name, root, skip_strays=skip)
        assert not isinstance(error.value, StrayFileError)


def test_files_called_otherwise_are_said(miniature, put, caplog):
    for name, stray in (("emodb", "wav/03a01Fa (1).wav"), ("ravdess", "Actor_01/03-01-01-01-02-01-01 copy.wav")):
        root = miniature(name)
        whole = read_corpus(name, root)
        put(root / stray, b"")
        with caplog.at_level(logging.WARNING):
            assert read_corpus(name, root).digest == whole.digest
        assert "1 audio files are called unlike" in caplog.text
        assert repr(stray) in caplog.text


@pytest.mark.parametrize("name", [*sorted(set(STRAYS) - {"esd"}), "folders"])
def test_all_files_that_are_there_twice_are_named_at_once_or_left_out(name, miniature, put, caplog):
    root = miniature(name)
    whole = read_corpus(name, root)
    for path in [item.path for item in whole][:2]:
        put(root / (path.replace(".wav", ".wave") if name == "folders" else f"zcopy/{path}"), b"")
    with pytest.raises(ManifestError, match="2 files are none") as error:
        read_corpus(name, root)
    assert str(error.value).count("is there twice") == 2
    with caplog.at_level(logging.WARNING):
        assert read_corpus(name, root, skip_strays=True).ids == whole.ids
    assert "2 files are none of this corpus's, and left out: " in caplog.text


def test_all_files_of_two_sentiments_are_named_at_once(miniature, put):
    root = miniature("cs582")
    for name in ("positive/3_negative.wav", "neutral/4_negative.wav"):
        put(root / name, b"")
    with pytest.raises(ManifestError, match="2 files are none") as error:
        read_corpus("cs582", root)
    assert str(error.value).count("is said to be") == 2
    read_corpus("cs582", root, skip_strays=True)


def test_one_stray_is_a_sentence_and_the_others_were_given_before():
    def make(item):
        if item < 0:
            raise StrayFileError(f"{item}: negative")
        return item

    given = []
    with pytest.raises(StrayFileError, match=r"^-1: negative; move the file away, or leave it out: --skip-strays$"):
        list(map(given.append, each([1, -1, 2], make)))
    assert given == [1, 2]
    with pytest.raises(StrayFileError, match="4 files"):  # strays of both stages
        list(each(each([-1, -2, 3, 14, 15], make), lambda item: make(item) if item < 10 else make(-item)))


def test_manifest_and_extract_take_the_option(miniature, put):
    root = miniature("savee")
    for stray in STRAYS["savee"]:
        put(root / stray, b"")
    refused = CliRunner().invoke(main, ["manifest", "savee", "--root", str(root), "--dry-run"])
    assert (refused.exit_code, refused.stderr.count(".wav': ")) == (2, 4)
    told = CliRunner().invoke(main, ["manifest", "savee", "--root", str(root), "--dry-run", "--skip-strays"])
    assert (told.exit_code, told.stdout.split(";")[0]) == (0, "4 utterances of 3 speakers")
    dry = CliRunner().invoke(
        main, ["extract", "--corpus", "savee", "--root", str(root), "--features", "rms", "--dry-run", "--skip-strays"]
    )
    assert (dry.exit_code, dry.stdout.split(",")[0]) == (0, "savee: 4 utterances")
