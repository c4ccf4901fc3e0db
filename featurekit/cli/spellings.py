"""Options that had another name: the old one works and says the new one, or is refused with it."""

from __future__ import annotations

from typing import Any

import click


class Verb(click.Command):
    """A command that knows how its options were spelt before; help shows the new spellings alone.

    Parameters
    ----------
    was : dict of str to str
        Old name → new name, both without dashes: ``{"out": "output"}``. The old one does what the new one does.
    gone : dict of str to str
        Old name → what to type now. The old one is refused.
    """

    def __init__(
        self, *args: Any, was: dict[str, str] | None = None, gone: dict[str, str] | None = None, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.was, self.gone = was or {}, gone or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the new spellings in place of the old ones, with one note for all of them, then parse."""
        end = args.index("--") if "--" in args else len(args)
        given = [self._renewed(ctx, word) for word in args[:end]]
        changed = {old.partition("=")[0]: new.partition("=")[0] for old, new in zip(args, given, strict=False) if old != new}
        if changed:
            names = ", ".join(f"{old} is {new} now" for old, new in changed.items())
            click.echo(f"featurekit: {names}; the old spelling will go", err=True)
        return super().parse_args(ctx, given + args[end:])

    def _renewed(self, ctx: click.Context, word: str) -> str:
        name, equals, value = word.partition("=")
        if not name.startswith("--"):
            return word
        if name[2:] in self.gone:
            ctx.fail(f"{name} is {self.gone[name[2:]]}")
        new = self.was.get(name[2:])
        return f"--{new}{equals}{value}" if new else word
