from __future__ import annotations

import re

import numpy as np
import pytest

from featurekit.errors import UnknownNameError
from featurekit.features import Plan, cost, explain, parse
from featurekit.features.cost import measure, speech_like_noise


def test_every_node_is_measured_and_the_shares_add_up() -> None:
    text = cost("luo2019-best4", repeats=1)
    rows = re.findall(r"^  (\S+(?:\(.*\))?) +([\d.]+) ms +(\d+)%$", text, re.MULTILINE)
    names = [step.bound.name for step in Plan(parse("luo2019-best4")).steps]
    assert sorted(name for name, _, _ in rows) == sorted(names)
    assert sum(int(share) for _, _, share in rows) == pytest.approx(100, abs=len(rows) / 2)
    assert "real time" in text.splitlines()[-1]
    times = [float(ms) for _, ms, _ in rows]
    assert times == sorted(times, reverse=True)


def test_two_nodes_of_one_name_are_told_apart() -> None:
    text = cost("rms, a=rms(n_fft=512), tonnetz_harmonic", repeats=1)
    for label in ("rms(n_fft=512)", "rms(n_fft=1024)", "stft of harmonic", "\n  stft "):
        assert label in text


def test_each_mean_over_time_says_of_what() -> None:
    text = cost("issa2020", repeats=1)
    for read in ("mel", "mfcc", "tonnetz_harmonic"):
        assert f"functionals of {read} " in text


def test_explanations_are_pure_text_without_times() -> None:
    assert explain("luo2019") == explain("luo2019")
    assert " ms  " not in explain("luo2019")


def test_measuring_gives_one_time_a_step_and_the_signal_is_like_speech() -> None:
    plan = Plan(parse("rms, mfcc"))
    assert len(measure(plan, {16000: speech_like_noise(16000, 0.2)})) == len(plan.steps)
    signal = speech_like_noise(8000)
    assert (len(signal), signal.dtype) == (32000, np.float32)
    assert 0.1 < np.abs(signal).max() < 1


def test_an_unknown_name_is_suggested() -> None:
    with pytest.raises(UnknownNameError, match="did you mean luo2019"):
        cost("luo2018")
