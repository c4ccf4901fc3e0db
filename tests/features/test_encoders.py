"""The encoders against transformers itself, on tiny random models built here and on Whisper where its weights are."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from featurekit.errors import AudioError, MissingDependencyError, ParameterError
from featurekit.features import Plan, explain, extract, parse
from featurekit.features import encoders as room
from featurekit.features.encoders import encode_many, networks
from featurekit.features.specaugment import SpecAugment, without_log_mel

RATE = 16000
KINDS = ["whisper", "wav2vec2", "hubert", "wavlm"]
# Families whose first convolution normalises over the whole signal, and one that normalises frame by frame.
NORMS = [*KINDS, "wav2vec2-layer"]


@pytest.fixture(scope="module")
def transformers():
    pytest.importorskip("transformers")
    return networks._transformers()


@pytest.fixture(scope="module")
def tiny(transformers, tmp_path_factory):
    """``tiny(kind)`` is the folder of a small random model; each is made once."""
    import torch

    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            torch.manual_seed(0)
            made[kind] = folder = tmp_path_factory.mktemp("weights") / kind
            if kind == "whisper":
                sizes = {"d_model": 16, "encoder_layers": 3, "encoder_attention_heads": 2, "encoder_ffn_dim": 24}
                small = {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 8, "max_target_positions": 4}
                tokens = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0, "decoder_start_token_id": 0}
                config = transformers.WhisperConfig(**sizes, **small, **tokens)
                network, front_end = transformers.WhisperModel(config), transformers.WhisperFeatureExtractor()
            else:
                sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
                convolutions = {"conv_dim": (8,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
                name = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}[kind.partition("-")[0]]
                norm = {"feat_extract_norm": "layer", "do_stable_layer_norm": True} if kind.endswith("-layer") else {}
                config = getattr(transformers, f"{name}Config")(**sizes, **convolutions, **norm)
                network = getattr(transformers, f"{name}Model")(config)
                front_end = transformers.Wav2Vec2FeatureExtractor()
            network.save_pretrained(folder)
            front_end.save_pretrained(folder)
        return made[kind]

    return make


@pytest.fixture(scope="module")
def whisper():
    """Folder of Whisper's tiny English encoder; skips where it is not beside the checkout."""
    folder = os.environ.get("FEATUREKIT_TEST_WEIGHTS")
    root = Path(folder) if folder else Path(__file__).resolve().parents[3] / "shared" / "weights"
    if not (root / "whisper-tiny.en-encoder" / "config.json").is_file():
        pytest.skip("no Whisper weights here: set FEATUREKIT_TEST_WEIGHTS")
    return root / "whisper-tiny.en-encoder"


def noise(n_samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


def request(folder: Path, **settings: object) -> str:
    """A request that names its column x."""
    return f"x=asr_encoder({', '.join(f'{key}={value!r}' for key, value in {'model': str(folder), **settings}.items())})"


def encode(folder: Path, signal: np.ndarray, **settings: object) -> np.ndarray:
    return extract(signal, RATE, request(folder, **settings))["x"]


def reference(transformers, folder: Path, signal: np.ndarray) -> list[np.ndarray]:
    """Hidden states as a user of transformers gets them."""
    import torch

    front_end = transformers.AutoFeatureExtractor.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).float().eval()
    inputs = front_end(signal, sampling_rate=RATE, return_tensors="pt")
    if "input_features" in inputs:
        network, heard = network.get_encoder(), inputs.input_features
    else:
        heard = inputs.input_values
    with torch.inference_mode():
        return [state[0].numpy() for state in network(heard, output_hidden_states=True).hidden_states]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", [0, 2, -1])
def test_values_are_those_of_transformers(transformers, tiny, kind, layer):
    signal = noise(11000)
    expected = reference(transformers, tiny(kind), signal)[layer]
    values = encode(tiny(kind), signal, layer=layer, dtype="f4")
    assert len(values) == (1 + 11000 // 320 if kind == "whisper" else len(expected))
    np.testing.assert_allclose(values, expected[: len(values)], atol=2e-5)


@pytest.mark.parametrize("n_samples", [11000, 500_000])
def test_masks_fall_on_whispers_own_log_mel_and_not_on_its_padding(transformers, tiny, n_samples):
    """What is longer than 30 s is heard in windows, each changed by itself."""
    import torch

    folder, signal, mask = tiny("whisper"), noise(n_samples), SpecAugment(draw=4)
    front_end = transformers.AutoFeatureExtractor.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).float().eval().get_encoder()
    expected = []
    for part, first in enumerate(networks.window_starts(1 + n_samples // 320, 1500)):
        samples = signal[first * 320 :][: 30 * RATE]
        features = front_end(samples, sampling_rate=RATE, return_tensors="np").input_features
        real = 1 + (len(samples) - 1) // 160
        features[0, :, :real] = mask(features[0, :, :real], part=part)
        with torch.inference_mode():
            states = network(torch.from_numpy(features)).last_hidden_state[0].numpy()
        expected.append(states[max(0, sum(map(len, expected)) - first) : 1 + n_samples // 320 - first])
    (column,) = parse(request(folder, dtype="f4"))
    values = Plan([column]).compute({RATE: signal}, mask)["x"]
    np.testing.assert_allclose(values, np.concatenate(expected), atol=2e-5)
    assert np.abs(values - encode(folder, signal, dtype="f4")).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_encoders_of_samples_have_no_log_mel_to_mask(tiny, kind):
    columns = parse(request(tiny(kind)))
    assert without_log_mel(columns) == ([] if kind == "whisper" else columns)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_layer_is_the_mean_of_all_hidden_states(transformers, tiny, kind):
    signal = noise(8000)
    values = encode(tiny(kind), signal, layer="mean", dtype="f4")
    np.testing.assert_allclose(values, np.mean(reference(transformers, tiny(kind), signal), axis=0)[: len(values)], atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_samples", [1, 319, 399, 400, 719, 720, 16000])
def test_clips_of_any_length_have_the_clocks_number_of_finite_frames(tiny, kind, n_samples):
    column = parse(request(tiny(kind)))[0]
    values = encode(tiny(kind), noise(n_samples))
    assert values.shape == (column.clock.n_frames(n_samples), 16)
    assert np.isfinite(values).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0.0, 1e-30, 1e6])
def test_silence_and_wild_levels_are_finite(tiny, kind, level):
    assert np.isfinite(encode(tiny(kind), np.float32(level) * noise(4000))).all()


@pytest.mark.parametrize(("kind", "start_s"), [("whisper", 0.0), ("wav2vec2", 199.5 / 16000)])
def test_the_clock_is_the_models(tiny, kind, start_s):
    column = parse(request(tiny(kind)))[0]
    assert column.hop_s == 0.02
    assert column.start_s == start_s
    assert column.dims == 16


def test_a_click_moves_the_frames_around_it_first(tiny):
    # What enters the first layer of wav2vec 2.0 is local but for its positions: frame t hears 400 samples about its time.
    quiet, click = noise(16000), noise(16000)
    click[8000] += 0.5
    moved = np.abs(encode(tiny("wav2vec2"), click, layer=0) - encode(tiny("wav2vec2"), quiet, layer=0)).sum(axis=1)
    column = parse(request(tiny("wav2vec2")))[0]
    assert abs(column.start_s + moved.argmax() * column.hop_s - 0.5) < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_longer_than_a_window_is_heard_in_full_windows(transformers, tiny, kind):
    signal = noise(35 * RATE + 7)
    values = encode(tiny(kind), signal, dtype="f4")
    n_frames = parse(request(tiny(kind)))[0].clock.n_frames(len(signal))
    assert values.shape == (n_frames, 16)
    scaled = signal if kind == "whisper" else (signal - signal.mean()) / signal.std()
    reach = 480000 if kind == "whisper" else 1499 * 320 + 400
    first, last = scaled[:reach], scaled[(n_frames - 1500) * 320 :]
    np.testing.assert_allclose(values[:1500], reference(transformers, tiny(kind), first)[-1], atol=2e-4)
    np.testing.assert_allclose(
        values[1500:], reference(transformers, tiny(kind), last)[-1][1500 - (n_frames - 1500) :], atol=2e-4
    )


def test_hidden_states_beyond_memory_are_a_status_and_not_a_crash(tiny, monkeypatch):
    monkeypatch.setattr(room, "LARGEST_STATES_BYTES", 1000)
    with pytest.raises(AudioError, match="TOO_LONG: all layers of 1 s take"):
        encode(tiny("wav2vec2"), noise(RATE))
    with pytest.raises(AudioError, match="TOO_LONG: all layers of 1 s take"):
        Plan(parse(request(tiny("whisper")))).compute({RATE: noise(RATE)}, SpecAugment())


def test_statistics_over_time_are_a_feature_of_this_feature(tiny):
    inside = request(tiny("wav2vec2"), layer=2).removeprefix("x=")
    vector = extract(noise(RATE), RATE, f"v=functionals(of={inside}, stats='mean,std')")["v"]
    frames = encode(tiny("wav2vec2"), noise(RATE), layer=2)
    np.testing.assert_allclose(vector[0, ::2], frames.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(vector[0, 1::2], frames.std(axis=0), atol=1e-4)


def test_several_layers_run_the_encoder_once(tiny, monkeypatch):
    runs = []
    run = networks._run
    monkeypatch.setattr(networks, "_run", lambda *inputs: runs.append(1) or run(*inputs))
    model = str(tiny("wav2vec2"))
    columns = parse(f"a=asr_encoder(model={model!r}, layer=1), b=asr_encoder(model={model!r}, layer='mean')")
    Plan(columns).compute({RATE: noise(4000)})
    assert len(runs) == 1


@pytest.mark.parametrize("kind", NORMS)
def test_a_signal_is_heard_alone_and_in_a_batch_as_the_same(tiny, kind):
    model = str(tiny(kind))
    signals = [noise(n_samples, seed) for seed, n_samples in enumerate((16000, 300, 9000, 9000, 400, 16000, 4321))]
    signals[2] *= 1e-3
    together = encode_many(signals, model, windows_per_call=3)
    for signal, states in zip(signals, together, strict=True):
        alone = room.encoder_states(signal, model=model)
        assert states.shape == alone.shape
        np.testing.assert_allclose(states, alone, atol=1e-5 * np.abs(alone).max())


@pytest.mark.parametrize("kind", ["whisper", "wav2vec2"])
def test_batch_mates_may_be_loud_and_long(tiny, kind):
    model, signal = str(tiny(kind)), noise(5000)
    _, alone = encode_many([noise(31 * RATE, 1), signal], model)
    _, beside = encode_many([1e3 * noise(31 * RATE, 1), signal], model, windows_per_call=8)
    np.testing.assert_allclose(beside, alone, atol=1e-5 * np.abs(alone).max())


@pytest.mark.parametrize("kind", ["whisper", "hubert"])
def test_the_gpus_engine_gives_the_cpus_values_for_many_utterances_at_once(tiny, kind):
    from featurekit.features import cuda
    from featurekit.features.cuda.engine import Engine

    columns = parse(f"{request(tiny(kind), layer=2, dtype='f4')}, mean={request(tiny(kind), layer='mean')[2:]}")
    twins = [cuda.on_gpu(column) for column in columns]
    assert {twin.engine for twin in twins} == {"cuda"}
    assert not {twin.key for twin in twins} & {column.key for column in columns}
    signals = [noise(n_samples, n_samples) for n_samples in (16000, 1, 5000)]
    for signal, values in zip(signals, Engine(twins, "cpu").compute([{RATE: signal} for signal in signals]), strict=True):
        expected = Plan(columns).compute({RATE: signal})
        np.testing.assert_allclose(values["x"], expected["x"], atol=1e-4)
        np.testing.assert_allclose(values["mean"], expected["mean"], atol=2e-3)  # rounded to float16


def test_no_signals_give_no_states(tiny):
    assert encode_many([], str(tiny("whisper"))) == []


def test_the_preset_of_lu2020_is_the_last_layer_of_the_encoder_that_is_named(tiny):
    model = str(tiny("whisper"))
    (column,) = parse(f"lu2020-asr(model={model!r})")
    assert column.name == "lu2020-asr/encoder"
    assert column.key == parse(request(tiny("whisper"), layer=-1))[0].key
    assert parse(f"x=lu2020-asr/encoder(model={model!r})")[0].key == column.key


def test_the_preset_of_lu2020_says_how_to_name_an_encoder_and_takes_nothing_else(tiny):
    for text in ("lu2020-asr", "lu2020-asr/encoder"):
        with pytest.raises(ParameterError, match=r"needs its model: the folder or hub id .*, as in lu2020-asr\(model="):
            parse(text)
    with pytest.raises(ParameterError, match="is a preset"):
        parse(f"lu2020-asr(model={str(tiny('whisper'))!r}, layer=2)")
    assert "needs its model" in explain("lu2020-asr")


def test_a_column_names_the_versions_of_torch_and_transformers(tiny):
    inside = request(tiny("wavlm")).removeprefix("x=")
    for text in (request(tiny("wavlm")), f"functionals(of={inside})"):
        assert {"torch", "transformers", "numpy"} <= parse(text)[0].versions().keys()


def test_values_are_the_same_every_time_and_whatever_torchs_threads(tiny):
    import torch

    threads = torch.get_num_threads()
    first = encode(tiny("wav2vec2"), noise(8000), dtype="f4")
    torch.set_num_threads(1)
    try:
        np.testing.assert_array_equal(encode(tiny("wav2vec2"), noise(8000), dtype="f4"), first)
    finally:
        torch.set_num_threads(threads)


def test_float16_is_a_rounding_of_float32_and_another_key(tiny):
    half, single = (encode(tiny("wavlm"), noise(8000), dtype=dtype) for dtype in ("f2", "f4"))
    np.testing.assert_array_equal(half, single.astype(np.float16).astype(np.float32))
    assert len({parse(request(tiny("wavlm"), dtype=dtype))[0].key for dtype in ("f2", "f4")}) == 2


def test_values_beyond_float16_are_clipped_to_its_largest():
    states = np.array([[[1e6, -1e6]]], np.float32)
    np.testing.assert_array_equal(room.asr_encoder(states, layer=0), [[65504, -65504]])


def test_the_key_holds_the_weights_and_not_where_they_lie(tiny, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(tiny("whisper"), moved)
    key = parse(request(moved))[0].key
    assert key == parse(request(tiny("whisper")))[0].key
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (moved / "model.safetensors").write_bytes(weights)
    assert parse(request(moved))[0].key != key


def test_a_columns_name_holds_the_last_part_of_the_path(tiny):
    assert parse(request(tiny("wavlm"), layer=2).removeprefix("x="))[0].name == "asr_encoder(layer=2, model='wavlm')"


def test_without_a_model_the_feature_is_explained_all_the_same():
    text = explain("asr_encoder")
    assert text.startswith("asr_encoder: Hidden states of a speech encoder")
    assert "featurekit[asr]" in text


def test_a_columns_spec_makes_the_column_again(tiny):
    column = parse(request(tiny("wavlm"), layer="mean"))[0]
    assert parse(column.spec)[0].key == column.key


@pytest.mark.parametrize("layer", [4, -5, "last"])
def test_a_layer_the_model_does_not_have_is_refused_with_the_ones_it_has(tiny, layer):
    with pytest.raises(ParameterError, match="to 3, -1 for the last, or mean"):
        parse(request(tiny("whisper"), layer=layer))


def test_another_sample_rate_or_storage_is_refused(tiny):
    with pytest.raises(ParameterError, match="hears 16000 Hz"):
        parse(request(tiny("whisper"), sample_rate=8000))
    with pytest.raises(ParameterError, match="float16"):
        parse(request(tiny("whisper"), dtype="i1"))


def test_without_a_model_the_error_says_how_to_name_one():
    with pytest.raises(ParameterError, match="needs a model: a folder or a hub id, as in"):
        parse("asr_encoder")


@pytest.mark.parametrize("model", ["./nowhere", "/no/such/folder", "a/b/c"])
def test_a_folder_that_is_not_there_is_one_sentence(model):
    with pytest.raises(ParameterError, match="there is no folder"):
        parse(f"x=asr_encoder(model='{model}')")


def test_a_hub_id_is_never_downloaded(transformers, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    with pytest.raises(ParameterError, match="hf download nobody/no-such-encoder"):
        parse("x=asr_encoder(model='nobody/no-such-encoder')")


def test_pickled_weights_and_other_models_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ParameterError, match=r"expected config\.json and \*\.safetensors"):
        parse(request(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ParameterError, match="type 'bert'"):
        parse(request(tmp_path))
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(ParameterError, match="not a JSON object"):
        parse(request(tmp_path))


def test_weights_that_are_not_there_are_not_made_up(transformers, tiny, tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "cut"
    shutil.copytree(tiny("wavlm"), folder)
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layers.1.feed_forward.output_dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ParameterError, match=r"lack encoder\.layers\.1"):
        encode(folder, noise(4000))


def test_without_transformers_the_extra_is_named(tiny, monkeypatch):
    folder = tiny("whisper")
    networks._load.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match=r"featurekit\[asr\]"):
        encode(folder, noise(4000))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=r"featurekit\[asr\]"):
        parse("x=asr_encoder(model='openai/whisper-tiny.en')")


def test_describing_a_column_needs_no_torch(tiny):
    import subprocess

    code = "import sys; sys.modules['torch'] = sys.modules['transformers'] = None; from featurekit.features import parse; "
    code += f"print(parse({request(tiny('whisper'))!r})[0].dims)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "16"


def test_an_explanation_shows_the_layer_and_the_clock(tiny):
    text = explain(request(tiny("wav2vec2"), layer=2))
    assert "layer = 2" in text
    assert "every 20 ms" in text


def test_whispers_own_weights_give_transformers_values_on_speech_like_sound(transformers, whisper, speech_like):
    signal = speech_like(seconds=2.0, rate=RATE)
    values = encode(whisper, signal, layer=2, dtype="f4")
    assert values.shape == (101, 384)
    np.testing.assert_allclose(values, reference(transformers, whisper, signal)[2][:101], atol=2e-4)


def test_a_store_keeps_float16_and_gives_back_what_was_computed(tiny, tmp_path, tiny_manifest, tiny_corpus):
    from featurekit import audio, extraction, open_store
    from featurekit.manifest import Manifest

    few = Manifest(tiny_manifest.utterances[:2])
    columns = request(tiny("wav2vec2"))
    extraction.build_store(few, root=tiny_corpus, out=tmp_path / "s", columns=columns, corpus="demo", backend="serial")
    made = open_store(tmp_path / "s")
    stored = made[few.utterances[0].id]["x"]
    assert stored.dtype == np.float16
    item = few.utterances[0]
    segment = audio.load(tiny_corpus / item.path, RATE, start=item.start, end=item.end)
    np.testing.assert_array_equal(stored, encode(tiny("wav2vec2"), segment.samples))
