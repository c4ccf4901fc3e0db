import numpy as np
import pytest

from featurekit import corpora, extraction
from featurekit.experiments import Run, RunSettings

COLUMNS = "rms,mel(n_mels=32),fft_spectrum,spectrogram(height=48,width=48)"


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """Twelve whole-file utterances of six speakers: the louder class is called loud."""
    soundfile = pytest.importorskip("soundfile")
    root = tmp_path_factory.mktemp("speech")
    random = np.random.default_rng(0)
    lines = ["path,label,speaker,recording"]
    for index in range(12):
        level = 0.3 if index % 2 else 0.01
        samples = level * random.standard_normal(8000 + 1600 * (index % 3))
        soundfile.write(root / f"{index}.wav", samples.astype(np.float32), 16000)
        lines.append(f"{index}.wav,{'loud' if index % 2 else 'soft'},s{index // 2},{index}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="session")
def speech_store(speech, tmp_path_factory):
    """A store of them; tests that change it copy it first."""
    out = tmp_path_factory.mktemp("stores") / "speech"
    manifest = corpora.read_corpus("custom", speech, manifest=speech / "labels.csv")
    extraction.build_store(manifest, root=speech, out=out, columns=COLUMNS, backend="serial")
    return out


@pytest.fixture(scope="session")
def finish(tmp_path_factory):
    """A function that trains a tiny run and returns its folder; the same settings are trained once."""
    known = {}

    def train(store, model, features, **settings):
        key = repr((str(store), model, features, sorted(settings.items())))
        if key not in known:
            settings = {"split": "speaker-disjoint", "training": {"epochs": 1, "device": "cpu"}, **settings}
            chosen = RunSettings(store=str(store), model=model, features=features, **settings)
            known[key] = Run(chosen, runs=tmp_path_factory.mktemp("runs")).execute().folder
        return known[key]

    return train
