"""Reconcile: whatever was lost or left in the index, it comes to hold what the registry serves."""

import numpy as np

from ingest.reconcile import reconcile
from rag.dense import Dense
from rag.types import Document
from tests.workshop import Workshop

SIX, SEVEN, EIGHT = "Six days of leave.", "Seven nights of rest.", "Eight weeks of notice."


def served(workshop: Workshop) -> Document:
    document = workshop.add(SIX, SEVEN)
    workshop.add(EIGHT, filename="notice.md")
    workshop.work()
    return document


def put(dense: Dense, chunk_id: str, document_id: str) -> None:
    vector = np.ones((1, dense.generation.dimension), dtype=np.float32)
    dense.index.upsert([chunk_id], vector, document_id=document_id, version=1, collection="default")


def healed(workshop: Workshop) -> int:
    """Reconcile and do the work that it asks for; return how much it was."""
    reconcile(workshop.pipeline)
    return workshop.work()


def test_where_nothing_is_amiss_nothing_is_done(workshop: Workshop) -> None:
    served(workshop)

    assert healed(workshop) == 0


def test_a_lost_vector_is_filled_in_again(workshop: Workshop) -> None:
    document = served(workshop)
    workshop.indexes.serving().index.delete([f"{document.id}.1.1"])

    assert healed(workshop) == 1
    assert workshop.is_consistent()
    assert SEVEN in workshop.found("rest")


def test_a_lost_collection_of_vectors_is_filled_again(workshop: Workshop) -> None:
    served(workshop)
    workshop.indexes.serving().index.drop()

    assert healed(workshop) == 2
    assert workshop.is_consistent()
    assert workshop.found(SIX)[0] == SIX


def test_a_vector_that_should_not_be_there_is_removed(workshop: Workshop) -> None:
    document = served(workshop)
    put(workshop.indexes.serving(), f"{document.id}.1.7", document.id)

    assert healed(workshop) == 1
    assert workshop.is_consistent()


def test_a_vector_of_a_document_that_the_registry_does_not_know_is_removed(workshop: Workshop) -> None:
    """The registry may be restored from a backup that is older than the index."""
    served(workshop)
    put(workshop.indexes.serving(), "doc_unknown.1.0", "doc_unknown")

    healed(workshop)

    assert workshop.is_consistent()


def test_every_generation_is_looked_at(workshop: Workshop) -> None:
    document = served(workshop)
    workshop.build()
    workshop.work()
    second = workshop.indexes.all()[1]
    second.index.delete([f"{document.id}.1.0"])
    put(second, f"{document.id}.1.7", document.id)
    put(second, f"{document.id}.1.8", document.id)

    assert healed(workshop) == 2
    assert workshop.is_consistent()


def test_vectors_that_are_there_need_only_be_known_of(workshop: Workshop) -> None:
    """As after the update from a release that did not write down what the index holds."""
    document = served(workshop)
    generation = workshop.indexes.serving().generation.id
    workshop.serving.ask_to_index([document.id], generation)
    while claim := workshop.leases.claim("worker", 60):
        workshop.leases.done(claim.work)

    assert not workshop.serving.is_indexed(document.id, generation)
    assert healed(workshop) == 0
    assert workshop.is_consistent()
