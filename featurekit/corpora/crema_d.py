"""CREMA-D: 91 actors, twelve sentences, six emotions, rated by 2443 listeners."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import coded, number, records, say_unused, spelt, word
from featurekit.corpora._strays import each, once_each
from featurekit.corpora._table import find_table
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.manifest import Utterance

EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
VOTES = {code[0]: emotion for code, emotion in EMOTIONS.items()}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
VOICE_ONLY = "1"

CORPUS = Corpus(
    name="crema_d",
    title="Crowd-sourced Emotional Multimodal Actors Dataset (CREMA-D)",
    languages=("en",),
    licence="Open Database License 1.0",
    citation="Cao, Cooper, Keutmann, Gur, Nenkova and Verma (2014), CREMA-D: Crowd-sourced emotional multimodal actors "
    "dataset, IEEE Transactions on Affective Computing 5(4)",
    obtain="github.com/CheyneyComputerScience/CREMA-D with git-lfs (AudioWAV/ and the tables)",
    tree="""
<root>/
├── AudioWAV/
│   ├── 1001_DFA_ANG_XX.wav             actor_sentence_emotion_level; AudioMP3/ is passed over where this folder is
│   └── ...
├── VideoDemographics.csv               optional: ActorID,Age,Sex,Race,Ethnicity
├── finishedResponses.csv               optional: every rater's answer
└── processedResults/summaryTable.csv   optional: what most raters heard in the voice
""",
    expected={"all": 7442},
    classes=tuple(EMOTIONS.values()),
    labels={
        "emotion": "acted emotion, one of six",
        "level": "asked intensity: low, medium, high or unspecified",
        "sentence": "code of the sentence, one of twelve",
        "voice_vote": "emotions most raters heard in the voice alone; several where they tie (summaryTable.csv)",
        "raters": "rater → emotions heard in the voice alone (finishedResponses.csv, queryType 1)",
        "age": "age of the actor (VideoDemographics.csv)",
    },
    defects=(
        Defect("without git-lfs the files are stubs of 130 bytes", source="CREMA-D issues 3 and 8"),
        Defect(
            "called 1040_ITH_SAD_X, an X short, in older copies; here it is 1040_ITH_SAD_XX in all",
            source="TensorFlow Datasets",
            names=("1040_ITH_SAD_X", "1040_ITH_SAD_XX"),
        ),
        Defect(
            "in the tables, and in some copies without audio",
            source="TensorFlow Datasets",
            names=("1006_TIE_NEU_XX", "1013_WSI_DIS_XX", "1017_IWW_FEA_XX"),
            checks=("missing", "empty", "silent"),
        ),
        *(
            Defect(
                f"{' and '.join(pair)} are one recording under two emotions, byte for byte",
                source="public audits, not seen here",
                names=pair,
                checks=("same-bytes", "same-audio"),
            )
            for pair in (
                ("1006_TIE_NEU_XX", "1006_TIE_HAP_XX"),
                ("1013_WSI_SAD_XX", "1013_WSI_DIS_XX"),
                ("1017_IWW_FEA_XX", "1017_IWW_ANG_XX"),
            )
        ),
        Defect(
            "1076_MTI_SAD_XX holds no sound",
            source="left out by name in several public pipelines",
            names=("1076_MTI_SAD_XX",),
            checks=("silent", "empty", "quiet"),
        ),
        Defect("1064_IEO_DIS_MD is a minute of several takes", source="public code", names=("1064_IEO_DIS_MD",)),
        Defect(
            "every sentence is said by every actor: text is shared by all folds; EmoBox's fold shares all 91 speakers",
            source="the names, EmoBox's metadata",
        ),
    ),
)

_NAME = re.compile(r"(?P<actor>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>[A-Z]{1,2})", re.ASCII)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the names of the WAV files, and the raters where the tables are.

    ::

        <root>/AudioWAV/1001_DFA_ANG_XX.wav
                        │    │   │   └─ level LO MD HI XX
                        │    │   └─ emotion
                        │    └─ sentence
                        └─ actor

    Names and columns are those of the public repository, whose 7442 names and two tables were read with this recipe;
    finishedResponses.csv is read as the README describes it, the sentences' words are from memory.

    Raises
    ------
    ManifestError
        For a name or code that is none of the corpus's, a file that is there twice, or a broken row of a table.
    """
    yield from once_each(_clips(root))


def _clips(root: Path) -> Iterator[Utterance]:
    found = audio_paths(root)
    waves = [path for path in found if "AudioWAV" in path.split("/")]
    paths = by_stem(each(coded(waves or found, _NAME, "AudioWAV/1001_DFA_ANG_XX.wav"), _checked))
    if not paths:
        return
    people = _read_people(root / "VideoDemographics.csv")
    heard = _read_heard(root, {_rated_as(stem) for stem in paths})
    for stem, path in sorted(paths.items()):
        actor, sentence, emotion, level = stem.split("_")
        gender, age = people.get(actor, ("", {}))
        yield Utterance(
            id=_rated_as(stem),
            path=path,
            speaker=actor,
            gender=gender,
            language="en",
            text=SENTENCES[sentence],
            labels={
                "emotion": EMOTIONS[emotion],
                "level": LEVELS[level],
                "sentence": sentence,
                **age,
                **heard.get(_rated_as(stem), {}),
            },
        )


def _checked(named: tuple[str, re.Match[str]]) -> str:
    path, match = named
    for name, words in (("sentence", SENTENCES), ("emotion", EMOTIONS), ("level", LEVELS)):
        spelt(match[name], words, name, path)
    return path


def _rated_as(stem: str) -> str:
    # 1040_ITH_SAD_X is 1040_ITH_SAD_XX in the tables, and in newer copies of the corpus.
    return stem + "X" if stem.endswith("_X") else stem


def _read_people(table: Path) -> dict[str, tuple[str, dict[str, float]]]:
    rows = records(table, ("ActorID", "Age", "Sex")) if table.is_file() else ()
    return {row["ActorID"]: (row["Sex"].lower(), {"age": number(row["Age"], "Age", where, 0, 120)}) for where, row in rows}


def _read_heard(root: Path, clips: set[str]) -> dict[str, dict[str, Any]]:
    """Clip → what listeners heard in the voice, from the two tables; clips that are not here are said, not kept."""
    heard: dict[str, dict[str, Any]] = {}
    summary = find_table([root / "processedResults" / "summaryTable.csv"])
    for where, row in records(summary, ("VoiceVote",)) if summary else ():
        clip = row.get("FileName") or row.get("fileName", "")
        heard.setdefault(clip, {})["voice_vote"] = [word(vote, VOTES, "vote", where) for vote in row["VoiceVote"].split(":")]
    answers = find_table([root / "finishedResponses.csv"])
    for where, row in records(answers, ("localid", "queryType", "clipName", "respEmo")) if answers else ():
        if row["queryType"] == VOICE_ONLY:
            raters = heard.setdefault(row["clipName"], {}).setdefault("raters", {})
            raters[row["localid"]] = [word(row["respEmo"], VOTES, "answer", where)]
    say_unused(heard.keys() - clips, summary or answers or root, "ratings")
    return heard
