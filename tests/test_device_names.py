import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.device_names import parse_device
from featurekit.errors import ParameterError


def test_a_device_is_a_kind_and_perhaps_a_number():
    assert [parse_device(name) for name in ("auto", "cpu", "cuda")] == [("auto", None), ("cpu", None), ("cuda", None)]
    assert parse_device("cuda:12") == ("cuda", 12)


@pytest.mark.parametrize("wrong", ["", "gpu", "cuda:", "cuda:-1", "cpu:0", "CUDA", "cuda:1 ", 3, None])
def test_anything_else_is_refused_with_what_is_accepted(wrong):
    with pytest.raises(ParameterError, match="expected auto, cpu, cuda or cuda:N"):
        parse_device(wrong)


@pytest.mark.parametrize("verb", [("train",), ("extract",), ("predict", "run"), ("embed", "run")])
def test_every_verb_that_takes_a_device_takes_one_of_several_gpus(verb):
    for name, refused in (("cuda:x", True), ("cuda:1", False)):
        said = CliRunner().invoke(main, [*verb, "--device", name]).output
        assert ("expected auto, cpu, cuda or cuda:N" in " ".join(said.split())) is refused
