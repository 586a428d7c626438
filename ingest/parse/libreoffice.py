"""Old Office formats, by LibreOffice: .doc to .docx, .ppt to .pptx. Optional; its lack is said by name."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rag.errors import BrokenDocument, UnsupportedFormat

PROGRAMS = ("soffice", "libreoffice")
CONVERT_S = 180
MISSING = (
    "Reading old Office files needs LibreOffice, which this machine does not have. "
    "Install it (Debian: sudo apt-get install libreoffice-writer-nogui libreoffice-impress-nogui) and reprocess the "
    "document, or save it as .{}."
)


def found() -> str | None:
    """Return LibreOffice's path, if it is installed."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def converted(path: Path, folder: Path, old: str, new: str) -> Path:
    """Write the file at `path`, of the `old` extension, as one of the `new` into `folder`; macros are not run.

    Raise UnsupportedFormat without LibreOffice, BrokenDocument if it cannot read the file.
    """
    program = found()
    if program is None:
        raise UnsupportedFormat(MISSING.format(new))
    source = folder / f"document.{old}"
    shutil.copyfile(path, source)
    command = [
        program,
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        *("--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck", "--convert-to", new),
        *("--outdir", str(folder / "converted"), str(source)),
    ]
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=CONVERT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as exc:
        raise BrokenDocument(f"LibreOffice took over {CONVERT_S} s to read it. Save it as .{new}.") from exc
    result = folder / "converted" / f"document.{new}"
    if not result.exists():
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[-200:]
        raise BrokenDocument(f"LibreOffice could not read it ({said or done.returncode}). Save it as .{new}.")
    return result


def in_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="office-")
