"""MELD: dialogues of the television series Friends in seven emotions and three sentiments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurekit.audio import is_video_name
from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import once, records, say_left_out, whole
from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._table import find_table
from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
SENTIMENTS = ("negative", "neutral", "positive")
FOLDERS = {
    "train": ("train_splits", "train"),
    "dev": ("dev_splits_complete", "dev_splits", "dev"),
    "test": ("output_repeated_splits_test", "test_splits", "test"),
}
TABLE_FOLDERS = (".", "train", "data/MELD", "MELD.Raw")
_COLUMNS = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")

CORPUS = Corpus(
    name="meld",
    title="Multimodal EmotionLines Dataset (MELD)",
    languages=("en",),
    licence="GPL-3.0 for the annotation; the episodes belong to their makers",
    citation="Poria, Hazarika, Majumder, Naik, Cambria and Mihalcea (2019), MELD: A multimodal multi-party dataset for emotion "
    "recognition in conversations, ACL 2019",
    obtain="MELD.Raw.tar.gz and the three tables from affective-meld.github.io; the clips are read where ffmpeg is installed; "
    "or turn each clip's sound into a WAV of the same name (ffmpeg -i dia0_utt0.mp4 dia0_utt0.wav)",
    tree="""
<root>/
├── train_sent_emo.csv                           or in train/, MELD.Raw/ or data/MELD/
├── dev_sent_emo.csv
├── test_sent_emo.csv
├── train_splits/dia0_utt0.wav                   folders at any depth
├── dev_splits_complete/dia0_utt0.wav
└── output_repeated_splits_test/dia0_utt0.wav    final_videos_test*.wav and ._*.wav are passed over
""",
    expected={"all": 13708, "train": 9989, "dev": 1109, "test": 2610},
    classes=EMOTIONS,
    labels={
        "emotion": "one of seven, from the table",
        "sentiment": "negative, neutral or positive, from the table",
        "part": "official part: train, dev or test",
    },
    conversations=True,
    defects=(
        Defect("times and clips disagree for some utterances; a few clips are far too long", source="MELD issues 9, 20 and 39"),
        Defect(
            "two clips cannot be decoded: train's dia125_utt3 and dev's dia110_utt7",
            source="EmoBox leaves them out",
            names=("dia125_utt3", "dia110_utt7"),
            checks=("decode", "missing", "truncated", "empty"),
        ),
        Defect(
            "the six main characters are in all three parts: the official split is not speaker-disjoint",
            source="the tables, seen here",
        ),
        Defect("the test archive holds final_videos_test* beside the clips, and macOS's ._ files", source="public code"),
        Defect(
            "speakers of small roles have names like 'Both', 'All', 'Woman', which are not persons",
            source="the tables, seen here",
        ),
    ),
)

_CLIP = re.compile(r"dia(\d+)_utt(\d+)", re.ASCII)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the three tables; an utterance is a clip of its own, a dialogue the recording.

    ::

        <root>/train_sent_emo.csv     Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,...
        <root>/train_splits/dia0_utt0.wav

    The three public tables (13,708 rows) and the clip names EmoBox lists are read. A row without its clip keeps the path it
    should have; a clip without a row has no labels but its part.

    Raises
    ------
    ManifestError
        For a broken row, an unknown emotion or sentiment, or an utterance or clip that is there twice.
    """
    clips = _find_clips(root)
    for part, folders in FOLDERS.items():
        table = find_table(root / folder / f"{part}_sent_emo.csv" for folder in TABLE_FOLDERS)
        seen: dict[str, str] = {}
        for where, row in records(table, _COLUMNS) if table else ():
            dialogue, turn = (whole(row[column], column, where) for column in ("Dialogue_ID", "Utterance_ID"))
            name = f"dia{dialogue}_utt{turn}"
            once(seen, name, where)
            yield _utterance(part, name, clips.pop((part, name), f"{folders[0]}/{name}.wav"), row, where)
    for (part, name), path in sorted(clips.items()):
        yield _utterance(part, name, path, {}, path)


def _utterance(part: str, name: str, path: str, row: dict[str, str], where: str) -> Utterance:
    dialogue = f"{part}_{name.partition('_')[0]}"
    for column, words in (("Emotion", EMOTIONS), ("Sentiment", SENTIMENTS)):
        if row and row[column].lower() not in words:
            raise ManifestError(f"{where}: unknown {column} {row[column]!r}; MELD has {', '.join(words)}")
    labels = {"emotion": row["Emotion"].lower(), "sentiment": row["Sentiment"].lower()} if row else {}
    return Utterance(
        id=f"{part}_{name}",
        path=path,
        recording=dialogue,
        position=int(name.partition("_utt")[2]),
        speaker=row.get("Speaker", ""),
        language="en",
        text=row.get("Utterance", ""),
        labels={**labels, "part": part},
    )


def _find_clips(root: Path) -> dict[tuple[str, str], str]:
    """(Part, name of a clip) → its file."""
    parts = {folder: part for part, folders in FOLDERS.items() for folder in folders}
    clips: dict[tuple[str, str], str] = {}
    others = []

    def add(path: str) -> None:
        match = _CLIP.fullmatch(PurePosixPath(path).stem)
        part = next((parts[name] for name in reversed(PurePosixPath(path).parts[:-1]) if name in parts), None)
        if match is None or part is None:
            others.append(path)
            return
        name = f"dia{int(match[1])}_utt{int(match[2])}"
        first = clips.setdefault((part, name), path)
        if first != path and is_video_name(path) == is_video_name(first):  # beside audio a video is passed over
            raise StrayFileError(f"{path!r}: {name} of {part} is there twice, first in {first!r}")

    for _ in each(sorted(audio_paths(root, videos=True), key=is_video_name), add):  # audio first
        pass
    say_left_out(others, "are no clips of a part (dia<number>_utt<number> in a part's folder)")
    return clips
