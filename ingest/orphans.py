"""Originals that nothing refers to: a process was killed after it had stored one, before the registry knew of it."""

import logging
import time
from collections.abc import Iterator
from itertools import islice

from ingest.store import Store
from rag.originals import Originals

log = logging.getLogger(__name__)
OLD_S = 86_400.0  # no upload takes that long from storing to recording
AT_ONCE = 1000


def remove_orphans(store: Store, originals: Originals, older_than_s: float = OLD_S) -> int:
    """Remove the originals of such an age that no version names; return how many. Lists the store once.

    If it holds more of them than of others, they are likely of another registry: then nothing is removed.
    """
    orphans: list[str] = []
    named = 0
    old = _stored_before(store, time.time() - older_than_s)
    while some := list(islice(old, AT_ONCE)):
        unnamed = originals.unnamed(some)
        orphans += sorted(unnamed)
        named += len(some) - len(unnamed)
    if len(orphans) > named:
        log.warning("the registry does not know most originals; none is removed", extra={"unknown": len(orphans)})
        return 0
    removed = sum(originals.remove_unnamed(sha256, store.delete) for sha256 in orphans)
    if removed:
        log.info("removed originals that nothing refers to", extra={"originals": removed})
    return removed


def _stored_before(store: Store, moment: float) -> Iterator[str]:
    return (sha256 for sha256, stored_at in store.list() if stored_at < moment)
