"""Near-duplicates found after codecs, gain and shifts, and none that is not there; the table of docs/leaks.md.

`python tests/benchmarks/bench_fingerprint.py RAVDESS EMODB [STEP]`: every file of both is in the index; every STEP-th
(7 by default) is disturbed and looked for. Needs libsndfile 1.1 or newer, which writes MP3. About five minutes.
"""

import io
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
import soxr

from featurekit import features
from featurekit.data.audit import duplicates

RATE, CODEC_RATE, SHIFT_S = 16000, 44100, 0.05
KNOWN = {"03-01-03-01-02-01-07", "03-01-03-01-02-02-07"}  # published twice
# Container, sample type, libsndfile's compression level: MP3 at 44.1 kHz runs from 320 (0) to 32 kbit/s (1); of mono
# speech Vorbis never makes more than 119.
CODECS = {
    "MP3 64": ("MP3", "MPEG_LAYER_III", 256 / 288),
    "MP3 128": ("MP3", "MPEG_LAYER_III", 192 / 288),
    "Vorbis 64": ("OGG", "VORBIS", 0.43),
    "Vorbis 119": ("OGG", "VORBIS", 0.0),
}
bits, seconds = 0.0, 0.0


def codec(signal, name):
    global bits, seconds
    container, subtype, level = CODECS[name]
    how = {"bitrate_mode": "CONSTANT"} if container == "MP3" else {}
    file = io.BytesIO()
    wide = np.clip(soxr.resample(signal, RATE, CODEC_RATE), -1, 1)
    soundfile.write(file, wide, CODEC_RATE, format=container, subtype=subtype, compression_level=level, **how)
    bits, seconds = bits + 8 * file.tell(), seconds + len(wide) / CODEC_RATE
    file.seek(0)
    return soxr.resample(soundfile.read(file, dtype="float32")[0], CODEC_RATE, RATE)


def gained(signal, gain_db):
    """As a 16-bit file holds it: quiet samples are rounded, loud ones clipped."""
    return (np.clip(np.round(signal * 10 ** (gain_db / 20) * 32768), -32768, 32767) / 32768).astype(np.float32)


def later(signal):
    return np.concatenate([np.zeros(round(SHIFT_S * RATE), np.float32), signal])


def sooner(signal):
    return signal[round(SHIFT_S * RATE) :]


def disturbances():
    yield from ((name, lambda x, name=name: codec(x, name)) for name in CODECS)
    yield from ((f"gain {gain_db:+d} dB", lambda x, gain_db=gain_db: gained(x, gain_db)) for gain_db in (-20, -6, 6))
    yield from (("50 ms later", later), ("first 50 ms cut", sooner), ("8 kHz", narrow))
    for name in CODECS:
        yield f"50 ms later, -20 dB, {name}", lambda x, name=name: codec(gained(later(x), -20), name)
        yield f"first 50 ms cut, +6 dB, {name}", lambda x, name=name: codec(gained(sooner(x), 6), name)


def narrow(signal):
    return soxr.resample(soxr.resample(signal, RATE, 8000), 8000, RATE)


def main():
    global bits, seconds
    roots, step = sys.argv[1:3], int(sys.argv[3]) if len(sys.argv) > 3 else 7
    paths = [path for root in roots for path in sorted(Path(root).rglob("*")) if path.suffix in (".wav", ".flac")]
    plan = features.Plan(features.parse(duplicates.COLUMN))

    def fingerprint(signal):
        return duplicates.words(plan.compute({RATE: signal.astype(np.float32)})[duplicates.COLUMN])

    signals = [soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1) for path in paths]
    started = time.perf_counter()
    known = [fingerprint(signal) for signal in signals]
    print(f"{len(paths)} files fingerprinted in {time.perf_counter() - started:.1f} s")
    found = duplicates.near_duplicates(known)
    pairs = [{paths[match.first].stem, paths[match.second].stem} for match in found]
    print(f"pairs among them: {len(pairs)}, of which published twice: {sum(pair == KNOWN for pair in pairs)}")
    # Wider than the audit: how far the nearest wrong pair stays away.
    duplicates.MAX_BIT_ERROR = 0.5
    chosen = range(0, len(paths), step)
    print(f"{'disturbance':<36}{'kbit/s':>8}{'found':>12}{'bit error median':>18}{'99 %':>8}{'max':>8}{'nearest wrong':>15}")
    for name, disturb in disturbances():
        bits, seconds = 0.0, 0.0
        copies = [fingerprint(disturb(signals[place])) for place in chosen]
        right, wrong = {}, [0.5]
        for match in duplicates.near_duplicates(known + copies):
            if match.first < len(known) <= match.second:
                original = chosen[match.second - len(known)]
                if match.first == original:
                    right[original] = match.bit_error
                elif {paths[match.first].stem, paths[original].stem} != KNOWN:
                    wrong.append(match.bit_error)
        errors = np.array(list(right.values()))
        rate = f"{bits / seconds / 1000:.0f}" if seconds else ""
        print(
            f"{name:<36}{rate:>8}{np.sum(errors <= 0.2):>8}/{len(chosen)}{np.median(errors):>18.3f}"
            f"{np.quantile(errors, 0.99):>8.3f}{errors.max():>8.3f}{min(wrong):>15.3f}"
        )


if __name__ == "__main__":
    main()
