"""ESD: ten Mandarin and ten English speakers say 350 sentences in five emotions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._encodings import read_mixed
from featurekit.corpora._labels import coded, once
from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

EMOTIONS = ("Neutral", "Happy", "Angry", "Sad", "Surprise")
WORDS = {
    **{emotion.lower(): emotion for emotion in EMOTIONS},
    "中立": "Neutral",
    "快乐": "Happy",
    "生气": "Angry",
    "伤心": "Sad",
    "惊喜": "Surprise",
}
LAST_MANDARIN = "0010"

CORPUS = Corpus(
    name="esd",
    title="Emotional Speech Dataset (ESD)",
    languages=("zh", "en"),
    licence="research only, on a signed licence",
    citation="Zhou, Sisman, Liu and Li (2022), Emotional voice conversion: Theory, databases and ESD, Speech Communication 137",
    obtain="the archive named in github.com/HLTSingapore/Emotional-Speech-Data (National University of Singapore)",
    tree="""
<root>/
├── 0001/                        speakers 0001 to 0010 Mandarin, 0011 to 0020 English
│   ├── 0001.txt                 id, text, emotion; in one of four encodings
│   ├── Angry/0001_000351.wav    or Angry/train/0001_000351.wav
│   └── ...                      Neutral, Happy, Angry, Sad, Surprise
└── 0020/
""",
    expected={"all": 35000, "Mandarin": 17500, "English": 17500},
    classes=EMOTIONS,
    labels={
        "emotion": "acted emotion, one of five, from the folder",
        "table_emotion": "the table's emotion, only where it is not the folder's",
    },
    defects=(
        Defect(
            "the text tables mix UTF-8, UTF-16 without a mark, GBK and Latin-1, some with blanks in place of tabs",
            source="HLTSingapore/Emotional-Speech-Data issue 1",
            names=tuple(f"{number:04d}" for number in range(1, 21)),
            checks=("encoding", "id-blanks"),
        ),
        Defect("all speakers of a language say the same 350 sentences: text is shared by all folds", source="Zhou et al. 2021"),
    ),
)

_NAME = re.compile(r"(?P<speaker>00(?:0[1-9]|1\d|20))_(?P<number>\d{6})", re.ASCII)


class _Row(NamedTuple):
    where: str
    text: str
    emotion: str


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the folders, and the texts from the tables in whatever encoding they are.

    ::

        <root>/0011/Angry/0011_000351.wav
        <root>/0011/0011.txt                0011_000351   The nine the eggs, I keep.   Angry

    Folders, tables and the Chinese words are as EmoBox reads them, the encodings as issue 1 of the repository lists them. The
    speakers' gender is not in the files and left empty. A row without its file keeps the path it should have.

    Raises
    ------
    ManifestError
        For a name or folder that is none of ESD's, an unknown word in a table, or a file or row that is there twice.
    """
    named = coded(audio_paths(root), _NAME, "0001/Angry/0001_000351.wav")
    paths = by_stem(path for path, _ in each(named, lambda item: (item[0], _folder_emotion(item[0]))))
    rows = _read_tables(root)
    for stem in sorted(paths.keys() | rows.keys()):
        row = rows.get(stem)
        path = paths[stem] if stem in paths else f"{stem[:4]}/{row.emotion if row else ''}/{stem}.wav"
        emotion = _folder_emotion(path)
        disagrees = {"table_emotion": row.emotion} if row and row.emotion != emotion else {}
        yield Utterance(
            id=stem,
            path=path,
            speaker=stem[:4],
            language="zh" if stem[:4] <= LAST_MANDARIN else "en",
            text=row.text if row else "",
            labels={"emotion": emotion, **disagrees},
        )


def _folder_emotion(path: str) -> str:
    for name in reversed(PurePosixPath(path).parts[:-1]):
        if name.lower() in WORDS:
            return WORDS[name.lower()]
    raise StrayFileError(f"{path!r}: lies in no folder of an emotion ({', '.join(EMOTIONS)})")


def _read_tables(root: Path) -> dict[str, _Row]:
    rows: dict[str, _Row] = {}
    seen: dict[str, str] = {}
    for path in sorted(root.glob("**/00[0-2][0-9].txt")):
        text = read_mixed(path, chinese=path.stem <= LAST_MANDARIN)
        for line_number, line in enumerate(text.splitlines(), 1):
            cells = line.replace("\ufeff", "").split()
            if not cells:
                continue
            where = f"{path}:{line_number}"
            if len(cells) < 3 or not _NAME.fullmatch(cells[0]) or cells[-1].lower() not in WORDS:
                raise ManifestError(f"{where}: expected id, text and one of {', '.join(WORDS)}; got {line.strip()!r}")
            once(seen, cells[0], where)
            rows[cells[0]] = _Row(where, " ".join(cells[1:-1]), WORDS[cells[-1].lower()])
    return rows
