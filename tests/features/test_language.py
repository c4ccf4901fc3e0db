from __future__ import annotations

import pytest

from featurekit.errors import ParameterError
from featurekit.features.language import members, read, read_settings, split, write


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mfcc", {}),
        ("mfcc", {"fmax": None, "n_mfcc": 20}),
        ("delta", {"of": "delta(of=mfcc(n_mfcc=20), order=2)", "order": 1}),
        ("functionals", {"of": "[rms, functionals(stats='mean,std')]", "stats": "mean,std"}),
        ("x", {"text": "it's (a, b)"}),
    ],
)
def test_what_is_written_is_read_back(name: str, settings: dict) -> None:
    assert read(write(name, settings)) == (name, settings)


def test_of_may_be_quoted_or_bare() -> None:
    for text in ("of=mfcc(n_mfcc=20), order=2", "of='mfcc(n_mfcc=20)', order=2", "order=2 ,  of = mfcc(n_mfcc=20) "):
        assert read_settings(text, text) == {"of": "mfcc(n_mfcc=20)", "order": 2}


@pytest.mark.parametrize("path", ["/data/whisper-tiny", "openai/whisper-tiny.en", "~/w", "./a b/c", "../x"])
def test_a_path_needs_no_quotes(path: str) -> None:
    assert read(f"asr_encoder(model={path}, layer=2)") == ("asr_encoder", {"model": path, "layer": 2})
    assert read(f"f(of=asr_encoder(model={path}))")[1] == {"of": f"asr_encoder(model={path})"}


def test_quoted_text_stays_text() -> None:
    assert read("x(a='1/2')")[1] == {"a": "1/2"}


def test_members_of_one_and_of_several() -> None:
    assert members("luo2019/mfcc") == ["luo2019/mfcc"]
    assert members("[rms, mel(n_mels=40, fmax=4000),]") == ["rms", "mel(n_mels=40, fmax=4000)"]
    for nothing in ("", "[]"):
        with pytest.raises(ParameterError, match="names no feature"):
            members(nothing)
    with pytest.raises(ParameterError, match="of is 3"):
        members(3)


def test_brackets_parentheses_and_quotes_hold_together() -> None:
    assert list(split("a(of=[b, c]), d('x,y'), ")) == ["a(of=[b, c])", "d('x,y')"]
    with pytest.raises(ParameterError, match="unbalanced"):
        list(split("a(of=[b, c)"))
