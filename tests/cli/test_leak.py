import json

from click.testing import CliRunner

from featurekit.cli import main


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_the_table_says_both_protocols_and_their_difference(tiny_store, tmp_path):
    how = ["leak", tiny_store, "--features", "rms", "--task", "sentiment3", "--folds", 3, "--seeds", 1]
    how += ["-o", tmp_path]
    said = run(*how)
    for word in ("random ", "speaker-disjoint ", "difference ", "chance ", "SPEAKERS OVERLAP", "1 seed"):
        assert word in said
    record = json.loads(run(*how, "--json"))
    assert record["difference"]["ua"] == record["protocols"]["random"]["ua"] - record["protocols"]["speaker-disjoint"]["ua"]


def test_a_column_the_store_lacks_is_refused_with_the_way_on(tiny_store, tmp_path):
    assert "featurekit extract" in run("leak", tiny_store, "--features", "mel256", "-o", tmp_path, code=2)
