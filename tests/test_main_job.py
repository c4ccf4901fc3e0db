"""The main job on the demo corpus: what the README promises, and what must be true of its ground truth."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import featurekit as fk
from featurekit.corpora import demo

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder with cache/demo in it, as `make demo` leaves it, but of half the recordings and of the features read here."""
    folder = tmp_path_factory.mktemp("home")
    root = demo.synthesise(folder / "cache" / "demo-corpus", recordings_per_speaker=2)
    columns = "luo2019/mfcc,luo2019/rms"
    manifest = fk.read_corpus("demo", root)
    fk.build_store(manifest, root=root, out=folder / "cache" / "demo", columns=columns, corpus="demo", backend="serial")
    return folder


def test_the_notebook_of_the_readme_runs(cache, monkeypatch):
    code = next(
        block
        for block in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        if "import featurekit" in block
    )
    monkeypatch.chdir(cache)
    names = {"signal": np.sin(np.arange(32000) / 9).astype(np.float32), "sample_rate": 16000}
    exec(compile(code, str(README), "exec"), names)
    assert names["frames"]["luo2019/mfcc"].shape == (1 + 44100 // 512, 13)
    assert len(names["train"]) > 100
    assert names["train"][0].present.shape == (3,)
    assert names["X"].shape == (336, 26)
    assert set(names["y"]) == {"negative", "neutral", "positive"}
    assert len(set(names["speakers"])) == 28


def test_the_page_on_python_runs(cache, monkeypatch):
    pandas, torch = pytest.importorskip("pandas"), pytest.importorskip("torch")
    page = README.parent / "docs" / "python.md"
    code = "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    monkeypatch.chdir(cache)
    names = {}
    exec(compile(code, str(page), "exec"), names)
    assert isinstance(names["table"], pandas.DataFrame)
    assert names["frame"].columns.tolist() == [*names["names"], "label", "speaker"]
    assert names["X"].shape == (len(names["frame"]), len(names["names"])) == (len(names["y"]), 28)
    assert isinstance(names["batch"].frames, torch.Tensor)
    assert names["batch"].frames.shape[-1] == 13


@pytest.mark.parametrize("extractions", [["luo2019/mfcc"], ["luo2019/rms", "luo2019/mfcc"]], ids=["one", "two"])
def test_ten_lines_of_h5py_read_a_store_of_one_extraction_and_of_two(
    extractions, tiny_corpus, tiny_manifest, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for columns in extractions:
        out = "cache/demo"
        fk.build_store(tiny_manifest, root=tiny_corpus, out=out, columns=columns, corpus="demo", backend="serial")
    store = fk.open_store("cache/demo")
    assert len(store.head.groups) == len(extractions)
    text = (README.parent / "docs" / "store.md").read_text(encoding="utf-8")
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], names)
    np.testing.assert_array_equal(names["mfcc"], store[store.ids[7]]["luo2019/mfcc"])
    assert names["utterance"]["id"] == store.ids[7]
    assert -3 <= names["utterance"]["labels"]["score"] <= 3


def test_sentiment_is_learnt_across_speakers_and_shuffled_labels_fall_to_chance(cache):
    store = fk.open_store(cache / "cache" / "demo")
    X, y, speakers = fk.as_arrays(store, features=["luo2019/mfcc", "luo2019/rms"], task="sentiment3")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))

    def unweighted_accuracy(labels):
        guessed = cross_val_predict(model, X, labels, groups=speakers, cv=GroupKFold(7))
        return balanced_accuracy_score(labels, guessed)

    random = np.random.default_rng(0)
    shuffled = [unweighted_accuracy(random.permutation(y)) for _ in range(5)]
    assert 0.58 < unweighted_accuracy(y) < 0.85  # learnable, not trivial
    assert np.mean(shuffled) == pytest.approx(1 / 3, abs=0.05)
