"""The command that adds a column to a store, for messages: it can be run as it stands where the corpus's folder is known."""

from __future__ import annotations

import shlex

from featurekit.settings import corpus_root
from featurekit.store import Store


def command_that_adds(opened: Store, request: str) -> str:
    """``featurekit extract …`` for the very utterances of a store, its augmented children among them.

    What a store does not remember stands in capitals: where the corpus lies, unless it is configured, and the table of a
    ``custom`` one.

    Parameters
    ----------
    opened : Store
    request : str
        As ``--features`` takes it.

    Returns
    -------
    str
    """
    words = ["featurekit extract --corpus", shlex.quote(opened.corpus)]
    words += ["--root DIR"] if corpus_root(opened.corpus, None) is None else []
    words += ["--manifest TABLE"] if opened.corpus == "custom" else []
    perturbations = dict.fromkeys(item.perturbation for item in opened.manifest if item.perturbation)
    words += [f"--perturb {shlex.quote(','.join(perturbations))}"] if perturbations else []
    return " ".join([*words, f"--features {shlex.quote(request)} -o {shlex.quote(str(opened.path))}"])
