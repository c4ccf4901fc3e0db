"""MOUD: opinions in Spanish video reviews, cut into utterances."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._segments import segments
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

TABLE = "labels.csv"
SENTIMENTS = ("negative", "neutral", "positive")

CORPUS = Corpus(
    name="moud",
    title="Multimodal Opinion Utterances Dataset (MOUD)",
    languages=("es",),
    licence="research only; the videos belong to their makers",
    citation="Pérez-Rosas, Mihalcea and Morency (2013), Utterance-level multimodal sentiment analysis, ACL 2013",
    obtain="the videos and annotations from R. Mihalcea's group at the University of Michigan; write its annotations into "
    f"{TABLE} (video,segment,start,end,sentiment and, as known, text,speaker,gender)",
    tree=f"""
<root>/
├── {TABLE}            video,segment,start,end,sentiment[,text,speaker,gender]
└── audio/
    ├── video1.wav        one file a video, or
    └── video1_1.wav      one file an utterance (its times are then not applied)
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
    """Read a table of segments that you made from the corpus's annotations.

    ::

        <root>/labels.csv         video1,1,0.0,4.2,positive,"me encanta"
        <root>/audio/video1.wav

    The layout is featurekit's own: no public description of the distributed files was found. Counts are the papers'.

    Raises
    ------
    ManifestError
        For a broken row, an unknown sentiment, or a segment or file that is there twice.
    """
    if not (root / TABLE).is_file():
        return
    for item in segments(root, root / TABLE, ("sentiment",)):
        sentiment = item.cells["sentiment"].lower()
        if sentiment and sentiment not in SENTIMENTS:
            raise ManifestError(f"{item.where}: unknown sentiment {sentiment!r}; MOUD has {', '.join(SENTIMENTS)}")
        yield Utterance(
            id=f"{item.video}_{item.segment}",
            path=item.path,
            start=item.start,
            end=item.end,
            recording=item.video,
            position=item.segment,
            speaker=item.cells.get("speaker") or item.video,
            gender=item.cells.get("gender", ""),
            language="es",
            text=item.cells.get("text", ""),
            labels={"sentiment": sentiment} if sentiment else {},
        )
