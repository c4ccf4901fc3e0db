from featurekit import open_store
from featurekit.corpora import read_corpus
from featurekit.extraction import augmented, build_store
from featurekit.extraction.advice import command_that_adds


def test_the_command_keeps_the_augmented_children_and_quotes_for_a_shell(tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.delenv("FEATUREKIT_CORPORA", raising=False)
    monkeypatch.chdir(tmp_path)
    manifest = augmented.with_children(read_corpus("demo", tiny_corpus), "speed(0.9),noise(snr_db=15)")
    out = tmp_path / "my store"
    build_store(manifest, root=tiny_corpus, out=out, columns="rms", corpus="custom", backend="serial")
    assert command_that_adds(open_store(out), "mel64,zcr") == (
        "featurekit extract --corpus custom --root DIR --manifest TABLE "
        f"--perturb 'speed(factor=0.9),noise(snr_db=15.0)' --features mel64,zcr -o '{out}'"
    )
