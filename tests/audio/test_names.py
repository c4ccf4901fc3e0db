"""Names of audio: whatever a reader knows by its name is counted where a folder is read."""

import pytest

from featurekit.audio import decoder, is_audio_name
from featurekit.audio.containers import mpeg

HEADERLESS_OR_DATA = {".raw", ".pcm"}  # as often pictures or tables as samples


@pytest.mark.parametrize("suffix", sorted((mpeg.SUFFIXES | decoder.HEADERLESS) - HEADERLESS_OR_DATA))
def test_every_suffix_that_a_reader_knows_is_one_of_audio(suffix):
    assert is_audio_name(f"a/b{suffix.upper()}")
