"""Help that a narrow terminal can show: descriptions below their options, long examples continued on a second line."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import click

_NARROW = 70  # columns below which two of them, side by side, are too thin to read
_INDENT = "    "
_COMMENT = re.compile(r"^(featurekit .*?)\s{2,}(\S.*)$")  # what stands beside a command


class Formatter(click.HelpFormatter):
    """Writes the help of a verb in the width of the terminal."""

    def write_text(self, text: str) -> None:
        """Write paragraphs; an example that is too long is continued as a shell wants it."""
        width = self.width - self.current_indent
        paragraphs = [_fitted(part, width) if part.startswith("\b") else part for part in text.split("\n\n")]
        super().write_text("\n\n".join(paragraphs))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names and descriptions, side by side where there is the width for it."""
        if self.width >= _NARROW:
            super().write_dl(rows, col_max, col_spacing)
            return
        for name, description in rows:
            self.write(f"{' ' * self.current_indent}{name}\n")
            with self.indentation(), self.indentation():
                if description:
                    self.write_text(description)


class HelpContext(click.Context):
    """The context of every verb."""

    formatter_class = Formatter


def readable(command: click.Command) -> click.Command:
    """Give a verb, and what is below it, this help."""
    command.context_class = HelpContext
    for below in getattr(command, "commands", {}).values():
        readable(below)
    return command


def continued(words: Sequence[str], width: int, *, before: str = "") -> Iterator[str]:
    """A command over several lines, as a shell takes it: broken before options where it can be, and never in a word.

    Parameters
    ----------
    words : sequence of str
        The command, quoted.
    width : int
        Columns of the screen.
    before : str
        What stands before the first line.
    """
    pieces: list[list[str]] = []  # an option, and what belongs to it
    for word in words:
        if not pieces or word.startswith("-"):
            pieces.append([])
        pieces[-1].append(word)
    available = width - len(" \\")
    now = before.rstrip(" ") if before.strip() else before[:-1]
    for piece in pieces:
        whole = " ".join(piece)
        # A piece that has a line of its own is not broken; one that is longer is, between words.
        for part in [whole] if len(whole) + len(_INDENT) <= available else piece:
            if now.strip() and len(f"{now} {part}") > available and now != before.rstrip(" "):
                yield f"{now} \\"
                now = f"{_INDENT}{part}"
            else:
                now = f"{now} {part}"
    yield now


def _fitted(paragraph: str, width: int) -> str:
    """A paragraph of examples, as it is where it fits; else comments above their commands."""
    lines = paragraph.split("\n")
    if all(len(line) <= width for line in lines):
        return paragraph
    return "\n".join(new for line in lines for new in _broken(line, width))


def _broken(line: str, width: int) -> Iterator[str]:
    """The comment of an example, then its command, broken before options as a shell takes it."""
    command = line
    if match := _COMMENT.match(line):
        command, comment = match[1], match[2].lstrip("# ")
        yield from textwrap.wrap(comment, width, initial_indent="# ", subsequent_indent="# ")
    now, indent = "", " " * (len(command) - len(command.lstrip()))
    pieces: list[str] = []
    for piece in re.split(r" (?=-|\|)", command.strip()):
        quoted = "'" in piece or '"' in piece
        pieces += [piece] if quoted or len(piece) < width - len(" \\") else piece.split(" ")
    for piece in pieces:
        if now and len(f"{indent}{now} {piece} \\") > width:
            yield f"{indent}{now} \\"
            indent, now = "    ", piece
        else:
            now = f"{now} {piece}".strip()
    yield f"{indent}{now}"
