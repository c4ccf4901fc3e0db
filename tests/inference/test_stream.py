import io

import numpy as np
import pytest

from featurekit import inference
from featurekit.errors import ParameterError

soundfile = pytest.importorskip("soundfile")
RATE = 16000


@pytest.fixture(scope="module")
def predictor(tiny_store, finish):
    return inference.Predictor(finish(tiny_store, "mlp-pool", "rms"), device="cpu")


@pytest.fixture(scope="module")
def with_context(tiny_store, finish):
    return inference.Predictor(finish(tiny_store, "ub-lstm", "rms"), device="cpu")


def noise(seconds, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(round(RATE * seconds))).clip(-1, 1).astype(np.float32)


def judged(predictor, data, chunk_s=1.0, **how):
    return list(inference.judge_stream(predictor, io.BytesIO(data), sample_rate=RATE, chunk_s=chunk_s, **how))


def values(found):
    return list(found.probabilities.values())


def test_a_chunk_is_judged_as_a_file_of_the_same_samples(predictor, tmp_path):
    samples = (noise(2.5) * 32768).astype("<i2")
    found = judged(predictor, samples.tobytes())
    assert [(item.utterance, item.start_s, item.end_s) for item in found] == [
        ("chunk 1", 0.0, 1.0),
        ("chunk 2", 1.0, 2.0),
        ("chunk 3", 2.0, 2.5),
    ]
    for number, item in enumerate(found):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, samples[number * RATE : (number + 1) * RATE], RATE, subtype="PCM_16")
        np.testing.assert_allclose(values(predictor(path)), values(item), atol=1e-6)


def test_floats_are_the_same_sound(predictor):
    samples = (noise(1.0) * 32768).astype("<i2")
    (whole,) = judged(predictor, samples.tobytes())
    (floats,) = judged(predictor, (samples / 32768).astype("<f4").tobytes(), encoding="f32le")
    np.testing.assert_allclose(values(whole), values(floats), atol=1e-6)


def test_each_answer_comes_before_the_next_chunk_is_read(predictor):
    class Slow(io.BytesIO):
        reads = 0

        def read(self, size=-1):
            self.reads += 1
            return super().read(size)

    stream = Slow(noise(3).tobytes())
    answers = inference.judge_stream(predictor, stream, sample_rate=RATE, chunk_s=1.0, encoding="f32le")
    next(answers)
    assert stream.reads == 1


def test_a_model_of_windows_hears_the_chunk_before_and_never_the_next(with_context):
    first, second, third = noise(1, 1), noise(1, 2), noise(1, 3)
    data = np.concatenate([first, second, third])
    found = judged(with_context, data.tobytes(), encoding="f32le")
    assert [item.neighbours for item in found] == [0, 1, 1]
    (alone,) = judged(with_context, second.tobytes(), encoding="f32le")
    assert np.abs(np.subtract(values(alone), values(found[1]))).max() > 0
    changed = np.concatenate([first, second, noise(1, 4)])
    assert judged(with_context, changed.tobytes(), encoding="f32le")[1] == found[1]
    one_slot = with_context.ear(second, RATE), with_context.ear(first, RATE)
    np.testing.assert_allclose(with_context.judge([[one_slot[1], one_slot[0], None]])[0], values(found[1]), atol=1e-6)


def test_a_broken_chunk_is_a_refusal_and_the_next_one_has_no_neighbour(with_context):
    samples = np.concatenate([noise(1), noise(1), noise(1)])
    samples[RATE + 5] = np.nan
    found = judged(with_context, samples.tobytes(), encoding="f32le")
    assert [isinstance(item, inference.Refused) for item in found] == [False, True, False]
    assert "NONFINITE" in found[1].error
    assert (found[1].start_s, found[1].end_s) == (1.0, 2.0)
    assert found[2].neighbours == 0


def test_what_is_left_at_the_end_is_too_short_or_half_a_sample(predictor):
    short = judged(predictor, noise(1.005).tobytes(), encoding="f32le")
    assert "EMPTY: 80 samples" in short[1].error
    torn = judged(predictor, noise(1.5).tobytes() + b"\0", encoding="f32le")
    assert "middle of a sample" in torn[1].error


def test_oddities_are_noted(predictor):
    quiet, loud = judged(
        predictor, np.concatenate([np.zeros(RATE), np.full(RATE, 3.0)]).astype("<f4").tobytes(), encoding="f32le"
    )
    assert quiet.notes[0].startswith("SILENT")
    assert loud.notes[0].startswith("CLIPPED")


def test_nonsense_is_refused(predictor):
    with pytest.raises(ParameterError, match="ended before its first sample"):
        judged(predictor, b"")
    for wrong, said in (
        ({"sample_rate": 16}, "--rate is 16"),
        ({"chunk_s": 0.0}, "--chunk is 0"),
        ({"encoding": "mp3"}, "s16le"),
    ):
        how = {"sample_rate": RATE, "chunk_s": 1.0, **wrong}
        with pytest.raises(ParameterError, match=said):
            list(inference.judge_stream(predictor, io.BytesIO(b"\0\0"), **how))
