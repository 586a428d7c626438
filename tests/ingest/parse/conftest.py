"""One fork server for all tests of hostile documents: its imports take seconds."""

from collections.abc import Iterator

import pytest

from ingest.parse.sandbox import Sandbox
from ingest.read import Reader
from rag.settings import ParseSettings

LIMITS = ParseSettings(timeout_s=60, memory_bytes=1_000_000_000)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture(scope="session")
def reader(sandbox: Sandbox) -> Reader:
    return Reader(sandbox=sandbox, limits=LIMITS)
