"""EMO-DB, the Berlin Database of Emotional Speech: ten actors, ten sentences, seven emotions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import say_left_out
from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

# The letters are the German words: Wut (or Ärger), Langeweile, Ekel, Angst, Freude, Trauer, neutral.
EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
GENDERS = {
    "03": "male",
    "08": "female",
    "09": "female",
    "10": "male",
    "11": "male",
    "12": "male",
    "13": "female",
    "14": "female",
    "15": "male",
    "16": "female",
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}

CORPUS = Corpus(
    name="emodb",
    title="Berlin Database of Emotional Speech (EMO-DB)",
    languages=("de",),
    licence="free for research; the site asks for a citation",
    citation="Burkhardt, Paeschke, Rolfes, Sendlmeier and Weiss (2005), A database of German emotional speech, "
    "Interspeech 2005",
    obtain="download.zip from emodb.bilderbar.info (F. Burkhardt, TU Berlin)",
    tree="""
<root>/
├── wav/
│   ├── 03a01Fa.wav   speaker 03, sentence a01, emotion F, version a
│   └── ...           .wav or .flac
└── erkennung.txt     optional: how many of 20 listeners recognised it and found it natural, in per cent
""",
    expected={"all": 535},
    classes=tuple(EMOTIONS.values()),
    labels={
        "emotion": "acted emotion, one of seven",
        "sentence": "code of the sentence, a01 to b10",
        "version": "letter of the take",
        "recognition": "per cent of listeners who named the emotion (erkennung.txt)",
        "naturalness": "per cent of listeners who found it natural (erkennung.txt)",
    },
    defects=(
        Defect(
            "the table of the listening test is Latin-1, with no-break spaces and decimal commas",
            source="erkennung.txt, seen here",
            names=("erkennung",),
            checks=("encoding",),
        ),
        Defect(
            "published folds at random hold all ten speakers on both sides: 89 to 93 UA there is speaker-dependent",
            source="EmoBox's folds and leaderboard, TIM-Net's README",
        ),
        Defect("ten sentences, said by all: text is shared by all folds", source="Burkhardt et al. 2005"),
    ),
)

_NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])")


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the ``wav`` folder (or the root itself) and, where present, the listening test.

    ::

        <root>/wav/03a01Fa.wav
                   │ │  │└─ version
                   │ │  └─ emotion W L E A F T N
                   │ └─ sentence
                   └─ speaker

    Raises
    ------
    ManifestError
        For a code the corpus does not have, a file that is there twice, or a broken line of ``erkennung.txt``.
    """
    listening = _read_listening_test(root / "erkennung.txt")
    found = audio_paths(root)
    paths = [path for path in found if _NAME.fullmatch(Path(path).stem)]
    say_left_out(set(found) - set(paths), "are called unlike utterances")
    yield from each(sorted(by_stem(paths).items()), lambda item: _utterance(*item, listening.get(item[0], {})))


def _utterance(stem: str, path: str, listening: dict[str, float]) -> Utterance:
    speaker, sentence, emotion, version = stem[:2], stem[2:5], stem[5], stem[6]
    if speaker not in GENDERS or sentence not in SENTENCES or emotion not in EMOTIONS:
        raise StrayFileError(
            f"{path}: EMO-DB has speakers {', '.join(GENDERS)}, sentences {', '.join(SENTENCES)} "
            f"and emotions {', '.join(EMOTIONS)}"
        )
    return Utterance(
        id=stem,
        path=path,
        speaker=speaker,
        gender=GENDERS[speaker],
        language="de",
        text=SENTENCES[sentence],
        labels={"emotion": EMOTIONS[emotion], "sentence": sentence, "version": version, **listening},
    )


def _read_listening_test(path: Path) -> dict[str, dict[str, float]]:
    """Stem → recognition and naturalness in per cent; the file is Latin-1, padded with no-break spaces, with decimal commas."""
    if not path.is_file():
        return {}
    results = {}
    for number, line in enumerate(path.read_text("latin-1").splitlines()[1:], 2):
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) < 4:
            continue
        try:
            recognition, naturalness = (float(cell.replace(",", ".")) for cell in cells[2:4])
        except ValueError:
            raise ManifestError(f"{path}:{number}: expected two percentages, got {cells[2]!r} and {cells[3]!r}") from None
        results[Path(cells[1]).stem] = {"recognition": recognition, "naturalness": naturalness}
    return results
