"""Videos beside the audio that was taken out of them: no utterance is counted twice, and none vanishes."""

import pytest

from featurekit.corpora import read_corpus

HEAD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0")


def test_folders_read_every_file_that_is_named_like_audio(tmp_path):
    touch(tmp_path, "happy/a.wav", "happy/d.m4a", "happy/e.webm", "sad/g.mp4", "sad/h.wma", "sad/i.aac", "sad/j.amr")
    found = [utterance.path for utterance in read_corpus("folders", tmp_path)]
    assert found == ["happy/a.wav", "happy/d.m4a", "happy/e.webm", "sad/g.mp4", "sad/h.wma", "sad/i.aac", "sad/j.amr"]


def test_folders_read_the_audio_of_a_video_that_has_both(tmp_path, caplog):
    touch(tmp_path, "happy/a.wav", "happy/a.mp4", "sad/a.mp4")
    assert [utterance.path for utterance in read_corpus("folders", tmp_path)] == ["happy/a.wav", "sad/a.mp4"]
    assert "1 videos in" in caplog.text


@pytest.mark.parametrize("folder", ["train_splits", "wav/train"])
def test_meld_reads_a_clip_once_and_its_wav_first(tmp_path, folder):
    (tmp_path / "train_sent_emo.csv").write_text(f"{HEAD}1,Hi,Ross,joy,positive,0,0\n2,Hello,Joey,joy,positive,0,1\n")
    touch(tmp_path, "train_splits/dia0_utt0.mp4", "train_splits/dia0_utt1.mp4", f"{folder}/dia0_utt0.wav")
    found = {utterance.id: utterance.path for utterance in read_corpus("meld", tmp_path)}
    assert found == {"train_dia0_utt0": f"{folder}/dia0_utt0.wav", "train_dia0_utt1": "train_splits/dia0_utt1.mp4"}


def test_a_corpus_of_audio_passes_over_its_videos_and_counts_them(tmp_path, caplog):
    touch(
        tmp_path, "Actor_01/03-01-01-01-01-01-01.wav", "Actor_01/01-01-01-01-01-01-01.mp4", "Actor_01/03-01-01-01-01-01-01.mp4"
    )
    assert len(list(read_corpus("ravdess", tmp_path))) == 1
    assert "2 videos in" in caplog.text
