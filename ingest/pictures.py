"""Pictures of PDF pages, for people who look at a document: drawn when asked for, each in a confined process."""

from threading import BoundedSemaphore, Lock

from ingest.parse.kinds import Kind
from ingest.parse.picture import draw_page
from ingest.parse.sandbox import Sandbox
from ingest.store import Store
from rag.errors import NoPageImage
from rag.settings import ParseSettings
from rag.types import Version

WIDTH_PX = 1400  # sharp at 700 points on a dense screen
AT_ONCE = 2
DRAWING_S = 20.0


class Pictures:
    """Safe to share between threads. Nothing runs until the first picture is asked for; it ends with this process."""

    def __init__(self, store: Store, limits: ParseSettings) -> None:
        self._store = store
        self._limits = limits.model_copy(update={"timeout_s": min(DRAWING_S, limits.timeout_s)})
        self._slots, self._starting = BoundedSemaphore(AT_ONCE), Lock()
        self._sandbox: Sandbox | None = None

    def page(self, version: Version, number: int) -> bytes:
        """Return page `number`, from 1, of a version's original as a PNG.

        Raise NoPageImage for other formats and other numbers, and what reading a document raises.
        """
        if version.media_type != Kind.PDF:
            raise NoPageImage(f"{version.filename} is no PDF: only those have pages that can be shown.")
        with self._slots, self._store.local(version.sha256) as path:
            return self._opened().run(draw_page, path, version.filename, number, WIDTH_PX, limits=self._limits)

    def _opened(self) -> Sandbox:
        with self._starting:
            self._sandbox = self._sandbox or Sandbox("ingest.parse.picture")
            return self._sandbox
