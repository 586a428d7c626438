"""Parsers that do what a document must not make a parser do. Each tells what came of it, where it lives to tell."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ingest.parse import progress
from rag.errors import EncryptedDocument, StorageFull


def _told(attempt: Callable[[], object]) -> bytes:
    try:
        return f"done: {attempt()}".encode()
    except OSError as exc:
        return f"refused: {type(exc).__name__}".encode()


def read_itself(original: Path, name: str) -> bytes:
    return original.read_bytes()


def connect(original: Path, name: str, port: int) -> bytes:
    return _told(lambda: socket.create_connection(("127.0.0.1", port), timeout=5).close())


def connect_unix(original: Path, name: str, path: str) -> bytes:
    def attempt() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)

    return _told(attempt)


def send_datagram(original: Path, name: str, port: int) -> bytes:
    return _told(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"secret", ("127.0.0.1", port)))


def read(original: Path, name: str, path: str) -> bytes:
    return _told(Path(path).read_bytes)


def listing(original: Path, name: str, path: str) -> bytes:
    return _told(lambda: os.listdir(path))  # noqa: PTH208


def write(original: Path, name: str, path: str) -> bytes:
    return _told(lambda: Path(path).write_text("changed", encoding="ascii"))


def write_original(original: Path, name: str) -> bytes:
    return _told(lambda: original.write_text("changed", encoding="ascii"))


def use_temporary_files(original: Path, name: str) -> bytes:
    """Leave a file, a folder that forbids everything, and 1,500 folders in each other."""
    folder = Path(tempfile.mkdtemp())
    (folder / "file").write_text("x", encoding="ascii")
    deep = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deeper", dir_fd=deep)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = inner
    folder.chmod(0)
    return str(folder.parent).encode()


def environment(original: Path, name: str) -> bytes:
    return repr(dict(os.environ)).encode()


def new_namespace(original: Path, name: str) -> bytes:
    libc = ctypes.CDLL(None, use_errno=True)
    return _told(lambda: _check(libc.unshare(0x10000000)))


def trace_parent(original: Path, name: str) -> bytes:
    libc = ctypes.CDLL(None, use_errno=True)
    return _told(lambda: _check(libc.ptrace(16, os.getppid() or 1, 0, 0)))


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def run_program(original: Path, name: str) -> bytes:
    return subprocess.run([sys.executable, "-c", "print(6 * 7)"], check=True, capture_output=True).stdout


def run_own_program(original: Path, name: str) -> bytes:
    program = Path(tempfile.mkdtemp()) / "program"
    program.write_text("#!/bin/sh\necho ran\n", encoding="ascii")
    program.chmod(0o700)
    return _told(lambda: subprocess.run([program], check=True, capture_output=True).stdout)


def fork_forever(original: Path, name: str) -> bytes:
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)


def allocate(original: Path, name: str, size: int) -> bytes:
    return bytes(len(bytearray(b"x") * size) and 1)


def allocate_in_children(original: Path, name: str, size: int) -> bytes:
    for _ in range(4):
        if os.fork() == 0:
            break
    kept = bytearray(b"x") * size
    time.sleep(60)
    return bytes(kept[:1])


def fill_the_disk(original: Path, name: str) -> bytes:
    with tempfile.TemporaryFile() as file:
        while True:
            file.write(bytes(50_000_000))


def loop_forever(original: Path, name: str) -> bytes:
    while True:
        pass


def sleep(original: Path, name: str) -> bytes:
    time.sleep(60)
    return b""


def print_much(original: Path, name: str) -> bytes:
    for _ in range(1000):
        os.write(1, b"x" * 1_000_000)
        os.write(2, b"x" * 1_000_000)
    return b"printed"


def answer_much(original: Path, name: str, size: int) -> bytes:
    return bytes(size)


def kill(original: Path, name: str, pid: int) -> bytes:
    return _told(lambda: os.kill(pid, signal.SIGKILL))


def kill_own_family(original: Path, name: str) -> bytes:
    os.kill(0, signal.SIGKILL)
    return b"alive"


def crash(original: Path, name: str) -> bytes:
    return ctypes.string_at(0)


def leave(original: Path, name: str) -> bytes:
    os._exit(3)


def answer_nonsense(original: Path, name: str, answer: bytes) -> bytes:
    os.write(3, answer)
    os._exit(0)


def leave_a_daemon(original: Path, name: str, mark: str) -> bytes:
    """Leave a program in a session of its own that holds the pipe, and answer."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            subprocess.Popen([sys.executable, "-c", f"'{mark}'; import time; time.sleep(60)"], pass_fds=[3])
        time.sleep(60)
    time.sleep(0.3)
    return b"left"


def refuse(original: Path, name: str) -> bytes:
    raise EncryptedDocument(f"{name} needs a password.")


def pretend(original: Path, name: str) -> bytes:
    raise StorageFull("Nothing is wrong with this document.")


def stumble(original: Path, name: str) -> bytes:
    raise ValueError(f"no zip archive: {original}")


def tell_pages(_original: Path, _name: str) -> bytes:
    for done in (3, 6):
        progress.tell(done, 10)
        time.sleep(0.6)
    return b"read"
