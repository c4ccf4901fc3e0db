from __future__ import annotations

import pytest

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.features import FEATURES, NODES, PRESETS, explain, names


def test_a_feature_shows_its_settings_shape_clock_and_graph() -> None:
    text = explain("mfcc")
    for part in ("Mel-frequency cepstral", "13 dims, dB", "every 16 ms", "n_mfcc = 13", "stft(n_fft=1024", "@ 16000 Hz"):
        assert part in text


def test_settings_that_differ_from_the_defaults_are_marked() -> None:
    assert "n_mfcc = 20   (default 13)" in explain("mfcc20")


def test_a_preset_shows_its_columns_total_dims_and_shared_nodes() -> None:
    text = explain("luo2019")
    for part in ("41 dims", "luo2019/tonnetz", "sample_rate = 22050", "[shared]", "Luo, Xu"):
        assert part in text
    assert text.count("stft(n_fft=2048") == 1


def test_totals_are_a_frame_or_an_utterance_never_both_in_one_number() -> None:
    rows = {
        name: [line.split() for line in explain(name).splitlines() if line.strip().startswith(("a frame", "an utt"))]
        for name in ("luo2019", "issa2020", "he2019", "lu2020")
    }
    assert rows == {
        "luo2019": [["a", "frame", "41", "dims"]],
        "issa2020": [["an", "utterance", "301", "dims"]],
        "he2019": [["a", "frame", "282", "dims"]],  # one vector needs no sum
        "lu2020": [],
    }


def test_what_a_feature_of_features_reads_is_said_as_it_would_be_asked_for() -> None:
    assert "  of = mfcc\n" in explain("functionals")
    assert "  of = [rms, mfcc20]   (default mfcc)\n" in explain("delta(of=[rms, mfcc20])")


def test_one_request_is_explained_at_a_time() -> None:
    with pytest.raises(ParameterError, match="takes one request; 'mel,mfcc' has 2: mel, mfcc"):
        explain("mel,mfcc")


def test_an_intermediate_is_explained_too() -> None:
    assert "read by: harmonic, magnitude" in explain("stft")


def test_a_node_that_is_read_in_place_of_the_signal_names_its_readers_and_one_without_has_no_empty_line() -> None:
    assert "read by: tonnetz_harmonic" in explain("harmonic")
    assert "read by" not in explain("percussive")


def test_everything_with_a_name_can_be_explained() -> None:
    for name in {*names(), *NODES.names(), *PRESETS.names(), *FEATURES.names()}:
        assert explain(name).startswith(name)


def test_an_unknown_name_is_suggested() -> None:
    with pytest.raises(UnknownNameError, match="did you mean tonnetz"):
        explain("tonetz")
