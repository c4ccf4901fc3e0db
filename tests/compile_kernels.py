"""Compile the kernels of all features into numba's cache, which takes a minute on a fresh clone.

`make test` does so before the tests, beside the check of the types: two processes that test would compile the same
kernels twice, each when it first needs them.
"""

from featurekit import features

NAMES = [name for name in features.FEATURES.names() if not features.FEATURES.get(name).extra]

if __name__ == "__main__":
    features.warm_up(features.parse(",".join(NAMES)))
