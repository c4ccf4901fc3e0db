"""Stores seen in another way: what reads a store also reads each of these.

``joined`` is two stores as one, ``trimmed`` a store without the silence at both ends of each utterance, ``speaker_normalised``
one whose values are standardised within each speaker.
"""
