"""SAVEE: four men, natives of Britain, in seven emotions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import coded, spelt
from featurekit.corpora._strays import StrayFileError, each, once_each
from featurekit.corpora._walk import audio_paths
from featurekit.manifest import Utterance

EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
SPEAKERS = ("DC", "JE", "JK", "KL")

CORPUS = Corpus(
    name="savee",
    title="Surrey Audio-Visual Expressed Emotion (SAVEE)",
    languages=("en",),
    licence="free for research, on registration",
    citation="Haq and Jackson (2010), Multimodal emotion recognition, in Machine Audition: Principles, Algorithms and Systems",
    obtain="AudioData.zip from the University of Surrey (kahlan.eps.surrey.ac.uk/savee, registration)",
    tree="""
<root>/
├── AudioData/
│   ├── DC/a01.wav        speaker DC, anger, sentence 1; n01 to n30 are neutral, sa sadness, su surprise
│   ├── JE/
│   ├── JK/
│   └── KL/
└── DC_a01.wav            or all files in one folder with the speaker before
""",
    expected={"all": 480},
    classes=tuple(EMOTIONS.values()),
    labels={"emotion": "acted emotion, one of seven", "sentence": "number of the sentence within the emotion"},
    defects=(
        Defect("four men and no woman", source="description of the corpus"),
        Defect("30 neutral sentences a speaker against 15 of each other emotion", source="description of the corpus"),
    ),
)

_NAME = re.compile(r"(?:(?P<speaker>DC|JE|JK|KL)_)?(?P<emotion>sa|su|[adfhn])(?P<sentence>\d\d)", re.ASCII)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the emotion from the name, the speaker from the folder or the name.

    ::

        <root>/AudioData/JK/su03.wav
        <root>/JK_su03.wav

    All 480 flat names that EmoBox's metadata lists are read; the folders are from descriptions of the corpus.

    Raises
    ------
    ManifestError
        For a name that is none of SAVEE's, a speaker it does not have, or a file that is there twice.
    """
    yield from once_each(each(coded(audio_paths(root), _NAME, "DC/a01.wav or DC_a01.wav"), _utterance))


def _utterance(named: tuple[str, re.Match[str]]) -> Utterance:
    path, match = named
    speaker = match["speaker"] or PurePosixPath(path).parent.name
    if speaker not in SPEAKERS:
        raise StrayFileError(f"{path!r}: unknown speaker {speaker!r}; SAVEE has {', '.join(SPEAKERS)}")
    return Utterance(
        id=f"{speaker}_{match['emotion']}{match['sentence']}",
        path=path,
        speaker=speaker,
        gender="male",
        language="en",
        labels={"emotion": spelt(match["emotion"], EMOTIONS, "emotion", path), "sentence": int(match["sentence"])},
    )
