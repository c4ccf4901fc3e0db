"""The data card of a store: what is in it, for the people who will use it, and as Croissant for the programs that will."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from featurekit import audio, corpora, store
from featurekit.errors import FeaturekitError
from featurekit.inspection.stores import failures, flags, rates
from featurekit.inspection.utterances import class_counts, label_key, rater_agreement
from featurekit.manifest import Utterance
from featurekit.store.schema import SPLITS

_UNKNOWN = "(unknown)"


def make_card(path: str | Path) -> dict[str, Any]:
    """Everything a data card says, ready for JSON.

    Parameters
    ----------
    path : str or Path
        The store.

    Returns
    -------
    dict
        ``corpus`` (the recipe's facts, or only its name), ``store`` (digests, generation), ``counts``, ``seconds``, ``labels``,
        ``speakers``, ``genders``, ``failed``, ``flagged``, ``rates_note``, ``splits``, ``columns``.

    Raises
    ------
    StoreNotFoundError, StoreError, CorruptStoreError
        As :func:`featurekit.store.open_store`.
    """
    opened = store.open_store(path)
    utterances = opened.manifest.utterances
    corpus = _corpus(opened.corpus)
    failed = failures(opened)
    return {
        "corpus": _corpus_facts(opened.corpus, corpus) | _told(opened.head.about),
        "store": {
            "digest": opened.digest,
            "manifest_digest": opened.head.manifest_digest,
            "generation": opened.generation,
            "created_by": f"featurekit {opened.head.created_by}".strip(),
        },
        "counts": {
            "utterances": len(utterances),
            "recordings": len({utterance.recording for utterance in utterances}),
            "speakers": len({utterance.speaker for utterance in utterances if utterance.speaker}),
            "augmented": sum(bool(utterance.parent) for utterance in utterances),
        },
        "seconds": _durations([utterance.duration_s for utterance in utterances if utterance.duration_s is not None]),
        "labels": _labels(corpus, utterances),
        "speakers": _grouped(utterances, lambda utterance: utterance.speaker),
        "genders": _grouped(utterances, lambda utterance: utterance.gender),
        "languages": _grouped(utterances, lambda utterance: utterance.language),
        "original_rates": {str(rate): count for rate, count in Counter(opened.original_rates.tolist()).most_common() if rate},
        "failed": dict(Counter(reason.partition(":")[0] for reason in failed.values()).most_common()),
        "failures": failed,
        "flagged": dict(flags(opened).most_common()),
        "rates_note": rates(opened),
        "splits": _splits(opened.path),
        "columns": [_column(opened, name) for name in opened.columns],
    }


def to_markdown(card: Mapping[str, Any]) -> str:
    """A card as a Markdown page."""
    corpus, counts, made = card["corpus"], card["counts"], card["store"]
    lines = [
        f"# {corpus['title']}: features",
        "",
        f"{counts['utterances']} utterances, {counts['speakers'] or 'no named'} speakers, {counts['recordings']} recordings, "
        f"{_hours(card['seconds'].get('total', 0.0))} of speech, {len(card['columns'])} feature "
        f"{'column' if len(card['columns']) == 1 else 'columns'}.",
        "",
        *_facts(corpus),
        "",
        "## Labels",
        "",
        *_label_lines(card["labels"]),
    ]
    for title, key in (("Speakers", "speakers"), ("Genders", "genders"), ("Languages", "languages")):
        lines += ["", f"## {title}", "", *_group_lines(card[key], title[:-1].lower())]
    lines += ["", "## Durations", "", *_duration_lines(card["seconds"], card["original_rates"])]
    lines += ["", "## Failures and flags", "", *_failure_lines(card)]
    if card["splits"]:
        rows = [
            [name[:12], split["kind"], fold["name"], *fold["sizes"]]
            for name, split in card["splits"].items()
            for fold in split["folds"]
        ]
        lines += ["", "## Splits", "", *_table(["split", "kind", "fold", "train", "dev", "test"], rows)]
    rows = [
        [column[key] for key in ("name", "kind", "dims", "unit", "hop", "sample_rate", "failed")] for column in card["columns"]
    ]
    lines += ["", "## Features", "", *_table(["column", "kind", "dims", "unit", "hop", "rate in Hz", "failed"], rows), ""]
    for column in card["columns"]:
        settings = ", ".join(f"{name}={value}" for name, value in column["settings"].items())
        # The specification says all settings; a column written by other means than `extract` has none.
        made_by = column["spec"] or f"{column['name']}({settings})"
        lines.append(f"* `{column['name']}` = `{made_by}`, {column['engine']}, key `{column['key']}`")
    lines += [
        "",
        "## Identity",
        "",
        *_table(["what", "value"], [[key.replace("_", " "), f"`{value}`"] for key, value in made.items()]),
    ]
    return "\n".join(lines) + "\n"


def _corpus(name: str) -> corpora.Corpus | None:
    return corpora.CORPORA.get(name).corpus if name in corpora.CORPORA else None


def _corpus_facts(name: str, corpus: corpora.Corpus | None) -> dict[str, Any]:
    if corpus is None:
        return {"name": name, "title": name}
    keys = ("name", "title", "licence", "citation", "obtain", "speaker_source", "default_task")
    facts: dict[str, Any] = {key: getattr(corpus, key) for key in keys}
    return facts | {
        "languages": list(corpus.languages),
        "expected": dict(corpus.expected),
        "label_meanings": dict(corpus.labels),
        "defects": [str(defect) for defect in corpus.defects],
    }


def _told(about: Mapping[str, Any]) -> dict[str, Any]:
    """What the owner says of a corpus, by the names of a recipe's facts."""
    names = {"name": "title", "licence": "licence", "source": "obtain", "citation": "citation"}
    told: dict[str, Any] = {name: about[key] for key, name in names.items() if key in about}
    languages = [code.strip() for code in about.get("language", "").split(",") if code.strip()]
    return told | ({"languages": languages} if languages else {})


def _durations(durations_s: Sequence[float]) -> dict[str, float]:
    if not durations_s:
        return {}
    figures = {
        "total": math.fsum(durations_s),
        "shortest": min(durations_s),
        "median": statistics.median(durations_s),
        "mean": statistics.fmean(durations_s),
        "longest": max(durations_s),
    }
    return {name: round(value, 3) for name, value in figures.items()}


def _labels(corpus: corpora.Corpus | None, utterances: Sequence[Utterance]) -> dict[str, Any]:
    """Counts of the raw label, or its range where it is a number."""
    facts = corpus or corpora.CORPORA.get("custom").corpus
    key = label_key(facts, utterances)
    values = [utterance.labels[key] for utterance in utterances if utterance.labels.get(key) is not None]
    found: dict[str, Any] = {"key": key, "labelled": len(values), "classes": class_counts(facts, utterances)}
    found["agreement"] = rater_agreement(facts, utterances)
    numbers = [float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if numbers and len(numbers) == len(values):
        found["range"] = {"lowest": min(numbers), "median": statistics.median(numbers), "highest": max(numbers)}
    return found


def _grouped(utterances: Iterable[Utterance], key: Callable[[Utterance], str]) -> dict[str, dict[str, float]]:
    """Name → utterances and seconds."""
    durations_s: dict[str, list[float]] = {}
    for utterance in utterances:
        durations_s.setdefault(key(utterance) or _UNKNOWN, []).append(utterance.duration_s or 0.0)
    return {
        name: {"utterances": len(found), "seconds": round(math.fsum(found), 3)} for name, found in sorted(durations_s.items())
    }


def _splits(path: Path) -> dict[str, Any]:
    found = {}
    for file in sorted((path / SPLITS).glob("*.json")):
        try:
            split = store.read_split(path, file.stem)
        except FeaturekitError:
            continue  # doctor says it
        folds = [
            {"name": str(fold.get("name", "")), "sizes": [len(fold.get(part, ())) for part in ("train", "dev", "test")]}
            for fold in split.get("folds", ())
        ]
        found[file.stem] = {"kind": str(split.get("kind", "")), "folds": folds}
    return found


def _column(opened: store.Store, name: str) -> dict[str, Any]:
    column = opened.columns[name]
    facts = {
        key: getattr(column, key) for key in ("name", "kind", "dims", "unit", "sample_rate", "dtype", "engine", "spec", "key")
    }
    hop = f"{1000 * column.hop_s:g} ms" if column.hop_s else ""
    return facts | {"hop": hop, "settings": dict(column.settings), "failed": int((opened.status(name) != 0).sum())}


def _facts(corpus: Mapping[str, Any]) -> Iterator[str]:
    names = {
        "licence": "Licence",
        "citation": "Cite",
        "languages": "Language",
        "obtain": "Get the audio",
        "expected": "As published",
        "defects": "Known defects",
    }
    for key, title in names.items():
        value = corpus.get(key)
        if value:
            if isinstance(value, Mapping):
                value = ", ".join(f"{count} ({variant})" for variant, count in value.items())
            yield f"* {title}: {'; '.join(value) if isinstance(value, list) else value}"
    source = corpus.get("speaker_source", "corpus")
    if source != "corpus":
        yield f"* Speakers: not named by the corpus, each {source} stands in for one"


def _label_lines(labels: Mapping[str, Any]) -> Iterator[str]:
    if not labels["labelled"]:
        yield "None."
        return
    yield f"Raw label `{labels['key']}`, {labels['labelled']} utterances carry it."
    if labels["classes"]:
        yield ""
        yield from _table([labels["key"], "utterances"], labels["classes"].items())
    elif "range" in labels:
        yield "A number from {lowest:g} to {highest:g}, median {median:g}.".format(**labels["range"])
    agreement = labels["agreement"]
    if agreement:
        yield ""
        yield (
            "Human ceiling: single raters chose the class of task `{task}` in {weighted:.1%} of {utterances} rated utterances, "
            "{unweighted:.1%} as the mean over classes."
        ).format(**agreement)
        yield ""
        yield from _table(
            ["class", "raters that chose it"], ((k, f"{share:.1%}") for k, share in agreement["by_class"].items())
        )


def _group_lines(groups: Mapping[str, Mapping[str, float]], word: str) -> Iterator[str]:
    if set(groups) <= {_UNKNOWN}:
        yield "Not known."
        return
    rows = [[name, facts["utterances"], f"{facts['seconds']:.1f}"] for name, facts in groups.items()]
    yield from _table([word, "utterances", "seconds"], rows)


def _duration_lines(seconds: Mapping[str, float], rates: Mapping[str, int]) -> Iterator[str]:
    yield "; ".join(f"{name} {value:.2f} s" for name, value in seconds.items()) if seconds else "Not known."
    if rates:
        yield "Sample rates of the files: " + ", ".join(f"{rate} Hz ({count})" for rate, count in rates.items()) + "."


def _failure_lines(card: Mapping[str, Any]) -> Iterator[str]:
    if not card["failed"]:
        yield "No utterance failed."
    else:
        rows = ((word, count, audio.MEANINGS.get(word, "")) for word, count in card["failed"].items())
        yield from _table(["failed with", "utterances", "what it means"], rows)
        yield ""
        yield from (f"* {name}: {reason}" for name, reason in card["failures"].items())
    if card["flagged"]:
        yield ""
        rows = ((word, count, audio.MEANINGS.get(word, "")) for word, count in card["flagged"].items())
        yield from _table(["kept, flagged", "utterances", "what it means"], rows)
        if card.get("rates_note"):
            yield ""
            yield f"{audio.Status.RATE}: {card['rates_note']}."


def _table(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(_cell(value) for value in row) + " |"


def _cell(value: Any) -> str:
    text = str(value).encode("utf-8", "replace").decode()
    return text.replace("|", "\\|").replace("\n", " ") or "-"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
