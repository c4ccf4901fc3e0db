"""``featurekit audit``: what the parts of a split share, whoever made it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from featurekit import store
from featurekit.cli import grammar
from featurekit.cli.extract import corpus_options
from featurekit.cli.progress import Bars, counted
from featurekit.cli.tables import fit
from featurekit.cli.things import Kind, what_is
from featurekit.data import Fold, JoinedStore, Split
from featurekit.data.audit import Audit, audit_corpus, audit_split, fingerprint_column, training_ids
from featurekit.errors import CorpusNotFoundError, ParameterError, StoreNotFoundError
from featurekit.manifest import Manifest


@click.command("audit")
@click.argument("subject", type=grammar.PATH, metavar="SPLIT|RUN|STORE|MANIFEST|FOLDER")
@grammar.argument("store_path", required=False, type=grammar.PATH, metavar="[STORE]", old=["--store"])
@click.option("--test-store", type=grammar.PATH, help="With a STORE: what it shares with this one, tested on.")
@grammar.features("Columns of the store that will be read; learnt ones are judged, others listed.")
@click.option("--corpus", help="A name from `featurekit list corpora`; its folder is --root.")
@corpus_options
@click.option(
    "--audio",
    is_flag=True,
    help="Compute audio fingerprints where the store has none; needs the corpus's folder.",
)
@grammar.AS_JSON
def audit_command(
    subject: Path,
    store_path: Path | None,
    test_store: Path | None,
    features: str | None,
    corpus: str | None,
    root: Path | None,
    manifest: Path | None,
    audio: bool,
    as_json: bool,
) -> None:
    """Say what the parts of a split share: speakers, recordings, sessions, texts, audio, children, normalisers.

    \b
    featurekit audit cache/runs/ID                   a run: its split and what it was fitted on
    featurekit audit split.json cache/ravdess        a split, and the store it divides
    featurekit audit folds.csv --manifest mine.jsonl   id,part[,fold] of anybody
    featurekit audit EmoBox/data/emodb --corpus emodb --root EmoDB   EmoBox's folds, speakers from our recipe
    featurekit audit cuts/                           lhotse cuts: a file a part
    featurekit audit cache/ravdess                   no split: audio that is there twice
    featurekit audit cache/tess --test-store cache/ravdess   train on one corpus, test on the other

    Near-duplicate audio (another codec, level or start) is found by the column audio_fingerprint of the store, or computed
    with --audio. A leak inflates the result and makes the exit status 1; a warning asks for a decision; a note is good to
    know, as sentences that everybody says.
    """
    subject, store_path = _in_order(subject, store_path)
    case = _case(subject, store_path, corpus, root, manifest)
    if test_store is not None:
        case = _of_two(subject, case, test_store)
    if features is not None:
        if case.opened is None:
            raise ParameterError("--features names columns of a store; say which, after the split")
        from featurekit.experiments.resolve import stored_columns  # torch, which an audit can do without

        case.columns = stored_columns(case.opened, features)
    sounds = case.opened if case.opened is not None and fingerprint_column(case.opened) else None
    if sounds is None and audio:
        sounds = _listen(case, root)
    if case.split is None:
        found = audit_corpus(case.manifest, sounds=sounds or case.opened, subject=str(subject))
    else:
        learnt = training_ids(case.opened) if case.opened is not None else {}
        found = audit_split(
            case.split,
            case.manifest,
            sounds=sounds or case.opened,
            normalisers=case.normalisers,
            trained_on=learnt,
            not_read=learnt.keys() - set(case.columns),
            subject=str(subject),
        )
    click.echo(json.dumps(found.to_record()) if as_json else describe(found))
    given = {"--corpus": corpus, "--root": root, "--manifest": manifest}
    grammar.next_step(lambda: _next(subject, store_path, test_store, given, found.ok), as_json=as_json)
    sys.exit(0 if found.ok else 1)


def _in_order(subject: Path, other: Path | None) -> tuple[Path, Path | None]:
    """The split, run or folder first, its store second, in whichever order they were given."""
    if other is None:
        takes = (Kind.SPLIT, Kind.RUN, Kind.STORE, Kind.MANIFEST, Kind.FOLDER)
        what_is(subject, *takes, Kind.FILE, verb="audit", or_corpus=True)
        return subject, None
    first, second = (what_is(path, verb="audit", or_corpus=True) for path in (subject, other))
    if first is Kind.STORE and second is Kind.STORE:
        raise ParameterError(
            f"{subject} and {other} are stores; to train on the first and test on the second: "
            f"featurekit audit {subject} --test-store {other}"
        )
    if first is Kind.STORE:
        return other, subject
    what_is(other, Kind.STORE, verb="audit, in the second place,")
    return subject, other


def _next(
    subject: Path,
    store_path: Path | None,
    test_store: Path | None,
    given: dict[str, Any],
    ok: bool,
) -> list[object]:
    """What to do after an audit: on with what is sound, a better split for what is not; nothing where it takes a decision."""
    corpus = [word for name, value in given.items() if value for word in (name, value)]
    kind = what_is(subject, verb="audit")
    if kind is Kind.RUN:
        return ["evaluate", subject]
    if test_store is not None:
        return ["card", subject]
    if kind is Kind.STORE or kind is Kind.MANIFEST:
        return ["split", subject]
    if store_path is not None:
        return ["split", store_path, *(["--split", subject] if ok else [])]
    return ["doctor", *corpus] if given["--corpus"] else []


def describe(found: Audit) -> str:
    """The audit a person reads: the verdict, then what was found, the worst fold of each kind."""
    folds = "" if not found.folds else f", {counted(found.folds, 'fold')}"
    lines = [f"{found.subject}{folds}: {found.verdict}"]
    rows = found.rows()
    for severity, _, _, where, text, examples in rows:
        of_folds = f" ({where} folds)" if found.folds > 1 and where else ""
        lines.append(f"  {severity:<7}  {text}{of_folds}" + (f": {examples}" if examples else ""))
    if not rows:
        lines.append("  nothing is shared")
    if found.checked["audio"] != "checked":
        lines.append("audio under another codec, level or start was not looked for: --audio with the corpus's folder as --root")
    return fit("\n".join(lines))


@dataclass
class _Case:
    """What is judged, and what is known of it."""

    split: Split | None
    manifest: Manifest
    corpus: str
    opened: Any = None  # a store, or two as one
    columns: list[str] = field(default_factory=list)  # those that are read, by the run or by --features
    normalisers: dict[str, dict[str, Any]] = field(default_factory=dict)


def _case(subject: Path, store_path: Path | None, corpus: str | None, root: Path | None, manifest: Path | None) -> _Case:
    if store.exists(subject):
        opened = store.open_store(subject)
        return _Case(None, opened.manifest, opened.corpus, opened)
    if subject.name.endswith(".jsonl"):
        return _Case(None, Manifest.read(subject), corpus or "custom")
    run = subject if (subject / "run.json").is_file() else subject.parent
    if subject in (run, run / "split.json") and (run / "run.json").is_file():
        return _of_run(run, store_path)
    case = _known(subject, store_path, corpus, root, manifest)
    if subject.suffix == ".json":
        case.split = Split.read(subject)
    else:
        from featurekit.data.splits.foreign import read_folds

        folds = tuple(read_folds(subject, case.manifest))
        case.split = Split("foreign", folds, {}, "manifest", True, case.manifest.digest)
    return case


def _of_run(run: Path, store_path: Path | None) -> _Case:
    """A run names its store; each of its folds, once trained, its normaliser."""
    said = json.loads((run / "run.json").read_text("utf-8"))
    try:
        opened: Any = store.open_store(store_path or said["settings"]["store"])
    except StoreNotFoundError as error:
        raise StoreNotFoundError(f"{error}; or name the store after the run") from None
    if said["settings"].get("test_store"):
        opened = JoinedStore(opened, store.open_store(said["settings"]["test_store"]))
    columns = [column["name"] for column in said["columns"]]
    split = Split.read(run / "split.json")
    fitted = {}
    for number, fold in enumerate(split.folds):
        facts = run / "folds" / str(number) / "model.json"
        record = json.loads(facts.read_text("utf-8")).get("normaliser", {}) if facts.is_file() else {}
        if "ids_digest" in record:
            fitted[fold.name] = record
    return _Case(split, opened.manifest, opened.corpus, opened, columns, fitted)


def _of_two(subject: Path, case: _Case, test_store: Path) -> _Case:
    """All of one store to train on, all of another one to test on."""
    if case.split is not None or case.opened is None:
        raise ParameterError(f"--test-store is for a store that is trained on; {subject} is none")
    opened = JoinedStore(case.opened, store.open_store(test_store))
    train, test = (tuple(name for name in opened.ids if name.startswith(f"{prefix}/")) for prefix in opened.prefixes)
    split = Split("cross-corpus", (Fold("0", train, (), test),), {}, "manifest", True, opened.manifest.digest)
    return _Case(split, opened.manifest, opened.corpus, opened)


def _known(subject: Path, store_path: Path | None, corpus: str | None, root: Path | None, manifest: Path | None) -> _Case:
    """The utterances a split divides: those of a store, a manifest, a corpus, or of the folder itself."""
    from featurekit import corpora

    if store_path is not None:
        opened = store.open_store(store_path)
        return _Case(None, opened.manifest, opened.corpus, opened)
    if corpus is not None:
        return _Case(None, corpora.read_corpus(corpus, root, manifest=manifest), corpus)
    if manifest is not None:
        return _Case(None, Manifest.read(manifest), "custom")
    if subject.is_dir():
        recipe = "lhotse" if any(subject.glob("*cuts*.jsonl*")) else "emobox"
        try:
            return _Case(None, corpora.read_corpus(recipe, subject), recipe)
        except CorpusNotFoundError:
            raise ParameterError(
                f"{subject} is no store and no run, and holds neither lhotse cuts nor EmoBox's lines (<name>.jsonl); "
                "for lists of ids say whose they are: a STORE after it, --manifest, or --corpus with --root"
            ) from None
    raise ParameterError(
        "an audit needs the utterances that the split divides: a STORE after it, --manifest, or --corpus with --root"
    )


def _listen(case: _Case, root: Path | None) -> store.Store:
    """A store of fingerprints in cache/audit, kept for the next time."""
    from featurekit import extraction, settings

    folder = settings.corpus_root(case.corpus, root)
    if folder is None:
        raise ParameterError(f"--audio needs the audio of {case.corpus}: its folder as --root, or in featurekit.toml")
    originals = case.manifest.filter(lambda item: not item.parent)  # a child has its parent's audio by intention
    out = Path("cache") / "audit" / f"{case.corpus}-{originals.digest[:8]}"
    extraction.build_store(originals, root=folder, out=out, columns="audio_fingerprint", corpus=case.corpus, progress=Bars())
    return store.open_store(out)
