import pytest

from featurekit import display


def score(*ua):
    mean = sum(ua) / len(ua)
    return {"ua": mean, "interval": [mean - 0.1, mean + 0.1], "by_seed": list(ua), "recalls": {"a": ua[0], "b": ua[-1]}}


@pytest.mark.parametrize("interval", [[0.1, 0.3], None], ids=["speakers", "too few"])
def test_a_leak_is_a_picture(interval, tmp_path):
    pytest.importorskip("matplotlib")
    facts = {"corpus": "demo", "model": "m", "features": ["rms"], "n": 8, "n_speakers": 4, "folds": 2, "seeds": 2}
    facts |= {"classes": ["a", "b"], "chance": 0.5, "difference": score(0.1, 0.2) | {"interval": interval}}
    result = {**facts, "protocols": {"random": score(0.8, 0.9), "speaker-disjoint": score(0.7, 0.7)}}
    path = display.write_leak(result, tmp_path / "leak.png")
    assert path.read_bytes().startswith(b"\x89PNG")
