"""The baseline to beat: logistic regression on mean and deviation over time; speakers are left out in six folds at most.

`python pipelines/logistic.py STORE FEATURES TASK`; C is fixed, nothing is tuned.
"""

import sys
from collections import Counter

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import featurekit as fk
from featurekit.cli.evaluate import summary
from featurekit.errors import FeaturekitError

FOLDS = 6


def scored(path: str, request: str, task: str) -> str:
    store = fk.open_store(path)
    X, y, speakers = fk.as_arrays(store, fk.stored_columns(store, request), task=task)
    folds = min(FOLDS, len(set(speakers)))
    if folds < 2:
        sys.exit(f"{path} has one speaker (or names none, in one recording): nobody is left to test on")
    rows, counts = [], {}
    for number, (train, test) in enumerate(GroupKFold(folds).split(X, groups=speakers)):
        counts[str(number)] = Counter(y[train].tolist())
        if len(counts[str(number)]) < 2:
            left_out, only = ", ".join(sorted(set(speakers[test]))), str(y[train][0])
            sys.exit(f"without {left_out} all of {path} is {only!r}: nothing can be learnt")
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)).fit(X[train], y[train])
        guessed = model.predict(X[test]).tolist()
        for row, guess in zip(test.tolist(), guessed, strict=True):
            told = {"label": str(y[row]), "predicted": guess}
            rows.append({"id": str(row), "fold": str(number), "speaker": str(speakers[row]), **told})
    scores = fk.score(rows, training_counts=counts)
    split = {"kind": "loso" if folds < FOLDS else "speaker-kfold", "verdict": f"{folds} speaker-disjoint folds"}
    return f"{X.shape[1]} numbers an utterance\n{summary(scores | {'split': split})}"


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit("usage: python pipelines/logistic.py STORE FEATURES TASK")
    try:
        print(scored(*sys.argv[1:]))
    except FeaturekitError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
