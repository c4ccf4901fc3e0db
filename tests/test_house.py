"""The rules of the house, held by a test: who imports whom, how big a room may be, what carries a docstring."""

import ast
import functools
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "featurekit"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Room → the rooms it may import. Everyone may import errors; "*" is everything but what is listed after it.
ALLOWED = {
    "errors": set(),
    "registry": set(),
    "calls": set(),
    "settings": set(),
    "files": set(),
    "resampling": set(),
    "metrics": set(),
    "statistics": set(),
    "notebook": set(),
    "spool": set(),
    "utterance": {"notebook", "settings"},
    "manifest": {"notebook", "settings", "spool", "utterance"},
    "audio": {"manifest", "resampling", "settings"},
    "backends": {"settings"},
    "torchvision_mend": set(),
    "whole_float32": set(),
    "page_locked": set(),
    "device_names": set(),
    "features": {
        "calls",
        "device_names",
        "page_locked",
        "registry",
        "resampling",
        "settings",
        "torchvision_mend",
        "whole_float32",
    },
    "models": {"registry", "settings", "torchvision_mend"},
    "display": set(),
    "store": {"manifest", "notebook", "settings"},
    "corpora": {"registry", "settings", "manifest", "audio"},
    "extraction": {
        "runs",
        "calls",
        "device_names",
        "resampling",
        "settings",
        "manifest",
        "notebook",
        "audio",
        "features",
        "store",
        "backends",
    },
    "data": {"calls", "page_locked", "files", "settings", "manifest", "notebook", "store", "features", "statistics"},
    "runs": {"device_names", "files", "notebook", "settings", "store", "data"},
    "evaluation": {"data", "metrics", "statistics"},
    "training": {"device_names", "page_locked", "files", "runs", "settings", "data", "models", "metrics", "evaluation"},
    "inference": {
        "files",
        "runs",
        "settings",
        "registry",
        "manifest",
        "notebook",
        "audio",
        "features",
        "store",
        "extraction",
        "data",
        "models",
        "training",
        "evaluation",
        "whole_float32",
    },
}
EVERYTHING = {
    path.stem if path.suffix else path.name
    for path in PACKAGE.iterdir()
    if path.suffix in ("", ".py") and not path.name.startswith("_")
}
ALLOWED["experiments"] = EVERYTHING - {"inspection", "cli"}
ALLOWED["inspection"] = EVERYTHING - {"cli"}
ALLOWED["cli"] = EVERYTHING
ALLOWED["__init__"] = EVERYTHING
ALLOWED["__main__"] = EVERYTHING

TORCH_ROOMS = {
    "torchvision_mend",
    "whole_float32",
    "page_locked",
    "models",
    "training",
    "inference",
    "data/collate",
    "data/augment",
    "features/cuda",
    "features/encoders",
}
MODULE_CAP, FUNCTION_CAP = 400, 60


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def parsed(path):
    """The module's syntax tree; several tests read it, and none changes it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def runtime_imports(path):
    """Dotted names a module imports, wherever it does, but for those that only type checkers see."""
    tree = parsed(path)
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    names = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def name_of(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_the_rooms_it_may(path):
    here = room(path)
    for name in runtime_imports(path):
        parts = name.split(".")
        if parts[0] == "featurekit" and len(parts) > 1 and parts[1] in EVERYTHING:
            allowed = ALLOWED[here] | {here, "errors"}
            assert parts[1] in allowed, f"{here} must not import {parts[1]}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_torch_h5py_and_librosa_stay_in_their_rooms(path):
    place = name_of(path).removesuffix(".py")
    imported = {name.split(".")[0] for name in runtime_imports(path)}
    if "torch" in imported:
        assert any(place == allowed or place.startswith(allowed + "/") for allowed in TORCH_ROOMS), "torch has no place here"
    if "h5py" in imported:
        assert room(path) == "store", "only the store says h5py"
    if "librosa" in imported:
        assert room(path) == "features", "only features may ask librosa"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_small(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MODULE_CAP, f"{lines} lines; split it by idea"
    for node in functions(parsed(path)):
        first = node.body[0]
        has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        length = node.end_lineno - (first.end_lineno if has_docstring else node.lineno)
        assert length <= FUNCTION_CAP or "kernels" in path.parts, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_public_has_a_docstring(path):
    tree = parsed(path)
    assert ast.get_docstring(tree), "the module says what it is"
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
            for member in getattr(node, "body", []):
                if isinstance(node, ast.ClassDef) and isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    assert ast.get_docstring(member), f"{node.name}.{member.name}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_asserts_bare_excepts_prints_or_star_imports(path):
    for node in ast.walk(parsed(path)):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: assert vanishes under -O and tells the user nothing"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"line {node.lineno}: bare except"
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names), f"line {node.lineno}: import *"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "eval", "exec"} or room(path) == "cli", f"line {node.lineno}: {node.func.id}"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert "pickle" not in {alias.name for alias in node.names}, f"line {node.lineno}: pickle"


# What names a store, a view of one, or a dataset.
STORE_WORDS = {"store", "stores", "view", "views", "opened", "sounds", "dataset", "datasets"}


def hints(tree):
    """(name, hint, line) of every argument, annotated variable and attribute, and of what every function returns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node.arg, node.annotation, node.lineno
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target).rpartition(".")[2], node.annotation, node.lineno
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            yield node.name, node.returns, node.lineno


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_store_a_view_and_a_dataset_have_a_type(path):
    """With ``Any``, or a namespace that has just what one function asks for, a missing attribute is found when it is used."""
    for name, hint, line in hints(parsed(path)):
        if STORE_WORDS & set(name.strip("_").split("_")):
            told = {node.id for node in ast.walk(hint) if isinstance(node, ast.Name)}
            assert "Any" not in told or "dict" in told, (
                f"line {line}: {name} is {ast.unparse(hint)}; say StoreView, Store, Dataset"
            )
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("SimpleNamespace"):
            given = {keyword.arg for keyword in node.keywords}
            assert not given & {"columns", "manifest"}, f"line {node.lineno}: a view of data/views, not a namespace"


def test_no_room_is_called_utils():
    stems = {path.stem.strip("_") for path in MODULES} | {path.parent.name for path in MODULES}
    assert not stems & {"utils", "util", "common", "base", "core", "helpers", "misc"}


def test_rooms_do_not_import_each_other_in_a_circle():
    graph = {name: set() for name in EVERYTHING}
    for path in MODULES:
        for name in runtime_imports(path):
            parts = name.split(".")
            if parts[0] == "featurekit" and len(parts) > 1 and parts[1] in EVERYTHING and room(path) in graph:
                graph[room(path)].add(parts[1])
    done, path = set(), []

    def visit(name):
        assert name not in path, f"circle: {path[path.index(name) :]}"
        if name not in done:
            path.append(name)
            for other in sorted(graph[name] - {name}):
                visit(other)
            path.pop()
            done.add(name)

    for name in sorted(graph):
        visit(name)


def in_fresh_process(code):
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return result.stdout.strip()


def test_importing_featurekit_loads_nothing_heavy():
    """What makes it quick: of what is installed it loads nothing, not even numpy."""
    loaded = in_fresh_process("import sys; before = set(sys.modules); import featurekit; print(*set(sys.modules) - before)")
    packages = {name.partition(".")[0] for name in loaded.split()}
    assert packages - sys.stdlib_module_names == {"featurekit"}


@pytest.mark.parametrize("room_name", ["features", "store", "data", "corpora"])
def test_rooms_of_a_training_machine_import_without_audio_libraries(room_name):
    missing = ["librosa", "soundfile", "soxr", "dask", "distributed"]
    block = "; ".join(f"sys.modules[{name!r}] = None" for name in missing)
    in_fresh_process(f"import sys; {block}; import featurekit.{room_name}; print('ok')")


def test_ignored_lint_rules_carry_their_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ignored = tomllib.loads(text)["tool"]["ruff"]["lint"]["ignore"]
    for rule in ignored:
        line = next(line for line in text.splitlines() if f'"{rule}"' in line)
        assert "#" in line, f"{rule} is ignored without a reason"


def test_the_map_of_the_code_names_every_folder_and_file():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in EVERYTHING:
        assert f"`{name}/`" in page or f"`{name}.py`" in page, f"docs/architecture.md lacks {name}"


def test_the_readme_is_short():
    assert (ROOT / "README.md").read_text(encoding="utf-8").count("\n") <= 120


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("Skipped: could not import 'onnxruntime': No module named 'onnxruntime'", "failed"),
        ("Skipped: the program tmux is not installed", "failed"),
        ("Skipped: could not import 'opensmile': No module named 'opensmile'", "skipped"),
        ("Skipped: no real corpora here: set FEATUREKIT_TEST_CORPORA", "skipped"),
    ],
)
def test_in_ci_nothing_is_skipped_for_want_of_a_package(pytestconfig, monkeypatch, reason, outcome):
    (conftest,) = (plugin for plugin in pytestconfig.pluginmanager.get_plugins() if hasattr(plugin, "refuse_to_skip"))
    report = SimpleNamespace(nodeid="test_x", outcome="skipped", skipped=True, longrepr=("test_x.py", 1, reason))
    monkeypatch.setenv("CI", "true")
    assert conftest.refuse_to_skip(report).outcome == outcome
    report.outcome = "skipped"
    monkeypatch.delenv("CI")
    assert conftest.refuse_to_skip(report).outcome == "skipped"


def test_no_file_names_the_machine_it_was_made_on():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout.split()
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".json"} and path.exists() and name != "tests/test_house.py":
            text = path.read_text(encoding="utf-8")
            for word in ("/" + "work/", "/" + "root/", "find-" + "links", "/" + "opt/"):
                assert word not in text, f"{name} names {word}"
