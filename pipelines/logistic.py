"""The baseline to beat: logistic regression on mean and deviation over time, speakers left out in six folds.

`python pipelines/logistic.py STORE FEATURES TASK`; C is fixed, nothing is tuned.
"""

import sys

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import featurekit as fk


def main() -> None:
    path, request, task = sys.argv[1:4]
    store = fk.open_store(path)
    X, y, speakers = fk.as_arrays(store, fk.stored_columns(store, request), task=task)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    guessed = cross_val_predict(model, X, y, groups=speakers, cv=GroupKFold(6))
    ua = 100 * balanced_accuracy_score(y, guessed)
    print(f"{len(y)} utterances, {X.shape[1]} numbers each, 6 speaker-disjoint folds: UA {ua:.1f}")


if __name__ == "__main__":
    main()
