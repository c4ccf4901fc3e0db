"""Columns side by side: where each lies in the matrix of an utterance, which their descriptions alone say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.store import ColumnInfo


@dataclass(frozen=True)
class Layout:
    """Where each chosen column lies in the (T, D) matrix, and which column is the image.

    Parameters
    ----------
    columns : dict
        The chosen ones, in their order: name → what the column is.
    slices : dict
        Frame or vector column → its slice of D.
    image : str or None
        The image column.
    """

    columns: dict[str, ColumnInfo]
    slices: dict[str, slice]
    image: str | None

    @classmethod
    def of(cls, columns: Mapping[str, ColumnInfo], names: Iterable[str] | None = None) -> Layout:
        """Stack columns in the order given.

        Parameters
        ----------
        columns : mapping
            Name → what the column is, of a store, a view or a run.
        names : iterable of str, optional
            Which of them; all by default.

        Raises
        ------
        ParameterError
            When columns run on different clocks, or there are two images.
        UnknownNameError
            For a name that is none of the columns.
        """
        chosen: dict[str, ColumnInfo] = {}
        for name in columns if names is None else names:
            if name not in columns:
                raise UnknownNameError("column", name, columns)
            chosen[name] = columns[name]
        images = [name for name, info in chosen.items() if info.kind == "image"]
        if len(images) > 1:
            raise ParameterError(f"a batch holds one image an utterance; got {', '.join(images)}")
        slices: dict[str, slice] = {}
        stop = 0
        for name, info in chosen.items():
            if name not in images:
                slices[name] = slice(stop, stop + info.dims)
                stop += info.dims
        _check_clocks(chosen, list(slices))
        return cls(chosen, slices, images[0] if images else None)

    @property
    def dims(self) -> int:
        """D, 0 when only an image is read."""
        return max((part.stop for part in self.slices.values()), default=0)

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """(H, W) of the image column; None when none is read."""
        return None if self.image is None else self.columns[self.image].image_shape


def _check_clocks(columns: Mapping[str, ColumnInfo], names: Sequence[str]) -> None:
    def clock(name: str) -> str:
        info = columns[name]
        return "one vector an utterance" if info.kind == "vector" else f"hop {info.hop_s} s, start {info.start_s} s"

    for name in names[1:]:
        if clock(name) != clock(names[0]):
            raise ParameterError(
                f"columns {names[0]} ({clock(names[0])}) and {name} ({clock(name)}) run on different clocks and cannot be "
                "stacked frame by frame; choose columns of one preset, or pool them with as_arrays"
            )
