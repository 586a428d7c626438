"""Mutated sample documents through the sandbox: how many end as a document, with a reason, by a crash or a limit."""

import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Measure
from bench.service import ROOT
from ingest.chunk import Chunker
from ingest.parse.sandbox import Sandbox
from ingest.read import Reader
from rag.cli.up import NOT_DOCUMENTS
from rag.errors import PermanentError
from rag.settings import ChunkSettings, ParseSettings
from rag.tokens import PACKAGED

SEED = 2025
MUTATIONS = 3000
MAX_TOKENS = 256  # of the packaged model
TIMEOUT_S = 60.0
SCANNED = "ghent-handover.pdf"  # seconds of OCR each time

CHUNKER = Chunker(PACKAGED, MAX_TOKENS, ChunkSettings())

Mutation = tuple[str, bytes]  # a file's name and its content


def run() -> list[Measure]:
    """Return how often each outcome was; `fuzz.crashes` and `fuzz.hangs` are to be 0."""
    counts: Counter[str] = Counter()
    with Sandbox() as sandbox:
        reader = Reader(sandbox=sandbox, limits=ParseSettings(timeout_s=TIMEOUT_S))
        for number, mutation in enumerate(mutations(seed=SEED, number=MUTATIONS)):
            told = outcome(reader, mutation)
            kind = "crashes" if "crashed" in told else "hangs" if "took over" in told else told.partition(":")[0]
            counts[kind] += 1
            if kind in {"crashes", "hangs"}:
                print(f"mutation {number} of {mutation[0]}: {told}", flush=True)  # noqa: T201
    names = ["crashes", "hangs", *sorted(set(counts) - {"crashes", "hangs"})]
    return [Measure(name=f"fuzz.{name}", value=counts[name], unit="files", n=MUTATIONS) for name in names]


def mutations(seed: int, number: int) -> Iterator[Mutation]:
    """Yield so many mutated samples, the same for the same seed."""
    randomness = random.Random(seed)  # noqa: S311  # reproducible
    files = sorted(p for p in (ROOT / "samples").iterdir() if p.name not in NOT_DOCUMENTS | {SCANNED, "build.py"})
    contents = [(path.name, path.read_bytes()) for path in files if path.is_file()]
    for turn in range(number):
        name, content = contents[turn % len(contents)]
        for _ in range(randomness.randint(1, 3)):
            content = _mutated(randomness, content, randomness.choice(contents)[1])
        yield name, content


def outcome(reader: Reader, mutation: Mutation) -> str:
    """Return `Extracted` or the error's class and detail. Any other exception is a fault of the sandbox."""
    name, content = mutation
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            return type(reader.read(Path(file.name), name, CHUNKER)).__name__
        except PermanentError as exc:
            return f"{type(exc).__name__}: {exc.detail}"


def _mutated(randomness: random.Random, content: bytes, other: bytes) -> bytes:
    """Flip bits, cut the end, repeat a part, take one out, or put one of another file in."""
    changed = bytearray(content)
    first, second = sorted(randomness.randint(0, len(content)) for _ in range(2))
    match randomness.randrange(5):
        case 0:
            for _ in range(randomness.randint(1, 50)):
                at = randomness.randrange(len(changed)) if changed else 0
                changed[at : at + 1] = bytes([content[at] ^ 1 << randomness.randrange(8)]) if content else b""
        case 1:
            del changed[second:]
        case 2:
            changed[first:first] = content[first:second]
        case 3:
            del changed[first:second]
        case _:
            start = randomness.randint(0, len(other))
            changed[first:second] = other[start : start + randomness.randint(0, 5000)]
    return bytes(changed)
