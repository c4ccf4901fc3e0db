"""TESS: two actresses, one young and one old, say 200 words each in seven emotions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import coded, spelt
from featurekit.corpora._strays import each, once_each
from featurekit.corpora._walk import audio_paths
from featurekit.manifest import Utterance

EMOTIONS = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "pleasant surprise",
    "sad": "sad",
}
AGES = {"YAF": 26, "OAF": 64}

CORPUS = Corpus(
    name="tess",
    title="Toronto Emotional Speech Set (TESS)",
    languages=("en",),
    licence="CC BY-NC-ND 4.0",
    citation="Pichora-Fuller and Dupuis (2020), Toronto emotional speech set (TESS), Borealis, doi:10.5683/SP2/E8H2MF",
    obtain="the set from Borealis, doi:10.5683/SP2/E8H2MF (University of Toronto)",
    tree="""
<root>/
├── OAF_angry/
│   ├── OAF_back_angry.wav    older actress, the word 'back', angry; ps is pleasant surprise
│   └── ...                   at any depth
└── YAF_sad/
""",
    expected={"all": 2800},
    classes=tuple(EMOTIONS.values()),
    labels={"emotion": "acted emotion, one of seven", "word": "the word after 'Say the word'", "age": "of the actress"},
    defects=(
        Defect("called OA_bite_neutral and read as OAF_bite_neutral", source="the names as EmoBox lists them"),
        Defect(
            "two speakers: speaker-disjoint means training on one voice; EmoBox's folds hold both on both sides",
            source="the names, EmoBox's folds",
        ),
        Defect("24,414 Hz, some files otherwise", source="EmoBox; three files seen here"),
        Defect(
            "AIFF files that are named .wav",
            source="seen here",
            names=("YAF_germ_angry", "YAF_neat_fear"),
            checks=("wrong-suffix",),
        ),
        Defect("at 96,000 Hz, unlike the others", source="seen here", names=("OAF_food_fear",), checks=("rates",)),
        Defect(
            "a widespread copy holds every file twice, in a folder inside its namesake", source="users' reports of that copy"
        ),
    ),
)

_NAME = re.compile(r"(?P<speaker>OAF?|YAF)_(?P<word>[A-Za-z]+)_(?P<emotion>[a-z]+)")


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read speaker, word and emotion from the names.

    ::

        <root>/YAF_fear/YAF_dog_fear.wav
                        │   │   └─ emotion
                        │   └─ word
                        └─ YAF young, OAF older actress

    All 2800 names that EmoBox's metadata lists are read; ages and rate are as it has them. The folders are not looked at.

    Raises
    ------
    ManifestError
        For a name that is none of TESS's, an unknown emotion, or a file that is there twice.
    """
    yield from once_each(each(coded(audio_paths(root), _NAME, "OAF_back_angry.wav"), _utterance))


def _utterance(named: tuple[str, re.Match[str]]) -> Utterance:
    path, match = named
    speaker = "OAF" if match["speaker"].startswith("OA") else "YAF"
    return Utterance(
        id=f"{speaker}_{match['word']}_{match['emotion']}",
        path=path,
        speaker=speaker,
        gender="female",
        language="en",
        text=f"Say the word {match['word']}",
        labels={
            "emotion": spelt(match["emotion"], EMOTIONS, "emotion", path),
            "word": match["word"],
            "age": AGES[speaker],
        },
    )
