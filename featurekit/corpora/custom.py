"""Your own corpus: a folder of audio and one table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from featurekit.corpora import Corpus, recipe
from featurekit.corpora._table import TABLE_SUFFIXES, find_table, read_table
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

CORPUS = Corpus(
    name="custom",
    title="Any corpus with a table",
    languages=(),
    licence="yours",
    citation="",
    obtain="your own audio and a table (CSV, TSV, JSONL or Parquet) with the columns path, label, speaker and, as needed, id, "
    "start, end or duration (seconds), channel, recording, position, gender, language, text; any other column is kept as a raw "
    "label, a number where all its cells are; columns that are nearly called so, as Speaker or file, are read with a note",
    tree="""
<root>/
├── manifest.csv        or .tsv, .jsonl, .parquet, or the only such table here, or the file that --manifest names
└── any/folders/*.wav   paths in the table are relative to <root>
""",
    labels={"label": "the table's column label"},
    default_task="label",
)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the table of a folder; see :func:`featurekit.corpora._table.read_table` for its columns.

    ::

        <root>/
        ├── manifest.csv        path,label,speaker
        └── any/folders/*.wav   sad/anna_01.wav,sad,anna

    Raises
    ------
    ManifestError
        When there are several tables and none is called manifest, or for a broken line.
    """
    table = find_table(root / f"manifest{suffix}" for suffix in TABLE_SUFFIXES)
    if table is None:
        tables = sorted(path for path in root.iterdir() if path.suffix.lower() in TABLE_SUFFIXES and path.is_file())
        if len(tables) > 1:
            names = ", ".join(path.name for path in tables)
            raise ManifestError(f"{root} has several tables ({names}); name one with --manifest or call it manifest.csv")
        if not tables:
            return
        table = tables[0]
    yield from read_table(table, root)
