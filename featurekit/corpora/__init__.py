"""Corpora: an open set, one file a corpus, from a folder tree to utterances.

A recipe states facts (:class:`Corpus`) and yields utterances in a stable order. It never decodes audio, never downloads and
never splits. A new corpus is a new file of this package, or a stranger's package with an entry point
``featurekit.corpora``::

    CORPUS = Corpus(name="mine", title="My corpus", ...)

    @recipe(CORPUS)
    def utterances(root: Path) -> Iterator[Utterance]:
        '''<the folder tree>'''
        for path in audio_paths(root):
            yield Utterance(id=stem(path), path=path, labels={"emotion": ...})
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from featurekit.corpora._about import about as about  # what a corpus of your own is, for its card
from featurekit.corpora._strays import gathering_strays
from featurekit.corpora._table import read_table
from featurekit.errors import CorpusNotFoundError
from featurekit.manifest import Manifest, Utterance
from featurekit.registry import Registry
from featurekit.settings import corpus_root

_NAMES_SHOWN = 5  # of those that have a defect, before its text


@dataclass(frozen=True)
class Defect:
    """Something that is wrong with a corpus as it is published: everybody who uses it has it.

    Parameters
    ----------
    text : str
        What is wrong; what is printed names those in ``names`` before it, where the text does not.
    source : str
        From where that is known.
    names : tuple of str
        File names without suffix, recordings, speakers or utterance ids that have it; empty where no single ones do.
    checks : tuple of str
        The doctor's checks that find it in those.
    """

    text: str
    source: str
    names: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    def __str__(self) -> str:
        unsaid = [name for name in self.names if name not in self.text]
        shown = ", ".join(unsaid[:_NAMES_SHOWN]) + (f" and {len(unsaid) - _NAMES_SHOWN} more" if unsaid[_NAMES_SHOWN:] else "")
        return f"{shown}{': ' if shown else ''}{self.text} ({self.source})"


@dataclass(frozen=True)
class Corpus:
    """Facts of a corpus.

    Parameters
    ----------
    name : str
        What ``--corpus`` takes.
    title : str
        Full name.
    languages : tuple of str
        ISO 639-1 codes; empty when the corpus does not fix them.
    licence : str
        Under what terms the audio may be used.
    citation : str
        The paper to cite.
    obtain : str
        What to get, and from whom; featurekit never downloads.
    tree : str
        Picture of the folder tree the recipe reads.
    expected : mapping of str to int
        Variant → number of utterances.
    classes : tuple of str
        Raw classes; empty where the label is a number or the user's own.
    labels : mapping of str to str
        Raw label → what it means.
    default_task : str
        Label scheme used without ``--task``.
    default_features : str
        Features extracted without ``--features``.
    conversations : bool
        Whether neighbours in a recording are a context worth having.
    speaker_source : str
        ``"corpus"`` where it names its speakers, ``"recording"`` where each recording stands in for one.
    defects : tuple of Defect
        What is known to be wrong with its files or labels.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    licence: str
    citation: str
    obtain: str
    tree: str
    expected: Mapping[str, int] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    default_task: str = "emotion"
    default_features: str = "luo2019,mel256"
    conversations: bool = False
    speaker_source: str = "corpus"
    defects: tuple[Defect, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """A corpus and the function that reads its folder.

    Parameters
    ----------
    corpus : Corpus
        The facts.
    utterances : callable
        ``utterances(root)`` yields :class:`~featurekit.manifest.Utterance` in a stable order.
    of_tables : callable or None
        ``of_tables(root, manifest)`` yields those of the corpus's own tables that a manifest's name means; None where it means
        none of them.
    """

    corpus: Corpus
    utterances: Callable[[Path], Iterable[Utterance]]
    of_tables: Callable[[Path, Path], Iterable[Utterance] | None] | None = None

    def __post_init__(self) -> None:
        # The registry tells two members of one name apart by their modules, and all recipes are made in this one.
        object.__setattr__(self, "__module__", self.utterances.__module__)

    @property
    def name(self) -> str:
        """The corpus's name."""
        return self.corpus.name


CORPORA: Registry[Recipe] = Registry("corpus", "featurekit.corpora")


def recipe(
    corpus: Corpus, *, of_tables: Callable[[Path, Path], Iterable[Utterance] | None] | None = None
) -> Callable[[Callable[[Path], Iterable[Utterance]]], Recipe]:
    """Decorate ``utterances(root)`` of a corpus: it joins :data:`CORPORA`.

    Parameters
    ----------
    corpus, of_tables
        As :class:`Recipe` has them.

    Raises
    ------
    ParameterError
        When another module has a corpus of that name.
    """

    def register(utterances: Callable[[Path], Iterable[Utterance]]) -> Recipe:
        return CORPORA.add(corpus.name, Recipe(corpus, utterances, of_tables))

    return register


def locate(name: str, root: str | Path | None = None) -> Path:
    """Folder of a corpus, which exists and is not empty.

    Parameters
    ----------
    name : str
        Corpus name.
    root : str, Path or None
        Its folder; None asks ``FEATUREKIT_CORPORA/<name>`` and ``featurekit.toml``.

    Raises
    ------
    UnknownNameError
        For a corpus that does not exist.
    CorpusNotFoundError
        What to get, from whom, and the expected tree.
    """
    corpus = CORPORA.get(name).corpus
    folder = corpus_root(name, root)
    if folder is None:
        raise _not_found(corpus, f"no folder was given: use --root, FEATUREKIT_CORPORA/{name} or featurekit.toml")
    if not folder.is_dir():
        raise _not_found(corpus, f"there is no folder {str(folder)!r}")
    if not any(folder.iterdir()):
        raise _not_found(corpus, f"the folder {str(folder)!r} is empty")
    return folder


def explain(name: str) -> str:
    """A page on a corpus: what it is, where to get it, its tree, classes and labels.

    Raises
    ------
    UnknownNameError
        For a corpus that does not exist.
    """
    corpus = CORPORA.get(name).corpus
    expected = ", ".join(f"{count} ({variant})" for variant, count in corpus.expected.items())
    facts = {
        "languages": ", ".join(corpus.languages),
        "licence": corpus.licence,
        "cite": corpus.citation,
        "get": corpus.obtain,
        "utterances": expected,
        "classes": ", ".join(corpus.classes),
        **{f"label {label}": meaning for label, meaning in corpus.labels.items()},
        "speakers": "named by the corpus"
        if corpus.speaker_source == "corpus"
        else f"each {corpus.speaker_source} stands in for one",
        "default task": corpus.default_task,
        "default features": corpus.default_features,
    }
    lines = [f"{corpus.name}: {corpus.title}", *(f"{key}: {value}" for key, value in facts.items() if value)]
    lines += [*(f"known defect: {defect}" for defect in corpus.defects), "tree:"]
    return "\n".join(lines) + "\n" + _indented(corpus.tree)


def default_task(name: str, manifest: Manifest | None = None) -> str:
    """The label scheme of a corpus where nobody asks for another.

    Parameters
    ----------
    name : str
        Corpus name; ``label`` is the task of one that is not known here.
    manifest : Manifest or None
        Its utterances. A table of your own may have its classes in a column ``emotion`` and none called ``label``.
    """
    task = CORPORA.get(name).corpus.default_task if name in CORPORA else "label"
    if task != "label" or manifest is None:
        return task
    keys = {key for utterance in manifest for key in utterance.labels}
    return "emotion" if "emotion" in keys and "label" not in keys else task


def read_corpus(
    name: str, root: str | Path | None = None, *, manifest: str | Path | None = None, skip_strays: bool = False
) -> Manifest:
    """Read a corpus's folder into a manifest.

    Parameters
    ----------
    name : str
        Corpus name.
    root : str, Path or None
        Its folder; None asks ``FEATUREKIT_CORPORA/<name>`` and ``featurekit.toml``.
    manifest : str, Path or None
        CSV, JSONL or Parquet table to read instead of the recipe's own search; its paths are relative to ``root``. A relative
        name that does not exist is looked up in ``root``. Of an audformat database it may name tables (``db.emotion.csv``).
    skip_strays : bool
        Leave out files of the tree that are none of the corpus's, and say how many; else they are an error that names all.

    Returns
    -------
    Manifest

    Raises
    ------
    UnknownNameError
        For a corpus that does not exist.
    CorpusNotFoundError
        When the folder is missing, empty or holds no utterance: what to get, from whom, and the expected tree.
    ManifestError
        For a broken table or a file name that does not follow the corpus's rules.
    """
    found, folder = CORPORA.get(name), locate(name, root)
    if manifest is not None:
        own = found.of_tables(folder, Path(manifest)) if found.of_tables else None
        if own is not None:
            return Manifest(own, where=f"corpus {name} in {folder}")
        table = next((path for path in (Path(manifest), folder / manifest) if path.exists()), Path(manifest))
        return Manifest(read_table(table, folder), where=str(manifest))
    with gathering_strays(skip=skip_strays):
        read = Manifest(found.utterances(folder), where=f"corpus {name} in {folder}")
    if not len(read):
        reason = (
            f"{str(folder)!r} holds no utterance of it (links that lead out of the folder are followed with --follow-links)"
        )
        raise _not_found(found.corpus, reason)
    return read


def _not_found(corpus: Corpus, reason: str) -> CorpusNotFoundError:
    return CorpusNotFoundError(
        f"corpus {corpus.name!r}: {reason}\n"
        f"get: {corpus.obtain}\nlicence: {corpus.licence}\nexpected tree:\n{_indented(corpus.tree)}\n"
        f"then: featurekit extract --corpus {corpus.name} --root <that folder>"
    )


def _indented(tree: str) -> str:
    return textwrap.indent(tree.strip("\n"), "  ")
