"""What the owner of a corpus says of it: a name, a licence, languages and a source, from ``corpus.toml`` or by options."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurekit.errors import ParameterError
from featurekit.settings import from_mapping, read_toml

FILE = "corpus.toml"


@dataclass(frozen=True)
class About:
    """Facts of a corpus that no recipe knows.

    Parameters
    ----------
    name : str
        Full name, as a data card's title has it.
    licence : str
        Under what terms the audio may be used.
    language : str
        ISO 639-1 codes, with commas.
    source : str
        Where the audio is from.
    citation : str
        What to cite.
    """

    name: str = ""
    licence: str = ""
    language: str = ""
    source: str = ""
    citation: str = ""


def about(root: str | Path, said: Mapping[str, str | None] | None = None) -> dict[str, Any]:
    """What is said of the corpus in a folder: its file's table ``[corpus]``, and over it what is said here.

    Parameters
    ----------
    root : str or Path
        The corpus's folder, which may have a ``corpus.toml``.
    said : mapping, optional
        Fields of :class:`About`; None is not said.

    Returns
    -------
    dict
        The fields that say something; empty where nobody says anything.

    Raises
    ------
    ParameterError, UnknownNameError
        For a file that is not TOML, has no table ``[corpus]`` or says something else in it.
    """
    file, told = Path(root) / FILE, {}
    if file.is_file():
        told = read_toml(file).get("corpus", {})
        if not isinstance(told, dict) or not told:
            raise ParameterError(f'{file}: expected a table [corpus] with name = "…", licence, language, source or citation')
    found = from_mapping(About, {**told, **{key: value for key, value in (said or {}).items() if value}}, where=str(file))
    return {key: value for key, value in dataclasses.asdict(found).items() if value}
