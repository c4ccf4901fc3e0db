"""What is actually run: every run file resolves as ``featurekit train`` reads it, and the tour runs."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from featurekit import corpora, features, training
from featurekit.calls import parse_call
from featurekit.cli.train import run_settings
from featurekit.data import augment, splits, tasks
from featurekit.data.tasks import class_maps
from featurekit.experiments import pipelines
from featurekit.features.presets import PRESETS
from featurekit.manifest import Utterance
from featurekit.models import MODELS

FOLDER = Path(__file__).parents[1] / "pipelines"
FILES = sorted(FOLDER.glob("*/*.toml"))
DIALECTS = ("sichuan", "cantonese", "mandarin")  # stores of one corpus
OWN = [member for member in MODELS if member.network.__module__.startswith("featurekit.")]


def named(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def without_empty(hyper):
    """Hyper-parameters as a run file says them: a list where the registry has a tuple; what is None or {} is not said."""
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in hyper.items()}
    return {name: value for name, value in listed.items() if value is not None and value != {}}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_run_file_names_what_there_is(path):
    settings = run_settings(path, {})
    member = MODELS.get(settings.model)
    for part in features.split(settings.features):
        if part != "asr_encoder":  # which encoder is the store's matter
            features.parse(part)
    kind, own = parse_call(settings.split)
    splits.resolved(kind, own)
    assert settings.task in tasks.names()
    assert settings.test_task in ("", *tasks.names())
    assert settings.map in ("", *class_maps.names())
    assert bool(settings.test_store) == bool(settings.test_task) == (kind == "cross-corpus")
    augment.make_augment(settings.augment or (), 3)
    training.settings_for(settings.model, settings.training, where=path.name)
    assert not set(settings.hyper) - set(member.hyper)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_run_file_says_what_it_needs_and_what_differs(path):
    text, settings = path.read_text(encoding="utf-8"), run_settings(path, {})
    for store in filter(None, (settings.store, settings.test_store)):
        name = Path(store).name
        corpus = "chinese_sentiment" if name in DIALECTS else name
        assert corpus in corpora.CORPORA
        assert f"featurekit extract --corpus {corpus} --root " in text
    assert re.search(r"^# Corp(us|ora): ", text, re.MULTILINE)
    assert ("# Weights: " in text) or not (settings.hyper.get("weights") or "asr_encoder" in settings.features)
    assert ("# Differs from the " in text) == (path.parent.name != "ours")
    assert set(re.findall(r"featurekit train (\w+/[\w-]+)", text)) <= set(pipelines.names())


@pytest.mark.parametrize("member", OWN, ids=lambda member: member.name)
def test_a_model_has_a_run_file_of_its_own_which_is_its_recipe(member):
    name = pipelines.of_model(member.name)
    assert name is not None, f"write pipelines/PAPER/{member.name}.toml"
    settings = run_settings(pipelines.folder() / f"{name}.toml", {})
    assert (settings.model, settings.features, settings.augment) == (member.name, member.features, member.augment)
    assert settings.context == member.context
    assert settings.training == {key: value for key, value in member.recipe.items() if value is not None}
    hyper = without_empty(member.hyper)
    if name.startswith(("luo2019/", "banerjee2021/")) and "weights" in hyper:
        hyper["weights"] = "imagenet"  # as the paper starts; a model alone is random, for a file may not be there
    assert without_empty(settings.hyper) == hyper


@pytest.mark.parametrize("paper", ["luo2019", "lu2020", "cs582", "banerjee2021", "he2019"])
def test_a_paper_has_a_preset_and_run_files_that_begin_with_who_wrote_it(paper):
    assert paper in PRESETS
    found = [pipelines.describe(name) for name in pipelines.names() if name.startswith(f"{paper}/")]
    assert len(found) >= 3
    word = {"luo2019": "Luo", "lu2020": "Lu,", "cs582": "CS 582", "banerjee2021": "Banerjee", "he2019": "He,"}[paper]
    assert all(word in text for text in found)


def test_files_of_this_folder_that_others_name_exist():
    texts = [*FOLDER.parent.glob("*.md"), *FOLDER.parent.glob("docs/*.md"), *FOLDER.parent.glob("featurekit/**/*.py"), *FILES]
    found = {path.name: re.findall(r"pipelines/([\w/-]+\.\w+)", path.read_text(encoding="utf-8")) for path in texts}
    pairs = [(name, path) for path, names in found.items() for name in names]
    assert pairs
    assert [(name, path) for name, path in pairs if not (FOLDER / name).exists()] == []


@pytest.fixture(scope="module")
def baseline():
    """pipelines/logistic.py as a module."""
    pytest.importorskip("sklearn")
    spec = importlib.util.spec_from_file_location("baseline", FOLDER / "logistic.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spoken(making, path, speakers, label_of):
    """A store of six utterances a speaker; what is heard is the class, and a little noise."""
    rng = np.random.default_rng(0)
    labels = [label_of(who, k) for who in range(speakers) for k in range(6)]
    utterances = [
        Utterance(f"s{n // 6}_{n}", f"{n}.wav", speaker=f"s{n // 6}", labels={"emotion": label}, fingerprint=f"{n:064}")
        for n, label in enumerate(labels)
    ]
    return making.vectors(path, utterances, [rng.normal(size=3) + 9 * (label == "sad") for label in labels])


@pytest.mark.parametrize(("speakers", "folds"), [(2, 2), (4, 4), (5, 5), (8, 6)])
def test_the_baseline_leaves_out_speakers_in_as_many_folds_as_there_can_be(speakers, folds, baseline, making, tmp_path):
    told = baseline.scored(spoken(making, tmp_path / "s", speakers, lambda who, k: ["angry", "sad"][k % 2]), "voice", "emotion")
    assert f"{6 * speakers} test utterances of {speakers} speakers, {folds} speaker-disjoint folds" in told
    assert "UA 100.0" in told
    assert "chance: UA 50.0; always the majority class of each fold's training part: UA 50.0, WA 50.0" in told
    assert ("UA 100.0 [" in told) == (speakers >= 5)
    assert ("no interval worth having" in told) == (speakers < 5)


def test_the_baseline_says_what_cannot_be_learnt(baseline, making, tmp_path):
    one = spoken(making, tmp_path / "one", 1, lambda who, k: ["angry", "sad"][k % 2])
    with pytest.raises(SystemExit, match="has one speaker"):
        baseline.scored(one, "voice", "emotion")
    apart = spoken(making, tmp_path / "apart", 2, lambda who, k: ["angry", "sad"][who])
    with pytest.raises(SystemExit, match=r"without s. all of .* is '\w+': nothing can be learnt"):
        baseline.scored(apart, "voice", "emotion")


def test_the_tour_goes_from_samples_to_logits():
    done = subprocess.run([sys.executable, FOLDER / "tour.py"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].startswith("output     logits [")
