"""Stores seen in another way: whatever reads a store reads each of these too.

``store_view`` says what is asked of a store. ``joined`` is two stores as one, ``trimmed`` a store without the silence at both
ends of each utterance, ``speaker_normalised`` one whose values are standardised within each speaker, ``renamed`` one whose
columns go by other names, and ``in_memory`` one utterance that lies in no store at all.
"""
