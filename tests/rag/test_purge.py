"""A deleted document's original: removed with the last document that has it, and never under an upload's feet."""

import threading

import pytest
from sqlalchemy import Engine

from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.types import Document
from rag.work import Kind, Work
from tests.rag.conftest import ADMIN, finish, take, upload

on_postgres = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # SQLite has one writer at a time
SHA256 = upload("six days").sha256


def deleted(registry: Registry, leases: Leases, serving: Serving, collection: str = "default") -> tuple[Document, Work]:
    """Return a document that was served and deleted, and the work of cleaning up after it."""
    document, _ = registry.add(upload("six days", collection=collection), ADMIN)
    finish(leases, serving, document, "six days")
    registry.delete(document.id, ADMIN)
    return document, take(leases, document, Kind.CLEAN).work


def test_an_original_is_removed_with_the_last_document_that_has_it(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    _, first = deleted(registry, leases, serving)
    _, second = deleted(registry, leases, serving, "other")
    removed: list[str] = []

    serving.purge(first, removed.append)
    after_the_first = list(removed)
    serving.purge(second, removed.append)

    assert (after_the_first, removed) == ([], [SHA256])


@on_postgres
def test_other_uploads_do_not_wait_for_a_slow_store(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    _, work = deleted(registry, leases, serving)
    waited: list[bool] = []

    def slow_removal(_: str) -> None:
        other = threading.Thread(target=registry.add, args=(upload("seven days"), ADMIN))
        other.start()
        other.join(timeout=5)
        waited.append(other.is_alive())

    serving.purge(work, slow_removal)

    assert waited == [False]


@on_postgres
def test_an_upload_of_the_same_bytes_waits_until_they_are_gone(
    engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    _, work = deleted(registry, leases, serving)
    again = threading.Thread(target=registry.add, args=(upload("six days", collection="new"), ADMIN))
    waited: list[bool] = []

    def removal(_: str) -> None:
        again.start()
        again.join(timeout=0.5)
        waited.append(again.is_alive())

    serving.purge(work, removal)
    again.join()

    assert waited == [True]
