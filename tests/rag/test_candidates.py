"""Candidates: proposed chunks that the registry confirms, of any number."""

from rag.candidates import Candidates
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.types import Search
from tests.rag.conftest import ADMIN, finish, upload


def test_chunks_may_be_proposed_by_more_ids_than_a_database_takes_parameters(
    registry: Registry, leases: Leases, serving: Serving
) -> None:
    document, _ = registry.add(upload("rules"), ADMIN)
    finish(leases, serving, document, "six days of leave", "seven nights")
    gone = {f"doc_gone.1.{ordinal}": 0.5 for ordinal in range(70_000)}
    search = Search(text="leave", principal=ADMIN, top_k=5)

    found = Candidates(registry.engine).read(search, {**gone, f"{document.id}.1.1": 0.25}, limit=10)

    scores = {one.hit.text: (one.dense, (one.lexical or 0) > 0) for one in found.candidates}
    assert scores == {"six days of leave": (None, True), "seven nights": (0.25, False)}
    assert found.replaced == set()
