"""Originals that nothing refers to are removed once they are old; no other is, in a folder as in a bucket."""

import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import cast

import pytest

from ingest.orphans import OLD_S, remove_orphans
from ingest.store import Store, open_store
from ingest.store.local import LocalStore
from rag.originals import Originals
from rag.registry import Registry
from rag.settings import Settings, StoreSettings
from tests.rag.conftest import upload
from tests.workshop import ADMIN, Hooked, connect_hurried

ALL = -60.0  # an age that every original has


@dataclass(frozen=True, kw_only=True)
class Place:
    """A store and the registry beside it."""

    store: Store
    registry: Registry
    originals: Originals

    def put(self, content: str) -> str:
        return self.store.put(io.BytesIO(content.encode()))[0]

    def add(self, content: str) -> str:
        sha256 = self.put(content)
        self.registry.add(upload(content, sha256=sha256), ADMIN)
        return sha256

    def held(self) -> set[str]:
        return {sha256 for sha256, _ in self.store.list()}


def bucket(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Store:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, s3[name])
    url = f"{s3['RAG_STORE_URL']}/{token_hex(8)}"
    return open_store(Settings(store=StoreSettings(url=url, endpoint=s3["RAG_STORE_ENDPOINT"])))


@pytest.fixture(params=["folder", "bucket"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, empty_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    in_bucket = request.param == "bucket"
    store = bucket(request.getfixturevalue("s3"), monkeypatch) if in_bucket else LocalStore(tmp_path / "originals")
    engine = connect_hurried(f"sqlite:///{shutil.copy(empty_sqlite, tmp_path)}")
    yield Place(store=store, registry=Registry(engine), originals=Originals(engine))
    engine.dispose()


def test_what_no_version_names_is_removed_and_nothing_else(place: Place) -> None:
    named = {place.add("six days"), place.add("seven nights")}
    place.put("eight weeks")

    removed = remove_orphans(place.store, place.originals, ALL)

    assert (removed, place.held()) == (1, named)


def test_what_is_not_a_day_old_stays_whatever_names_it(place: Place) -> None:
    sha256 = place.put("eight weeks")
    place.add("six days")

    assert remove_orphans(place.store, place.originals) == 0
    assert sha256 in place.held()


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_the_day_is_counted_from_when_it_was_stored(place: Place, tmp_path: Path) -> None:
    kept, old, fresh = place.add("six days"), place.put("seven nights"), place.put("eight weeks")
    for sha256 in (kept, old):
        path = tmp_path / "originals" / sha256[:2] / sha256
        os.utime(path, times=(0, path.stat().st_mtime - OLD_S - 60))

    assert remove_orphans(place.store, place.originals) == 1
    assert place.held() == {kept, fresh}


def test_a_registry_that_knows_hardly_any_original_is_not_that_of_the_store(place: Place) -> None:
    known = place.add("six days")
    others = {place.put("seven nights"), place.put("eight weeks")}

    assert remove_orphans(place.store, place.originals, ALL) == 0
    assert place.held() == {known, *others}


def test_an_original_that_is_recorded_while_they_are_looked_through_stays(place: Place) -> None:
    place.add("six days")
    late = place.put("eight weeks")

    recorded = Hooked(place.originals, remove_unnamed=lambda: place.add("eight weeks"))

    assert remove_orphans(place.store, cast("Originals", recorded), ALL) == 0
    assert late in place.held()
