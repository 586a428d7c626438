"""The sandbox: whatever a parser does, its caller lives, nothing is touched, and the reason is told.

What this machine's kernel does not offer is not expected of it; `rag doctor` names it.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ingest.parse import landlock, seccomp
from ingest.parse.sandbox import Sandbox, missing_protections
from rag.errors import BrokenDocument, EncryptedDocument, ParserLimitExceeded
from tests.ingest.parse import hostile_parsers as hostile
from tests.ingest.parse.conftest import LIMITS

ROOT = Path(__file__).parents[3]
SECRET = "secret of the registry"
HAS_LANDLOCK = landlock.version() > 0
HAS_NAMESPACES = not any("namespaces" in line for line in missing_protections())
Run = Callable[..., bytes]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder: an original, and the registry beside it."""
    (tmp_path / "registry.db").write_text(SECRET, encoding="ascii")
    (tmp_path / "original").write_text("A document.", encoding="ascii")
    return tmp_path


@pytest.fixture
def run(sandbox: Sandbox, data: Path) -> Run:
    def run_in_sandbox(parser: Callable[..., bytes], *arguments: object, **limits: float) -> bytes:
        chosen = LIMITS.model_copy(update=limits)
        return sandbox.run(parser, data / "original", "rules.docx", *arguments, limits=chosen)

    return run_in_sandbox


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def assert_refused(told: bytes, *, where: bool = HAS_LANDLOCK) -> None:
    assert told.startswith(b"refused") or not where, told


def is_running(mark: str) -> bool:
    """Return whether a process has this word in its command line."""
    return any(mark in " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))


def family() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_a_parser_reads_the_document_it_was_given(run: Run) -> None:
    assert run(hostile.read_itself) == b"A document."


def test_a_parser_reaches_no_network(run: Run, listening: socket.socket) -> None:
    port = listening.getsockname()[1]

    assert_refused(run(hostile.connect, port))
    assert_refused(run(hostile.send_datagram, port))
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_a_parser_reaches_no_service_by_its_socket_file(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("s") / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        assert_refused(run(hostile.connect_unix, path), where=seccomp.is_offered())


@pytest.mark.parametrize("path", ["{data}/registry.db", "/etc/shadow", "/proc/1/environ", "/proc/self/environ"])
def test_a_parser_reads_no_file_but_its_own(run: Run, data: Path, path: str) -> None:
    assert_refused(run(hostile.read, path.format(data=data)))


@pytest.mark.parametrize("path", ["{data}", "/", "/root", "/tmp", "/proc", str(ROOT)])
def test_a_parser_sees_no_folder_but_its_own(run: Run, data: Path, path: str) -> None:
    assert_refused(run(hostile.listing, path.format(data=data)))


@pytest.mark.parametrize("path", ["{data}/registry.db", "{data}/new", "/tmp/new", "/dev/shm/new", "/var/tmp/../new"])
def test_a_parser_writes_nowhere_outside(run: Run, data: Path, path: str) -> None:
    assert_refused(run(hostile.write, path.format(data=data)))
    assert ((data / "registry.db").read_text(encoding="ascii") == SECRET) >= HAS_LANDLOCK


def test_a_parser_cannot_change_its_document(run: Run, data: Path) -> None:
    assert_refused(run(hostile.write_original))


def test_what_a_parser_leaves_in_its_folder_is_removed(run: Run) -> None:
    folder = Path(run(hostile.use_temporary_files).decode())

    assert folder.name.startswith("attest-")
    assert not folder.exists()


def test_a_parser_knows_no_setting_of_the_service(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_BROKER_URL", "redis://:hunter2@127.0.0.1")
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with Sandbox() as started:
        told = started.run(hostile.environment, data / "original", "rules.docx", limits=LIMITS).decode()

    assert "hunter2" not in told
    assert "RAG_" not in told


@pytest.mark.parametrize("attempt", [hostile.new_namespace, hostile.trace_parent])
def test_a_parser_has_no_use_of_dangerous_system_calls(run: Run, attempt: Callable[..., bytes]) -> None:
    assert_refused(run(attempt), where=seccomp.is_offered())


def test_a_parser_may_start_installed_programs_and_none_of_its_own(run: Run) -> None:
    assert run(hostile.run_program) == b"42\n"
    assert_refused(run(hostile.run_own_program))


def test_a_parser_over_its_time_is_ended(run: Run) -> None:
    for parser in (hostile.loop_forever, hostile.sleep):
        with pytest.raises(ParserLimitExceeded, match=r"rules\.docx took over 0\.3 s .*RAG_PARSE_TIMEOUT_S"):
            run(parser, timeout_s=0.3)


def test_a_parser_over_its_memory_is_ended(run: Run) -> None:
    with pytest.raises(ParserLimitExceeded, match=r"rules\.docx needed more than 1000 MB .*RAG_PARSE_MEMORY_BYTES"):
        run(hostile.allocate, 3_000_000_000)


def test_the_memory_of_a_parsers_children_counts(run: Run) -> None:
    with pytest.raises(ParserLimitExceeded, match="needed more than 1000 MB"):
        run(hostile.allocate_in_children, 150_000_000)


def test_a_parser_that_forks_forever_is_ended_with_all_its_children(run: Run) -> None:
    before = family()

    with pytest.raises(ParserLimitExceeded, match=r"too many processes|needed more than|took over 2 s"):
        run(hostile.fork_forever, timeout_s=2)

    assert family() == before


def test_a_parser_that_fills_the_disk_is_ended(run: Run) -> None:
    with pytest.raises(ParserLimitExceeded, match="temporary files"):
        run(hostile.fill_the_disk)


def test_a_parser_that_prints_much_fills_no_log(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(hostile.print_much) == b"printed"
    assert capfd.readouterr() == ("", "")


def test_a_parser_that_answers_much_is_ended_and_takes_no_memory_here(run: Run) -> None:
    before = psutil.Process().memory_info().rss

    with pytest.raises(ParserLimitExceeded, match=r"more than the 1,000 characters .*RAG_PARSE_MAX_CHARS"):
        run(hostile.answer_much, 200_000_000, max_chars=1000)

    assert psutil.Process().memory_info().rss - before < 50_000_000


def test_a_parser_cannot_end_other_processes(run: Run) -> None:
    with subprocess.Popen(["sleep", "60"]) as victim:
        assert_refused(run(hostile.kill, victim.pid), where=HAS_NAMESPACES or landlock.version() >= 6)
        victim.kill()


def test_a_parser_that_ends_its_own_family_harms_no_other(run: Run) -> None:
    before = family()

    with suppress(BrokenDocument):  # not where the kernel protects the first process of a namespace from itself
        run(hostile.kill_own_family)

    assert family() == before
    assert run(hostile.read_itself) == b"A document."


@pytest.mark.parametrize(("parser", "how"), [(hostile.crash, "SIGSEGV"), (hostile.leave, "exit code 3")])
def test_a_crash_is_told_by_its_signal(run: Run, parser: Callable[..., bytes], how: str) -> None:
    with pytest.raises(BrokenDocument, match=rf"rules\.docx cannot be read: its parser crashed \({how}\)"):
        run(parser)


def test_a_program_that_a_parser_leaves_behind_ends_with_it(run: Run) -> None:
    assert run(hostile.leave_a_daemon, "mark-of-a-daemon", timeout_s=10) == b"left"
    assert not is_running("mark-of-a-daemon")


def test_an_error_travels_with_its_type_and_detail(run: Run) -> None:
    with pytest.raises(EncryptedDocument, match=r"^rules\.docx needs a password\.$"):
        run(hostile.refuse)
    with pytest.raises(BrokenDocument, match=r"^rules\.docx cannot be read \(ValueError: no zip .*: rules\.docx\)"):
        run(hostile.stumble)


def test_a_document_cannot_make_its_failure_look_like_one_of_the_service(run: Run) -> None:
    with pytest.raises(BrokenDocument, match="Nothing is wrong"):
        run(hostile.pretend)


@pytest.mark.parametrize("answer", [b"", b"x", b"-", b"-{", b"-[]", b'-{"error": "__class__"}', b'-{"limit": "x"}'])
def test_an_answer_of_nonsense_is_a_broken_document(run: Run, answer: bytes) -> None:
    with pytest.raises(BrokenDocument):
        run(hostile.answer_nonsense, answer)


def test_documents_are_read_at_the_same_time(run: Run) -> None:
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(run, hostile.sleep, timeout_s=2)
        ended = [run(hostile.read_itself) for _ in range(3)]

        assert not slow.done()
        assert ended == [b"A document."] * 3
        assert isinstance(slow.exception(), ParserLimitExceeded)


def test_a_fork_server_that_ended_is_started_again(data: Path) -> None:
    before = family()
    with Sandbox() as started:
        servers = [psutil.Process(pid) for pid in family() - before]
        for server in servers:
            server.kill()
        psutil.wait_procs(servers)

        assert started.run(hostile.read_itself, data / "original", "a", limits=LIMITS) == b"A document."


def test_a_parser_ends_with_the_service(tmp_path: Path) -> None:
    """The service is killed while a document is read."""
    script = (
        "import sys; from pathlib import Path; from ingest.parse.sandbox import Sandbox;"
        "from tests.ingest.parse import hostile_parsers as h; from tests.ingest.parse.conftest import LIMITS;"
        "Sandbox().run(h.sleep, Path(sys.executable), 'a', limits=LIMITS)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment) as service:
        me = psutil.Process(service.pid)
        _wait_until(lambda: len(me.children(recursive=True)) == 2)
        children = me.children(recursive=True)
        service.kill()

    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    _wait_until(lambda: list(tmp_path.iterdir()) == [])


def test_without_namespaces_the_rest_holds(data: Path, listening: socket.socket) -> None:
    """As in a container: a filter refuses namespaces to the fork server."""
    script = (
        "import ctypes, sys; from pathlib import Path; from ingest.parse import seccomp, confine;"
        "from ingest.parse.sandbox import Sandbox; from tests.ingest.parse import hostile_parsers as h;"
        "from tests.ingest.parse.conftest import LIMITS;"
        "ctypes.CDLL(None).prctl(38, 1, 0, 0, 0); seccomp.restrict(); print(confine.missing());"
        "box = Sandbox(); run = lambda f, *a: print(f.__name__, box.run(f, Path(sys.argv[1]), 'a', *a, limits=LIMITS));"
        "run(h.connect, int(sys.argv[2])); run(h.read, sys.argv[3]); run(h.leave_a_daemon, 'mark-without-namespace');"
        "run(h.read_itself)"
    )
    port = listening.getsockname()[1]
    told = subprocess.run(
        [sys.executable, "-c", script, data / "original", str(port), data / "registry.db"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    assert "No user namespaces" in told[0]
    assert told[3:] == ["leave_a_daemon b'left'", "read_itself b'A document.'"]
    assert (told[1:3] == ["connect b'refused: PermissionError'", "read b'refused: PermissionError'"]) >= HAS_LANDLOCK
    assert not is_running("mark-without-namespace")


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
