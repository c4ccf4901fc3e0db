import contextlib
import os
import shutil
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from featurekit import features
from featurekit.cli import lists, main
from featurekit.errors import FeaturekitWarning
from featurekit.features.kernels import cache
from featurekit.features.kernels.cache import njit


def test_the_folder_for_compiled_code_is_its_users_alone_and_the_same_each_time(tmp_path):
    folder = cache.private_folder(tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cache.private_folder(tmp_path) == folder


@pytest.mark.parametrize("trap", ["open to others", "a link"])
def test_a_folder_that_somebody_else_may_have_made_is_not_taken(tmp_path, trap):
    theirs, named = tmp_path / "theirs", tmp_path / f"featurekit-kernels-{os.getuid()}"
    theirs.mkdir(mode=0o700)
    if trap == "a link":
        named.symlink_to(theirs)
    else:
        named.mkdir()
        named.chmod(0o777)
    folder = cache.private_folder(tmp_path)
    assert folder not in (named, theirs)
    assert folder.stat().st_mode & 0o777 == 0o700


# The module alone, where neither its folder nor the home can be written, also not by root.
NOWHERE = """
import sys, warnings
sys.path.insert(0, sys.argv[1])
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import cache
    cache.ensure_cache()
print(len(said), said[0].category.__name__, said[0].message)
cache.njit(cache=True)(cache._probe)()
"""


def test_where_nothing_can_be_written_kernels_are_kept_in_a_temporary_folder_and_it_is_said_once(tmp_path):
    module, temporary = tmp_path / "module", tmp_path / "temporary"
    module.mkdir()
    temporary.mkdir()
    shutil.copy(cache.__file__, module)
    (module / "__pycache__").touch()
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"HOME": os.devnull, "XDG_CACHE_HOME": os.devnull, "TMPDIR": str(temporary)}
    run = partial(subprocess.run, [sys.executable, "-c", NOWHERE, str(module)], env=environment, timeout=120)
    done = run(capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 FeaturekitWarning neither the package's folder nor the home can be written: ")
    (folder,) = temporary.iterdir()
    assert folder.name == f"featurekit-kernels-{os.getuid()}"
    assert list(folder.rglob("*.nbi"))


@pytest.mark.parametrize(("category", "is_ours"), [(FeaturekitWarning, True), (UserWarning, False)])
def test_the_command_line_says_a_warning_of_ours_as_a_sentence(category, is_ours, monkeypatch, capsys):
    monkeypatch.setitem(
        lists._LISTS, "tasks", lambda: warnings.warn("kernels are kept in /tmp", category, stacklevel=1) or {"a": "b"}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with contextlib.ExitStack() as others:
            if not is_ours:
                others.enter_context(pytest.warns(category, match="kernels are kept"))
            main(["list", "tasks"], standalone_mode=False)
    assert capsys.readouterr().err == ("note: kernels are kept in /tmp\n" if is_ours else "")


def test_each_kernel_that_is_compiled_is_counted_once():
    numbers = []
    kernel = njit(lambda value: value + 1)
    with cache.watched(numbers.append):
        assert (kernel(1), kernel(2)) == (2, 3)
    kernel(0.5)
    assert numbers == [1]


def test_an_extraction_says_that_it_compiles_and_how_much(tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "warm_up", lambda columns: njit(lambda value: value + 1)(1))
    how = ["--root", str(tiny_corpus), "--features", "rms", "-o", str(tmp_path / "store"), "--backend", "serial"]
    said = CliRunner().invoke(main, ["extract", "--corpus", "demo", *how]).stderr
    assert said.count("compiling kernels, once per machine") == 1
    assert said.count("compiled 1 kernel, once per machine") == 1


WITHOUT_KERNELS = """
import sys
from click.testing import CliRunner
from featurekit.cli import lists, main
from featurekit.errors import FeaturekitWarning
for words in (["manifest", "demo", "--root", sys.argv[1]], ["doctor", sys.argv[1]], ["doctor"]):
    print(CliRunner().invoke(main, words).exit_code)
print("numba" in sys.modules)
"""


def test_doctor_and_manifest_load_no_kernels(tiny_corpus):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERNELS, str(tiny_corpus)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split()[0] == "0", done.stderr
    assert done.stdout.split()[-1] == "False"


def test_every_kernel_takes_njit_from_where_its_folder_is_made_sure_of():
    modules = sorted(Path(cache.__file__).parent.glob("*.py"))
    assert [module.name for module in modules if "from numba" in module.read_text()] == ["cache.py"]
