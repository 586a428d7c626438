#!/bin/sh
# Make VENV_DIR and install vLLM for NVIDIA GPUs into it. Usage: install.sh VENV_DIR. A second run changes nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lock=$here/../../requirements/vllm.lock
venv=$1
stamp=$venv/attest-lock.sha256
hash=$(sha256sum "$lock" | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" != "$hash" ] || exit 0
echo "Installing vLLM into $venv (about 10 GB), the model (10 GB) is downloaded at the first start ..."
"${PYTHON:-python3}" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
  -r "$here/../../requirements/uv.lock"
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes --no-deps -r "$lock"
echo "$hash" > "$stamp"
