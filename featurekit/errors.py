"""Every error featurekit raises on purpose.

One root, :class:`FeaturekitError`; each class also subclasses the builtin a caller would expect, so
``except FileNotFoundError`` keeps working. A message says what is wrong, what was got, what is accepted and
what to do.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable


class FeaturekitError(Exception):
    """Root of all errors raised on purpose; the command line prints its message as one sentence."""


class FeaturekitWarning(UserWarning):
    """What works, but otherwise than one may expect; the command line says it as a note."""


class ParameterError(FeaturekitError, ValueError):
    """A setting or an argument has a value that is not accepted."""


_SEARCHED = 20_000  # among a million ids the search would take longer than the answer is worth


class UnknownNameError(FeaturekitError, KeyError):
    """A corpus, feature, preset, model, task, column or utterance of that name does not exist.

    Parameters
    ----------
    kind : str
        What was looked up, in the singular ("corpus", "feature").
    name : str
        What was asked for; anything else is shown, and has no close names.
    known : iterable of str
        What exists. The closest names are suggested, whatever their case; a short list is printed whole.
    see : str
        The command that lists a longer one.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, see: str = "") -> None:
        known = sorted(itertools.islice(known, _SEARCHED))
        folded = {item.casefold(): item for item in reversed(known)}
        asked = name.casefold() if isinstance(name, str) else ""
        close = [folded[item] for item in difflib.get_close_matches(asked, sorted(folded), n=3, cutoff=0.6)]
        message = f"unknown {kind} {name!r:.200}" if isinstance(name, str) else f"a {kind} is named by text, got {name!r:.80}"
        if close:
            message += f"; did you mean {' or '.join(close)}?"
        elif 0 < len(known) <= 40:
            message += f"; known: {', '.join(known)}"
        elif see:
            message += f"; see `{see}`"
        super().__init__(message)
        self.kind, self.name = kind, name

    # KeyError prints the repr of its argument, which puts quotes around the whole sentence.
    def __str__(self) -> str:
        return str(self.args[0])

    # The generated __reduce__ would call __init__ with the message alone and fail in the parent process.
    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_unknown_name, (self.args[0], self.kind, self.name))


def _rebuild_unknown_name(message: str, kind: str, name: str) -> UnknownNameError:
    error = UnknownNameError(kind, name)
    error.args = (message,)
    return error


class PositionError(FeaturekitError, IndexError):
    """There is no utterance at that position: a loop over positions ends with it, as over a list."""


class ManifestError(FeaturekitError, ValueError):
    """A manifest or a label table has a broken line, a duplicate id or a value out of range."""


class CorpusNotFoundError(FeaturekitError, FileNotFoundError):
    """The files of a corpus are not where the recipe looked; the message says what to get and from whom."""


class AudioError(FeaturekitError, ValueError):
    """One audio file or segment cannot be used; ``status`` is its :class:`featurekit.audio.Status` name.

    Only deterministic failures (the bytes are bad) are AudioErrors; an I/O error stays an ``OSError``.
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


class StoreError(FeaturekitError, OSError):
    """A store cannot be read or written: another version, a conflict, no space left."""


class StoreNotFoundError(StoreError, FileNotFoundError):
    """There is no store at that path."""


class CorruptStoreError(StoreError):
    """Bytes of a store are not what was committed; ``featurekit store repair`` is the way on."""


class SplitError(FeaturekitError, ValueError):
    """A split cannot be made or must not be used: too few speakers, an empty part, an absent class."""


class TrainingError(FeaturekitError, ArithmeticError):
    """Training went off: the loss is not a finite number any more; the message names the batch."""


class WorkerError(FeaturekitError, RuntimeError):
    """A worker process died (killed, out of memory) before it finished its work."""


# Library → the extra of pyproject.toml that installs it; a test holds them equal.
EXTRAS = {
    "torch": "train",
    "torchvision": "train",
    "safetensors": "train",
    "sklearn": "train",
    "transformers": "asr",
    "matplotlib": "plots",
    "pyarrow": "tables",
    "yaml": "tables",
    "hmmlearn": "classical",
    "dtaidistance": "classical",
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "export",
    "opensmile": "opensmile",
}


class MissingDependencyError(FeaturekitError, ImportError):
    """An optional library is needed; the message names the extra that installs it."""

    @classmethod
    def of(cls, what: str, library: str, extra: str = "") -> MissingDependencyError:
        """The error with the one command that installs what is missing, true wherever featurekit itself is installed.

        Parameters
        ----------
        what : str
            Who needs it ("train").
        library : str
            Name by which it is imported.
        extra : str, optional
            What brings it, and all else that ``what`` needs; by default the library's own extra.
        """
        return cls(f"{what} needs {library}: pip install 'featurekit[{extra or EXTRAS[library]}]'")
