"""``featurekit audit``: what the parts of a split share, whoever made it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurekit.cli import grammar
from featurekit.cli.extract import corpus_options
from featurekit.cli.progress import counted
from featurekit.cli.tables import fit
from featurekit.cli.things import Kind, what_is
from featurekit.errors import ParameterError

if TYPE_CHECKING:
    from featurekit.data import Audit


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
@click.option("--all", "show_all", is_flag=True, help="Name everything that is shared, a line each, not the first three.")
@grammar.output("Where to write every pair and name that was found as CSV.", metavar="FILE.csv")
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
    show_all: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Say what the parts of a split share: speakers, recordings, sessions, texts, audio, children, normalisers.

    \b
    featurekit audit cache/runs/ID                   a run: its split and what it was fitted on
    featurekit audit split.json cache/ravdess        a split, and the store it divides
    featurekit audit folds.csv --manifest mine.jsonl   id,part[,fold] of anybody
    featurekit audit EmoBox/data/emodb --corpus emodb --root EmoDB   EmoBox's folds, speakers from our recipe
    featurekit audit cuts/                           lhotse cuts: one file per part
    featurekit audit cache/ravdess                   no split: audio that is there twice
    featurekit audit cache/ravdess -o pairs.csv      every pair, to mend the corpus by
    featurekit audit cache/tess --test-store cache/ravdess   train on one corpus, test on the other

    Near-duplicate audio (another codec, level or start) is found by the column audio_fingerprint of the store, or computed
    with --audio. An error is a corpus that contradicts itself, as one recording under two labels; a leak inflates the result;
    both make the exit status 1. A warning asks for a decision; a note is good to know, as sentences that everybody says.
    """
    from featurekit.cli.auditing import case_of, listen, of_two, write_pairs
    from featurekit.data.audit import audit_corpus, audit_split, fingerprint_column, training_ids

    subject, store_path = _in_order(subject, store_path)
    case = case_of(subject, store_path, corpus, root, manifest)
    if test_store is not None:
        case = of_two(subject, case, test_store)
    if features is not None:
        if case.opened is None:
            raise ParameterError("--features names columns of a store; say which, after the split")
        from featurekit.experiments.resolve import stored_columns  # torch, which an audit can do without

        case.columns = stored_columns(case.opened, features)
    sounds = case.opened if case.opened is not None and fingerprint_column(case.opened) else None
    if sounds is None and audio:
        sounds = listen(case, root)
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
            reads_text=case.reads_text,
            task=case.task,
            subject=str(subject),
        )
    if output is not None:
        write_pairs(found, output)
    click.echo(json.dumps(found.to_record()) if as_json else describe(found, show_all=show_all, output=output))
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


def describe(found: Audit, *, show_all: bool = False, output: Path | None = None) -> str:
    """The audit a person reads: the verdict, then what was found, the worst fold of each kind.

    Parameters
    ----------
    found : Audit
    show_all : bool
        Whether everything is named, a line each.
    output : Path, optional
        Where it was written.
    """
    from featurekit.data.audit.findings import BY_BYTES, NOT_CHECKED, SHOWN

    folds = "" if not found.folds else f", {counted(found.folds, 'fold')}"
    lines = [f"{found.subject}{folds}: {found.verdict}", *finding_lines(found, show_all=show_all)]
    if not found.findings:
        lines.append("  nothing is shared")
    if found.checked["audio"] in (NOT_CHECKED, BY_BYTES):
        lines.append("audio under another codec, level or start was not looked for: --audio with the corpus's folder as --root")
    if output is not None:
        lines.append(f"every pair and name → {output}")
    elif not show_all and any(len(row.examples) > SHOWN and row.severity != "note" for row in found.findings):
        lines.append("more are named by --all, and written by -o pairs.csv")
    return fit("\n".join(lines))


def finding_lines(found: Audit, *, show_all: bool = False, least: Sequence[str] = ()) -> list[str]:
    """A line a finding; those of the severities ``least``, or all."""
    lines = []
    for severity, kind, parts, where, text, examples in found.rows():
        if least and severity not in least:
            continue
        of_folds = f" ({where} folds)" if found.folds > 1 and where else ""
        head = f"  {severity:<7}  {text}{of_folds}"
        if not show_all:
            lines.append(head + (f": {examples}" if examples else ""))
            continue
        same = [item for item in found.findings if (item.severity, item.kind, "/".join(item.parts)) == (severity, kind, parts)]
        lines += [head, *(f"      {name}" for name in dict.fromkeys(name for item in same for name in item.examples))]
    return lines
