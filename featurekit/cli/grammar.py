"""One grammar for every verb: what an option is called, how an old spelling still works, what to do next.

Things are positional, in the order of the work. ``-o`` is where to write, ``--features`` means columns,
``--jobs`` is how much at once. ``--json`` and ``--dry-run`` stand wherever something is computed.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from featurekit.cli import helptext, progress, tables
from featurekit.device_names import parse_device
from featurekit.errors import ParameterError

_SHORT = 8  # words that a command may stand beside on a narrow screen, in columns

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class _Renamed(click.Parameter):
    """A parameter that is also known by old spellings: they work, are not in the help, and say the new one."""

    old: tuple[str, ...] = ()

    @property
    def _old_key(self) -> str:
        return f"{self.name} by its old name"

    def _new_name(self) -> str:
        return "/".join(self.opts)

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """The value under the new name, else the one under an old name."""
        value, source = super().consume_value(ctx, opts)
        if self._old_key not in opts:
            return value, source
        old = " or ".join(self.old)
        if source is ParameterSource.COMMANDLINE and value not in ((), None):
            raise click.UsageError(f"{self._new_name()} and {old} are one thing, and both are given; leave out {old}")
        if not ctx.resilient_parsing:
            click.echo(f"note: {old} is now {self._new_name()}", err=True)
        return opts[self._old_key], ParameterSource.COMMANDLINE


class RenamedOption(_Renamed, click.Option):
    """An option with old spellings.

    Parameters
    ----------
    old : sequence of str
        Spellings that still work, as ``("--out",)``.
    """

    def __init__(self, *arguments: Any, old: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.old = tuple(old)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser know the option by all its names."""
        super().add_to_parser(parser, ctx)
        action = "append" if self.multiple else "store"
        if self.is_flag:
            parser.add_option(self, self.old, self._old_key, action=f"{action}_const", const=True)
        else:
            parser.add_option(self, self.old, self._old_key, action=action, nargs=self.nargs)


class RenamedArgument(_Renamed, click.Argument):
    """A positional thing that used to be an option.

    ``_flag_needs_value`` is what click's parser asks of an option.

    Parameters
    ----------
    old : sequence of str
        Options that still work, as ``("--store",)``.
    """

    _flag_needs_value = False

    def __init__(self, *arguments: Any, old: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.old = tuple(old)

    def _new_name(self) -> str:
        return f"positional: {self.human_readable_name.strip('[].')}, without {self.old[0]}"

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser know the thing as an option, too."""
        super().add_to_parser(parser, ctx)
        parser.add_option(self, self.old, self._old_key, action="append", nargs=1)

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """The value; one thing that is given twice by its old name is refused, since the first would be left out."""
        value, source = super().consume_value(ctx, opts)
        if self.nargs == 1 and isinstance(value, list):
            if len(value) > 1:
                raise click.UsageError(f"{ctx.info_name} works on one {self.human_readable_name}, got {' and '.join(value)}")
            return value[0], source
        return value, source


def option(*names: str, old: Sequence[str] = (), **settings: Any) -> Decorator:
    """``click.option`` with old spellings.

    Parameters
    ----------
    *names : str
        As of ``click.option``; those in ``old`` are not among them.
    old : sequence of str
        Spellings that still work and say the new one.
    **settings
        As of ``click.option``.
    """
    return click.option(*names, cls=RenamedOption, old=old, **settings)


def argument(name: str, *, old: Sequence[str] = (), **settings: Any) -> Decorator:
    """``click.argument`` for what used to be an option, as ``old=("--store",)``."""
    return click.argument(name, cls=RenamedArgument, old=old, **settings)


def refused(old: str, new: str, why: str) -> Decorator:
    """An old word that is no longer taken, since it had two meanings.

    Parameters
    ----------
    old, new : str
        The options.
    why : str
        What the new one means and what the old one meant, as one clause.
    """

    def refuse(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None and not ctx.resilient_parsing:
            raise click.UsageError(f"{old} is now {new}: {why}")

    name = f"refused_{old.strip('-').replace('-', '_')}"
    return click.option(old, name, hidden=True, expose_value=False, callback=refuse)


class _Count(click.ParamType):
    """A whole number from 1 on."""

    name = "n"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number, or a sentence."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number", param, ctx)
        if number < 1:
            self.fail(f"got {number}; give 1 or more", param, ctx)
        return number


class _Device(click.ParamType):
    """A device by its name."""

    name = "auto|cpu|cuda|cuda:N"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The name, or a sentence."""
        try:
            parse_device(value)
        except ParameterError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class _LocalPath(click.Path):
    """A path to write to; a URL is refused, for it would become a folder called ``s3:``."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The path, or a sentence."""
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(value)):
            self.fail(f"{str(value)!r} is a URL, and featurekit writes to local paths only; write there, then copy", param, ctx)
        return super().convert(value, param, ctx)


COUNT = _Count()
DEVICE = _Device()
PATH = click.Path(path_type=Path)


def output(help_text: str, *, old: Sequence[str] = (), **settings: Any) -> Decorator:
    """``-o/--output``: where to write."""
    chosen = {"type": _LocalPath(path_type=Path), "metavar": "PATH"} | settings
    return option("-o", "--output", old=old, help=help_text, **chosen)


def jobs(
    help_text: str = "Processes at once.  [default: physical cores]",
    *,
    old: Sequence[str] = (),
    **settings: Any,
) -> Decorator:
    """``--jobs``: how much at once."""
    return option("--jobs", old=old, type=COUNT, metavar="N", help=help_text, **settings)


def features(
    help_text: str = "Columns, features or presets of the store, comma-separated.",
    *,
    old: Sequence[str] = (),
    **settings: Any,
) -> Decorator:
    """``--features``: columns."""
    return option("--features", old=old, metavar="NAMES", help=help_text, **settings)


def about_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--name``, ``--licence``, ``--language`` and ``--source``: what a corpus of your own is, for its card."""
    helps = {
        "--name": "What a corpus of your own is called on its card; with the next three, or in its corpus.toml.",
        "--licence": "Under what terms its audio may be used.",
        "--language": "Its languages, as ISO 639-1 codes.",
        "--source": "Where its audio is from.",
    }
    for name, text in reversed(helps.items()):
        command = click.option(name, metavar="TEXT", help=text)(command)
    return command


AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done and what it would cost; write nothing.")


Words = Sequence[object]


def next_step(*words: object | Callable[[], Words], as_json: bool = False) -> None:
    """Say on a terminal what to do next; a pipe and a program get nothing.

    Parameters
    ----------
    *words : object
        The command without ``featurekit``: verb, real paths, options. Words are quoted as a shell
        wants them. Or one function that gives them, where they take a look into a store; none are
        no line.
    as_json : bool
        Whether the answer was JSON.
    """
    if as_json or not sys.stdout.isatty():
        return
    said = words[0]() if words and callable(words[0]) else words
    if said:
        click.echo(command_line("next:", "featurekit", *said))


def command_line(before: str, *words: object) -> str:
    """A command that can be copied: where the screen is too narrow it goes on in the next line, as a shell takes it.

    Parameters
    ----------
    before : str
        What stands before it; where that is long, the command begins a line of its own.
    *words : object
        The command; words are quoted as a shell wants them.
    """
    quoted = [shlex.quote(str(word)) for word in words]
    width = tables.screen_width()
    line = " ".join([before, *quoted])
    if width is None or len(line) <= width:
        return line
    if len(before) <= _SHORT:
        return "\n".join(helptext.continued(quoted, width, before=f"{before} "))
    return "\n".join([tables.wrap(before, hanging=2), *helptext.continued(quoted, width, before="  ")])


def first_training(store: str | Path) -> list[object]:
    """Words of a training that takes seconds: a linear model on one column of frames; the card where there is none.

    Parameters
    ----------
    store : str or Path
        A store that has been extracted.
    """
    from featurekit.store import open_store

    columns = open_store(store).columns
    frames = sorted(
        (name for name, info in columns.items() if info.kind == "frames" and not info.trained_on),
        key=lambda name: ("mfcc" not in name, columns[name].dims > 128),
    )
    if not frames:
        return ["card", store]
    return ["train", store, "--model", "logistic", "--features", frames[0]]


_EXAMPLE = re.compile(r"(?:^|\| )featurekit (.+)$")
_COMMENT = re.compile(r"\s{2,}.*$| [|>] .*$")  # what stands beside a command, or comes after it


def examples(command: click.Command) -> list[list[str]]:
    """The command lines that a verb's help shows, as words without ``featurekit``."""
    found = []
    for line in (command.help or "").replace("\b", "").splitlines():
        if match := _EXAMPLE.search(line.strip()):
            found.append(shlex.split(_COMMENT.sub("", match[1])))
    return found


def plugins_first(words: Sequence[str]) -> list[str]:
    """``--plugin FILE.py``, wherever it stands, before the verb; what comes after ``--`` stays."""
    before, rest = [], list(words)
    tail = rest[rest.index("--") :] if "--" in rest else []
    rest = rest[: len(rest) - len(tail)]
    others = []
    while rest:
        word = rest.pop(0)
        if word == "--plugin":
            if not rest:
                return [word]  # click says that it needs a file
            before += [word, rest.pop(0)]
        elif word.startswith("--plugin="):
            before.append(word)
        else:
            others.append(word)
    return [*before, *others, *tail]


class OneVoice(click.ClickException):
    """Wrong use, said as every other error of featurekit: one sentence, and where the help is."""

    exit_code = 2

    def __init__(self, error: click.UsageError, verb: str = "") -> None:
        super().__init__(" ".join(error.format_message().split()))
        # click's parser, which misses the value of an option, does not say of which command.
        self._command = error.ctx.command_path if error.ctx is not None else f"featurekit {verb}".rstrip()

    def show(self, file: Any = None) -> None:
        """Print it on the standard error."""
        sentence = self.message.rstrip(".")
        sentence = sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence
        click.echo(f"{progress.wrapped_error(f'featurekit: {sentence}')}\nhelp: {self._command} --help", err=True)
