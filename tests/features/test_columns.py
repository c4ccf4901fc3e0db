from __future__ import annotations

import json
import pickle
import subprocess
import sys

import pytest

from featurekit.features import parse


@pytest.mark.parametrize(
    "text", ["luo2019, mel256, luo2019-image", "x=mfcc(n_mfcc=20, fmax=4000, top_db=None)", "zcr, log_mel80"]
)
def test_the_spec_is_read_back_as_the_same_key(text: str) -> None:
    for column in parse(text):
        assert parse(column.spec)[0].key == column.key


def test_the_spec_spells_out_every_setting() -> None:
    column = parse("mfcc")[0]
    assert all(f"{setting}=" in column.spec for setting in column.settings)


def test_settings_are_json_and_a_column_survives_pickling_and_hashing() -> None:
    for column in parse("luo2019, luo2019-image"):
        assert json.loads(json.dumps(column.settings)) == column.settings
        assert pickle.loads(pickle.dumps(column)) == column
        assert len({column, column}) == 1


def test_renaming_keeps_the_identity() -> None:
    column = parse("rms")[0]
    assert column.renamed("level").key == column.key
    assert column.renamed("level").name == "level"


def test_the_clock_is_hop_over_rate_from_zero() -> None:
    column = parse("luo2019/rms")[0]
    assert column.hop_s == pytest.approx(512 / 22050)
    assert column.start_s == 0.0
    image = parse("spectrogram")[0]
    assert (image.hop_s, image.start_s, image.dim_names) == (None, None, ())


def test_stand_alone_features_share_one_clock() -> None:
    columns = parse("mfcc, mel, rms, zcr, spectral_centroid, chroma_stft, tonnetz, spectral_contrast")
    assert {(column.hop_s, column.sample_rate) for column in columns} == {(0.016, 16000)}


def test_dims_are_named() -> None:
    assert parse("chroma_stft")[0].dim_names[:2] == ("C", "C#")
    assert parse("mfcc")[0].dim_names[-1] == "mfcc_12"
    assert parse("rms")[0].dim_names == ("rms",)
    assert parse("spectral_contrast")[0].dim_names == (
        "0-200 Hz",
        "200-400 Hz",
        "400-800 Hz",
        "800-1600 Hz",
        "1600-3200 Hz",
        "3200-6400 Hz",
        "6400-8000 Hz",
    )


def test_bytes_are_estimated() -> None:
    assert parse("mfcc")[0].bytes_per_second() == pytest.approx(13 * 4 * 62.5)
    assert parse("mfcc")[0].bytes_per_utterance() == 0
    assert parse("spectrogram")[0].bytes_per_utterance() == 512 * 512
    assert parse("spectrogram")[0].bytes_per_second() == 0


def test_versions_name_the_libraries_behind_the_values() -> None:
    assert {"numpy", "scipy", "numba"} <= parse("mfcc")[0].versions().keys()
    assert not {"torch", "transformers", "opensmile"} & parse("mfcc")[0].versions().keys()


def test_keys_need_neither_librosa_nor_soxr_and_values_without_cqt_neither() -> None:
    code = (
        "import sys; sys.modules['librosa'] = None; sys.modules['soxr'] = None; sys.modules['soundfile'] = None\n"
        "from featurekit.features import parse, explain\n"
        "print(len(parse('luo2019, mel256, luo2019-image')), len(explain('luo2019')) > 100)\n"
        "import numpy; from featurekit.features import extract\n"
        "print(len(extract(numpy.ones(9000), 22050, 'luo2019-best4, mel256, luo2019-image')))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["9", "True", "6"]
