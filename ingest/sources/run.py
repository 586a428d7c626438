"""A source's run: what is new or changed is accepted, what is gone is deleted once its grace period is over.

Nothing is ever deleted because of an error: only what the source says is gone, or what a whole, successful reading
of it did not contain.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

from ingest.accept import Intake
from ingest.sources.fetch import Fetcher
from ingest.sources.folder import read_folder
from ingest.sources.listing import Found, Gone, Options, Record, Trouble
from ingest.sources.web import Visitor, crawl, read_page, read_sitemap
from rag.errors import DocumentNotFound, FetchFailed, PermanentError, RagError, SourceNotFound, TransientError
from rag.sources import Item, Source, SourceKind, Sources
from rag.types import Document

log = logging.getLogger(__name__)
MAX_REPORTED = 50


@dataclass(kw_only=True)
class Run:
    """One reading of a source: what it has come to so far."""

    source: Source
    owner: str
    known: Mapping[str, Item]
    started_at: float
    is_whole: bool = True
    found: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("new", "changed", "unchanged", "missing", "deleted", "failed"), 0)
    )
    errors: list[dict[str, str]] = field(default_factory=list)

    def fail(self, key: str, kind: str, detail: str) -> None:
        self.counts["failed"] += 1
        if len(self.errors) < MAX_REPORTED:
            self.errors.append({"key": key, "type": kind, "detail": detail})

    def report(self) -> dict[str, Any]:
        return {
            "started_at": self.started_at,
            "ended_at": time.time(),
            "complete": self.is_whole,
            **self.counts,
            "errors": self.errors,
        }


class LeaseLostError(Exception):
    """Another worker has the source now, or it was removed."""


@dataclass(frozen=True, kw_only=True)
class SourceRunner:
    """What reading sources needs, opened once."""

    sources: Sources
    intake: Intake
    fetcher: Fetcher
    folders: str
    lease_s: float

    def run_due(self, owner: str) -> bool:
        """Bring the source that is due longest up to date; return whether there was one.

        Whatever ends this process, the lease runs out and another worker reads the source from the start: what was
        accepted before is known, and is not worked on again.
        """
        source = self.sources.claim_due(owner, self.lease_s)
        if source is None:
            return False
        known = self.sources.items(source.id)
        run = Run(source=source, owner=owner, known=known, started_at=time.time())
        with self._heartbeat(source, owner) as lost:
            try:
                self._read(run, lost)
                self._settle(run)
            except LeaseLostError:
                log.warning("source taken over or removed", extra={"source_id": source.id})
                return True
        self.sources.finish(source.id, owner, started_at=run.started_at, report=run.report())
        log.info("source read", extra={"source_id": source.id, **run.counts})
        return True

    def _read(self, run: Run, lost: threading.Event) -> None:
        try:
            with closing(self._records(run)) as records:
                for record in records:
                    self._take(run, record, lost)
        except RagError as exc:
            run.is_whole = False
            run.fail(run.source.location, exc.type, exc.detail)
        except LeaseLostError:
            raise
        except Exception as exc:  # whatever it is, the source is read again when it is due
            run.is_whole = False
            run.fail(run.source.location, "error", f"{type(exc).__name__} in the worker; see its log.")
            log.exception("source cannot be read", extra={"source_id": run.source.id})

    def _records(self, run: Run) -> Any:
        """Return the generator of what the source holds now."""
        source, known = run.source, run.known
        options = Options(**source.options)
        match source.kind:
            case SourceKind.FOLDER:
                return read_folder(source.location, self.folders, options, known)
            case SourceKind.BUCKET:
                from ingest.sources.bucket import read_bucket  # 11 MB that others need not pay

                return read_bucket(source.location, options, known, self.intake.max_bytes)
            case SourceKind.SITEMAP:
                return read_sitemap(source.location, options, known, Visitor(self.fetcher, options))
            case _ if options.depth:
                return crawl(source.location, options, known, Visitor(self.fetcher, options))
        return read_page(source.location, known, Visitor(self.fetcher, options))

    def _take(self, run: Run, record: Record, lost: threading.Event) -> None:
        if lost.is_set():
            raise LeaseLostError
        match record:
            case Gone():
                run.gone.add(record.key)
            case Trouble():
                run.unread.add(record.key)
                run.is_whole = run.is_whole and not record.hides_others
                run.fail(record.key, record.error.type, record.error.detail)
            case Found():
                run.found.add(record.key)
                with record.file or nullcontext():
                    self._found(run, record)

    def _found(self, run: Run, found: Found) -> None:
        item = run.known.get(found.key, Item(key=found.key))
        if found.file is None or not item.is_live:
            run.counts["unchanged"] += 1
            if item.problem:
                run.fail(found.key, "not-a-document", item.problem)
            return
        document: Document | None = None
        problem, is_new = None, False
        try:
            document, is_new = self.intake.accept(
                found.file,
                found.filename,
                run.source.run_as,
                collection=run.source.collection,
                source_id=found.key,
                access=run.source.access,
            )
            run.counts["unchanged" if not is_new else "changed" if item.document_id else "new"] += 1
        except PermanentError as exc:
            problem = f"{exc.title}: {exc.detail}"
            run.fail(found.key, exc.type, exc.detail)
        except TransientError as exc:
            run.fail(found.key, exc.type, exc.detail)
            return
        now = Item(
            key=found.key,
            document_id=document.id if document else item.document_id,
            validator=found.validator,
            links=found.links,
            problem=problem,
        )
        if not self.sources.save(run.source.id, run.owner, now):
            if document is not None and is_new:
                self._take_back(run, document, found.key)
            raise LeaseLostError

    def _take_back(self, run: Run, document: Document, key: str) -> None:
        """Delete what came in while its source was being removed: nothing would ever delete it else."""
        try:
            self.sources.get(run.source.id, run.source.run_as)
        except SourceNotFound:
            if document.latest.version == 1:
                self._release(run, document.id, key)

    def _settle(self, run: Run) -> None:
        """Mark what is missing, and delete what was missing for longer than the grace period."""
        if not self.sources.renew(run.source.id, run.owner, self.lease_s):
            raise LeaseLostError
        there = run.found | run.unread
        missing = run.gone & run.known.keys()
        if run.is_whole and run.known and not there and not run.gone:
            run.is_whole = False
            empty = FetchFailed("It is empty, although it was not before. Nothing is deleted for that.")
            run.fail(run.source.location, empty.type, empty.detail)
        elif run.is_whole:
            missing = run.known.keys() - there
        newly = {key for key in missing if run.known[key].missing_since is None}
        back = {key for key in run.found & run.known.keys() if run.known[key].missing_since is not None}
        self.sources.mark(run.source.id, newly, run.started_at)
        self.sources.mark(run.source.id, back, None)
        for key in sorted(missing):
            since = run.known[key].missing_since
            if run.started_at - (run.started_at if since is None else since) >= run.source.grace_s:
                self._delete(run, key)
            else:
                run.counts["missing"] += 1

    def _delete(self, run: Run, key: str) -> None:
        document_id = self.sources.drop(run.source.id, key)
        if document_id is not None:
            self._release(run, document_id, key)

    def _release(self, run: Run, document_id: str, key: str) -> None:
        with suppress(DocumentNotFound):  # deleted by hand before
            self.intake.registry.release(document_id, key, run.source.run_as)
            self.intake.queue.wake()
            run.counts["deleted"] += 1

    @contextmanager
    def _heartbeat(self, source: Source, owner: str) -> Iterator[threading.Event]:
        """Renew the lease from another thread while the block runs; the event says that it is lost."""
        ended, lost = threading.Event(), threading.Event()

        def beat() -> None:
            while not ended.wait(self.lease_s / 3):
                try:
                    if not self.sources.renew(source.id, owner, self.lease_s):
                        lost.set()
                except RagError as exc:
                    log.warning("heartbeat failed", extra={"source_id": source.id, "error": exc.type})

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            ended.set()
            thread.join()
