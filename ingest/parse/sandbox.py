"""Run a parser in a child process of its own: limited memory, time and output, no network, nothing kept.

A fork server imports the parsers once, so that a document costs a fork (some 10 ms) and no import.
"""

import ctypes
import json
import multiprocessing
import os
import resource
from base64 import b64decode, b64encode
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ingest.parse.kinds import Kind
from rag import errors
from rag.settings import ParseSettings
from rag.types import Block, ParsedDocument

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
MAX_FILE_BYTES = 500_000_000
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "ingest.parse.dispatch", "ingest.parse.elements"])


def parse_in_sandbox(path: Path, filename: str, kind: Kind, limits: ParseSettings) -> ParsedDocument:
    """Return the parsed document. Raise a PermanentError that says why it cannot be had."""
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_child, args=(sender, path, filename, kind, limits), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(limits.timeout_s):
            raise errors.ParserLimitExceeded(f"{filename} took over {limits.timeout_s:.0f} s to read. Split it.")
        answer = json.loads(receiver.recv_bytes())
    except EOFError:
        process.join()
        raise errors.ParserLimitExceeded(
            f"{filename} ended its parser (exit code {process.exitcode}), likely by its use of memory "
            f"(limit {limits.memory_bytes // 1_000_000} MB). Split it, or raise RAG_PARSE_MEMORY_BYTES."
        ) from None
    finally:
        process.kill()
        process.join()
        receiver.close()
    if "error" in answer:
        raise getattr(errors, answer["error"])(answer["detail"])
    return _received(answer)


def _received(answer: dict[str, Any]) -> ParsedDocument:
    """Return the record that `_sent` wrote as JSON."""
    blocks = tuple(
        Block(**(block | {"section": tuple(block["section"]), "boxes": b64decode(block["boxes"])}))
        for block in answer["blocks"]
    )
    sizes = tuple((width, height) for width, height in answer["page_sizes"])
    return ParsedDocument(**(answer | {"blocks": blocks, "page_sizes": sizes, "warnings": tuple(answer["warnings"])}))


def _sent(parsed: ParsedDocument) -> dict[str, Any]:
    answer = asdict(parsed)
    for block in answer["blocks"]:
        block["boxes"] = b64encode(block["boxes"]).decode()
    return answer


def _child(sender: Connection, path: Path, filename: str, kind: Kind, limits: ParseSettings) -> None:
    """Parse and send the result as JSON: what comes out of here is data, whatever the file did."""
    _confine(limits)
    from ingest.parse.dispatch import parse  # imported by the fork server already

    answer: dict[str, Any]
    try:
        parsed = parse(path, filename, kind)
        size = sum(len(block.text) for block in parsed.blocks)
        if size > limits.max_chars:
            raise errors.ParserLimitExceeded(
                f"{filename} holds {size:,} characters of text, the limit is {limits.max_chars:,}. Split it."
            )
        answer = _sent(parsed)
    except errors.PermanentError as exc:
        answer = {"error": type(exc).__name__, "detail": exc.detail}
    except MemoryError:
        return
    sender.send_bytes(json.dumps(answer).encode())


def _confine(limits: ParseSettings) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    seconds = int(limits.timeout_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    # An empty network namespace. Refused where user namespaces are off; then the host's firewall must do.
    ctypes.CDLL(None).unshare(CLONE_NEWUSER | CLONE_NEWNET)
