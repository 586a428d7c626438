"""GGUF file -> folder of bf16 safetensors, configuration and tokenizer that vLLM can load.

vLLM's own GGUF reader needs a GPU, so the weights are dequantized once: no quality is gained or lost.
Run it with the Python of the environment that install.sh makes: convert.py MODEL.gguf OUT_DIR
"""

import shutil
import sys
import tempfile
from pathlib import Path

COMPLETE = ("config.json", "model.safetensors", "tokenizer.json")


def main(argv: list[str]) -> int:
    """Convert argv[1] into the folder argv[2]; do nothing when that folder is complete. Return the exit status."""
    if len(argv) != 3:
        sys.stderr.write("usage: convert.py MODEL.gguf OUT_DIR\n")
        return 2
    gguf_path, out_dir = Path(argv[1]).resolve(), Path(argv[2]).resolve()
    if all((out_dir / name).is_file() for name in COMPLETE):
        return 0
    if not gguf_path.is_file():
        sys.stderr.write(f"convert: {gguf_path} is not a file\n")
        return 1
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        convert(gguf_path, work)
        shutil.rmtree(out_dir, ignore_errors=True)
        work.chmod(0o755)
        work.rename(out_dir)
    except (ImportError, OSError, ValueError, LookupError) as exc:
        sys.stderr.write(f"convert: {gguf_path} could not be converted: {exc}\n")
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


def convert(gguf_path: Path, out_dir: Path) -> None:
    """Write the dequantized model and its tokenizer into out_dir. About 22 s and 2 GB for 270M parameters."""
    # Heavy, and found only in vLLM's environment: imported here so that a wrong call fails at once.
    import gguf
    import torch
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    # transformers opens the file three times, 9 s each for a vocabulary of 262,144: let it open it once.
    reader = gguf.GGUFReader(gguf_path)
    gguf.GGUFReader = lambda *_: reader

    folder, name = str(gguf_path.parent), gguf_path.name
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(out_dir)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    if tokenizer.bos_token:
        # The converted tokenizer forgets the token that opens a text; without it the output degenerates.
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{tokenizer.bos_token} $A", special_tokens=[(tokenizer.bos_token, tokenizer.bos_token_id)]
        )
    tokenizer.save_pretrained(out_dir)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
