"""What is actually run: every run file resolves as ``featurekit train`` reads it, and the tour runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from featurekit import features, training
from featurekit.cli.train import run_settings
from featurekit.data import augment, splits, tasks
from featurekit.features.presets import PRESETS
from featurekit.models import MODELS
from featurekit.settings import parse_call

FOLDER = Path(__file__).parents[1] / "pipelines"
FILES = sorted(FOLDER.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_run_file_names_what_there_is(path):
    settings = run_settings(path, {})
    member = MODELS.get(settings.model)
    for part in features.split(settings.features):
        if part != "asr_encoder":  # which encoder is the store's matter
            features.parse(part)
    kind, own = parse_call(settings.split)
    splits.resolved(kind, own)
    assert settings.task in ("", *tasks.names())
    augment.make_augment(settings.augment or (), 3)
    training.settings_for(settings.model, settings.training, where=path.name)
    assert not set(settings.hyper) - set(member.hyper)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_run_file_says_how_its_store_comes_about(path):
    text = path.read_text(encoding="utf-8")
    assert "featurekit extract --corpus" in text or "See luo2019.toml" in text


@pytest.mark.parametrize("paper", ["luo2019", "lu2020", "cs582", "banerjee2021", "he2019"])
def test_a_paper_has_a_preset_and_a_run_file_that_says_its_recipe_and_what_differs(paper):
    settings = run_settings(FOLDER / f"{paper}.toml", {})
    assert paper in PRESETS
    recipe = MODELS.get(settings.model).recipe
    assert settings.training == {name: recipe[name] for name in settings.training}
    assert "# Differs from the" in (FOLDER / f"{paper}.toml").read_text(encoding="utf-8")


def test_files_of_this_folder_that_others_name_exist():
    texts = [*FOLDER.parent.glob("*.md"), *FOLDER.parent.glob("docs/*.md"), *FOLDER.parent.glob("featurekit/**/*.py"), *FILES]
    named = {
        (name, path.name) for path in texts for name in re.findall(r"pipelines/([\w-]+\.\w+)", path.read_text(encoding="utf-8"))
    }
    assert named
    assert [(name, path) for name, path in named if not (FOLDER / name).exists()] == []


def test_the_tour_goes_from_samples_to_logits():
    done = subprocess.run([sys.executable, FOLDER / "tour.py"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].startswith("output     logits [")
