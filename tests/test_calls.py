"""``name(setting=value)`` is read once, for everything that is asked for so."""

import pytest

from featurekit.calls import call_parts, called_name, parse_call
from featurekit.data import augment, get_task, make_split
from featurekit.errors import ParameterError
from featurekit.extraction import augmented
from featurekit.features import parse
from featurekit.manifest import Manifest, Utterance

MANIFEST = Manifest([Utterance("a", "a.wav", speaker="s", labels={"emotion": "sad"})])
READERS = {
    "feature": parse,
    "split": lambda text: make_split(text, MANIFEST),
    "task": lambda text: get_task(text, MANIFEST),
    "augmentation": lambda text: augment.make_augment([text], 2),
    "perturbation": augmented.parse,
}
NAMES = {"feature": "mfcc", "split": "loso", "task": "emotion", "augmentation": "shift", "perturbation": "noise"}


def test_a_name_and_its_settings():
    assert parse_call(" speaker-kfold ( k=5, by='a b', x=None, window=hann ) ") == (
        "speaker-kfold",
        {"k": 5, "by": "a b", "x": None, "window": "hann"},
    )
    assert parse_call("loso") == ("loso", {})
    assert call_parts("delta(of=mfcc(n_mfcc=20))") == ("delta", "of=mfcc(n_mfcc=20)")
    assert called_name("emotion (map=canonical)") == called_name("emotion") == "emotion"


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [("(x=1, x=2)", "is repeated"), ("(x=1 2)", "cannot read the settings of"), ("(x=f(1))", "expected a number, a string")],
)
def test_whatever_is_asked_for_is_read_in_one_way(kind, settings, message):
    with pytest.raises(ParameterError, match=message):
        READERS[kind](NAMES[kind] + settings)
