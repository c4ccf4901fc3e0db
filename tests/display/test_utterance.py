"""Pictures: what must be on them is asked of matplotlib's objects; that they are clear was looked at by people."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from featurekit import display, open_store
from featurekit.audio import Signal
from featurekit.display.utterance import page
from featurekit.errors import MissingDependencyError, ParameterError, UnknownNameError
from featurekit.store import ColumnInfo

KEY = "0" * 64


@pytest.fixture(autouse=True)
def matplotlib():
    return pytest.importorskip("matplotlib")


def shown(values, *, kind="frames", unit="dB", name="x/a", note="", scale=None, **more):
    array = None if values is None else np.asarray(values, np.uint8 if kind == "image" else np.float32)
    facts = {"hop_s": 0.01, "start_s": 0.0} if kind == "frames" else {}
    shape = array.shape if kind == "image" else None
    dims = more.pop("dims", None) or (int(np.prod(array.shape)) if kind == "image" else array.shape[1])
    info = ColumnInfo(name, KEY, kind, dims, unit=unit, sample_rate=16000, image_shape=shape, **facts | more)
    return display.Shown(info, array, scale, note)


def random(frames, dims, seed=0):
    return np.random.default_rng(seed).normal(size=(frames, dims))


def tone(seconds=0.5, rate=16000):
    samples = (0.5 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)
    return Signal(samples, rate, rate, ())


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def is_png(path):
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_an_overview_and_one_picture_a_column_are_written(tiny_store, tmp_path):
    made = open_store(tiny_store)
    items = display.gather(made, made.ids[0])
    written = display.write_pngs(items, tmp_path / "new" / "folder", title="t", duration_s=1.0)
    assert written[0].name == "overview.png"
    assert len(written) == 1 + len(made.columns)
    assert all(map(is_png, written))


def test_the_same_picture_is_the_same_bytes(tmp_path):
    items = [shown(random(40, 13))]
    one, two = (display.write_pngs(items, tmp_path / name, title="t") for name in ("a", "b"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_headings_say_name_size_unit_and_clock():
    figure = display.overview([shown(random(40, 13), unit="Hz")], title="corpus  id", signal=tone(), end_s=0.5)
    assert any("x/a:  13 dims, Hz, every 10 ms, 16000 Hz" in title for title in titles(figure))
    assert any(title.startswith("waveform") for title in titles(figure))


def test_few_dims_are_lines_at_the_times_of_their_frames():
    item = shown(random(20, 2), start_s=0.0125, hop_s=0.02)
    lines = display.page(item, title="t", end_s=1.0).axes[0].get_lines()
    assert len(lines) == 2
    np.testing.assert_allclose(lines[0].get_xdata()[:2], [0.0125, 0.0325])


def test_zero_hertz_is_a_gap_and_not_a_dive():
    values = np.full((30, 1), 120.0)
    values[10:20] = 0
    axes = display.page(shown(values, unit="Hz"), title="t", end_s=1.0).axes[0]
    assert np.isnan(axes.get_lines()[0].get_ydata()[10:20]).all()
    assert "0 left out" in axes.get_ylabel()


def test_formants_are_tracks_of_dots_on_one_axis():
    names = tuple(f"F{number}" for number in range(1, 6)) + tuple(f"B{number}" for number in range(1, 6))
    axes = display.page(shown(np.abs(random(30, 10)), unit="Hz", dim_names=names), title="t", end_s=1.0).axes[0]
    assert [line.get_label() for line in axes.get_lines()] == list(names)
    assert {line.get_linewidth() for line in axes.get_lines()} == {0.0}


def test_dim_names_stand_beside_a_heat_map():
    names = tuple(f"coefficient {number}" for number in range(13))
    axes = display.page(shown(random(40, 13), dim_names=names), title="t", end_s=1.0).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(names)


def test_a_heat_maps_frames_are_centred_on_their_times():
    image = display.page(shown(random(40, 13)), title="t", end_s=0.4).axes[0].get_images()[0]
    assert image.get_extent() == pytest.approx((-0.005, 0.395, -0.5, 12.5))


def test_power_is_drawn_in_decibels_and_says_so():
    figure = display.page(shown(np.exp(random(40, 13)), unit="power"), title="t", end_s=0.4)
    assert any("dB" in axes.get_ylabel() for axes in figure.axes)


def test_dims_of_very_different_levels_get_their_own_scale_and_say_so():
    values = random(40, 13) + 1000 * np.arange(13)
    figure = display.page(shown(values), title="t", end_s=0.4)
    assert any("own mean" in axes.get_ylabel() for axes in figure.axes)
    assert np.abs(figure.axes[0].get_images()[0].get_array()).max() < 10


def test_rounding_is_not_drawn_as_a_pattern():
    silence = np.repeat([[-1131.0, *[0.0] * 12]], 40, axis=0)
    silence[:5] += 1e-5  # float32 at -1131: what a matrix product leaves, by its blocks
    drawn = display.page(shown(silence), title="t", end_s=0.4).axes[0].get_images()[0]
    low, high = drawn.get_clim()
    assert np.ptp(drawn.get_array(), axis=1).max() < 1e-3 * (high - low)
    delta = display.page(shown(1e-4 * random(40, 13), unit="dB/frame"), title="t", end_s=0.4).axes[0].get_images()[0]
    assert np.abs(delta.get_array()).max() < 0.1 * delta.get_clim()[1]
    one_sided = display.page(shown(1e-4 * np.eye(13), unit="dB/frame"), title="t", end_s=0.4).axes[0].get_images()[0]
    assert one_sided.get_clim() == (0.0, 1.0)


def test_where_all_is_alike_the_colours_are_one_unit_apart():
    drawn = display.page(shown(np.full((40, 13), 1e-10), unit="power"), title="t", end_s=0.4).axes[0].get_images()[0]
    assert drawn.get_clim() == pytest.approx((-100.0, -99.0))


def test_the_only_frame_of_a_short_clip_is_a_whole_dot():
    line = display.page(shown([[0.1]]), title="t", end_s=0.01).axes[0].get_lines()[0]
    assert (line.get_marker(), line.get_clip_on()) == (".", False)


def test_an_images_colours_are_its_own_decibels():
    pixels = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    item = shown(pixels, kind="image", scale=(-60.0, 20.0), spec="spectrogram(height=4)")
    figure = display.page(item, title="t", end_s=2.0)
    drawn = figure.axes[0].get_images()[0]
    assert drawn.get_clim() == (-60.0, 20.0)
    assert float(drawn.get_array()[0, 255]) == 20.0
    assert drawn.get_extent() == [0, 2.0, 0, 8.0]
    assert figure.axes[0].get_ylabel() == "kHz"


def test_a_failed_column_shows_the_reason(tmp_path):
    item = shown(None, dims=3, note="DECODE: the file is broken")
    figure = display.overview([item, shown(random(9, 3))], title="t", signal=None, end_s=0.1)
    assert any("DECODE: the file is broken" in text.get_text() for axes in figure.axes for text in axes.texts)
    assert len(display.write_pngs([item], tmp_path, title="t")) == 2


@pytest.mark.parametrize(
    ("values", "scale"), [([[18.2, 11.4, 14.4, 54.6]], "linear"), ([[-509.0, 28.0, 1.5, -0.6, 0.02]], "symlog")]
)
def test_only_vectors_of_far_orders_of_magnitude_have_a_logarithmic_axis(values, scale):
    item = shown(values, kind="vector")
    assert display.overview([item], title="t", signal=None, end_s=1.0).axes[0].get_yscale() == scale
    assert page(item, title="t", end_s=1.0).axes[0].get_xscale() == scale


def test_a_page_says_what_was_noted():
    item = shown(random(9, 7), note="RATE: upsampled from 16000 Hz to 22050 Hz, bands above 8000 Hz hold nothing")
    assert "bands above 8000 Hz hold nothing" in titles(page(item, title="t", end_s=0.1))[0]


def test_log_power_is_a_level_whose_zero_means_nothing():
    drawn = page(shown(8 * random(50, 80), unit="log power"), title="t", end_s=0.5).axes[0].images[0]
    assert drawn.get_cmap().name == "magma"


@pytest.mark.parametrize("dims", [1, 5, 88, 6373])
def test_vectors_of_any_size_are_drawn(dims, tmp_path):
    item = shown(10.0 ** random(1, dims), kind="vector", unit="")
    assert all(map(is_png, display.write_pngs([item], tmp_path, title="t")))


@pytest.mark.parametrize(
    "values",
    [np.zeros((1, 13)), np.zeros((50, 1)), np.full((50, 80), -100.0), np.zeros((0, 13)), 1e30 * random(5, 13)],
    ids=["one frame", "silence", "constant", "no frame", "huge"],
)
@pytest.mark.parametrize("unit", ["power", "dB", ""])
def test_degenerate_columns_are_drawn_without_a_warning(values, unit, tmp_path):
    values = np.abs(values) if unit == "power" else values
    assert all(map(is_png, display.write_pngs([shown(values, unit=unit)], tmp_path, title="t")))


def test_names_that_look_like_formulas_or_lack_a_glyph_are_drawn(tmp_path):
    item = shown(random(9, 2), name="costs/$5 $6 ^{", dim_names=("$a$", "声調"))
    assert all(map(is_png, display.write_pngs([item], tmp_path, title="$x_1$ 声調 %d {")))


def test_columns_of_similar_names_do_not_overwrite_each_other(tmp_path):
    items = [shown(random(9, 2), name=name) for name in ("a/b", "a-b", "A-B", "overview")]
    written = display.write_pngs(items, tmp_path, title="t")
    assert len({path.name.casefold() for path in written}) == 5


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "a\0b", "/", ""])
def test_a_name_cannot_lead_out_of_the_folder(name):
    assert "/" not in display.file_name(name)
    assert display.file_name(name).strip(".")


def test_silence_has_a_peak_of_zero():
    silence = Signal(np.zeros(1600, np.float32), 16000, 16000, ())
    figure = display.overview([shown(random(9, 3))], title="t", signal=silence, end_s=0.1)
    assert titles(figure)[0].endswith("peak 0")
    assert figure.axes[0].get_ylim() == pytest.approx((-1.05, 1.05))


def test_a_click_shorter_than_a_pixel_is_on_the_waveform():
    signal = tone(seconds=60)
    signal.samples[:] = 0
    signal.samples[480_001] = 0.9
    figure = display.overview([shown(random(9, 2))], title="t", signal=signal, end_s=60)
    vertices = figure.axes[0].collections[0].get_paths()[0].vertices
    assert vertices[:, 1].max() == pytest.approx(0.9)


def test_nothing_to_show_and_unknown_columns_are_refused(tiny_store, tmp_path):
    with pytest.raises(ParameterError, match="no column"):
        display.write_pngs([], tmp_path, title="t")
    made = open_store(tiny_store)
    with pytest.raises(UnknownNameError):
        display.gather(made, made.ids[0], ["nothing"])


def test_a_picture_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="file"):
        display.write_pngs([shown(random(9, 2))], tmp_path / "file", title="t")

    def refuse(*arguments, **how):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Figure, "savefig", refuse)
    with pytest.raises(OSError, match=r"No space left on device: .*overview\.png"):
        display.write_pngs([shown(random(9, 2))], tmp_path, title="t")


def test_without_matplotlib_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"featurekit\[plots\]"):
        display.write_pngs([shown(random(9, 2))], tmp_path, title="t")


def test_importing_display_loads_no_matplotlib_and_pictures_no_pyplot():
    code = (
        "import sys; from featurekit import display; assert 'matplotlib' not in sys.modules; "
        "display.canvas.new_figure(2.0, 't'); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_images_come_first_and_vectors_last():
    kinds = {"v": "vector", "f": "frames", "i": "image"}
    infos = {name: SimpleNamespace(name=name, kind=kind) for name, kind in kinds.items()}
    store = SimpleNamespace(
        columns=infos, index=lambda name: 0, status=lambda name: [0], errors=lambda name: [""],
        scale=lambda name, index: (0, 1), read=lambda name, index: np.zeros((1, 1)),
    )  # fmt: skip
    assert [item.info.name for item in display.gather(store, "a")] == ["i", "f", "v"]
