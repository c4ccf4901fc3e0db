"""What ``featurekit audit`` looks at: a split with its utterances, wherever they come from."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from featurekit import store
from featurekit.cli.progress import Bars
from featurekit.data import Audit, Fold, JoinedStore, Split, Task
from featurekit.data.views.joined import OpenedStore
from featurekit.errors import CorpusNotFoundError, ParameterError, StoreNotFoundError
from featurekit.files import replace_file
from featurekit.manifest import Manifest
from featurekit.runs import StoredRun
from featurekit.runs.schema import SPLIT


@dataclass
class Case:
    """What is audited, and what is known of it."""

    split: Split | None
    manifest: Manifest
    corpus: str
    opened: OpenedStore | None = None
    columns: list[str] = field(default_factory=list)  # those that are read, by the run or by --features
    normalisers: dict[str, dict[str, Any]] = field(default_factory=dict)
    reads_text: bool = True  # or may do so, where nobody says what will be trained
    task: str | Task = ""  # what a run learns


def case_of(subject: Path, store_path: Path | None, corpus: str | None, root: Path | None, manifest: Path | None) -> Case:
    """Find what is audited: a store, a manifest, a run, or a split and the utterances that it divides.

    Raises
    ------
    FeaturekitError
        When something cannot be read, or nobody says whose utterances the split divides.
    """
    if store.exists(subject):
        opened = store.open_store(subject)
        return Case(None, opened.manifest, opened.corpus, opened)
    if subject.name.endswith(".jsonl"):
        return Case(None, Manifest.read(subject), corpus or "custom")
    run = subject if StoredRun.is_run(subject) else subject.parent
    if subject in (run, run / SPLIT) and StoredRun.is_run(run):
        return _of_run(run, store_path)
    case = _known(subject, store_path, corpus, root, manifest)
    if subject.suffix == ".json":
        case.split = Split.read(subject)
    else:
        from featurekit.data.splits.foreign import read_folds

        folds = tuple(read_folds(subject, case.manifest))
        case.split = Split("foreign", folds, {}, "manifest", True, case.manifest.digest)
    return case


def _of_run(run: Path, store_path: Path | None) -> Case:
    """A run names its store; each of its folds, once trained, its normaliser."""
    from featurekit.experiments.run_task import recorded_task

    stored = StoredRun(run)
    record = stored.record
    try:
        first = store.open_store(store_path or record.settings.store)
    except StoreNotFoundError as error:
        raise StoreNotFoundError(f"{error}; or name the store after the run") from None
    second = record.settings.test_store
    opened: OpenedStore = JoinedStore(first, store.open_store(second)) if second else first
    fitted = {
        fold.name: fold.record.normaliser for fold in stored.folds if fold.is_trained and "ids_digest" in fold.record.normaliser
    }
    task = recorded_task(record, opened) or ""
    columns = record.column_names
    return Case(stored.split, opened.manifest, opened.corpus, opened, columns, fitted, record.reads_text, task)


def of_two(subject: Path, case: Case, test_store: Path) -> Case:
    """All of one store to train on, all of another one to test on."""
    if case.split is not None or not isinstance(case.opened, store.Store):
        raise ParameterError(f"--test-store is for a store that is trained on; {subject} is none")
    opened = JoinedStore(case.opened, store.open_store(test_store))
    train, test = (tuple(name for name in opened.ids if name.startswith(f"{prefix}/")) for prefix in opened.prefixes)
    split = Split("cross-corpus", (Fold("0", train, (), test),), {}, "manifest", True, opened.manifest.digest)
    return Case(split, opened.manifest, opened.corpus, opened)


def _known(subject: Path, store_path: Path | None, corpus: str | None, root: Path | None, manifest: Path | None) -> Case:
    """The utterances a split divides: those of a store, a manifest, a corpus, or of the folder itself."""
    from featurekit import corpora

    if store_path is not None:
        opened = store.open_store(store_path)
        return Case(None, opened.manifest, opened.corpus, opened)
    if corpus is not None:
        return Case(None, corpora.read_corpus(corpus, root, manifest=manifest), corpus)
    if manifest is not None:
        return Case(None, Manifest.read(manifest), "custom")
    if subject.is_dir():
        recipe = (
            "lhotse" if any(path for kind in ("cuts", "supervisions") for path in subject.glob(f"*{kind}*.json*")) else "emobox"
        )
        try:
            return Case(None, corpora.read_corpus(recipe, subject), recipe)
        except CorpusNotFoundError:
            raise ParameterError(
                f"{subject} is no store and no run, and holds neither lhotse cuts nor EmoBox's lines (<name>.jsonl); "
                "for lists of ids say whose they are: a STORE after it, --manifest, or --corpus with --root"
            ) from None
    raise ParameterError(
        "an audit needs the utterances that the split divides: a STORE after it, --manifest, or --corpus with --root"
    )


def write_pairs(found: Audit, path: Path) -> None:
    """Everything that an audit found, as CSV: a pair or a name a row, the one of ``first_part`` first.

    Of what a whole corpus has twice no part is named.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("severity", "kind", "fold", "first_part", "second_part", "first", "second", "detail"))
    for finding in found.findings:
        parts = finding.parts if len(finding.parts) == 2 else (*finding.parts, "", "")[:2]
        named = finding.pairs or [(name, "", "") for name in finding.examples] or [("", "", finding.text)]
        rows.writerows((finding.severity, finding.kind, finding.fold, *parts, *pair) for pair in named)
    replace_file(path, text.getvalue().encode("utf-8", "backslashreplace"))


def listen(case: Case, root: Path | None) -> store.Store:
    """A store of fingerprints in cache/audit, kept for the next time."""
    from featurekit import extraction, settings

    folder = settings.corpus_root(case.corpus, root)
    if folder is None:
        raise ParameterError(f"--audio needs the audio of {case.corpus}: its folder as --root, or in featurekit.toml")
    originals = case.manifest.filter(lambda item: not item.parent)  # a child has its parent's audio by intention
    out = Path("cache") / "audit" / f"{case.corpus}-{originals.digest[:8]}"
    extraction.build_store(originals, root=folder, out=out, columns="audio_fingerprint", corpus=case.corpus, progress=Bars())
    return store.open_store(out)
