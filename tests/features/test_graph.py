from __future__ import annotations

import pickle
from collections.abc import Iterator

import numpy as np
import pytest

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.features import FEATURES, NODES, Clock, Plan, feature, node, parse
from featurekit.features.binding import accepted, bind


@pytest.fixture
def toys() -> Iterator[dict[str, int]]:
    """A diamond: one counted node read by two features; removed afterwards."""
    calls = {"toy_spectrum": 0}
    NODES.names()  # discover before adding, so that removal leaves the real members
    before = dict(NODES._members), dict(FEATURES._members)

    @node()
    def toy_spectrum(signal: np.ndarray, *, toy_gain: float = 1.0, hop_length: int = 256) -> np.ndarray:
        calls["toy_spectrum"] += 1
        return toy_gain * np.ones((1, 1 + len(signal) // hop_length))

    @feature(unit="V")
    def toy_a(toy_spectrum: np.ndarray) -> np.ndarray:
        return toy_spectrum

    @feature(unit="V", version=3, limits={"toy_shift": (0, 10)})
    def toy_b(toy_spectrum: np.ndarray, toy_a: np.ndarray, *, toy_shift: float = 1.0) -> np.ndarray:
        return toy_spectrum + toy_a + toy_shift

    yield calls
    NODES._members, FEATURES._members = before


def test_a_shared_node_runs_once_for_all_its_readers(toys: dict[str, int]) -> None:
    out = Plan(parse("toy_a, toy_b")).compute({16000: np.zeros(600, np.float32)})
    assert toys["toy_spectrum"] == 1
    np.testing.assert_array_equal(out["toy_b"], np.full((3, 1), 3.0))


def test_a_node_with_other_settings_is_another_computation(toys: dict[str, int]) -> None:
    Plan(parse("toy_a, toy_b(toy_gain=2)")).compute({16000: np.zeros(600, np.float32)})
    assert toys["toy_spectrum"] == 2


def test_settings_reach_every_node_upstream_that_owns_them(toys: dict[str, int]) -> None:
    out = Plan(parse("toy_b(toy_gain=5)")).compute({16000: np.zeros(10, np.float32)})
    assert next(iter(out.values()))[0, 0] == 11.0


def test_an_int_for_a_float_setting_is_the_same_key(toys: dict[str, int]) -> None:
    assert bind("toy_b", {"toy_gain": 2})[0].key == bind("toy_b", {"toy_gain": 2.0})[0].key


def test_keys_change_with_version_settings_upstream_and_sample_rate() -> None:
    keys = {
        bind("mfcc", given)[0].key
        for given in ({}, {"n_mfcc": 20}, {"n_mels": 40}, {"n_fft": 2048}, {"sample_rate": 8000}, {"top_db": None})
    }
    assert len(keys) == 6


def test_a_new_version_upstream_changes_the_key(toys: dict[str, int]) -> None:
    before = bind("toy_b")[0].key

    @node(version=2)
    def toy_spectrum(signal: np.ndarray, *, toy_gain: float = 1.0, hop_length: int = 256) -> np.ndarray:
        return signal

    NODES._members["toy_spectrum"] = NODES._members.pop("toy_spectrum")
    assert bind("toy_b")[0].key != before


def test_keys_are_the_same_in_another_process() -> None:
    import subprocess
    import sys

    code = "from featurekit.features import parse; print(parse('luo2019/tonnetz')[0].key)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == parse("luo2019/tonnetz")[0].key


def test_an_unknown_setting_names_the_accepted_ones() -> None:
    with pytest.raises(UnknownNameError, match="did you mean n_mfcc"):
        bind("mfcc", {"n_mfc": 3})


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("mfcc", {"n_mfcc": 2.5}, "expected int"),
        ("mfcc", {"n_mfcc": True}, "expected int"),
        ("mfcc", {"n_mfcc": 0}, "between 1 and"),
        ("mfcc", {"n_mfcc": 200}, "exceeds n_mels"),
        ("log_mel", {"top_db": float("inf")}, "finite"),
        ("mel", {"fmax": "high"}, "expected float or None"),
        ("mel", {"fmax": 9000.0}, "fmin < fmax"),
        ("rms", {"hop_length": 0}, "between 1 and"),
        ("f0_pyin", {"hop_length": 10**9}, "between 1 and"),
        ("mel", {"fmax": 0}, "fmin < fmax"),
        ("mel", {"fmax": 5e-324}, "1 Hz between"),
        ("log_mel", {"top_db": 1e300}, "between 0 and 1000"),
        ("mfcc", {"n_mels": None}, "n_mels is None; expected int"),
        ("mfdwc", {"n_mels": 1.5}, "n_mels is 1.5; expected int"),
        ("spectral_contrast", {"n_fft": 0}, "n_fft is 0; expected between 2"),
        ("spectral_contrast", {"fmin": 2}, "raise n_fft or fmin"),
        ("formants", {"n_formants": 15, "window_s": 0.005, "max_formant": 600}, "raise window_s to 0.0134"),
        ("mel", {"n_fft": 1023}, "even number"),
        ("mel", {"win_length": 2000}, "more than n_fft"),
        ("rms", {"sample_rate": 0}, "sample_rate, in Hz, is 0; expected between 100 and 768000"),
        ("mel", {"sample_rate": 10**9}, "expected between 100 and 768000"),
        ("spectral_contrast", {"sample_rate": 8000}, "lower n_bands"),
        ("spectral_contrast", {"n_fft": 32}, "raise n_fft"),
        ("chroma_cqt", {"sample_rate": 8000}, "lower n_octaves"),
        ("chroma_cqt", {"n_chroma": 7}, "no multiple"),
    ],
)
def test_values_that_cannot_work_are_refused_when_the_request_is_read(name: str, given: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        bind(name, given)


def test_pinned_settings_cannot_be_requested_and_do_not_leak() -> None:
    assert "n_fft" not in accepted("chroma_cqt")
    assert accepted("chroma_cqt")["hop_length"] == 256


def test_the_cqt_shares_the_stft_of_luo2019() -> None:
    plan = Plan(parse("luo2019, mel256, luo2019-best4"))
    assert [step.bound.name for step in plan.steps].count("stft") == 1
    assert [step.bound.name for step in plan.steps].count("magnitude") == 1


def test_a_cycle_and_conflicting_defaults_are_errors(toys: dict[str, int]) -> None:
    @node()
    def toy_spectrum(toy_a: np.ndarray) -> np.ndarray:
        return toy_a

    with pytest.raises(ParameterError, match="cycle: toy_a → toy_spectrum → toy_a"):
        accepted("toy_a")

    @feature(unit="")
    def toy_a(magnitude: np.ndarray, *, n_fft: int = 7) -> np.ndarray:
        return magnitude

    with pytest.raises(ParameterError, match="different defaults"):
        accepted("toy_a")


def test_a_feature_needs_keyword_only_settings_with_defaults_and_a_known_kind() -> None:
    with pytest.raises(ParameterError, match="keyword-only with a default"):

        @feature(unit="")
        def toy_bad(signal: np.ndarray, *, size: int) -> np.ndarray:
            return signal

    with pytest.raises(ParameterError, match="frames, image or vector"):
        feature(unit="", kind="movie")
    with pytest.raises(ParameterError, match="declares image_shape"):
        feature(unit="", kind="image")


def test_a_frame_feature_without_a_hop_is_refused(toys: dict[str, int]) -> None:
    @feature(unit="")
    def toy_hopless(signal: np.ndarray) -> np.ndarray:
        return signal[None]

    with pytest.raises(ParameterError, match="no setting hop_length"):
        parse("toy_hopless")


def test_two_functions_of_one_name_from_two_modules_are_refused() -> None:
    def mfcc(signal: np.ndarray) -> np.ndarray:
        return signal

    with pytest.raises(ParameterError, match="two members"):
        feature(unit="")(mfcc)


def test_decorated_functions_stay_plain_functions() -> None:
    from featurekit.features.energy import rms

    assert rms(np.ones(4096, np.float32))[0, 8] == pytest.approx(1.0)
    assert pickle.loads(pickle.dumps(rms)) is rms


def test_a_feature_that_reads_another_signal_has_everything_upstream_read_it(toys: dict[str, int]) -> None:
    @node()
    def toy_halved(signal: np.ndarray, *, toy_share: float = 0.5) -> np.ndarray:
        return np.float32(toy_share) * signal

    @feature(unit="full scale", reads="toy_halved")
    def toy_level(rms: np.ndarray) -> np.ndarray:
        return rms

    out = Plan(parse("rms, toy_level, x=toy_level(toy_share=0.25)")).compute({16000: np.ones(4096, np.float32)})
    assert [out[name][8, 0] for name in ("rms", "toy_level", "x")] == pytest.approx([1, 0.5, 0.25])
    assert bind("toy_level")[0].key != bind("rms")[0].key


def test_a_feature_states_its_own_clock(toys: dict[str, int]) -> None:
    @feature(unit="", clock=lambda settings: Clock(settings["toy_hop"], start=settings["toy_hop"] / 2, extra=0))
    def toy_blocks(signal: np.ndarray, *, toy_hop: int = 100) -> np.ndarray:
        n_blocks = max(1, len(signal) // toy_hop)
        return np.resize(signal, (n_blocks, toy_hop)).mean(axis=1)[None]

    (column,) = parse("toy_blocks")
    assert (column.hop_s, column.start_s) == (100 / 16000, 50 / 16000)
    for n_samples in (1, 99, 100, 199, 200):
        assert len(Plan([column]).compute({16000: np.ones(n_samples, np.float32)})["toy_blocks"]) == max(1, n_samples // 100)


def test_a_newer_setting_is_keyed_only_away_from_what_it_was(toys: dict[str, int]) -> None:
    before = bind("toy_a")[0].key

    @feature(unit="V", added={"toy_new": 1})
    def toy_a(toy_spectrum: np.ndarray, *, toy_new: int = 1) -> np.ndarray:
        return toy_spectrum

    assert bind("toy_a")[0].key == bind("toy_a", {"toy_new": 1})[0].key == before
    assert bind("toy_a", {"toy_new": 2})[0].key != before


def test_an_open_edge_is_declared_and_only_where_it_is(toys: dict[str, int]) -> None:
    with pytest.raises(ParameterError, match="takes @feature\\(of=default request\\)"):

        @feature(unit="")
        def toy_open(of: np.ndarray) -> np.ndarray:
            return of

    with pytest.raises(ParameterError, match="as callables"):
        feature(unit="", of="mfcc")


def test_the_open_edge_is_the_very_computation_it_names(toys: dict[str, int]) -> None:
    out = Plan(parse("toy_a, toy_b, delta(of=[toy_a, toy_b])")).compute({16000: np.zeros(600, np.float32)})
    assert toys["toy_spectrum"] == 1
    assert out["delta(of=[toy_a, toy_b])"].shape == (3, 2)
