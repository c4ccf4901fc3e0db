import json
import shutil

import numpy as np
import pytest

from featurekit import inference
from featurekit.errors import AudioError, FeaturekitError, ParameterError
from tests.runs.making import rewrite, seal

# Of frames, of pictures, fitted without gradients, and one that tells columns apart by their names.
FEATURES = {
    "ub-bilstm": "rms,mel(n_mels=32)",
    "resnet18": "rms,mel(n_mels=32)",
    "svm": "rms",
    "sae-cnn-blstm": "rms,fft_spectrum",
    "sbcnn-lenet": "spectrogram(height=48,width=48)",
}


@pytest.fixture(scope="module", params=FEATURES)
def finished(request, speech_store, finish):
    return finish(speech_store, request.param, FEATURES[request.param], split="speaker-kfold(k=2)")


def of_classes(judged):
    """A number a class: a probability, or where the model only orders classes (svm) a score."""
    assert not (judged.probabilities and judged.scores)
    return judged.probabilities or judged.scores


def test_a_file_is_judged_as_the_run_judged_it_in_its_store(finished, speech):
    rows = {}
    for path in sorted(finished.glob("folds/*/predictions.jsonl")):
        for line in path.read_text().splitlines():
            rows[json.loads(line)["id"]] = (int(path.parent.name), json.loads(line))
    predictor = inference.Predictor(finished, device="cpu")
    folds = predictor._folds
    for name, (fold, row) in rows.items():
        predictor._folds = [folds[fold]]  # the one fold that did not train on it
        judged = predictor(speech / f"{name}.wav")
        wanted = row.get("probabilities") or row["scores"]
        np.testing.assert_allclose(list(of_classes(judged).values()), wanted, atol=2e-5)
        assert judged.predicted == row["predicted"]


def test_the_folds_are_averaged(finished, speech):
    judged = inference.Predictor(finished, device="cpu")(speech / "3.wav")
    assert sum(of_classes(judged).values()) == pytest.approx(1)
    assert set(of_classes(judged)) == {"loud", "soft"}
    assert bool(judged.scores) == ("svm" in finished.name)
    assert (judged.start_s, judged.end_s) == (0.0, pytest.approx(0.5))


def test_samples_are_judged_as_their_file(finished, speech):
    soundfile = pytest.importorskip("soundfile")
    samples, rate = soundfile.read(speech / "3.wav", dtype="float32")
    predictor = inference.Predictor(finished, device="cpu")
    wanted = of_classes(predictor(speech / "3.wav"))
    for judged in (predictor(samples, rate), predictor(samples, sr=rate)):
        assert of_classes(judged) == wanted
        assert (judged.path, judged.utterance, judged.end_s) == ("samples", "samples", pytest.approx(0.5))
    with pytest.raises(ParameterError, match="samples need their rate"):
        predictor(samples)
    with pytest.raises(ParameterError, match="one recording at a time"):
        predictor([speech / "3.wav"])
    assert [judged.path for judged in predictor.files(speech / "3.wav")] == [str(speech / "3.wav")]


def test_many_files_are_judged_as_one_by_one(finished, speech):
    predictor = inference.Predictor(finished, device="cpu")
    paths = inference.audio_files([speech])
    for path, together in zip(paths, predictor.files(paths, batch_size=5), strict=True):
        alone = predictor(path)
        assert (together.path, together.predicted) == (str(path), alone.predicted)
        np.testing.assert_allclose(list(of_classes(together).values()), list(of_classes(alone).values()), atol=1e-5)


@pytest.fixture(scope="module")
def run(speech_store, finish):
    return finish(speech_store, "mlp-pool", "rms")


def test_unusable_audio_is_a_status_not_a_crash(run, speech, tmp_path):
    (tmp_path / "empty.wav").write_bytes(b"")
    predictor = inference.Predictor(run, device="cpu")
    with pytest.raises(AudioError):
        predictor(tmp_path / "empty.wav")
    found = list(predictor.files([speech / "1.wav", tmp_path / "empty.wav", tmp_path / "absent.wav", speech / "2.wav"]))
    assert [isinstance(item, inference.Refused) for item in found] == [False, True, True, False]
    assert "No such file" in found[2].error


def test_what_extraction_would_refuse_or_note_is_refused_or_noted(speech_store, finish, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    noise = np.random.default_rng(0).standard_normal(4000)
    soundfile.write(tmp_path / "absurd.wav", (1e30 * noise).astype(np.float32), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "narrow.wav", 0.1 * noise, 8000)
    (tmp_path / "nothing.wav").symlink_to("nowhere")
    run = finish(speech_store, "mlp-pool", "rms,mel(n_mels=32)")
    absurd, narrow, nothing = inference.Predictor(run, device="cpu").files(inference.audio_files([tmp_path]))
    assert absurd.error == "NONFINITE: mel32 is not finite for this utterance"
    assert narrow.notes == ("RATE: upsampled from 8000 Hz to 16000 Hz, bands above 4000 Hz hold nothing",)
    assert "No such file" in nothing.error


def test_bf16_moves_a_picture_network_little_and_another_not_at_all(speech_store, finish, run, speech):
    image = finish(speech_store, "resnet18", "rms,mel(n_mels=32)", split="speaker-kfold(k=2)")
    exact, rough = (list(inference.Predictor(image, precision=how)(speech / "1.wav").probabilities.values()) for how in HOWS)
    assert 0 < np.abs(np.subtract(exact, rough)).max() < 0.05
    assert inference.Predictor(run, precision="bf16")(speech / "1.wav") == inference.Predictor(run)(speech / "1.wav")
    with pytest.raises(ParameterError, match="fp32 or bf16"):
        inference.Predictor(run, precision="fp8")


HOWS = ("fp32", "bf16")


def test_what_is_no_finished_run_is_refused_with_the_way_on(run, tmp_path):
    with pytest.raises(ParameterError, match="is not a run"):
        inference.Predictor(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    record = json.loads((run / "run.json").read_text())
    rewrite(copy / "run.json", record | {"format": 99})
    with pytest.raises(ParameterError, match="format 99"):
        inference.Predictor(copy)
    rewrite(copy / "run.json", record)
    (copy / "metrics.json").unlink()
    with pytest.raises(ParameterError, match="not finished"):
        inference.Predictor(copy)


def test_a_checkpoint_of_another_network_is_refused(run, speech_store, finish, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    other = finish(speech_store, "rnn-pool", "rms")
    shutil.copy(other / "folds/0/model.safetensors", copy / "folds/0/model.safetensors")
    with pytest.raises(ParameterError, match="is damaged: it is not what was written"):
        inference.Predictor(copy)
    seal(copy / "folds/0")
    with pytest.raises(ParameterError, match="damaged or of another run"):
        inference.Predictor(copy)
    shutil.copy(other / "folds/0/model.json", copy / "folds/0/model.json")
    seal(copy / "folds/0")
    with pytest.raises(ParameterError, match="another version of its model"):
        inference.Predictor(copy)


def test_sizes_that_no_network_of_these_weights_has_are_refused_before_memory_is_taken(run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    path = copy / "folds" / "0" / "model.json"
    facts = json.loads(path.read_text())
    for build in ({"n_classes": 10**12}, {"n_classes": -1}, {"n_classes": 10**30}, {"units": [10**12]}, {"dims": "x"}):
        rewrite(path, facts | {"build": facts["build"] | build})
        with pytest.raises(FeaturekitError):
            inference.Predictor(copy)


def test_a_model_that_reads_transcripts_cannot_judge_audio_alone(run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    record = json.loads((copy / "run.json").read_text())
    record["settings"]["model"] = "acoustic-text"
    rewrite(copy / "run.json", record)
    with pytest.raises(ParameterError, match="reads transcripts"):
        inference.Predictor(copy)


def test_folders_are_searched_and_absent_paths_refused(speech, tmp_path):
    assert len(inference.audio_files([speech])) == 12
    with pytest.raises(ParameterError, match="no audio"):
        inference.audio_files([tmp_path])
    with pytest.raises(ParameterError, match="no file"):
        inference.audio_files([tmp_path / "absent.wav"])
