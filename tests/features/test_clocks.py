"""Plain features on the clock of a preset or a column: names, keys, and that they can be stacked."""

import numpy as np
import pytest

import featurekit as fk
from featurekit import features
from featurekit.errors import ParameterError, UnknownNameError


def one(request):
    return features.parse(request)[0]


def test_a_feature_on_a_clock_has_its_framing_its_name_and_another_key():
    column, plain, like = one("mfcc@luo2019"), one("mfcc"), one("luo2019/rms")
    assert column.name == "mfcc@luo2019"
    assert (column.sample_rate, column.clock) == (like.sample_rate, like.clock)
    assert column.settings["n_mfcc"] == plain.settings["n_mfcc"]
    assert column.key not in (plain.key, like.key)
    assert one(column.spec).key == column.key
    assert one("rms@luo2019").key == like.key  # one computation by two names: the store holds it once
    assert one("rms@mel256").key == like.key
    assert one("rms@luo2019/mfcc").key == like.key


def test_settings_and_counts_are_kept_in_the_name():
    assert one("mfcc20@luo2019").name == one("mfcc@luo2019(n_mfcc=20)").name == "mfcc20@luo2019"
    assert one("mfcc20@luo2019").key == one("mfcc@luo2019(n_mfcc=20)").key
    assert one("low=mel@luo2019(fmax=4000)").name == "low"


def test_with_clock_leaves_alone_what_has_a_clock_of_its_own():
    text = "luo2019/rms, mel256, mfcc, mfcc20(fmin=50), rms(hop_length=64), functionals(of=rms), x=zcr, delta(of=rms)"
    assert features.with_clock(text, "luo2019") == (
        "luo2019/rms, mel256, mfcc@luo2019, mfcc20@luo2019(fmin=50), rms(hop_length=64), functionals(of=rms), x=zcr@luo2019, "
        "delta@luo2019(of=rms)"
    )
    assert not features.differing(features.parse(features.with_clock("mel256,mfcc,rms,zcr,delta(of=rms)", "luo2019")))


def test_two_clocks_of_one_feature_are_two_names():
    names = [column.name for column in features.parse("mfcc,mfcc@luo2019,mfcc@he2019/mfcc")]
    assert names == ["mfcc", "mfcc@luo2019", "mfcc@he2019/mfcc"]


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ("mfcc@luo2018", UnknownNameError, "did you mean luo2019"),
        ("mfcc@", ParameterError, "cannot read the feature request"),
        ("mfcc@lu2020", ParameterError, "begin elsewhere"),
        ("mfcc@luo2019@lu2020", ParameterError, "no clock"),
        ("mfcc@cs582", ParameterError, "has no clock"),
        ("mfcc@luo2019(hop_length=256)", ParameterError, "sets one of"),
        ("functionals@luo2019(of=rms)", ParameterError, "cannot be put on another clock"),
        ("luo2019/mfcc@lu2020", ParameterError, "clock of its preset"),
        ("mel256@lu2020", ParameterError, "only a plain feature"),
    ],
)
def test_what_has_no_other_clock_is_refused(request_, error, message):
    with pytest.raises(error, match=message):
        features.parse(request_)


def test_a_dataset_stacks_what_was_put_on_one_clock(tiny_corpus, tiny_manifest, tmp_path):
    from featurekit import extraction

    plain = "luo2019/rms,mfcc,zcr"
    how = {"root": tiny_corpus, "corpus": "demo", "backend": "serial"}
    mixed = extraction.build_store(tiny_manifest, out=tmp_path / "mixed", columns=plain, **how)
    assert list(mixed.clocks.values()) == [["luo2019/rms"], ["mfcc", "zcr"]]
    made = extraction.build_store(tiny_manifest, out=tmp_path / "s", columns=features.with_clock(plain, "luo2019"), **how)
    assert made.clocks == {}
    opened = fk.open_store(tmp_path / "s")
    name = opened.ids[0]
    lengths = {len(opened[name][column]) for column in ("luo2019/rms", "mfcc@luo2019", "zcr@luo2019")}
    assert len(lengths) == 1
    expected = fk.extract(np.zeros(16000, np.float32), 16000, "mfcc@luo2019")
    assert list(expected) == ["mfcc@luo2019"]
    # Once more, with more columns: what is there is known by its key.
    again = extraction.build_store(tiny_manifest, out=tmp_path / "s", columns="mfcc@luo2019", **how)
    assert again.computed_shards == 0
