# make demo    the main job on the embedded corpus: synthesise, extract, train, evaluate
# make test    house rules, lint, types, tests
# make ci      what CI runs after them: the README's tour, an older processor, packaging (at most 30 minutes)
# make lint    ruff and mypy alone
# make bench   speed against librosa and a memmap copy (long)
# make faults  kill, tear and flip bytes of a store in anger, and the long form of every other test (long)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A stamp is remade when what is installed changes, so every target starts from the pinned versions.
# The demo needs what a user installs; the tests add the development tools to the same environment.
CREATED := $(VENV)/created
FOR_USE := $(VENV)/installed-for-use
STAMP := $(VENV)/installed-for-development
# Each test process uses one thread (tests/conftest.py), so there are as many as cores. Each takes 0.7 GB, and one of them 2.7 GB for a while (VGG16).
PYTEST := $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal
OLDER := ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 OPENBLAS_CORETYPE=Haswell \
	NUMBA_CPU_NAME=haswell NUMBA_CACHE_DIR=$(abspath $(VENV))/haswell-kernels

.PHONY: demo test ci lint kernels bench bench-features bench-voice bench-extract bench-cuda bench-gpu-training bench-store bench-models bench-latency bench-leak bench-statistics facts faults clean

demo: $(FOR_USE)
	$(BIN)/featurekit demo

# The types are checked while the kernels are compiled: neither fills two cores by itself.
test: $(STAMP)
	$(MAKE) --no-print-directory --jobs 2 lint kernels
	$(PYTEST) -m "not slow and not ci"

# What depends on the processor is tested as on one without AVX-512, with kernels compiled for it.
ci: $(STAMP)
	$(OLDER) $(BIN)/python tests/compile_kernels.py
	$(OLDER) $(PYTEST) -m "cpu and not slow and not ci"
	$(BIN)/python -m pytest -m "ci and not slow" tests

kernels: $(STAMP)
	$(BIN)/python tests/compile_kernels.py

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

# What `list models` and `explain` say of models without torch; a test says when it is due.
facts: $(STAMP)
	$(BIN)/python -c 'from featurekit.models.explanation import write_facts; write_facts()'

# The table of docs/models.md
bench-models: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_models.py

# Differences of 762 systems on 24 speakers, tested by 10,000 swaps
bench-statistics: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_statistics.py

# Ten seconds of audio to a class; the table of docs/inference.md, in 35 minutes: make bench-latency OPTIONS='--minutes 60'
bench-latency: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_latency.py $(OPTIONS)

# The picture of the README: make bench-leak ROOT=... with the folder of EMO-DB, six minutes of one core
bench-leak: $(STAMP)
	$(BIN)/featurekit extract --corpus emodb --root $(ROOT) --features mel256 -o cache/bench-leak
	$(BIN)/featurekit leak cache/bench-leak --features mel256 -o cache/leak
	cp cache/leak/emodb-pooled-logistic-*/leak.png docs/leak-emodb.png

faults: $(STAMP)
	$(PYTEST) -m slow

$(CREATED):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "featurekit needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(FOR_USE): pyproject.toml constraints.txt | $(CREATED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,plots]'
	touch $@

# What the demo needs is in it, so the demo installs nothing after it.
$(STAMP): pyproject.toml constraints.txt | $(CREATED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ $(FOR_USE)

clean:
	rm -rf $(VENV) build *.egg-info
