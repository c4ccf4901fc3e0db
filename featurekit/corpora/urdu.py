"""URDU: utterances of talk shows in four emotions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import coded
from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.manifest import Utterance

EMOTIONS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}

CORPUS = Corpus(
    name="urdu",
    title="URDU-Dataset: emotional utterances of Urdu talk shows",
    languages=("ur",),
    licence="research only; the recordings belong to their makers",
    citation="Latif, Qayyum, Usman and Qadir (2018), Cross lingual speech emotion recognition: Urdu vs. Western languages, "
    "FIT 2018, arXiv:1812.10411",
    obtain="github.com/siddiquelatif/URDU-Dataset",
    tree="""
<root>/
├── Angry/
│   ├── SM1_F10_A010.wav    speaker M1 (a man), his file 10, angry, number 10
│   └── ...
├── Happy/
├── Neutral/
└── Sad/
""",
    expected={"all": 400},
    classes=tuple(EMOTIONS.values()),
    labels={"emotion": "one of four, as the makers judged the talk show"},
    defects=(
        Defect(
            "the README has 38 speakers with a folder each; the names hold 29 (86 % of the files by men), the folders none",
            source="400 names, seen here",
        ),
        Defect(
            "26 of the 29 speak in one emotion only: a model may learn the speaker and be right",
            source="400 names, seen here",
        ),
    ),
)

_NAME = re.compile(r"S(?P<gender>[MF])(?P<speaker>\d+)_F\d+_(?P<emotion>[AHNS])\d+", re.ASCII)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the names of the four folders' files.

    ::

        <root>/Angry/SM1_F10_A010.wav
                     │││ │   ├─ emotion A H N S, and a number
                     │││ └─ file of the speaker
                     ││└─ speaker
                     │└─ M man, F woman
                     └─ S

    All 400 names of the public repository are read; 100 an emotion.

    Raises
    ------
    ManifestError
        For a name that is none of the corpus's, a file that is there twice, or one in the folder of another emotion.
    """
    paths = by_stem(audio_paths(root))
    matches = each(coded((paths[stem] for stem in sorted(paths)), _NAME, "Angry/SM1_F10_A010.wav"), _checked)
    for path, match in matches:
        yield Utterance(
            id=PurePosixPath(path).stem,
            path=path,
            speaker=f"S{match['gender']}{match['speaker']}",
            gender="male" if match["gender"] == "M" else "female",
            language="ur",
            labels={"emotion": EMOTIONS[match["emotion"]]},
        )


def _checked(named: tuple[str, re.Match[str]]) -> tuple[str, re.Match[str]]:
    path, match = named
    emotion, folder = EMOTIONS[match["emotion"]], PurePosixPath(path).parent.name.lower()
    if folder in EMOTIONS.values() and folder != emotion:
        raise StrayFileError(f"{path!r}: the name says {emotion}, the folder {folder}; one of them is wrong")
    return named
