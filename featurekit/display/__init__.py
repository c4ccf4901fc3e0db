"""Pictures for people, as PNG files: an utterance with all its features, a network's attention, its kernels, a leak."""

from featurekit.display.attention import aligned_words, weigh_words, write_attention
from featurekit.display.canvas import file_name
from featurekit.display.kernels import write_kernels
from featurekit.display.leak import write_leak
from featurekit.display.utterance import Shown, gather, overview, page, write_pngs

__all__ = [
    "Shown",
    "aligned_words",
    "file_name",
    "gather",
    "overview",
    "page",
    "weigh_words",
    "write_attention",
    "write_kernels",
    "write_leak",
    "write_pngs",
]
