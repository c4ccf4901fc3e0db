import pytest

from featurekit.runs import StoredRun
from tests.runs.making import make_record, make_split, write_fold


@pytest.fixture
def run(tmp_path):
    """A finished run of two folds."""
    found = StoredRun(tmp_path / "run")
    found.begin(make_record(), make_split(), {"ok": True})
    for fold in found.folds:
        write_fold(fold)
    found.write_metrics({"pooled": {"n": 4}})
    return StoredRun(found.path)
