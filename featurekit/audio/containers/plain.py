"""A header that says of plain samples how many there are, however many: that of a CAF."""

from __future__ import annotations

import struct

_FLOAT, _LITTLE_ENDIAN = 1, 2


def header(coding: bytes, sample_rate: float, channels: int, sample_bytes: int, order: str, data_bytes: int) -> bytes:
    """The bytes that a CAF has before its samples.

    Parameters
    ----------
    coding : bytes
        ``b"int"`` (signed), ``b"float"``, ``b"ulaw"`` or ``b"alaw"``.
    sample_rate : float
        In Hz.
    channels, sample_bytes : int
        Samples stand in whole bytes, at their upper end.
    order : str
        ``"<"`` or ``">"``.
    data_bytes : int
        Of all samples.
    """
    is_linear = coding in (b"int", b"float")
    flags = (_FLOAT if coding == b"float" else 0) | (_LITTLE_ENDIAN if order == "<" else 0) if is_linear else 0
    name = b"lpcm" if is_linear else coding
    layout = struct.pack(">d4s5I", sample_rate, name, flags, channels * sample_bytes, 1, channels, 8 * sample_bytes)
    head = b"caff\0\1\0\0" + b"desc" + struct.pack(">q", len(layout)) + layout
    return head + b"data" + struct.pack(">q", data_bytes + 4) + bytes(4)
