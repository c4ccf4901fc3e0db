"""Evaluation: predictions → everything a report says about them, JSON-able, None where a number is not defined.

Classes are scored by :func:`score`, ratings by :func:`score_values`: by fold and pooled, by speaker and gender, with
intervals over speakers, beside what answering without listening reaches.
"""

from __future__ import annotations

from featurekit.evaluation.classes import check_positive, score
from featurekit.evaluation.values import score_values

__all__ = ["check_positive", "score", "score_values"]
