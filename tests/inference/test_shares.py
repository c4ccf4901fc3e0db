from featurekit.data import Fold, Split
from featurekit.inference.shares import folds_on, shares

TWO = [Fold("x", ("a", "b"), ("c",), ("d",)), Fold("y", ("b", "d"), ("c",), ("a",))]


def dealt(found):
    return [(share.number, share.ids) for share in found]


def test_an_utterance_goes_to_the_fold_that_tests_it_else_to_one_that_has_not_seen_it_else_to_the_first():
    assert dealt(shares(TWO, ["a", "b", "c", "d", "new"])) == [
        (0, ("new",)),
        (0, ("c",)),
        (0, ("d",)),
        (0, ("b",)),
        (1, ("a",)),
    ]
    half_seen = [Fold("x", ("a",), (), ("b",)), Fold("y", ("b",), (), ("c",))]
    assert (1, ("a",)) in dealt(shares(half_seen, ["a", "b", "c"]))


def test_one_fold_for_all_keeps_the_parts_apart():
    assert dealt(shares(TWO, ["a", "b", "c", "d"], only=0)) == [(0, ("c",)), (0, ("d",)), (0, ("a", "b"))]
    assert shares(TWO, ["d"], only=0)[0].seen == {"a", "b", "c"}


def test_ids_of_two_corpora_lose_the_prefix_of_the_one_that_is_embedded():
    split = Split("cross-corpus", (Fold("0", ("m/1",), (), ("u/1",)),), {}, "manifest", False, "")
    record = {"corpus": "m-to-u", "settings": {"test_store": "u"}}
    assert folds_on(split, record, "m") == [Fold("0", ("1",), (), ())]
    assert folds_on(split, record, "u") == [Fold("0", (), (), ("1",))]
    alone = {"corpus": "m", "settings": {"test_store": ""}}
    assert folds_on(split, alone, "other") == [Fold("0", (), (), ())]
    assert folds_on(split, alone, "m") == list(split.folds)
