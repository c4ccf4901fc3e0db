import json
import shutil

import pytest

from featurekit import store
from featurekit.data import get_task, make_split
from featurekit.inspection import make_card, to_markdown
from featurekit.inspection.cards import _cell


@pytest.fixture
def card(tiny_store):
    return make_card(tiny_store)


def test_counts_add_up(card, tiny_manifest):
    assert card["counts"]["utterances"] == len(tiny_manifest) == 36
    assert card["counts"]["speakers"] == len(card["speakers"]) == 6
    for groups in ("speakers", "genders"):
        assert sum(group["utterances"] for group in card[groups].values()) == 36
        assert sum(group["seconds"] for group in card[groups].values()) == pytest.approx(card["seconds"]["total"], abs=0.05)


def test_the_card_names_licence_digests_and_features(card, tiny_store):
    opened = store.open_store(tiny_store)
    page = to_markdown(card)
    assert opened.digest in page
    assert opened.head.manifest_digest in page
    assert card["corpus"]["licence"] in page
    for column in opened.columns.values():
        assert column.key in page
        assert column.spec in page
    assert json.loads(json.dumps(card)) == card


def test_the_card_is_markdown_with_whole_tables(card):
    for block in to_markdown(card).split("\n\n"):
        rows = [line for line in block.split("\n") if line.startswith("|")]
        assert len({row.replace("\\|", "").count("|") for row in rows}) <= 1


def test_splits_kept_in_the_store_are_counted(tiny_store, tiny_manifest, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(tiny_store, copy)
    split = make_split("speaker-disjoint", tiny_manifest, task=get_task("sentiment3", tiny_manifest))
    name = store.add_split(copy, split.to_dict())
    found = make_card(copy)["splits"][name]
    assert sum(found["folds"][0]["sizes"]) == 36
    assert "## Splits" in to_markdown(make_card(copy))


def test_raters_give_the_human_ceiling(card):
    assert card["labels"]["agreement"] == {}
    found = {"task": "sentiment3", "utterances": 2, "weighted": 0.75, "unweighted": 0.5, "by_class": {"negative": 0.5}}
    page = to_markdown(card | {"labels": card["labels"] | {"agreement": found}})
    assert "Human ceiling: single raters chose the class of task `sentiment3` in 75.0% of 2 rated utterances, 50.0% as" in page
    assert "| negative | 50.0% |" in page


def test_a_cell_cannot_break_out_of_its_table():
    assert _cell("a|b\nc") == "a\\|b c"
