"""MSP-Podcast: speech of podcasts, rated by a crowd: eight emotions, valence, arousal, dominance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import number, once, records, say_unused, word
from featurekit.corpora._speakers import with_stand_ins
from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._table import find_table, read_text
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

EMOTIONS = {
    "A": "angry",
    "S": "sad",
    "H": "happy",
    "U": "surprise",
    "F": "fear",
    "D": "disgust",
    "C": "contempt",
    "N": "neutral",
    "O": "other",
    "X": "no agreement",
}
LOWEST, HIGHEST = 1.0, 7.0
DIMENSIONS = {"arousal": "EmoAct", "valence": "EmoVal", "dominance": "EmoDom"}
TABLES = ("labels_consensus.csv", "labels_concensus.csv")
_COLUMNS = ("FileName", "EmoClass", *DIMENSIONS.values(), "SpkrID", "Gender", "Split_Set")

CORPUS = Corpus(
    name="msp_podcast",
    title="MSP-Podcast",
    languages=("en",),
    licence="academic licence of the University of Texas at Dallas; commercial licence on request",
    citation="Lotfian and Busso (2019), Building naturalistic emotionally balanced speech corpus by retrieving emotional "
    "speech from existing podcast recordings, IEEE Transactions on Affective Computing 10(4)",
    obtain="the corpus from the MSP laboratory (C. Busso), University of Texas at Dallas",
    tree="""
<root>/
├── Labels/
│   ├── labels_consensus.csv     FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set
│   └── labels_detailed.csv      optional: every rater
├── Audios/MSP-PODCAST_0001_0008.wav
└── Transcripts/MSP-PODCAST_0001_0008.txt    optional
""",
    expected={"2.0": 264705},
    classes=tuple(EMOTIONS.values()),
    labels={
        "emotion": "what most raters said; 'no agreement' where none leads",
        "arousal": "mean of the raters, 1 calm to 7 active",
        "valence": "mean of the raters, 1 negative to 7 positive",
        "dominance": "mean of the raters, 1 weak to 7 strong",
        "part": "official part: Train, Development, Test1, Test2, ...",
        "raters": "rater → the primary emotion chosen (labels_detailed.csv)",
    },
    default_task="msp8",
    defects=(
        Defect(
            "releases differ by a factor of four in size and by labels: say which one (counts are of release 2.0, Labels/)",
            source="as users report, not seen here",
        ),
        Defect(
            "some speakers are 'Unknown' and stay unknown; where all are, the podcast stands in for each",
            source="as users report, not seen here",
        ),
        Defect("Test3 has no labels in public releases", source="as users report, not seen here"),
    ),
)

_NAME = re.compile(r"(?P<podcast>.+)_(?P<segment>\d+)(?:_\w+)?", re.ASCII)
_EXAMPLE = "names like MSP-PODCAST_0001_0008.wav"


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the consensus table, and every rater where the detailed table is there.

    ::

        <root>/Labels/labels_consensus.csv     MSP-PODCAST_0001_0008.wav,N,2.2,4.0,2.6,30,Male,Test1
        <root>/Audios/MSP-PODCAST_0001_0008.wav

    Columns and rows of the consensus table are as public code quotes them; the detailed table is read in two forms that public
    code describes (Workers with EmoClass_Major, or EmoDetail 'WORKER1; Happy; ...'). Neither has been seen here.

    Raises
    ------
    ManifestError
        For a broken row, an unknown emotion, a rating outside [1, 7], or a file or row that is there twice.
    """
    yield from with_stand_ins(_read(root))


def _read(root: Path) -> Iterator[Utterance]:
    table = find_table(root / folder / name for folder in ("Labels", "Labels/Labels", "label", ".") for name in TABLES)
    if table is None:
        return
    paths = by_stem(audio_paths(root))
    folder = PurePosixPath(next(iter(paths.values()), "Audios/x")).parent
    raters = _read_raters(table.with_name("labels_detailed.csv"))
    seen: dict[str, str] = {}
    for where, row in records(table, _COLUMNS):
        stem = PurePosixPath(row["FileName"]).stem
        once(seen, stem, where)
        if _NAME.fullmatch(stem) is None:
            raise ManifestError(f"{where}: {row['FileName']!r} is no name of this corpus, which has {_EXAMPLE}")
        emotion = {"emotion": word(row["EmoClass"], EMOTIONS, "emotion", where)} if row["EmoClass"] else {}
        ratings = {
            name: number(row[column], column, where, LOWEST, HIGHEST) for name, column in DIMENSIONS.items() if row[column]
        }
        told = {"raters": raters.pop(stem)} if stem in raters else {}
        yield _utterance(root, stem, paths.pop(stem, f"{folder}/{stem}.wav"), row, {**emotion, **ratings, **told})
    yield from each(sorted(paths.items()), lambda item: _utterance(root, *item, {}, {}))
    say_unused(raters.keys(), table.with_name("labels_detailed.csv"), "ratings")


def _utterance(root: Path, stem: str, path: str, row: dict[str, str], labels: dict[str, object]) -> Utterance:
    match = _NAME.fullmatch(stem)
    if match is None:
        raise StrayFileError(f"{path!r}: not a name of this corpus, which has {_EXAMPLE}")
    speaker = row.get("SpkrID", "")
    transcript = root / "Transcripts" / f"{stem}.txt"
    return Utterance(
        id=stem,
        path=path,
        recording=match["podcast"],
        position=int(match["segment"]),
        speaker="" if speaker.lower() == "unknown" else speaker,
        gender={"male": "male", "female": "female"}.get(row.get("Gender", "").lower(), ""),
        language="en",
        text=" ".join(read_text(transcript).split()) if transcript.is_file() else "",
        labels={**labels, "part": row["Split_Set"]} if row else {},
    )


def _read_raters(table: Path) -> dict[str, dict[str, list[str]]]:
    """File's stem → rater → the emotion chosen."""
    raters: dict[str, dict[str, list[str]]] = {}
    for where, row in records(table, ("FileName",)) if table.is_file() else ():
        if "EmoDetail" in row:
            rater, _, rest = row["EmoDetail"].partition(";")
            emotion = rest.partition(";")[0].strip()
        else:
            rater = next((row[name] for name in ("Workers", "Worker", "WorkerID") if name in row), "")
            emotion = row.get("EmoClass_Major", "")
        if not rater or not emotion:
            raise ManifestError(f"{where}: expected a rater (Workers) and EmoClass_Major, or EmoDetail; got {', '.join(row)}")
        raters.setdefault(PurePosixPath(row["FileName"]).stem, {}).setdefault(rater.strip(), []).append(emotion)
    return raters
