"""The doctor's visits to raw audio: a corpus with its recipe, or a folder of which nothing is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from featurekit import corpora
from featurekit.corpora import Corpus
from featurekit.data.audit.ratings import tolerance
from featurekit.errors import ParameterError
from featurekit.inspection.errata import mark_known
from featurekit.inspection.findings import Finding, Item, Report, Severity, seen
from featurekit.inspection.hearing import Owner, audio_findings
from featurekit.inspection.reading import said_while_reading
from featurekit.inspection.repeats import near_audio
from featurekit.inspection.sounds import ListeningForecast, Sound, forecast_listening, listen
from featurekit.inspection.tables import table_findings
from featurekit.inspection.tree import Tree, tree_findings, walk
from featurekit.inspection.utterances import (
    class_counts,
    label_key,
    rater_agreement,
    read_leniently,
    utterance_findings,
    variant_of,
)
from featurekit.manifest import Utterance

Progress = Callable[[int], Callable[[int], None]]


def no_progress(total: int) -> Callable[[int], None]:
    """Says nothing; what a caller may put in its place is told the total and then the files just done."""
    return lambda done: None


def inspect_corpus(
    name: str,
    root: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    backend: str = "joblib",
    workers: int | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Look at a corpus's folder: whether it is whole, sound, and as it was published.

    Parameters
    ----------
    name : str
        Corpus name.
    root, manifest
        As :func:`featurekit.corpora.read_corpus`.
    backend, workers
        As :func:`featurekit.backends.open_backend`.
    progress : callable
        Called with the number of files; what it returns is called with the number just done.

    Returns
    -------
    Report

    Raises
    ------
    UnknownNameError, CorpusNotFoundError
        For a corpus that does not exist, or a folder that is not there or empty.
    """
    folder, corpus = corpora.locate(name, root), corpora.CORPORA.get(name).corpus
    tree = walk(folder)
    utterances, findings = _read(name, folder, manifest)
    paths = _files_of(utterances) or tree.audio
    sounds = listen(folder, paths, backend=backend, workers=workers, progress=progress(len(paths)))
    by_path = {sound.path: sound for sound in sounds}
    gave_up = any(finding.check == "table" for finding in findings)  # then nothing is known of what was not reached
    findings += [*tree_findings(tree), *table_findings(folder, tree.files)]
    findings += utterance_findings(utterances, corpus, by_path, whole=manifest is None and not gave_up)
    owners = _owners(utterances, corpus)
    findings += [*audio_findings(sounds, owners), *near_audio(sounds, owners)]
    findings += () if gave_up else _unused(tree, utterances)
    findings = list(mark_known(_explained(findings, tree, utterances), corpus.defects))
    return Report(f"corpus {name} in {folder}", _corpus_facts(corpus, utterances, sounds), findings)


def inspect_folder(
    path: str | Path, *, backend: str = "joblib", workers: int | None = None, progress: Progress = no_progress
) -> Report:
    """Look at a folder of audio, of which nothing else is known, or at one audio file.

    Parameters
    ----------
    path : str or Path
        The folder or file.
    backend, workers, progress
        As :func:`inspect_corpus`.

    Raises
    ------
    ParameterError
        When there is no such place.
    """
    place = Path(path)
    if place.is_file():
        sounds = listen(place.parent, [place.name], backend="serial", progress=progress(1))
        return Report(str(place), _sound_facts(sounds), list(audio_findings(sounds)))
    if not place.is_dir():
        raise ParameterError(f"there is no folder, file or store {str(place)!r} to look at")
    tree = walk(place)
    names = tree.audio
    sounds = listen(place, names, backend=backend, workers=workers, progress=progress(len(names)))
    findings = [*tree_findings(tree), *table_findings(place, tree.files), *audio_findings(sounds), *near_audio(sounds, {})]
    if not names:
        findings.append(Finding("no-audio", Severity.ERROR, "no file here is named like audio"))
    return Report(f"folder {place}", _sound_facts(sounds), findings)


def forecast_visit(
    name: str | None,
    root: str | Path | None = None,
    *,
    manifest: str | Path | None = None,
    backend: str = "joblib",
    workers: int | None = None,
) -> ListeningForecast:
    """What a visit of a corpus or of a folder would read, and how long that takes, by a few of its files.

    Parameters
    ----------
    name : str or None
        Corpus name; None for a folder or file of which nothing is known, which is ``root``.
    root, manifest, backend, workers
        As of :func:`inspect_corpus`.
    """
    how: dict[str, Any] = {"backend": backend, "workers": workers}
    if name is not None:
        folder = corpora.locate(name, root)
        return forecast_listening(folder, _files_of(_read(name, folder, manifest)[0]) or walk(folder).audio, **how)
    place = Path(root or ".")
    if place.is_file():
        return forecast_listening(place.parent, [place.name], **how)
    return forecast_listening(place, walk(place).audio, **how)


def _read(name: str, folder: Path, manifest: str | Path | None) -> tuple[list[Utterance], list[Finding]]:
    """Utterances of a corpus, and what is wrong with its tables."""
    with said_while_reading() as said:
        if manifest is None:
            utterances, findings = read_leniently(corpora.CORPORA.get(name).utterances(folder), f"corpus {name}")
        else:
            utterances, findings = read_leniently(_table(name, folder, manifest), str(manifest))
    return utterances, [*findings, *said]


def _files_of(utterances: Sequence[Utterance]) -> list[str]:
    """Files that a recipe reads; without utterances it says nothing about them, and all of the folder are looked at."""
    return list(dict.fromkeys(utterance.path for utterance in utterances))


def _table(name: str, folder: Path, manifest: str | Path) -> Iterator[Utterance]:
    yield from corpora.read_corpus(name, folder, manifest=manifest)


def _owners(utterances: Sequence[Utterance], corpus: Corpus) -> dict[str, Owner]:
    """Path → speakers and classes of its utterances; a file of many segments has no class of its own."""
    key = label_key(corpus, utterances)
    most = tolerance(key, (utterance.labels.get(key) for utterance in utterances))
    owners: dict[str, Owner] = {}
    known: dict[Owner, Owner] = {}  # a million files have a few thousand speakers and classes between them
    for utterance in utterances:
        speakers = frozenset((utterance.speaker,) if utterance.speaker else ())
        if utterance.path in owners:
            owner = Owner(owners[utterance.path].speakers | speakers)
        else:
            owner = Owner(speakers, frozenset((str(utterance.labels[key]),) if key in utterance.labels else ()), most)
        owners[utterance.path] = known.setdefault(owner, owner)
    return owners


def _unused(tree: Tree, utterances: Sequence[Utterance]) -> Iterator[Finding]:
    used = {utterance.path for utterance in utterances}
    if used:
        extra = (Item((name,)) for name in tree.audio if name not in used)
        yield from seen(
            "extra", Severity.NOTE, "{n} audio [file is|files are] no part of the corpus as the recipe reads it", extra
        )


def _explained(findings: list[Finding], tree: Tree, utterances: Sequence[Utterance]) -> Iterator[Finding]:
    """Say of missing files what they cost, and where a file with almost the same name is."""
    stems = {PurePosixPath(name).stem.casefold(): name for name in reversed(tree.audio)}
    for finding in findings:
        if finding.check == "missing":
            missing = {item.names[0] for item in finding.items}
            lost = sum(utterance.path in missing for utterance in utterances)
            items = [Item(item.names, _hint(item.names[0], stems)) for item in finding.items]
            text = f"{finding.text}: {lost} of {len(utterances)} utterances have no audio"
            yield from seen(finding.check, finding.severity, text, items)
        else:
            yield finding


def _hint(path: str, stems: Mapping[str, str]) -> str:
    near = stems.get(PurePosixPath(path).stem.casefold(), "")
    return f"there is {near}" if near else ""


def _sound_facts(sounds: Sequence[Sound]) -> dict[str, Any]:
    heard = [sound for sound in sounds if sound.ok]
    lengths = sorted(sound.duration_s for sound in heard)
    facts: dict[str, Any] = {"files": len(sounds), "decoded": len(heard), "seconds": round(sum(lengths), 3)}
    if lengths:
        facts["duration_s"] = {"shortest": lengths[0], "median": lengths[len(lengths) // 2], "longest": lengths[-1]}
    for name in ("sample_rate", "channels", "format"):
        facts[name] = {str(value): count for value, count in Counter(getattr(sound, name) for sound in heard).most_common()}
    return facts


def _corpus_facts(corpus: Corpus, utterances: Sequence[Utterance], sounds: Sequence[Sound]) -> dict[str, Any]:
    speakers = {utterance.speaker for utterance in utterances if utterance.speaker}
    agreement = rater_agreement(corpus, utterances)
    return {
        "utterances": len(utterances),
        "expected": dict(corpus.expected),
        "variant": variant_of(corpus, len(utterances)) or "",
        "recordings": len({utterance.recording for utterance in utterances}),
        "speakers": len(speakers),
        "labels": class_counts(corpus, utterances),
        **({"agreement": agreement} if agreement else {}),
        **_sound_facts(sounds),
    }
