"""What a process gives up before it reads a document: memory, time, files, network, rights. There is no way back.

`python -m ingest.parse.confine` prints which of it this machine refuses, a line each.
"""

import ctypes
import os
import resource
import signal
import sys
import tempfile
from functools import cache
from pathlib import Path

from ingest.parse import landlock, seccomp

MAX_FILE_BYTES = 500_000_000
MAX_OPEN_FILES = 256
MAX_THREADS = 256  # of all processes of a document together; LibreOffice has about 30
NAMESPACES = 0x10000000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x00020000  # user, processes, network, IPC, mounts
_MS_RDONLY, _MS_REMOUNT, _MS_BIND = 1, 32, 4096
_MS_KEPT = 2 | 4 | 8  # nosuid, nodev, noexec
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CAPABILITIES_V3 = 0x20080522
# What programs and libraries consist of. `/etc` and `/var` only in those parts that hold no secret.
_PROGRAM_FOLDERS = ("bin", "lib", "lib64", "libexec", "share", "pyvenv.cfg")
_SYSTEM_FILES = (
    *("/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/etc/libreoffice", "/etc/localtime", "/etc/mime.types"),
    *("/etc/nsswitch.conf", "/etc/passwd", "/var/cache/fontconfig", "/var/lib/libreoffice", "/var/spool/libreoffice"),
    *("/dev/urandom", "/dev/random", "/dev/zero", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
)

_libc = ctypes.CDLL(None, use_errno=True)


def confine(original: Path, folder: Path, memory_bytes: int, cpu_s: int, *, in_namespaces: bool) -> None:
    """Leave this process `original` to read, `folder` to write in, so much memory and processor time, and no network.

    Raise OSError where the kernel offers a means and then refuses it; what it does not offer is gone without.
    """
    os.nice(5)
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CPU, cpu_s)
    _limit(resource.RLIMIT_FSIZE, MAX_FILE_BYTES)
    _limit(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    if in_namespaces:  # elsewhere the kernel would count all processes of the user
        _limit(resource.RLIMIT_NPROC, MAX_THREADS)
        _give_libreoffice_its_place(original, folder)
    os.chdir(folder)
    os.environ |= {"HOME": str(folder), "TMPDIR": str(folder)}
    tempfile.tempdir = None  # ask for TMPDIR again
    for option, value in ((_PR_SET_PDEATHSIG, signal.SIGKILL), (_PR_SET_DUMPABLE, 0), (_PR_SET_NO_NEW_PRIVS, 1)):
        _libc.prctl(option, value, 0, 0, 0)
    landlock.restrict([*program_files(), original], [folder, Path("/dev/null")])
    _drop_capabilities()
    seccomp.restrict()


def missing() -> list[str]:
    """Return what this machine does not offer, each in a sentence that says what it means."""
    lines = []
    if landlock.version() == 0:
        lines.append("No Landlock (Linux 5.13): a parser can read the files that the service can read.")
    if not seccomp.is_offered():
        lines.append("No seccomp filter: a parser can make every system call.")
    if not _may_make_namespaces():
        lines.append("No user namespaces: what a parser starts is ended by its process group, not by the kernel.")
    return lines


@cache
def program_files() -> tuple[Path, ...]:
    """Return the files and folders that parsers and the programs they start consist of."""
    roots = {Path("/"), Path("/usr"), Path("/usr/local"), Path(sys.prefix), Path(sys.base_prefix)}
    ours = (Path(__file__).parents[2] / package for package in ("ingest", "rag"))
    folders = (root / part for root in roots for part in _PROGRAM_FOLDERS)
    found = (path.resolve() for path in (*folders, *ours, *map(Path, _SYSTEM_FILES)) if path.exists())
    return tuple(dict.fromkeys(found))  # /bin is often /usr/bin


def _limit(kind: int, value: int) -> None:
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (value, value))


def _give_libreoffice_its_place(original: Path, folder: Path) -> None:
    """Make `folder` what this process sees as /var/tmp, and /tmp read-only.

    LibreOffice makes a socket in one of the two, in /tmp if it looks writable. Landlock does not change its looks.
    """
    shared, private = Path("/tmp"), Path("/var/tmp")  # noqa: S108
    is_in_use = private in {*original.parents, *folder.parents}
    if is_in_use or not (shared.is_dir() and private.is_dir()):
        return
    _mount(shared, shared, _MS_RDONLY)
    _mount(folder, folder, 0)
    _mount(folder, private, 0)


def _mount(source: Path, target: Path, options: int) -> None:
    kept = os.statvfs(source).f_flag & _MS_KEPT
    _libc.mount(bytes(source), bytes(target), None, _MS_BIND, None)
    _libc.mount(None, bytes(target), None, _MS_BIND | _MS_REMOUNT | options | kept, None)


def _drop_capabilities() -> None:
    """They come with a user namespace, and with root."""
    header, none = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0), (ctypes.c_uint32 * 6)()
    _libc.capset(ctypes.byref(header), ctypes.byref(none))


def _may_make_namespaces() -> bool:
    child = os.fork()
    if child == 0:
        os._exit(_libc.unshare(NAMESPACES) & 1)
    return os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in missing())
