"""The command line: one verb a stage. A verb parses, calls one function of the house, and prints what came of it.

Exit status: 0 done; 1 done with failures past the budget, or problems found; 2 wrong use; 130 interrupted,
resumable (143 by SIGTERM).
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import shlex
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NoReturn

import click

from featurekit import __version__
from featurekit.cli import grammar, helptext, progress, signals
from featurekit.cli.characters import make_readable
from featurekit.errors import (
    EXTRAS,
    CorruptStoreError,
    FeaturekitError,
    FeaturekitWarning,
    MissingDependencyError,
    StoreError,
    StoreNotFoundError,
    TrainingError,
    WorkerError,
)
from featurekit.registry import load_plugin

# OpenMP's threads spin while they wait by default: two trainings on one machine then slow each other down tenfold (measured:
# 24 s an epoch against 2 s). Without any spinning the short steps of an LSTM wait for the system: 51 ms instead of 2. So
# libgomp, which torch uses on Linux, spins briefly. Both are read when torch is loaded, so they have to stand here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "500")

# Verb → (module, one line of help). Modules are imported when their verb is asked for, so that `featurekit --help` is
# instant and a machine without torch can still extract.
VERBS = {
    "demo": ("demo", "Synthesise a corpus, extract it, train two models, evaluate them."),
    "list": ("lists", "List corpora, features, presets, models, splits, tasks, augmentations, perturbations or pipelines."),
    "explain": ("lists", "Explain a feature, preset, model, split or corpus."),
    "doctor": ("inspect", "Say what is wrong with a corpus, a folder of audio, a store or this machine."),
    "manifest": ("manifest", "Write the manifest of a corpus: one utterance a line."),
    "extract": ("extract", "Turn a corpus into a store of features, in parallel and resumable."),
    "store": ("stores", "Look at, verify and mend a store."),
    "show": ("show", "Show one utterance of a store, its numbers and pictures of it; or a run at a glance."),
    "card": ("inspect", "Write the data card of a store, as Markdown and as Croissant."),
    "split": ("split", "Divide a corpus into training, development and test, as a file and a table."),
    "audit": ("audit", "Say what the parts of a split share, whoever made it; exit 1 on leaks."),
    "train": ("train", "Train a model on a store, then evaluate it once on the test part."),
    "leak": ("leak", "Measure what sharing speakers between training and test is worth on a corpus."),
    "evaluate": ("evaluate", "Score a run's stored predictions again: class, speaker, gender, fold, calibration."),
    "replay": ("replay", "Train a run again from its record, and say what differs."),
    "predict": ("predict", "Apply a run to new audio: files, folders or a stream."),
    "embed": ("embed", "Write what a run makes of every utterance back into a store, as a column."),
    "export": ("export", "Write a run's network as ONNX or TorchScript."),
}

# Where a verb leaves, in the meta of its context, the command that goes on when it is interrupted.
GOES_ON = "featurekit.goes_on"

# What a verb does first, where libraries that take seconds to import come before its own first line.
_SLOW_STARTS = {
    "extract": "looking at the corpus",
    "manifest": "looking at the corpus",
    "doctor": "looking at files",
    "show": "opening the store",
    **dict.fromkeys(("demo", "train", "leak", "replay", "predict", "embed", "export"), "starting PyTorch"),
}

# Verbs that need more than the library which is missed first: one command has to bring all of it.
_EXTRAS_OF = {"show": "train,plots", "export": "export"}

_FREE_SPACE = "free some space and run the same command again, what was finished is kept"
_PERMISSION = "choose another path, or have its owner permit it"
_NOT_A_FOLDER = "a file is where a folder is needed; choose another path"
_ADVICE = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: "choose a path on a disk that can be written",
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.EEXIST: _NOT_A_FOLDER,
}


class Verbs(click.Group):
    """Loads a verb's module on demand and turns every error raised on purpose into one sentence."""

    context_class = helptext.HelpContext

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read what stands before the verb, and --plugin wherever it stands."""
        words = list(args)
        try:
            context = super().make_context(info_name, grammar.plugins_first(args), parent, **extra)
        except click.UsageError as error:
            raise _in_one_voice(error) from None
        context.meta.setdefault(GOES_ON, shlex.join(["featurekit", *words]))
        return context

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line; what the terminal's encoding lacks is replaced from here on."""
        signals.open_closed_streams()
        make_readable()
        with _warnings_as_notes():
            return super().main(*arguments, **options)

    def list_commands(self, context: click.Context) -> list[str]:
        """Verbs in the order of a person's work."""
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The verb's command, or a suggestion."""
        if name not in VERBS:
            from featurekit.errors import UnknownNameError

            raise click.UsageError(str(UnknownNameError("verb", name, VERBS)))
        if name == "extract":  # read when numpy is loaded: a process of one thread can fork its workers
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        return helptext.readable(getattr(importlib.import_module(f"featurekit.cli.{VERBS[name][0]}"), f"{name}_command"))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb and what stands after it; one that starts slowly says so at once."""
        if args[0] in _SLOW_STARTS and args[1:] and not {"-h", "--help"} & set(args):
            progress.starting(args[0], _SLOW_STARTS[args[0]])
        return super().resolve_command(ctx, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in VERBS.items()])

    def invoke(self, context: click.Context) -> Any:
        """Run a verb; errors raised on purpose end it with one sentence and a status."""
        try:
            with signals.sigterm_as_interrupt():
                return super().invoke(context)
        except click.UsageError as error:
            raise _in_one_voice(error, context.invoked_subcommand or "") from None
        except FeaturekitError as error:
            refuse(error)
        except ModuleNotFoundError as error:
            library, verb = (error.name or "").partition(".")[0], context.invoked_subcommand or "this"
            if library not in EXTRAS:
                raise
            refuse(MissingDependencyError.of(verb, library, _EXTRAS_OF.get(verb, "")))
        except BrokenPipeError:
            raise  # `| head` has read enough: click ends quietly
        except OSError as error:
            # The disk or the network failed under us: one sentence, not a traceback, and never called wrong use.
            what = f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")
            advice = _ADVICE.get(error.errno or 0)
            click.echo(f"featurekit: {what}; {advice}" if advice else f"featurekit: {what}", err=True)
            sys.exit(1)
        except KeyboardInterrupt as error:
            command = context.meta[GOES_ON]
            said = "featurekit: interrupted; what was finished is kept, and this goes on from there:"
            click.echo(f"\n{progress.wrapped_error(said)}\n  {command}", err=True)
            sys.exit(signals.status(error))


@contextlib.contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Print a warning of ours as one sentence, without the line of code that gave it; others as Python does."""
    others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, FeaturekitWarning):
            click.echo(progress.wrapped_error(f"note: {message}"), err=True)
        else:
            others(message, category, *where, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = others


def _in_one_voice(error: click.UsageError, verb: str = "") -> click.ClickException:
    # `featurekit` alone and `featurekit store` alone are answered by the help itself.
    is_help = getattr(click.exceptions, "NoArgsIsHelpError", ())  # click before 8.2 has none
    return error if isinstance(error, is_help) else grammar.OneVoice(error, verb)


def refuse(error: FeaturekitError) -> NoReturn:
    """Print an error raised on purpose and exit: 1 for a store or worker that failed, 2 for input that cannot be used."""
    click.echo(progress.wrapped_error(f"featurekit: {error}"), err=True)
    failed_under_us = isinstance(error, (StoreError, TrainingError, WorkerError)) and not isinstance(error, StoreNotFoundError)
    sys.exit(1 if failed_under_us or isinstance(error, CorruptStoreError) else 2)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="featurekit")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE.py",
    help="Load features, corpora or models of your own; may also stand after the verb.",
)
def main(plugins: tuple[str, ...]) -> None:
    """From raw speech corpora to feature stores and honest sentiment and emotion results.

    \b
    featurekit demo                                     everything once, on synthetic speech
    featurekit extract --corpus ravdess --root DIR      raw corpus → cache/ravdess
    featurekit train cache/ravdess --model ub-bilstm --features luo2019-best4
    """
    for plugin in plugins:
        load_plugin(plugin)
