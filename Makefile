# make demo    the main job on the embedded corpus: synthesise, extract, train, evaluate
# make test    house rules, lint, types, tests (what CI runs)
# make lint    ruff and mypy alone
# make bench   speed against librosa and a memmap copy (long)
# make faults  kill, tear and flip bytes of a store in anger (long)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The stamp is remade when what is installed changes, so every target starts from the pinned versions.
STAMP := $(VENV)/installed

.PHONY: demo test lint bench bench-features bench-voice bench-extract bench-cuda bench-gpu-training bench-store bench-models bench-latency faults clean

demo: $(STAMP)
	$(BIN)/featurekit demo

test: lint
	$(BIN)/python -m pytest -m "not slow"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: bench-features bench-voice bench-extract bench-store bench-models

bench-features: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_features.py

bench-voice: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_voice.py

# CORPUS and ROOT name a real one: make bench-extract CORPUS=ravdess ROOT=...
bench-extract: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_extract.py $(CORPUS) $(ROOT)

# On a machine with a GPU; elsewhere it says so. Its kernels need only torch, numpy and numba: where make's environment cannot
# be built, python tests/benchmarks/bench_cuda.py
bench-cuda: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_cuda.py

# Likewise: images/s of training from wherever values lie, and how busy the GPU is
bench-gpu-training: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_gpu_training.py

bench-store: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_store.py

# The table of docs/models.md
bench-models: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_models.py

# Ten seconds of audio to a class; the table of docs/inference.md, in 35 minutes: make bench-latency OPTIONS='--minutes 60'
bench-latency: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_latency.py $(OPTIONS)

faults: $(STAMP)
	$(BIN)/python -m pytest -m slow tests/faults

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "featurekit needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
