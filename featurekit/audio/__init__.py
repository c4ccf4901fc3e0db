"""Audio in: one segment as mono float32 at one rate, after a look at what the file's bytes say.

:mod:`~featurekit.audio.containers` finds the audio that is in a file, :mod:`~featurekit.audio.decoder` decodes it in blocks,
so that memory follows the bytes that are really there, and :mod:`~featurekit.audio.reading` hands out signals. What cannot
be right is refused (:class:`~featurekit.errors.AudioError` with a :class:`Status`); what is merely odd becomes a note of
the :class:`Signal`. One promise holds for every container, whole or damaged: the audio that is in the file, or a status
with its reason.

==========  ====================================================================  =========
status      when                                                                  result
==========  ====================================================================  =========
TRUNCATED   fewer bytes or frames than promised; segment over the end by > 0.1 s  refused
EMPTY       no frames, under 0.01 s, a segment that starts at or after the end    refused
NONFINITE   NaN or infinity among the samples                                     refused
DECODE      not audio, or a header that contradicts itself                        refused
TOO_LONG    over 6 h, by the header                                               refused
RATE        under 1 kHz or over 768 kHz refused; upsampled                        note
CHANNELS    0 or over 64, or no such channel refused; several mixed down          note
SILENT      peak under 1e-4 (-80 dB)                                              note
CLIPPED     3 or more samples in a row at full scale; float peaks above 1         note
==========  ====================================================================  =========

Not every container says how much audio it should hold: an MP3 without a Xing or VBRI header that was cut where a frame ends
is like a whole one, and is read.

A note ``FFMPEG`` says that the program ffmpeg decoded a file, and which version (:mod:`~featurekit.audio.ffmpeg`).

Float peaks above 1 are kept as they are: scaling or clipping them would invent data.
"""

from __future__ import annotations

from featurekit.audio.hashing import fingerprint as fingerprint
from featurekit.audio.hashing import hash_file as hash_file
from featurekit.audio.names import AUDIO_EXTENSIONS as AUDIO_EXTENSIONS
from featurekit.audio.names import beside_their_audio as beside_their_audio
from featurekit.audio.names import is_audio_name as is_audio_name
from featurekit.audio.names import is_video_name as is_video_name
from featurekit.audio.reading import END_TOLERANCE_S as END_TOLERANCE_S
from featurekit.audio.reading import SILENT_PEAK as SILENT_PEAK
from featurekit.audio.reading import Header as Header
from featurekit.audio.reading import Signal as Signal
from featurekit.audio.reading import SignalAtRates as SignalAtRates
from featurekit.audio.reading import decode as decode
from featurekit.audio.reading import load as load
from featurekit.audio.reading import load_at_rates as load_at_rates
from featurekit.audio.reading import read_duration_s as read_duration_s
from featurekit.audio.reading import read_header as read_header
from featurekit.audio.statuses import MAX_S as MAX_S
from featurekit.audio.statuses import MEANINGS as MEANINGS
from featurekit.audio.statuses import MIN_S as MIN_S
from featurekit.audio.statuses import Status as Status
from featurekit.audio.statuses import in_words as in_words
from featurekit.audio.statuses import rates_note as rates_note
from featurekit.audio.statuses import upsampling_note as upsampling_note
from featurekit.resampling import resample as resample
