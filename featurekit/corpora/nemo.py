"""nEMO: nine Polish actors, ninety sentences, six emotional states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import coded, once, records, whole
from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
TABLE = "data.tsv"

CORPUS = Corpus(
    name="nemo",
    title="nEMO: Dataset of Emotional Speech in Polish",
    languages=("pl",),
    licence="CC BY-NC-SA 4.0",
    citation="Christop (2024), nEMO: Dataset of emotional speech in Polish, LREC-COLING 2024, arXiv:2404.06292",
    obtain="github.com/amu-cai/nEMO (samples/ and data.tsv)",
    tree=f"""
<root>/
├── {TABLE}                    file_id, emotion, raw_text, normalized_text, speaker_id, gender, age
└── samples/
    ├── EB0_anger_1.wav         speaker, emotion, sentence
    └── ...
""",
    expected={"all": 4481},
    classes=EMOTIONS,
    labels={"emotion": "acted emotion, one of six", "sentence": "number of the sentence, 1 to 90", "age": "age of the actor"},
    defects=(
        Defect("speakers in the table are padded with blanks, which are taken off", source="data.tsv, seen here"),
        Defect("all speakers say the same sentences: text is shared by all folds", source="data.tsv, seen here"),
    ),
)

_NAME = re.compile(r"(?P<speaker>[A-Z]+\d+)_(?P<emotion>[a-z]+)_(?P<sentence>\d+)", re.ASCII)
_COLUMNS = ("file_id", "emotion", "raw_text", "speaker_id", "gender", "age")


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the files' names, and text, gender and age from the table where it is there.

    ::

        <root>/data.tsv                    WR0_surprised_64.wav  surprised  Ucho wykrywa ...  ucho ...  WR0  male  23
        <root>/samples/WR0_surprised_64.wav

    All 4481 names and rows of the public repository are read. A row without its file keeps the path it should have.

    Raises
    ------
    ManifestError
        For a name that is none of the corpus's, an unknown emotion, a file or row that is there twice, or a row that
        contradicts its name.
    """
    paths = by_stem(each(coded(audio_paths(root), _NAME, "samples/EB0_anger_1.wav"), _checked))
    rows = _read_table(root / TABLE)
    for stem in sorted(paths.keys() | rows.keys()):
        path = paths.get(stem, f"samples/{stem}.wav")  # a row may name a file that is not here
        speaker, emotion, sentence = stem.split("_")
        where, row = rows.get(stem, ("", {}))
        told = (row.get("speaker_id", speaker), row.get("emotion", emotion))
        if told != (speaker, emotion):
            raise ManifestError(f"{where}: {stem} is said to be of {' and '.join(told)}")
        age = {"age": whole(row["age"], "age", where)} if row.get("age") else {}
        yield Utterance(
            id=stem,
            path=path,
            speaker=speaker,
            gender=row.get("gender", ""),
            language="pl",
            text=row.get("raw_text", ""),
            labels={"emotion": emotion, "sentence": int(sentence), **age},
        )


def _checked(named: tuple[str, re.Match[str]]) -> str:
    path, match = named
    if match["emotion"] not in EMOTIONS:
        raise StrayFileError(f"{path!r}: unknown emotion {match['emotion']!r}; nEMO has {', '.join(EMOTIONS)}")
    return path


def _read_table(table: Path) -> dict[str, tuple[str, dict[str, str]]]:
    if not table.is_file():
        return {}
    rows: dict[str, tuple[str, dict[str, str]]] = {}
    seen: dict[str, str] = {}
    for where, row in records(table, _COLUMNS, "\t"):
        stem = Path(row["file_id"]).stem
        once(seen, stem, where)
        match = _NAME.fullmatch(stem)
        if match is None:
            raise ManifestError(f"{where}: {row['file_id']!r} is no name of nEMO, which has names like EB0_anger_1.wav")
        if match["emotion"] not in EMOTIONS:
            raise ManifestError(f"{where}: unknown emotion {match['emotion']!r}; nEMO has {', '.join(EMOTIONS)}")
        rows[stem] = (where, row)
    return rows
