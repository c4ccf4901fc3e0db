"""What every member of FEATURES promises, whoever wrote it."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest

from featurekit.errors import FeaturekitError, ParameterError
from featurekit.features import FEATURES, NODES, ImageArray, Plan, parse
from featurekit.features.binding import accepted

Signal = Callable[..., np.ndarray]
# Features that need an optional library have their own tests, which are skipped where it is not installed.
NAMES = [name for name in FEATURES.names() if not FEATURES.get(name).extra]
CLIPS = [
    "one sample",
    "two samples",
    "shorter than a frame",
    "a frame less a sample",
    "a frame",
    "shorter than the CQT's halvings",
    "silence",
    "DC",
    "click",
    "full-scale square",
    "denormals",
    "very quiet",
    "very loud",
    "speech",
]


@pytest.fixture(params=CLIPS)
def clip(request: pytest.FixtureRequest, tone: Signal, speech_like: Signal) -> np.ndarray:
    signals = {
        "one sample": np.array([0.3], np.float32),
        "two samples": np.array([0.3, -0.3], np.float32),
        "shorter than a frame": 0.1 * speech_like(seconds=0.02, rate=16000),
        "shorter than the CQT's halvings": 0.1 * speech_like(seconds=0.1, rate=16000),
        "a frame less a sample": 0.1 * speech_like(seconds=0.1, rate=16000)[:1023],
        "a frame": 0.1 * speech_like(seconds=0.1, rate=16000)[:1024],
        "silence": np.zeros(8000, np.float32),
        "DC": np.full(8000, 0.5, np.float32),
        "click": np.eye(1, 8000, 4000, dtype=np.float32)[0],
        "full-scale square": np.where(np.arange(8000) // 40 % 2, 1.0, -1.0).astype(np.float32),
        "denormals": np.float32(1e-40) * np.sign(tone(200, 0.5, 16000)),
        "very quiet": np.float32(1e-30) * tone(200, 0.5, 16000),
        "very loud": np.float32(1e6) * tone(200, 0.5, 16000),
        "speech": speech_like(seconds=0.5, rate=16000),
    }
    return signals[request.param]


def pixels_or_array(value: np.ndarray | ImageArray) -> np.ndarray:
    return value.pixels if isinstance(value, ImageArray) else value


@pytest.mark.parametrize("name", NAMES)
def test_every_clip_gives_finite_values_of_the_declared_shape_without_a_warning(name: str, clip: np.ndarray) -> None:
    column = parse(name)[0]
    value = Plan([column]).compute({16000: clip})[column.name]
    array = pixels_or_array(value)
    assert np.isfinite(array).all()
    if column.kind == "frames":
        assert array.shape == (column.clock.n_frames(len(clip)), column.dims)
        assert array.dtype == np.float32
    elif column.kind == "image":
        assert array.shape == column.image_shape
        assert array.dtype == np.uint8
    else:
        assert array.shape == (1, column.dims)
    assert len(column.dim_names) == (0 if column.kind == "image" else column.dims)


@pytest.mark.parametrize("n_samples", [1, 255, 256, 257, 16000, 16127, 16128, 16129])
def test_frame_features_of_one_clock_have_the_same_number_of_frames(n_samples: int, speech_like: Signal) -> None:
    columns = [column for name in NAMES for column in parse(name) if column.kind == "frames"]
    out = Plan(columns).compute({16000: speech_like(seconds=1.2, rate=16000)[:n_samples]})
    counts: dict[tuple[float, float], set[int]] = {}
    for column in columns:
        counts.setdefault((column.hop_s, column.start_s), set()).add(len(out[column.name]))
    assert counts[0.016, 0.0] == {1 + n_samples // 256}
    assert all(len(found) == 1 for found in counts.values())


@pytest.mark.parametrize(
    "framing", ["hop_length=160, n_fft=512, win_length=400", "hop_length=100, n_fft=1024", "hop_length=512, n_fft=2048"]
)
def test_frame_features_follow_one_framing(framing: str, speech_like: Signal) -> None:
    given = dict(pair.split("=") for pair in framing.split(", "))
    columns = []
    for name in NAMES:
        own = ", ".join(f"{key}={value}" for key, value in given.items() if key in accepted(name))
        columns += [column for column in parse(f"{name}={name}({own})") if column.kind == "frames"]
    out = Plan(columns).compute({16000: speech_like(seconds=0.6, rate=16000)})
    centred = [column for column in columns if column.start_s == 0]
    assert len(centred) > len(columns) / 2
    assert {len(out[column.name]) for column in centred} == {1 + 9600 // int(given["hop_length"])}
    assert len({column.hop_s for column in columns}) == 1


@pytest.mark.parametrize("rate", [8000, 96000])
@pytest.mark.parametrize("name", NAMES)
def test_another_rate_is_refused_when_the_request_is_read_or_works(name: str, rate: int, speech_like: Signal) -> None:
    try:
        (column,) = parse(f"x={name}(sample_rate={rate})")
    except ParameterError:
        with pytest.raises(ParameterError, match=r"lower|raise|must"):
            parse(f"x={name}(sample_rate={rate})")
        return
    value = Plan([column]).compute({rate: speech_like(seconds=0.1, rate=rate)})["x"]
    assert np.isfinite(pixels_or_array(value)).all()


@pytest.mark.parametrize("name", NAMES)
def test_what_no_setting_can_be_is_refused_in_one_sentence_that_names_it(name: str) -> None:
    for setting in accepted(name).keys() - {"of"}:
        for value in ("-1000000000", "1000000000", "word", "nan", "[1]"):
            with pytest.raises(FeaturekitError) as raised:
                parse(f"{name}({setting}={value})")
            assert setting in str(raised.value)
            assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_at_the_edge_of_what_it_can_be_is_refused_or_works(name: str, speech_like: Signal) -> None:
    speech = speech_like(seconds=0.03, rate=16000)
    for setting in accepted(name).keys() - {"sample_rate", "of"}:
        for value in ("0", "1", "2", "0.0", "1e-300", "1.5", "None", "1048576"):
            try:
                (column,) = parse(f"x={name}({setting}={value})")
            except FeaturekitError:
                continue
            assert np.isfinite(pixels_or_array(Plan([column]).compute({16000: speech})["x"])).all()


@pytest.mark.parametrize("name", NAMES)
def test_input_is_not_written_to(name: str, speech_like: Signal) -> None:
    signal = speech_like(seconds=0.3, rate=16000)
    signal.flags.writeable = False
    Plan(parse(name)).compute({16000: signal})


@pytest.mark.parametrize("name", NODES.names())
def test_every_node_has_a_docstring_and_typed_arguments(name: str) -> None:
    member = NODES.get(name)
    assert member.summary.endswith((".", "]", "]."))
    for parameter in inspect.signature(member.function).parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty


@pytest.mark.parametrize("name", FEATURES.names())
def test_every_feature_documents_its_settings_or_leaves_them_to_their_node(name: str) -> None:
    member = FEATURES.get(name)
    documentation = inspect.getdoc(member.function) or ""
    for setting in member.defaults:
        assert setting in documentation
