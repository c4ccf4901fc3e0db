"""The three Chinese corpora of Luo et al. (2019): Sichuan, Cantonese and Mandarin videos, five scores an utterance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import number
from featurekit.corpora._segments import segments
from featurekit.manifest import Utterance

TABLE = "labels.csv"
LANGUAGES = {"sichuan": "zh", "cantonese": "yue", "mandarin": "zh"}
SCORES = ("score1", "score2", "score3", "score4", "score5")
MAX_SCORE = 3.0

CORPUS = Corpus(
    name="chinese_sentiment",
    title="Sichuan, Cantonese and Mandarin video sentiment (Luo et al. 2019)",
    languages=("zh",),
    licence="private; ask the authors",
    citation="Luo, Xu and Chen (2019), Audio sentiment analysis by heterogeneous signal features learned from utterance-based "
    "parallel neural network, AffCon at AAAI 2019",
    obtain=f"the corpora from the authors; write each one's annotation into {TABLE} (video,segment,start,end,score1,...,score5 "
    "and, as known, text,speaker,gender)",
    tree=f"""
<root>/
├── sichuan/
│   ├── {TABLE}           video,segment,start,end,score1,score2,score3,score4,score5[,text,speaker,gender]
│   └── audio/v01.wav        one file a video, or v01_1.wav one file an utterance
├── cantonese/               any of the three
└── mandarin/
""",
    expected={"all": 32027, "sichuan": 2168, "cantonese": 5154, "mandarin": 24705},
    labels={
        "score": "mean of the five annotators, -3 (strongly negative) to 3 (strongly positive)",
        "raters": "annotator → the score given",
        "dialect": "sichuan, cantonese or mandarin",
    },
    default_task="sentiment3",
    conversations=True,
    speaker_source="recording",
    defects=(
        Defect("the borders of the three classes are not printed; sentiment3's are ours", source="the paper"),
        Defect("the range of the scores is not printed; CMU-MOSI, which it follows, has -3 to 3", source="the paper"),
    ),
)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the table of each dialect; an utterance's label is the mean of its five scores, all of which are kept.

    ::

        <root>/sichuan/labels.csv      v01,1,0.0,3.1,-1,0,-2,-1,-1
        <root>/sichuan/audio/v01.wav

    The layout is featurekit's own, since the corpora are private; counts and the five annotators are the paper's.

    Raises
    ------
    ManifestError
        For a broken row, a score outside [-3, 3], or a segment or file that is there twice.
    """
    for dialect, language in LANGUAGES.items():
        table = root / dialect / TABLE
        for item in segments(root, table, SCORES) if table.is_file() else ():
            raters = {
                str(rank): number(item.cells[column], column, item.where, -MAX_SCORE, MAX_SCORE)
                for rank, column in enumerate(SCORES, 1)
            }
            yield Utterance(
                id=f"{dialect}_{item.video}_{item.segment}",
                path=item.path,
                start=item.start,
                end=item.end,
                recording=f"{dialect}_{item.video}",
                position=item.segment,
                speaker=item.cells.get("speaker") or f"{dialect}_{item.video}",
                gender=item.cells.get("gender", ""),
                language=language,
                text=item.cells.get("text", ""),
                labels={"score": fmean(raters.values()), "raters": raters, "dialect": dialect},
            )
