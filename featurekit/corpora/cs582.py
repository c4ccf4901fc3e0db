"""The audio sentiment set of the CS 582 report: short clips, positive, negative or neutral by folder or name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurekit.audio import is_audio_name
from featurekit.corpora import Corpus, recipe
from featurekit.corpora._labels import once, records
from featurekit.corpora._strays import StrayFileError, each, once_each
from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

SENTIMENTS = ("negative", "neutral", "positive")

CORPUS = Corpus(
    name="cs582",
    title="Audio sentiment clips of the CS 582 report (from Kaggle)",
    languages=("en",),
    licence="not stated",
    citation="CS 582 project report, Audio sentiment analysis with bidirectional LSTM",
    obtain="the Kaggle set the report used: it does not name it; imsparsh/audio-speech-sentiment fits its description",
    tree="""
<root>/
├── positive/001.wav         a folder named after the sentiment, at any depth, or
├── 002_negative.wav         the sentiment as a word of the file's name, or
├── TRAIN.csv                Filename,Class of
└── TRAIN/1.wav              the files of this folder
""",
    expected={"all": 390, "used in the report": 280},
    labels={"sentiment": "negative, neutral or positive"},
    default_task="sentiment",
    speaker_source="recording",
)

TABLE_FOLDER = "TRAIN"
_WORD = re.compile("|".join(SENTIMENTS), re.IGNORECASE)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the sentiment from folders, names and a table; the id is the path without its suffix.

    ::

        <root>/positive/001.wav
        <root>/002_negative.wav
        <root>/TRAIN.csv            1.wav,Positive

    The counts are the report's (97 positive, 102 negative, 81 neutral of the 280 used); it does not describe the set's layout.
    TRAIN.csv is as public code reads the Kaggle set that fits. A file of which nothing is said has no label; a row without its
    file keeps the path it should have.

    Raises
    ------
    ManifestError
        For a file that is said to have two sentiments, two files of one id, or a broken row.
    """
    told = _read_table(root / f"{TABLE_FOLDER}.csv")
    yield from once_each(each(sorted({*audio_paths(root), *told}), lambda path: _utterance(path, told.get(path, ""))))


def _utterance(path: str, told: str) -> Utterance:
    words = {found.lower() for found in _WORD.findall(path)} | ({told} if told else set())
    if len(words) > 1:
        raise StrayFileError(f"{path!r}: is said to be {' and '.join(sorted(words))}; folder, name and table must agree")
    name = str(PurePosixPath(path).with_suffix(""))
    return Utterance(id=name, path=path, speaker=name, language="en", labels={"sentiment": words.pop()} if words else {})


def _read_table(table: Path) -> dict[str, str]:
    """Path → sentiment."""
    told: dict[str, str] = {}
    seen: dict[str, str] = {}
    for where, row in records(table, ("Filename", "Class")) if table.is_file() else ():
        sentiment = row["Class"].lower()
        if sentiment not in SENTIMENTS:
            raise ManifestError(f"{where}: unknown Class {row['Class']!r}; the set has {', '.join(SENTIMENTS)}")
        name = row["Filename"]
        path = f"{TABLE_FOLDER}/{name}" if is_audio_name(name) else f"{TABLE_FOLDER}/{name}.wav"
        once(seen, path, where)
        told[path] = sentiment
    return told
