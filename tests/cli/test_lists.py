"""``list`` and ``explain`` read tables: they import nothing heavy, and work where it is not installed."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from featurekit import features
from featurekit.cli import VERBS, lists, main
from featurekit.cli.lists import KINDS
from featurekit.errors import EXTRAS
from featurekit.models import facts
from featurekit.runs import StoredRun
from tests.runs.making import make_record, make_split

HEAVY = [
    "torch",
    "torchvision",
    "numba",
    "librosa",
    "scipy",
    "matplotlib",
    "sklearn",
    "soundfile",
    "transformers",
    "safetensors",
]
NAMES = [*features.names(), "ravdess", "loso", "emotion", "mixup", "noise", "luo2019/gmm", "ub-bilstm", "resnet18", "typoo"]
LIGHT = (
    [["--help"], *([verb, "--help"] for verb in VERBS)]
    + [["list", kind] for kind in KINDS]
    + [["explain", name] for name in NAMES]
    + [["explain", "ub-bilstm", "--toml"]]
)

# One process for all; what it prints is what was refused, and what was imported after all.
CODE = """
import contextlib, io, json, sys
heavy, block, commands = json.loads(sys.argv[1])
if block:
    sys.modules.update(dict.fromkeys(heavy))
from featurekit.cli import main
refused = {}
for arguments in commands:
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main(arguments)
    except SystemExit as end:
        if end.code:
            refused[" ".join(arguments)] = [end.code, said.getvalue()]
    except BaseException as error:
        refused[" ".join(arguments)] = [repr(error), said.getvalue()]
print(json.dumps({"refused": refused, "imported": [name for name in heavy if sys.modules.get(name)]}))
"""


def in_fresh_process(commands, *, block):
    request = json.dumps([HEAVY, block, commands])
    done = subprocess.run([sys.executable, "-c", CODE, request], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("block", [False, True], ids=["installed", "not installed"])
def test_help_lists_and_explanations_import_nothing_heavy(block):
    found = in_fresh_process(LIGHT, block=block)
    assert list(found["refused"]) == ["explain typoo"]
    assert "did you mean tempo?" in found["refused"]["explain typoo"][1]
    assert found["imported"] == []


def test_short_names_stand_beneath_their_feature():
    lines = [line.split()[0] for line in CliRunner().invoke(main, ["list", "features"]).output.splitlines()]
    at = lines.index("mel")
    assert lines[at + 1 : at + 3] == ["melN", "mel256"]
    assert lines[lines.index("mfcc") + 1] == "mfccN"


def test_models_stand_beneath_their_paper_with_parameters_and_cost():
    blocks = CliRunner().invoke(main, ["list", "models"]).output.split("\n\n")
    block = next(block for block in blocks if block.startswith("He, Zhang, Ren, Sun 2016"))
    rows = {row.split()[0]: row.split()[1:3] for row in block.splitlines()[1:]}
    found = facts.get("resnet18")
    assert rows["resnet18"] == [facts.in_short(found.parameters), facts.in_short(found.operations)]
    assert list(rows) == ["resnet18", "resnet34", "resnet50"]


def test_cost_is_measured_when_it_is_asked_for():
    assert "cost of 4 s" not in CliRunner().invoke(main, ["explain", "rms"]).output
    assert "cost of 4 s" in CliRunner().invoke(main, ["explain", "rms", "--cost"]).output


NEED_TORCH = {
    "demo": ["demo"],
    "train": ["train", "STORE", "--model", "ub-bilstm", "--features", "rms"],
    "predict": ["predict", "RUN", "some.wav"],
    "embed": ["embed", "RUN", "STORE"],
    "replay": ["replay", "RUN"],
    "leak": ["leak", "STORE", "--features", "rms"],
    "export": ["export", "RUN", "-o", "model.onnx"],
    "show": ["show", "RUN", "--fold", "a"],
}


@pytest.fixture(scope="module")
def stub_run(tmp_path_factory):
    """A folder that is taken for a finished run, as far as a verb looks before it needs torch."""
    run = StoredRun(tmp_path_factory.mktemp("runs") / "stub")
    run.begin(make_record(), make_split(), {})
    run.write_metrics({})
    return run.path


def test_a_verb_that_lacks_torch_names_the_one_command_that_installs_it(stub_run, tiny_store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = {"RUN": str(stub_run), "STORE": str(tiny_store)}
    commands = [[paths.get(word, word) for word in words] for words in NEED_TORCH.values()]
    (tmp_path / "some.wav").touch()
    refused = in_fresh_process(commands, block=True)["refused"]
    assert len(refused) == len(commands)
    for (verb, _), (status, said) in zip(NEED_TORCH.items(), refused.values(), strict=True):
        extra = {"export": "export", "show": "train,plots"}.get(verb, "train")
        assert status == 2
        assert said.splitlines()[-1] == f"featurekit: {verb} needs torch: pip install 'featurekit[{extra}]'"


def test_the_extra_of_a_library_is_the_one_that_installs_it():
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    imported_as = {"scikit-learn": "sklearn", "pyyaml": "yaml"}
    installs = {}
    for extra in ("train", "asr", "plots", "tables", "classical", "export", "opensmile"):
        for requirement in pyproject["project"]["optional-dependencies"][extra]:
            library = re.split(r"[\[>=<]", requirement)[0]
            if library != "featurekit":
                installs[imported_as.get(library, library)] = extra
    assert installs == EXTRAS


def test_all_is_for_run_time():
    extras = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    assert extras["all"] == ["featurekit[train,asr,plots,tables,classical,export]"]
    assert "praat-parselmouth" in " ".join(extras["dev"])  # under the GPL


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("mfcc", "feature", {"columns"}),
        ("luo2019", "preset", {"source", "columns"}),
        ("ravdess", "corpus", {"licence", "classes", "defects"}),
        ("loso", "split", {"settings"}),
        ("ravdess-luna2021", "split", {"corpus", "tested"}),
        ("ub-bilstm", "model", {"parameters", "layers", "recipe"}),
        ("sentiment3", "task", {"summary", "use"}),
        ("mixup", "augmentation", {"summary", "use"}),
        ("noise", "perturbation", {"summary", "use"}),
        ("luo2019/gmm", "pipeline", {"summary", "use"}),
    ],
)
def test_an_explanation_is_facts_for_a_program(name, kind, expected):
    result = CliRunner().invoke(main, ["explain", name, "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["name"] == name
    assert expected <= facts[kind].keys()


def test_every_name_is_facts_for_a_program():
    for name in [*features.names(), *facts.known(), "wav2vec2"]:
        result = CliRunner().invoke(main, ["explain", name, "--json"])
        if result.exit_code:
            assert CliRunner().invoke(main, ["explain", name]).exit_code == result.exit_code, name
        else:
            assert len(json.loads(result.stdout)) >= 2, name


def test_kinds_that_are_looked_through_one_after_the_other_share_no_name():
    groups = [
        {"models"},
        {"corpora", "features", "presets", "pipelines"},
        {"splits", "tasks", "maps", "augmentations", "perturbations"},
    ]
    assert set().union(*groups) == set(KINDS)
    names = [{name for kind in group for name in lists._LISTS[kind]()} for group in groups]
    assert len(set().union(*names)) == sum(map(len, names))
