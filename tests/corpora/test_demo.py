"""The synthetic corpus: whole or absent, the same each time, learnable and not by one number."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from featurekit import audio
from featurekit.corpora import _synthesis as synthesis
from featurekit.corpora import demo, read_corpus
from featurekit.errors import ManifestError, ParameterError

SMALL = {"speakers": 4, "recordings_per_speaker": 2, "utterances_per_recording": 3}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return demo.synthesise(tmp_path_factory.mktemp("demo") / "corpus", **SMALL)


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_it_has_the_shape_of_mosi(small):
    manifest = read_corpus("demo", small)
    assert len(manifest) == math.prod(SMALL.values())
    for recording, group in manifest.by_recording().items():
        assert [item.position for item in group] == [1, 2, 3]
        assert len({item.speaker for item in group}) == 1
        assert all(first.end < second.start for first, second in itertools.pairwise(group))
        assert group[-1].end < audio.read_header(small / f"audio/{recording}.flac").duration_s
    assert {item.gender for item in manifest} == {"female", "male"}
    assert {item.speaker for item in manifest} == {"s01", "s02", "s03", "s04"}


def test_scores_lie_in_their_range_and_keep_away_from_the_borders_of_the_classes(small):
    scores = np.array([item.labels["score"] for item in read_corpus("demo", small)])
    assert np.all(np.abs(scores) <= 3)
    assert np.all(np.abs(np.abs(scores) - 0.5) > 0.15)


def test_every_utterance_decodes_without_a_note(small):
    for item in read_corpus("demo", small):
        signal = audio.decode(small / item.path, item.start, item.end)
        assert signal.notes == ()
        assert 0.5 < signal.duration_s < 6
        assert signal.duration_s == pytest.approx(item.end - item.start, abs=2 / 16_000)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(small, tmp_path):
    again = demo.synthesise(tmp_path / "again", **SMALL)
    assert contents(again) == contents(small)
    other = demo.synthesise(tmp_path / "other", **SMALL, seed=1)
    assert contents(other) != contents(small)


def test_a_larger_corpus_begins_with_the_same_recordings(small, tmp_path):
    larger = demo.synthesise(tmp_path / "larger", **{**SMALL, "recordings_per_speaker": 3})
    assert (larger / "audio/s02r01.flac").read_bytes() == (small / "audio/s02r01.flac").read_bytes()


def test_a_folder_that_holds_it_is_left_as_it_is(small, tmp_path):
    calls = []
    before = (small / demo.MARKER).stat().st_mtime_ns
    demo.synthesise(small, **SMALL, progress=lambda done, total: calls.append(done))
    assert calls == []
    assert (small / demo.MARKER).stat().st_mtime_ns == before


def test_a_folder_that_holds_something_else_is_refused_and_untouched(small, tmp_path):
    (tmp_path / "thesis.txt").write_text("two years")
    with pytest.raises(ParameterError, match="holds something else"):
        demo.synthesise(tmp_path, **SMALL)
    with pytest.raises(ParameterError, match="another demo corpus"):
        demo.synthesise(small, **{**SMALL, "speakers": 3})
    assert (tmp_path / "thesis.txt").read_text() == "two years"


def test_an_interrupted_synthesis_leaves_nothing_behind(tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.synthesise(tmp_path / "corpus", **SMALL, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_recordings_and_an_empty_folder_will_do(tmp_path):
    seen = []
    demo.synthesise(
        tmp_path, speakers=1, recordings_per_speaker=2, utterances_per_recording=1, progress=lambda *step: seen.append(step)
    )
    assert seen == [(1, 2), (2, 2)]
    assert len(read_corpus("demo", tmp_path)) == 2


@pytest.mark.parametrize("name", SMALL)
def test_a_size_below_one_is_refused(tmp_path, name):
    with pytest.raises(ParameterError, match=name):
        demo.synthesise(tmp_path / "corpus", **{name: 0})


def test_a_broken_table_names_the_line(miniature):
    root = miniature("demo")
    with open(root / demo.TABLE, "a") as file:
        file.write("s01r01,x\n")
    with pytest.raises(ManifestError, match=r"segments.csv:6: expected recording,segment"):
        read_corpus("demo", root)


def test_a_voice_is_heard_at_its_pitch():
    voice = synthesis.Voice(200.0, 1.0, 4.0, range_st=0.0, level_db=0.0, breath=0.0, jitter=0.0, shimmer=0.0)
    pulses = synthesis._glottal(np.random.default_rng(0), voice, np.full(16_000, 200.0))
    spectrum = np.abs(np.fft.rfft(pulses))
    assert np.argmax(spectrum[50:]) + 50 == 200


def test_formants_of_a_vowel_stand_where_they_were_put():
    noise = np.random.default_rng(0).standard_normal(64_000)
    sound = synthesis._formants(noise, np.tile((730.0, 1090.0, 2440.0), (400, 1)))
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / 16_000)

    def level(low, high):
        return power[(hz >= low) & (hz < high)].mean()

    assert level(680, 780) > 5 * level(850, 950)
    assert level(1040, 1140) > level(850, 950)
    assert level(2390, 2490) > 5 * level(1700, 1900)


def test_sentiment_moves_pitch_range_level_tempo_and_breaks_on_average():
    rng = np.random.default_rng(0)
    drawn = {valence: [synthesis.draw_prosody(rng, valence) for _ in range(300)] for valence in (-1.0, 1.0)}
    for carrier in ("shift_st", "range_factor", "tempo_factor", "level_db"):
        low, high = (np.array([getattr(item, carrier) for item in drawn[valence]]) for valence in (-1.0, 1.0))
        assert low.mean() < high.mean()
    assert drawn[1.0][0].pause_probability < drawn[-1.0][0].pause_probability


def test_sentiment_lingers_so_that_context_is_worth_having():
    rng = np.random.default_rng(0)
    chain = np.sign(np.round(demo._valences(rng, 3000, 0), 1).round())
    same = np.mean(chain[1:] == chain[:-1])
    assert same > 0.5
