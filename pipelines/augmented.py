"""What augmented children are worth: the baseline of logistic.py with and without them, on the folds of one split.

`python pipelines/augmented.py STORE FEATURES TASK SPLIT` on a store that was extracted with --perturb; C is fixed, nothing is
tuned.
"""

import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import featurekit as fk
from featurekit.data.splits import from_request


def main() -> None:
    path, request, task, split_request = sys.argv[1:5]
    store = fk.open_store(path)
    columns = fk.stored_columns(store, request)
    ids = fk.usable_ids(store, columns)
    X, y, _ = fk.as_arrays(store, columns, task=task, ids=ids)
    split = from_request(split_request, store.manifest, fk.get_task(task, store.manifest), ids=ids)
    place = {name: row for row, name in enumerate(ids)}
    parent_of = {item.id: item.parent for item in store.manifest if item.parent}
    for with_children in (False, True):
        truth, guessed, sizes, strays = [], [], [], 0
        for fold in split.folds:
            rows = [place[name] for name in fold.train if with_children or name not in parent_of]
            tested = [place[name] for name in fold.test]
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)).fit(X[rows], y[rows])
            truth += y[tested].tolist()
            guessed += model.predict(X[tested]).tolist()
            sizes.append(len(rows))
            strays += len({parent_of[name] for name in fold.train if name in parent_of} & {*fold.dev, *fold.test})
            strays += sum(name in parent_of for name in (*fold.dev, *fold.test))
        ua = 100 * balanced_accuracy_score(truth, guessed)
        print(
            f"{'with' if with_children else 'without'} children: {np.mean(sizes):.0f} training rows a fold, "
            f"{len(truth)} tested, {split.verdict}: UA {ua:.1f}; children or their parents in dev or test: {strays}"
        )


if __name__ == "__main__":
    main()
