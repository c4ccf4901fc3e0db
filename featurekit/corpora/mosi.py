"""CMU-MOSI: 93 video monologues cut into 2199 opinion segments with a sentiment score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import ImpossibleSpans, once, records, say_unused
from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._table import csv_rows, find_table, read_text
from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

TABLE = "OpinionLevelSentiment.csv"
TABLE_FOLDERS = (".", "Raw", "Labels", "Raw/Labels", "labels")
WAV_FOLDERS = ("Raw/Audio/WAV_16000", "Audio/WAV_16000", "WAV_16000")
# Whole videos first: the table's times are theirs, and some segmented files are cut otherwise.
AUDIO_FOLDERS = (
    *(f"{folder}/Full" for folder in WAV_FOLDERS),
    *(f"{folder}/Segmented" for folder in WAV_FOLDERS),
    "audio",
    ".",
)
SPEAKER_TABLE = "speakers.csv"
TEXT_TABLE = "label_mmsa.csv"
TRANSCRIPT_FOLDERS = ("Raw/Transcript/Segmented", "Transcript/Segmented")
MAX_SCORE = 3.0
OVERLAPPING = (
    ("5W7Z1C_fDaE", (21, 22)),
    ("BvYR0L6f2Ig", (6, 7)),
    ("VbQk4H8hgr0", (20, 46)),
    ("ZUXBRvtny7o", (22, 23, 25, 26)),
    ("aiEXnCPZubE", (28, 29)),
    ("bOL9jKpeJRs", (24, 25)),
    ("d6hH302o4v8", (17, 25, 27, 34, 36, 40)),
)

CORPUS = Corpus(
    name="mosi",
    title="CMU Multimodal Opinion Sentiment Intensity (CMU-MOSI)",
    languages=("en",),
    licence="research only; the videos belong to their makers",
    citation="Zadeh, Zellers, Pincus and Morency (2016), MOSI: Multimodal Corpus of Sentiment Intensity and Subjectivity "
    "Analysis in Online Opinion Videos, arXiv:1606.06259",
    obtain=f"the raw CMU-MOSI archive (Audio/WAV_16000, Full or Segmented) and its label table {TABLE} from CMU MultiComp "
    "(A. Zadeh, L.-P. Morency); its servers are often down, so ask the authors",
    tree=f"""
<root>/
├── {TABLE}   start,end,video,segment,score, without a header; also in Raw/, Labels/ or Raw/Labels/
├── {TEXT_TABLE}              optional: id,text,...; else Raw/Transcript/Segmented/<video>.annotprocessed
├── {SPEAKER_TABLE}                optional, yours: video,speaker[,gender]
└── Raw/
    └── Audio/
        └── WAV_16000/             also <root>/Audio/WAV_16000, <root>/WAV_16000; or all files in <root>/audio
            ├── Full/03bSnISJMiM.wav           .wav or .flac, one a video; or, where Full is not there,
            └── Segmented/03bSnISJMiM_1.wav    one a segment
""",
    expected={"all": 2199},
    labels={"score": "sentiment from -3 (strongly negative) to 3 (strongly positive), mean of five annotators"},
    default_task="sentiment3",
    conversations=True,
    speaker_source="recording",
    defects=(
        Defect(
            "one segment has no length",
            source=f"{TABLE}, seen here",
            names=("2WGyTLYerpo_44",),
            checks=("segment-empty",),
        ),
        Defect(
            "the segments of two videos are numbered out of time; here their order is that of time",
            source=f"{TABLE}, seen here",
            names=("VbQk4H8hgr0", "d6hH302o4v8"),
            checks=("numbering",),
        ),
        Defect(
            "segments that share most of their audio, some of them with different scores",
            source=f"{TABLE}, seen here",
            names=tuple(f"{video}_{number}" for video, numbers in OVERLAPPING for number in numbers),
            checks=("overlap", "same-stretch"),
        ),
        Defect(
            "four segments have no text",
            source=f"{TEXT_TABLE}, seen here",
            names=("2WGyTLYerpo_44", "5W7Z1C_fDaE_24", "BioHAh1qJAQ_30", "lXPQBPVc5Cw_30"),
            checks=("text-missing",),
        ),
        Defect(
            "files of segments may be cut at other times than the table's: 3.33 s where it has 4.04 s",
            source="CMU-MultimodalSDK issue 255",
            names=("03bSnISJMiM_1",),
            checks=("duration",),
        ),
        Defect("89 persons made the 93 videos, and nothing says which are theirs", source="Zadeh et al. 2016"),
    ),
)


@dataclass(frozen=True)
class _Segment:
    video: str
    number: int
    start: float
    end: float
    score: float

    @property
    def name(self) -> str:
        return f"{self.video}_{self.number}"


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the label table; the audio of a segment is a stretch of its video's file, or a file of its own.

    ::

        <root>/OpinionLevelSentiment.csv                       27.88,32.93,_dI--eQ6qVU,1,2.4
        <root>/Raw/Audio/WAV_16000/Full/_dI--eQ6qVU.wav        or Segmented/_dI--eQ6qVU_1.wav

    The corpus names no speakers (89 persons made the 93 videos): the video stands in for the speaker, unless speakers.csv
    names one. A segment of no length (2WGyTLYerpo_44) stays in the manifest; extraction gives it the status EMPTY.

    Order is that of time, not of the numbers, which in two videos run against it: a context window is there to hold what a
    listener heard before and after. The length of a segmented file is stated as the table's, for the doctor to compare.

    Raises
    ------
    ManifestError
        For a broken line of the tables, a score outside [-3, 3], a video told twice, or audio that is no video or segment of
        the table or is there twice.
    """
    table = find_table(root / folder / TABLE for folder in TABLE_FOLDERS)
    if table is None:
        return
    segments = sorted(_read_segments(table), key=lambda segment: (segment.video, segment.start, segment.number))
    videos = {segment.video for segment in segments}
    (whole, parts), texts, speakers = _find_audio(root, videos), _read_texts(root, videos), _read_speakers(root, videos)
    segmented = not whole and bool(parts)
    paths = parts if segmented else whole
    folder = PurePosixPath(next(iter(parts.values()))).parent if segmented else AUDIO_FOLDERS[0]
    ranks = dict.fromkeys(videos, 0)
    for segment in segments:
        stem = segment.name if segmented else segment.video
        speaker, gender = speakers.get(segment.video, (segment.video, ""))
        yield Utterance(
            id=segment.name,
            path=paths.get(stem, f"{folder}/{stem}.wav"),
            start=None if segmented else segment.start,
            end=None if segmented else segment.end,
            duration_s=round(segment.end - segment.start, 6) if segmented else None,
            recording=segment.video,
            position=ranks[segment.video],
            speaker=speaker,
            gender=gender,
            language="en",
            text=texts.get(segment.name, ""),
            labels={"score": segment.score},
        )
        ranks[segment.video] += 1


def _read_segments(table: Path) -> Iterator[_Segment]:
    impossible = ImpossibleSpans()
    for where, cells in csv_rows(table):
        try:
            start, end, video, number, score = cells
            segment = _Segment(video, int(number), float(start), float(end), float(score))
        except ValueError:
            raise ManifestError(f"{where}: expected start,end,video,segment,score, got {','.join(cells)!r}") from None
        if not -MAX_SCORE <= segment.score <= MAX_SCORE:
            raise ManifestError(f"{where}: score {segment.score} lies outside [-3, 3]")
        if not impossible.has(segment.start, segment.end, where):
            yield segment
    impossible.say()


def _find_audio(root: Path, videos: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Video → its file, and video_segment → a file of its own; of two files, that in the usual folder."""
    whole: dict[str, str] = {}
    segments: dict[str, str] = {}

    def add(path: str) -> None:
        stem = PurePosixPath(path).stem
        video, _, number = stem.rpartition("_")
        if stem not in videos and not (video in videos and number.isdecimal()):
            raise StrayFileError(f"{path!r}: neither a video nor a segment of a video of the table, as bbb.wav and bbb_1.wav")
        first = (whole if stem in videos else segments).setdefault(stem, path)
        if first != path:
            raise StrayFileError(f"{path!r}: {stem} is there twice, first in {first!r}")

    ranks = {folder: rank for rank, folder in enumerate(AUDIO_FOLDERS)}
    for _ in each(sorted(audio_paths(root), key=lambda path: ranks.get(str(PurePosixPath(path).parent), len(ranks))), add):
        pass
    return whole, segments


def _read_texts(root: Path, videos: set[str]) -> dict[str, str]:
    """Utterance id → text, from MMSA's table or the corpus's own transcripts; empty when neither is there."""
    table = find_table(root / folder / TEXT_TABLE for folder in TABLE_FOLDERS)
    if table is not None:
        return {cells[0]: cells[1] for _, cells in csv_rows(table) if len(cells) > 1}
    texts = {}
    for video in sorted(videos):
        path = find_table(root / folder / f"{video}.annotprocessed" for folder in TRANSCRIPT_FOLDERS)
        for line in read_text(path).splitlines() if path else ():
            number, delimiter, text = line.partition("_DELIM_")
            if delimiter:
                texts[f"{video}_{number.strip()}"] = text.strip()
    return texts


def _read_speakers(root: Path, videos: set[str]) -> dict[str, tuple[str, str]]:
    """Video → speaker and gender, from the user's own table; empty without one."""
    table = find_table(root / folder / SPEAKER_TABLE for folder in TABLE_FOLDERS)
    speakers: dict[str, tuple[str, str]] = {}
    seen: dict[str, str] = {}
    for where, row in records(table, ("video", "speaker")) if table else ():
        once(seen, row["video"], where)
        if row["speaker"]:
            speakers[row["video"]] = (row["speaker"], row.get("gender", ""))
    if table is not None:
        say_unused(speakers.keys() - videos, table, "speakers")
    return speakers
