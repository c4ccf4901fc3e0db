from featurekit.data import Fold
from featurekit.inference.shares import shares

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
