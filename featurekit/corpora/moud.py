"""MOUD: opinions in Spanish video reviews, cut into utterances."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._encodings import read_mixed
from featurekit.corpora._segments import segments
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

TABLE = "labels.csv"
SENTIMENTS = {"negative": "negative", "neutral": "neutral", "positive": "positive"}
NUMBERS = {"-1": "negative", "0": "neutral", "1": "positive", "+1": "positive"}

CORPUS = Corpus(
    name="moud",
    title="Multimodal Opinion Utterances Dataset (MOUD)",
    languages=("es",),
    licence="research only; the videos belong to their makers",
    citation="Pérez-Rosas, Mihalcea and Morency (2013), Utterance-level multimodal sentiment analysis, ACL 2013",
    obtain="the utterances' videos, transcriptions and annotations from R. Mihalcea's group at the University of Michigan; "
    f"write the annotations into {TABLE} (video,segment,sentiment and, as known, start,end,text,speaker,gender)",
    tree=f"""
<root>/
├── {TABLE}                   video,segment,sentiment[,start,end,text,speaker,gender]
├── any/folders/video1_1.mp4     one file per utterance, video or audio (times are then not applied), or
├── any/folders/video1.wav       one file a video, of which start and end say the utterances
└── any/folders/video1_1.txt     optional: what an utterance says, where the table has no text
""",
    expected={"Perez-Rosas et al. 2013": 498, "Luo et al. 2019": 437},
    labels={"sentiment": "negative, neutral or positive"},
    default_task="sentiment",
    conversations=True,
    speaker_source="recording",
    defects=(
        Defect(
            "papers count 79 or 80 videos and 437 to 498 utterances: some leave the neutral ones out",
            source="Luo et al. 2019, Table 1",
        ),
        Defect(
            "55 persons made the 80 videos; without a column speaker the video stands in for the person",
            source="Luo et al. 2019",
        ),
    ),
)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read a table that you made from the corpus's annotations, and the files of its utterances.

    ::

        <root>/labels.csv                      video,segment,sentiment
                                               video1,1,positive
        <root>/Video/video1_1.mp4
        <root>/Transcriptions/video1_1.txt     me encanta

    The makers' page says that the archive is "segmented at utterance level, transcribed, and annotated for sentiment". No
    public list of its files was found, nor code that reads them, so names of files and the table are featurekit's own: files
    may lie in any folders, one per utterance or one per video, audio or video (whose sound ffmpeg reads). A sentiment is a
    word, or -1, 0 or 1. A transcription that is not UTF-8 is read as Windows-1252. Counts are the papers'.

    Raises
    ------
    ManifestError
        For a broken row, an unknown sentiment, or a segment or file that is there twice.
    """
    if not (root / TABLE).is_file():
        return
    texts = {path.stem: path for path in sorted(root.rglob("[!.]*.txt"))}
    for item in segments(root, root / TABLE, ("sentiment",)):
        name, said = f"{item.video}_{item.segment}", item.cells["sentiment"].lower()
        sentiment = (SENTIMENTS | NUMBERS).get(said, "")
        if said and not sentiment:
            raise ManifestError(f"{item.where}: unknown sentiment {said!r}; MOUD has {', '.join(SENTIMENTS)}, or -1, 0, 1")
        text = item.cells.get("text", "")
        if not text and name in texts:
            text = " ".join(read_mixed(texts[name], chinese=False).split())
        yield Utterance(
            id=name,
            path=item.path,
            start=item.start,
            end=item.end,
            recording=item.video,
            position=item.segment,
            speaker=item.cells.get("speaker") or item.video,
            gender=item.cells.get("gender", ""),
            language="es",
            text=text,
            labels={"sentiment": sentiment} if sentiment else {},
        )
