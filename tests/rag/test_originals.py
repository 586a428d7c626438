"""Originals and what names them: an upload of the same bytes waits while one is removed."""

import threading

import pytest
from sqlalchemy import Engine

from rag.originals import Originals
from rag.registry import Registry
from tests.rag.conftest import ADMIN, upload

on_postgres = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # SQLite has one writer at a time
SIX, SEVEN = upload("six days"), upload("seven days")


def test_what_a_version_names_is_not_removed(engine: Engine, registry: Registry) -> None:
    registry.add(SIX, ADMIN)
    removed: list[str] = []
    originals = Originals(engine)

    told = [originals.remove_unnamed(one.sha256, removed.append) for one in (SIX, SEVEN)]

    assert originals.unnamed([SIX.sha256, SEVEN.sha256]) == {SEVEN.sha256}
    assert (told, removed) == ([False, True], [SEVEN.sha256])


@on_postgres
def test_an_upload_of_the_same_bytes_waits_until_the_original_is_gone(engine: Engine, registry: Registry) -> None:
    again = threading.Thread(target=registry.add, args=(SIX, ADMIN))
    waited: list[bool] = []

    def removal(_: str) -> None:
        again.start()
        again.join(timeout=0.5)
        waited.append(again.is_alive())

    Originals(engine).remove_unnamed(SIX.sha256, removal)
    again.join()

    assert waited == [True]
