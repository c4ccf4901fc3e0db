"""How objects look in a notebook: one line, a small table, no data, and nothing of a stranger's that HTML would run."""

import inspect

import pytest

import featurekit as fk
from featurekit.manifest import Manifest, Utterance
from featurekit.notebook import LONGEST_LINE

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def shown(tiny_store, tiny_corpus, tiny_manifest, tmp_path_factory):
    """Name of its class → an object that somebody would look at."""
    folder = tmp_path_factory.mktemp("shown")
    store = fk.open_store(tiny_store)
    split = fk.make_split("speaker-disjoint", store, "sentiment3")
    normaliser = fk.Normaliser.fit(store, "rms", split.train)
    dataset = fk.Dataset(store, "rms", split, task="sentiment3", normaliser=normaliser)
    settings = fk.RunSettings(store=store, model="logistic", features="rms", task="sentiment3", training={"epochs": 1})
    run = fk.Run(settings, runs=folder)
    result = run.execute()
    predictor = fk.Predictor(result, device="cpu")
    found = [store, store[0], store.manifest, store.manifest[0], store.columns["rms"], split, split.fold(), dataset, dataset[0]]
    found += [fk.get_task("sentiment3", store), normaliser, fk.audit_split(split, store), settings, run, result, predictor]
    found += [next(iter(torch.utils.data.DataLoader(dataset, batch_size=8))), predictor([0.1] * 8000, 16000)]
    how = {"root": tiny_corpus, "out": folder / "s", "columns": "rms", "corpus": "demo", "backend": "serial"}
    found += [fk.build_store(tiny_manifest[:2], **how)]
    return {type(item).__name__: item for item in found}


def test_every_public_class_is_looked_at(shown):
    classes = {name for name in fk.__all__ if inspect.isclass(getattr(fk, name))}
    assert classes <= shown.keys()


def test_a_repr_is_one_readable_line(shown):
    for name, item in shown.items():
        line = repr(item)
        assert line.startswith(f"<{name}: "), line
        assert len(line) <= LONGEST_LINE, line
        assert "\n" not in line
        assert " at 0x" not in line, line
        assert "array(" not in line, line


def test_a_table_is_small_html(shown):
    for name, item in shown.items():
        html = item._repr_html_()
        assert html.startswith(f"<div><strong>{name}</strong><table>"), name
        assert len(html) < 6000, name
        assert html.count("<tr>") == html.count("</tr>") <= 30, name


def test_what_a_line_says(shown):
    assert "36 utterances; columns mel32, rms, spectral_centroid; generation 1>" in repr(shown["Store"])
    assert repr(shown["Manifest"]) == "<Manifest: 36 utterances; 6 speakers; 12 recordings; hours 0.02; labels score>"
    assert "; 1 fold; train 18; dev 6; test 12; verdict speaker-disjoint" in repr(shown["Split"])
    assert "frames 8 × 1 × " in repr(shown["Batch"])
    assert "12 test utterances; 2 test speakers; accuracy 0." in repr(shown["RunResult"])


def test_an_interval_is_shown_from_five_speakers_on(shown):
    result = shown["RunResult"]
    assert all(row[2:] == ("", "") for row in result._shown_table()[1])
    many = result.metrics | {"intervals": result.metrics["intervals"] | {"n_speakers": 5, "accuracy": (0.25, 0.5)}}
    rows = {row[0]: row[2:] for row in fk.RunResult(result.folder, many, "")._shown_table()[1]}
    assert rows["accuracy"] == (0.25, 0.5)


def test_html_shows_the_text_of_strangers_as_text():
    manifest = Manifest([Utterance("<b>", "a.wav", speaker="<script>", labels={"emotion": "a & b"})])
    for item in (manifest, manifest[0]):
        html = item._repr_html_()
        assert "<b>" not in html
        assert "<script>" not in html
        assert "&lt;b&gt;" in html
        assert "a &amp; b" in html


def test_long_values_and_long_tables_are_cut():
    manifest = Manifest(Utterance(f"u{number}", "a.wav", text="word " * 10_000) for number in range(5000))
    assert len(repr(manifest[0])) < 150
    assert len(manifest._repr_html_()) < 3000


def test_a_result_is_read_again_and_stands_for_its_folder(shown):
    result = shown["RunResult"]
    assert fk.RunResult.read(result.folder) == result
    pytest.importorskip("pandas")
    assert sorted(result.frame().index) == sorted(shown["Split"].test)
