"""What a file computes: raw columns in, answers out; and random inputs to write and try it with."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from featurekit import training
from featurekit.data.layout import Layout
from featurekit.inference.runs import FoldNetwork
from featurekit.runs import RunRecord

_FRAMES = 256  # of a file whose time axis is fixed, where neither the run nor its model cuts
_POWER_FLOOR = 1e-10

Inputs = dict[str, Tensor]


class Whole(nn.Module):
    """Normaliser, network and softmax: raw columns in, answers out."""

    mean: Tensor
    deviation: Tensor
    power: Tensor

    def __init__(self, network: FoldNetwork, layout: Layout, record: RunRecord) -> None:
        super().__init__()
        self.model, self.context, self.n_frames = network.model, record.context, record.training.n_frames
        self.rates = record.kind == "values"
        self.centre, self.half_width = training.centre_and_half(record.scale) if self.rates else (0.0, 1.0)
        columns = network.normaliser.columns
        parts = [columns[name] for name in layout.slices]
        widths = [part.stop - part.start for part in layout.slices.values()]
        for name, values in {
            "mean": [value for part in parts for value in part["mean"]],
            "deviation": [value for part in parts for value in part["std"]],
        }.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32))
        power = [part["scale"] == "power_to_db" for part, width in zip(parts, widths, strict=True) for _ in range(width)]
        self.register_buffer("power", torch.tensor(power, dtype=torch.bool))
        self.pixel = columns[layout.image] if layout.image else None
        self.names = [*(("frames", "lengths") if layout.slices else ()), *(("images",) if layout.image else ())]
        self.names += ["present"] if self.context > 1 else []

    def forward(self, *values: Tensor) -> tuple[Tensor, Tensor]:
        """The tensors that ``names`` names, in their order."""
        given = dict(zip(self.names, values, strict=True))
        first = values[0]
        present = given.get("present", torch.ones(first.shape[:2], dtype=torch.bool, device=first.device))
        frames, lengths = None, present.to(torch.int64)
        if "frames" in given:
            frames, lengths = self._frames(given["frames"], given["lengths"].masked_fill(~present, 0))
        batch = SimpleNamespace(
            frames=frames,
            lengths=lengths,
            images=self._images(given["images"], present) if "images" in given else None,
            text=None,
            text_lengths=None,
            targets=None,
            present=present,
        )
        output = self.model(batch)
        answers = self.centre + self.half_width * output.logits if self.rates else output.logits.softmax(-1)
        return answers, output.embedding

    def _frames(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        if self.n_frames:
            frames, lengths = frames[:, :, : self.n_frames], lengths.clamp(max=self.n_frames)
        decibels = 10.0 * torch.log10(frames.clamp(min=_POWER_FLOOR))
        frames = (torch.where(self.power, decibels, frames) - self.mean) / self.deviation
        frames = torch.nan_to_num(frames, nan=0.0, posinf=0.0, neginf=0.0)
        outside = torch.arange(frames.shape[2], device=frames.device) >= lengths[..., None]  # (B, C, T)
        frames = frames.masked_fill(outside[..., None], 0.0)
        wanted = getattr(self.model, "n_frames", None)
        if wanted:  # a picture of so many columns, whatever T is: then T may be anything
            spare = frames.new_zeros(frames.shape[0], frames.shape[1], wanted, frames.shape[3])
            frames, lengths = torch.cat([frames, spare], dim=2)[:, :, :wanted], lengths.clamp(max=wanted)
        return frames, lengths

    def _images(self, images: Tensor, present: Tensor) -> Tensor:
        pixel = self.pixel or {}
        scaled = (images.to(torch.float32) / 255.0 - pixel["mean"][0]) / pixel["std"][0]
        return scaled.masked_fill(~present[..., None, None], 0.0)


class Examples:
    """Random inputs of any size, like those the run was trained on."""

    def __init__(self, record: RunRecord, layout: Layout, whole: Whole) -> None:
        self.whole, self.layout, self.context = whole, layout, record.context
        self.image_shape: tuple[int, int] | None = next(
            (column.image_shape for column in record.columns if column.image_shape is not None), None
        )
        self.steps = int(getattr(whole.model, "n_frames", None) or record.training.n_frames or _FRAMES)

    def make(self, batch: int, steps: int, seed: int = 0, *, holes: bool = False) -> tuple[Tensor, ...]:
        """Inputs in the order of their names: raw values around the normaliser's mean."""
        random = torch.Generator().manual_seed(seed)
        slots = (batch, self.context)
        present = torch.ones(slots, dtype=torch.bool)
        if holes:
            present[:, 0] = self.context == 1
        made: Inputs = {"present": present}
        if self.layout.slices:
            noise = torch.randn(*slots, steps, self.layout.dims, generator=random)
            decibels = self.whole.mean + self.whole.deviation * noise
            made["frames"] = torch.where(self.whole.power, 10 ** (decibels / 10), decibels)
            made["lengths"] = torch.randint(max(1, steps // 2), steps + 1, slots, generator=random)
            made["lengths"][0] = steps
        if self.image_shape:
            height, width = self.image_shape
            made["images"] = torch.randint(0, 256, (*slots, height, width), generator=random, dtype=torch.uint8)
        return tuple(made[name] for name in self.whole.names)

    def axes(self, name: str, free: Sequence[str]) -> list[int | str]:
        """Sizes of an input; a name where any size will do."""
        batch: int | str = "batch" if "batch" in free else 1
        steps: int | str = "time" if "time" in free else self.steps
        shapes: dict[str, list[int | str]] = {
            "frames": [steps, self.layout.dims],
            "images": [] if self.image_shape is None else list(self.image_shape),
        }
        return [batch, self.context, *shapes.get(name, [])]

    def dynamic(self, free: Sequence[str]) -> tuple[tuple[dict[int, Any], ...]]:
        """What torch.export is told: the free axes of each input of ``forward(*values)``."""
        kind = torch.export.Dim.DYNAMIC
        axes = [{**({0: kind} if "batch" in free else {}), **({2: kind} if "time" in free and name == "frames" else {})}
                for name in self.whole.names]  # fmt: skip
        return (tuple(axes),)

    def attempts(self) -> list[list[str]]:
        """Which axes may be free, the most first; recurrent layers hold the batch they were traced with."""
        time = ["time"] if self.layout.slices else []
        recurrent = any(isinstance(module, nn.RNNBase) for module in self.whole.modules())
        wanted = [[*time], []] if recurrent else [["batch", *time], [*time], []]
        return [free for place, free in enumerate(wanted) if free not in wanted[:place]]
