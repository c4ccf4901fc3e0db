from __future__ import annotations

import pytest

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.features import PRESETS, parse


def names(text: str) -> list[str]:
    return [column.name for column in parse(text)]


def test_features_presets_aliases_and_settings_mix() -> None:
    text = "luo2019-best4/mfcc, mel256, mfcc(n_mfcc=20, sample_rate=16000), zcr, mfcc(n_mfcc=20, fmin=50)"
    assert names(text) == ["luo2019-best4/mfcc", "mel256", "mfcc20", "zcr", "mfcc(fmin=50.0, n_mfcc=20)"]


def test_duplicates_collapse() -> None:
    assert names("mfcc, mfcc, mfcc(n_mfcc=13), mfcc20, mfcc(n_mfcc=20)") == ["mfcc", "mfcc20"]
    assert len(names("luo2019, luo2019/rms, luo2019")) == 7


def test_two_columns_of_one_name_must_be_told_apart() -> None:
    with pytest.raises(ParameterError, match=r"two different columns are called 'low'.*other=mel"):
        parse("low=mfcc, low=mel(fmax=2000)")


def test_a_column_can_be_renamed() -> None:
    assert names("low=mel(fmax=2000), a=mel256, b=luo2019/rms") == ["low", "a", "b"]


def test_a_counting_alias_sets_the_features_own_count() -> None:
    assert parse("log_mel80")[0].dims == 80
    assert parse("mel40(fmax=4000)")[0].settings["fmax"] == 4000.0
    with pytest.raises(ParameterError, match="no number of dims"):
        parse("rms13")


def test_what_a_feature_of_features_reads_is_said_like_any_request() -> None:
    texts = ["delta2", "delta(of=mel256)", "functionals(of=lu2020/fbank, stats=mean)", "functionals(of=[rms, delta2])"]
    assert names(", ".join(texts)) == [
        "delta2",
        "delta(of=mel(hop_length=512, n_fft=2048, n_mels=256, sample_rate=22050))",
        "functionals(of=fbank, stats='mean')",
        "functionals(of=[rms, delta2])",
    ]
    assert names("a=functionals(of=luo2019/mfcc), cs582/mfcc, b=issa2020/tonnetz") == ["a", "cs582/mfcc", "b"]
    assert (
        parse("cs582/mfcc")[0].key
        == parse("functionals(of=mfcc(n_mfcc=128, sample_rate=22050, n_fft=2048, hop_length=512), stats=mean)")[0].key
    )


def test_mel256_is_banerjees_and_a_256_band_mel_at_16_khz_has_its_own_name() -> None:
    mel256, other = parse("mel256, mel(n_mels=256)")
    assert (mel256.sample_rate, mel256.settings["n_fft"], mel256.dims) == (22050, 2048, 256)
    assert (other.name, other.sample_rate) == ("mel(n_mels=256)", 16000)


def test_mel256_has_no_empty_band() -> None:
    from featurekit.features.kernels.banks import mel_bank

    assert (mel_bank(22050, 2048, 256, 0.0, None).max(axis=1) > 0).all()


def test_a_bare_word_is_a_string_and_literals_are_literals() -> None:
    assert parse("mel(fmax=None, n_mels=64)")[0].settings["fmax"] is None
    with pytest.raises(ParameterError, match="fmax is 'high'"):
        parse("mel(fmax=high)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mfc", "unknown feature or preset 'mfc'; did you mean mfcc"),
        ("luo2018", "did you mean luo2019"),
        ("luo2019/mfc", "unknown column of preset luo2019 'mfc'; did you mean mfcc"),
        ("mfcc(n_mfc=3)", "unknown setting of mfcc 'n_mfc'"),
        ("spectral(", "unbalanced"),
        ("mfcc(n_mfcc='20)", "unbalanced"),
        ("mfcc(20)", "need names"),
        ("mfcc(n_mfcc=20, n_mfcc=30)", "repeated"),
        ("mfcc(n_mfcc=[1])", r"n_mfcc is \[1\]; expected a number, a string"),
        ("mfcc(n_mfcc=__import__('os'))", r"n_mfcc is __import__\('os'\); expected a number"),
        ("mfcc(n_mfcc=2+3)", r"n_mfcc is 2 \+ 3; expected a number"),
        ("luo2019(n_fft=4)", "is a preset"),
        ("x=luo2019", "is a preset"),
        ("mfcc mel", "cannot read the feature request"),
        ("mfcc(hop_length=0.01s)", "a number without its unit: invalid decimal literal$"),
        ("mfcc20(n_mfcc=13)", r"says n_mfcc twice; write mfcc\(n_mfcc=13\)"),
        ("mel256(n_mels=64)", "says n_mels twice"),
        ("functionals(of=[rms, rms])", "of names rms.* twice"),
        ("MEL", "did you mean mel"),
        ("xyzzy", "see `featurekit list features`"),
        ("", "empty"),
        ("power", "unknown feature"),
        ("signal", "unknown feature"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises((ParameterError, UnknownNameError), match=message):
        parse(text)


def test_luo2019_has_the_papers_dims_and_best4_the_same_keys() -> None:
    luo = {column.name: column for column in parse("luo2019")}
    dims = [13, 1, 1, 7, 12, 6, 1]
    assert [column.dims for column in luo.values()] == dims
    assert sum(dims) == 41
    best = parse("luo2019-best4")
    assert sum(column.dims for column in best) == 33
    for column in best:
        assert column.key == luo[column.name.replace("-best4", "")].key
    assert parse("luo2019-image")[0].image_shape == (512, 512)


def test_every_preset_reads_at_its_own_rate_and_names_its_columns() -> None:
    for preset in PRESETS:
        if preset.asks:  # lu2020-asr, in test_encoders
            continue
        columns = parse(preset.name)
        assert all(column.name.startswith(f"{preset.name}/") for column in columns)
        assert {column.sample_rate for column in columns} == {preset.settings["sample_rate"]}
        assert preset.summary.endswith(".")
        assert preset.source
