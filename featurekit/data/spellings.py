"""Names that are probably one under two spellings: what keyboards, Excel, pandas and zip tools do to a name or a number.

A name is folded, one damage after the other (:data:`STEPS`); names that fold to one are a group, and the damages without which
they would not are its reason. What no rule can fold (text read with a wrong code page, lost accents) is guessed: each guess
counts only where it is the name of somebody else. Unicode forms are no matter here: an utterance's names are NFC.

Nothing is decided: two names may be two speakers. Whoever knows mends the table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from featurekit.manifest import one_form

_SPACES = re.compile(r"[\s\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-")
_QUOTES = dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u02bc\u00b4`\u2032"), "'")
_QUOTES |= dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"), '"')
_SEPARATORS = re.compile(r"(?<=[^\W_])(?:[-_ ]+|(?<!\d)\.|\.(?!\d))(?=[^\W_])")
_BEFORE_DIGITS = re.compile(r"(?<=[^\W\d_]) (?=\d)|(?<=\d) (?=[^\W\d_])")
_NUMBER = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(?:[.,]0*)?(?:e\+?(\d{1,2}))?", re.ASCII | re.IGNORECASE)
_SCIENTIFIC = re.compile(r"([+-]?\d)(?:[.,](\d+))?e\+?(\d{1,2})", re.ASCII | re.IGNORECASE)
_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(rf"(\d{{1,2}})[-_. ]*({'|'.join(_MONTHS)})[a-z]{{0,6}}|({'|'.join(_MONTHS)})[a-z]{{0,6}}[-_. ]*(\d{{1,2}})")
_ISO_DATE = re.compile(r"\d{4}-(\d\d)-(\d\d)(?:[ T]00:00:00)?", re.ASCII)
_EXACT_DIGITS, _SHOWN_DIGITS = 15, 11  # of a decimal number, in Excel
_SHORT_DATE = re.compile(r"(\d{1,2})([/.])(\d{1,2})\2(?:\d\d|\d{4})", re.ASCII)
_QUOTED = re.compile(r'=?"(.+)"', re.DOTALL)  # Excel's ="01" keeps a number as text
# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans("АВЕКМНОРСТУХаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEKMHOPCTYXaeopcyxijsABEZHIKMNOPTYXo")
_WITHOUT_MARK = str.maketrans({"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "æ": "ae", "Æ": "Ae"})
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Å": "Aa"})
# What names are written in, and what zip tools and editors take them for.
_CODES = ("cp1252", "latin-1", "cp437", "cp850", "mac_roman", "cp1251", "cp866", "gbk", "shift_jis", "euc_kr")
_ESCAPES = re.compile(r"(?:#|\\)[Uu]([0-9a-fA-F]{4})")  # Info-ZIP's #U00fc, JSON's \u00fc


@dataclass(frozen=True)
class Twins:
    """Names that are probably one.

    Parameters
    ----------
    names : tuple of str
        Two or more, sorted.
    how : str
        In what they differ: ``"case"``, ``"spaces, leading zeros"``.
    """

    names: tuple[str, ...]
    how: str

    def __str__(self) -> str:
        return f"{' and '.join(shown(name) for name in self.names)} ({self.how})"


def twins(names: Iterable[str]) -> list[Twins]:
    """Groups of names that are probably one.

    Parameters
    ----------
    names : iterable of str
        Speakers, recordings, sessions or labels of a corpus; empty ones are passed over.

    Returns
    -------
    list of Twins
        Sorted. Names that differ in Unicode form alone are one name, and no group.

    Examples
    --------
    >>> [str(group) for group in twins(["anna", "ANNA", "01", "1", "24", "ben"])]
    ['01 and 1 (leading zeros)', 'ANNA and anna (case)']
    """
    known = sorted({one_form(name) for name in names if name})
    groups: dict[str, list[str]] = {}
    for name in known:
        groups.setdefault(folded(name), []).append(name)
    fold_of = {form: fold for fold, group in groups.items() for name in group for form in (fold, name.casefold())}
    # Fold → its names, and the guesses that joined them; folds that were joined share both.
    merged = {fold: (set(group), set[str]()) for fold, group in groups.items()}
    for fold, name in ((fold, name) for fold, group in groups.items() for name in group):
        for how, guess in _guesses(name):
            other = fold_of.get(one_form(guess).casefold(), fold)
            if merged[other] is not merged[fold]:
                joined = (merged[fold][0] | merged[other][0], merged[fold][1] | merged[other][1] | {how})
                merged |= dict.fromkeys((fold_of[item.casefold()] for item in joined[0]), joined)
    found = {tuple(sorted(held)): guesses for held, guesses in merged.values() if len(held) > 1}
    return [Twins(group, _reason(group, guesses)) for group, guesses in sorted(found.items())]


def folded(name: str) -> str:
    """A name without what is often lost or changed on the way; the name itself where nothing would be left."""
    return _fold(name, STEPS) or name


def shown(name: str) -> str:
    """A name for a message: quoted where a space is at its border or doubled, its invisible signs as escapes."""
    text = "".join(sign if sign == " " or sign.isprintable() else f"\\u{ord(sign):04x}" for sign in name)
    return text if text == name and name == " ".join(name.split()) else f"'{text}'"


def _visible(name: str) -> str:
    return "".join(sign for sign in name if sign in "\t\n\r" or unicodedata.category(sign) not in ("Cf", "Cc"))


def _spaced(name: str) -> str:
    return _SPACES.sub(" ", name).strip().rstrip(". ")  # Windows drops dots and spaces at the end of a folder's name


def _widths(name: str) -> str:
    digits = (str(unicodedata.digit(sign)) if unicodedata.category(sign) == "Nd" else sign for sign in name)
    return unicodedata.normalize("NFKC", "".join(digits))


def _cased(name: str) -> str:
    # Turkish has an i with and one without a dot in both cases.
    return unicodedata.normalize("NFC", name.casefold().replace("i\u0307", "i").replace("ı", "i"))


def _marks(name: str) -> str:
    plain = name.translate(_QUOTES).translate(_DASHES)
    quoted = _QUOTED.fullmatch(plain)
    plain = quoted[1] if quoted else plain
    return plain[1:] if plain.startswith("'") and plain[1:2].isdigit() else plain  # Excel's mark of a number kept as text


def _separated(name: str) -> str:
    """``_``, ``-`` and space alike, none between a letter and a digit; a sign before a number stays."""
    if _NUMBER.fullmatch(name) or _SCIENTIFIC.fullmatch(name):
        return name
    return _BEFORE_DIGITS.sub("", _SEPARATORS.sub(" ", name))


def _counted(name: str) -> str:
    """A number that a table took for a decimal one, with thousands or an exponent."""
    scientific = _SCIENTIFIC.fullmatch(name)
    if scientific:
        whole, fraction, exponent = scientific[1], scientific[2] or "", int(scientific[3])
        return whole + fraction.ljust(exponent, "0") if len(fraction) <= exponent else name
    number = _NUMBER.fullmatch(name)
    return number[1].replace("+", "") + number[2].replace(",", "") + "0" * int(number[3] or 0) if number else name


def _dated(name: str) -> str:
    """``MAR1`` and the ``1-Mar`` that Excel makes of it."""
    date = _DATE.fullmatch(name.casefold())
    if not date:
        return name
    day, month = (date[1], date[2]) if date[1] else (date[4], date[3])
    return f"{int(day)} {month}"


def _unpadded(name: str) -> str:
    return _ZEROS.sub("", name)


STEPS: dict[str, Callable[[str], str]] = {
    "invisible signs": _visible,
    "spaces": _spaced,
    "width of signs": _widths,
    "case": _cased,
    "quotes or dashes": _marks,
    "a number written otherwise": _counted,
    "a date": _dated,
    "separators": _separated,
    "leading zeros": _unpadded,
}


def _fold(name: str, steps: Iterable[str]) -> str:
    for step in steps:
        name = STEPS[step](name)
    return name


def _reason(group: tuple[str, ...], guesses: set[str]) -> str:
    """The damages without which the names of a group would differ; else those that made them one."""
    needed: list[str] = []
    if len({folded(name) for name in group}) == 1:
        without = {one: [step for step in STEPS if step != one] for one in STEPS}
        needed = [one for one, steps in without.items() if len({_fold(name, steps) for name in group}) > 1]
        forms = set(group)
        for step in STEPS if not needed else ():
            before, forms = len(forms), {STEPS[step](form) for form in forms}
            needed += [step] if len(forms) < before else []
    return ", ".join([*needed, *sorted(guesses)]) or "spelling"


def _guesses(name: str) -> Iterator[tuple[str, str]]:
    """What a name may have been, and by which damage: code pages, lost signs, lost accents, letters that look alike."""
    if "%" in name:
        yield "escapes", unquote(name)
    if "#U" in name or "\\u" in name:
        yield "escapes", _ESCAPES.sub(lambda found: chr(int(found[1], 16)), name)
    yield from (("a date", guess) for guess in _dates(name))
    if len(name) > _SHOWN_DIGITS and name.isdecimal() and name.isascii():  # Excel saves what it shows
        whole, _, exponent = f"{float(name):.5e}".partition("e")
        yield "a number written otherwise", f"{whole.rstrip('0').rstrip('.')}e{exponent}"
    if len(name) > _EXACT_DIGITS and name.isdecimal() and name.isascii():  # pandas and Excel round it
        cut = name[:_EXACT_DIGITS] + "0" * (len(name) - _EXACT_DIGITS)
        rounded = (cut, repr(float(name)), f"{float(name):.5e}")
        yield from (("a number written otherwise", guess) for guess in rounded)
    if name.isascii():
        return
    yield from (("code page", read) for read in _reread(name))
    for sign in "?_\ufffd":
        yield "lost signs", re.sub(r"[^\x00-\x7f]", sign, name)
        # Each byte of UTF-8 by a sign of its own, also of the form with two signs.
        for form in ("NFC", "NFD"):
            parts = (s if s.isascii() else sign * len(s.encode("utf-8", "replace")) for s in unicodedata.normalize(form, name))
            yield "lost signs", "".join(parts)
    yield "accents", name.translate(_SPELT_OUT)
    bare = "".join(sign for sign in unicodedata.normalize("NFD", name) if not unicodedata.combining(sign))
    if (bare := bare.translate(_WITHOUT_MARK)).isascii():
        yield "accents", bare
    alike = name.translate(_LOOK_ALIKES)
    if alike.isascii():
        yield "letters that look alike", alike


def _dates(name: str) -> Iterator[str]:
    """What Excel took for a date: ``1-2`` becomes ``2-Jan``, ``1-Feb``, ``2026-01-02`` or ``1/2/26``."""
    date, whole, short = _DATE.fullmatch(name.casefold()), _ISO_DATE.fullmatch(name), _SHORT_DATE.fullmatch(name)
    if date:
        day, month = int(date[1] or date[4]), _MONTHS.index(date[2] or date[3]) + 1
    elif whole:
        month, day = int(whole[1]), int(whole[2])
    elif short:
        month, day = int(short[1]), int(short[3])
    else:
        return
    for one, other in ((day, month), (month, day)):
        yield from (f"{one}{sign}{other}" for sign in "-/.")


def _reread(name: str) -> Iterator[str]:
    """The name read with the right code page, where a wrong one was taken; twice where that was done twice."""
    if any("\udc80" <= sign <= "\udcff" for sign in name):
        yield from (name.encode("utf-8", "surrogateescape").decode(code, "replace") for code in _CODES)
        return
    for wrong in _CODES:
        once = _recoded(name, wrong, "utf-8")
        yield from (_recoded(once, again, "utf-8") for again in _CODES if once)
        yield from (once, *(_recoded(name, wrong, right) for right in _CODES if right != wrong))


def _recoded(name: str, wrong: str, right: str) -> str:
    """Empty where the name cannot have been read so."""
    try:
        data = name.encode(wrong)
    except UnicodeEncodeError:
        # cp1252 has no sign for five bytes, and what reads it mostly leaves them as they are.
        if wrong != "cp1252" or any(ord(s) > 0xFF and not _in(s, "cp1252") for s in name):
            return ""
        data = b"".join(s.encode("cp1252") if _in(s, "cp1252") else s.encode("latin-1") for s in name)
    try:
        return data.decode(right)
    except UnicodeDecodeError:
        return ""


def _in(sign: str, code: str) -> bool:
    try:
        sign.encode(code)
    except UnicodeEncodeError:
        return False
    return True
