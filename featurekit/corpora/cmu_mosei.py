"""CMU-MOSEI: some 23,000 sentences of 3,228 video monologues with a sentiment score."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from statistics import fmean
from typing import Any, NamedTuple

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import ImpossibleSpans, number, once, records, say_left_out, whole
from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._table import find_table, read_text
from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

TABLE = "label.csv"
MAX_SCORE, MAX_EMOTION = 3.0, 3.0
EMOTIONS = ("happiness", "sadness", "anger", "fear", "surprise", "disgust")
VIDEO_FOLDER = "Full"
TRANSCRIPTS = ("Raw/Transcript/Segmented/Combined", "Transcript/Segmented/Combined", "Transcript/Segmented")

CORPUS = Corpus(
    name="cmu_mosei",
    title="CMU Multimodal Opinion Sentiment and Emotion Intensity (CMU-MOSEI)",
    languages=("en",),
    licence="research only; the videos belong to their makers",
    citation="Zadeh, Liang, Poria, Cambria and Morency (2018), Multimodal language analysis in the wild: CMU-MOSEI dataset "
    "and interpretable dynamic fusion graph, ACL 2018",
    obtain=f"the raw archive from CMU MultiComp (servers often down), or MMSA's copy with its table {TABLE}; sound as WAV",
    tree=f"""
<root>/
├── {TABLE}                              video_id,clip_id,text,label,annotation,mode,...  (MMSA), or else
├── Raw/Labels/*.csv                       the annotators' answers: Input.VIDEO_ID,Input.CLIP,Answer.sentiment,...
├── Raw/<video>/<clip>.wav                 one file a sentence, anywhere below the root, or else
├── Raw/Audio/Full/WAV_16000/<video>.wav   one file a video, in a folder below one called {VIDEO_FOLDER}, and its times in
└── Raw/Transcript/Segmented/Combined/<video>.txt    <video>___<clip>___<start>___<end>___<text>; Raw/ may be left out
""",
    expected={"MMSA": 22856},
    labels={
        "score": "sentiment from -3 (strongly negative) to 3 (strongly positive), mean of three annotators",
        "part": "MMSA's part: train, valid or test",
        "raters": "annotator → sentiment given, numbered as the answers stand in the tables (Raw/Labels)",
        **dict.fromkeys(EMOTIONS, "mean of the annotators, 0 none to 3 strong (Raw/Labels)"),
    },
    default_task="sentiment3",
    conversations=True,
    speaker_source="recording",
    defects=(
        Defect(
            "the number of sentences differs between releases: 22,856 in MMSA, 23,453 in the paper",
            source="CMU-MultimodalSDK issue 98",
        ),
        Defect("some transcript files hold bytes or bare numbers in place of words", source="CMU-MultimodalSDK issue 157"),
        Defect("it names no speakers, and some persons made several videos", source="Zadeh et al. 2018"),
    ),
)


class _Row(NamedTuple):
    where: str
    video: str
    clip: str
    text: str
    labels: dict[str, Any]


class _Stretch(NamedTuple):
    where: str
    start: float
    end: float
    text: str


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read MMSA's table, or the annotators' answers; a sentence is a file of its own, or a stretch of its video's file.

    ::

        <root>/label.csv                       video_id,clip_id,text,label,...
        <root>/Raw/-3g5yACwYnA/3.wav

    Columns, folders and the form of the transcripts are as public code reads MMSA's copy and the raw archive. Not verified: the
    scale of the emotions, and that the answers' clips are numbered as the transcripts'. A file without a row has no labels.
    A stretch of a video whose times cannot be is left out, and said.

    Raises
    ------
    ManifestError
        For a broken row, a score outside [-3, 3], a clip that is there twice, or a whole video without times.
    """
    table = find_table(root / folder / TABLE for folder in (".", "Raw", "Processed"))
    rows = list(_read_table(table) if table else _read_answers(root))
    if not rows:
        return
    clips, videos = _find_audio(root)
    impossible = ImpossibleSpans()
    times = _read_times(root)
    for where, video, clip, text, labels in rows:
        path = clips.pop((video, clip), "") or videos.get(video, f"Raw/{video}/{clip}.wav")
        stretch = times.get((video, clip))
        whole_video = path == videos.get(video)
        if whole_video and stretch is None:
            raise ManifestError(f"{where}: {path} is a whole video, and no transcript has times of clip {clip}")
        if whole_video and stretch and impossible.has(stretch.start, stretch.end, stretch.where):
            continue
        cut = stretch if whole_video else None
        told = text or (stretch.text if stretch else "")
        yield _utterance(video, clip, path, labels, start=cut and cut.start, end=cut and cut.end, text=told)
    impossible.say()
    for (video, clip), path in sorted(clips.items()):
        yield _utterance(video, clip, path, {})


def _utterance(video: str, clip: str, path: str, labels: dict[str, Any], **more: Any) -> Utterance:
    name = f"{video}_{clip}"
    return Utterance(
        id=name, path=path, recording=video, position=int(clip), speaker=video, language="en", labels=labels, **more
    )


def _read_table(table: Path) -> Iterator[_Row]:
    seen: dict[str, str] = {}
    for where, row in records(table, ("video_id", "clip_id", "text", "label")):
        clip = str(whole(row["clip_id"], "clip_id", where))
        once(seen, f"{row['video_id']}_{clip}", where)
        labels: dict[str, Any] = {"score": number(row["label"], "score", where, -MAX_SCORE, MAX_SCORE)}
        yield _Row(where, row["video_id"], clip, row["text"], labels | ({"part": row["mode"]} if row.get("mode") else {}))


def _read_answers(root: Path) -> Iterator[_Row]:
    """One row a clip, the mean of its annotators' answers; a question nobody answered has no label."""
    answers: dict[tuple[str, str], dict[str, list[float]]] = {}
    first: dict[tuple[str, str], str] = {}
    for table in sorted([*root.glob("Raw/Labels/*.csv"), *root.glob("Labels/*.csv")]):
        for where, row in records(table, ("Input.VIDEO_ID", "Input.CLIP", "Answer.sentiment")):
            key = (row["Input.VIDEO_ID"], str(whole(row["Input.CLIP"], "Input.CLIP", where)))
            first.setdefault(key, where)
            given = answers.setdefault(key, {})
            for name, low, high in (("sentiment", -MAX_SCORE, MAX_SCORE), *((name, 0.0, MAX_EMOTION) for name in EMOTIONS)):
                if row.get(f"Answer.{name}"):
                    given.setdefault(name, []).append(number(row[f"Answer.{name}"], name, where, low, high))
    for (video, clip), given in sorted(answers.items(), key=lambda item: (item[0][0], int(item[0][1]))):
        labels: dict[str, Any] = {name: fmean(values) for name, values in given.items() if name != "sentiment"}
        if "sentiment" in given:
            labels["score"] = fmean(given["sentiment"])
            labels["raters"] = {str(rank): score for rank, score in enumerate(given["sentiment"], 1)}
        yield _Row(first[video, clip], video, clip, "", labels)


def _find_audio(root: Path) -> tuple[dict[tuple[str, str], str], dict[str, str]]:
    """(Video, clip) → file of a sentence; video → file of a whole video."""
    clips: dict[tuple[str, str], str] = {}
    videos: dict[str, str] = {}
    others = []

    def add(path: str) -> None:
        parts, stem = PurePosixPath(path).parts, PurePosixPath(path).stem
        if VIDEO_FOLDER in parts[:-1]:
            first, what = videos.setdefault(stem, path), f"the video {stem}"
        elif len(parts) > 1 and stem.isdigit():
            first, what = clips.setdefault((parts[-2], str(int(stem))), path), f"clip {int(stem)} of {parts[-2]}"
        else:
            others.append(path)
            return
        if first != path:
            raise StrayFileError(f"{path!r}: {what} is there twice, first in {first!r}")

    for _ in each(audio_paths(root), add):
        pass
    say_left_out(others, "are neither <video>/<clip> nor below Full")
    return clips, videos


def _read_times(root: Path) -> dict[tuple[str, str], _Stretch]:
    folder = next((root / name for name in TRANSCRIPTS if (root / name).is_dir()), None)
    times = {}
    for path in sorted(folder.glob("*.txt")) if folder else ():
        for line_number, line in enumerate(read_text(path, "replace").splitlines(), 1):
            where, cells = f"{path}:{line_number}", line.split("___", 4)
            if len(cells) == 5:
                start, end = number(cells[2], "start", where), number(cells[3], "end", where)
                times[cells[0], str(whole(cells[1], "clip", where))] = _Stretch(where, start, end, cells[4].strip())
    return times
