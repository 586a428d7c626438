"""The sandbox: whatever a parser does, its caller lives and is told why."""

import ctypes
import multiprocessing
import os
import resource
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from ingest.parse.dispatch import parse
from ingest.parse.kinds import Kind
from ingest.parse.sandbox import CLONE_NEWNET, CLONE_NEWUSER, _confine, parse_in_sandbox
from rag.errors import BrokenDocument, EmptyDocument, ParserLimitExceeded
from rag.settings import ParseSettings

SAMPLES = Path(__file__).parents[3] / "samples"
LIMITS = ParseSettings()


def test_a_document_is_read_as_outside_the_sandbox() -> None:
    for name, kind in [("travel-and-expenses.md", Kind.MARKDOWN), ("price-list-2025.xlsx", Kind.XLSX)]:
        parsed = parse_in_sandbox(SAMPLES / name, name, kind, LIMITS)

        assert parsed == parse(SAMPLES / name, name, kind)


def test_a_parser_over_its_time_is_ended(tmp_path: Path) -> None:
    slow = tmp_path / "stored"
    slow.write_text("<p>one</p>" * 500_000, encoding="ascii")

    with pytest.raises(ParserLimitExceeded, match=r"slow\.html took over 0 s"):
        parse_in_sandbox(slow, "slow.html", Kind.HTML, LIMITS.model_copy(update={"timeout_s": 0.2}))

    assert multiprocessing.active_children() == []


def test_a_parser_over_its_memory_is_ended(tmp_path: Path) -> None:
    huge = tmp_path / "stored"
    with huge.open("wb") as file:
        file.truncate(LIMITS.memory_bytes)  # zeros that take no room on the disk

    with pytest.raises(ParserLimitExceeded, match=r"huge\.txt .*memory"):
        parse_in_sandbox(huge, "huge.txt", Kind.TEXT, LIMITS)

    assert multiprocessing.active_children() == []


def test_a_document_of_too_much_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    path.write_text("a" * 1001, encoding="ascii")

    with pytest.raises(ParserLimitExceeded, match=r"1,001 characters of text, the limit is 1,000"):
        parse_in_sandbox(path, "long.txt", Kind.TEXT, LIMITS.model_copy(update={"max_chars": 1000}))


@pytest.mark.parametrize(
    ("content", "kind", "error"),
    [
        (b"  \n", Kind.TEXT, EmptyDocument),
        (b"%PDF-1.4 broken", Kind.PDF, BrokenDocument),
        (b"PK\x03\x04 broken", Kind.DOCX, BrokenDocument),
    ],
)
def test_an_error_travels_with_its_type_and_detail(
    tmp_path: Path, content: bytes, kind: Kind, error: type[Exception]
) -> None:
    path = tmp_path / "stored"
    path.write_bytes(content)

    with pytest.raises(error) as inside:
        parse_in_sandbox(path, "rules", kind, LIMITS)
    with pytest.raises(error) as outside:
        parse(path, "rules", kind)

    assert str(inside.value) == str(outside.value)


def test_a_parser_reaches_no_network_where_the_kernel_can_take_it_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        assert _in_child(_reach, port) == "reached"
        assert _in_child(_reach_confined, port) == ("unreachable" if _in_child(_unshare, 0) else "reached")


def test_a_parser_may_not_use_more_than_its_limits() -> None:
    assert _in_child(_limits, 0) == [
        [LIMITS.memory_bytes, LIMITS.memory_bytes],
        [301, 301],
        [0, 0],
    ]


def _in_child(do: Callable[[int], Any], argument: int) -> Any:
    receiver, sender = multiprocessing.get_context("forkserver").Pipe(duplex=False)
    process = multiprocessing.get_context("forkserver").Process(target=_send, args=(sender, do, argument))
    process.start()
    sender.close()
    with receiver:
        answer = receiver.recv()
    process.join()
    return answer


def _send(sender: Connection, do: Callable[[int], Any], argument: int) -> None:
    sender.send(do(argument))


def _reach(port: int) -> str:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return "unreachable"
    return "reached"


def _reach_confined(port: int) -> str:
    _confine(LIMITS)
    return _reach(port)


def _unshare(_: int) -> bool:
    return bool(ctypes.CDLL(None).unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)


def _limits(_: int) -> list[list[int]]:
    _confine(LIMITS)
    assert os.nice(0) > 0
    return [list(resource.getrlimit(kind)) for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_CORE)]
