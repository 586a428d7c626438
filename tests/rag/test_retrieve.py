"""Retrieval: the index proposes, the registry decides, and a switch of versions is never seen half-way."""

import threading
from typing import Any, cast

import pytest

from rag import filters
from rag.candidates import Candidates
from rag.errors import CollectionNotFound
from rag.records import chunk_id
from rag.retrieve import Retriever, explained
from rag.types import Filters, Mode, Principal, Scope, Search, Turn
from tests.rag.conftest import extracted, take, upload
from tests.workshop import ADMIN, Hooked, Workshop, once

SIX, SEVEN, EIGHT = "Six days of leave.", "Seven nights of rest.", "Eight weeks of notice."
VISITOR = Principal(name="visitor", scopes=frozenset({Scope.SEARCH}))


def retriever(workshop: Workshop, **before: Any) -> Retriever:
    """Return a retriever before whose questions to the registry something happens."""
    candidates = cast("Candidates", Hooked(Candidates(workshop.engine), **before))
    return Retriever(registry=workshop.registry, candidates=candidates, indexes=workshop.indexes)


def texts(found: Retriever, query: str, top_k: int = 5, principal: Principal = ADMIN, **named: Any) -> list[str]:
    hits = found.retrieve(Search(text=query, principal=principal, top_k=top_k, **named)).hits
    return [hit.text.rpartition("\n\n")[2] for hit in hits]


def test_hits_are_found_behind_any_number_that_may_not_be_shown(workshop: Workshop) -> None:
    for n in range(20):
        workshop.add(f"{SIX} {n}", filename=f"{n}.md", access=["finance"])
    workshop.add("Seven days of leave.", filename="open.md")
    workshop.work()

    assert texts(retriever(workshop), SIX, top_k=1, principal=VISITOR) == ["Seven days of leave."]
    assert len(texts(retriever(workshop), SIX, top_k=21)) == 21


def test_a_search_may_be_limited_to_collections(workshop: Workshop) -> None:
    workshop.add(SIX, collection="hr")
    workshop.add(SEVEN, collection="wiki")
    workshop.work()
    search = retriever(workshop)

    assert texts(search, "days", collections=["wiki"]) == [SEVEN]
    with pytest.raises(CollectionNotFound):
        texts(search, "days", collections=["none"])


def test_a_code_is_found_however_it_is_written(workshop: Workshop) -> None:
    for n in range(30):
        workshop.add(f"Error ERR-40{n:02} says that the conveyor has stopped.", filename=f"{n}.md")
    workshop.work()
    search = retriever(workshop)

    assert texts(search, "err 4017", top_k=1) == ["Error ERR-4017 says that the conveyor has stopped."]
    assert texts(search, "ERR4017", top_k=3, mode=Mode.LEXICAL)[0].startswith("Error ERR-4017")
    assert texts(search, "absent words", mode=Mode.LEXICAL) == []


def test_a_follow_up_is_understood_from_what_was_said_and_its_own_words_still_count(workshop: Workshop) -> None:
    for topic in ("holidays", "parking places", "mobile phones"):
        workshop.add(f"For {topic} the form is sent to the office, which answers in a week.", filename=f"{topic}.md")
    workshop.work()
    history = [Turn(role="user", content="How do I get a parking place?"), Turn(role="assistant", content="By a form.")]

    (found,) = texts(retriever(workshop), "And where is it sent to?", top_k=1, history=history)

    assert "parking" in found


def test_a_narrow_filter_finds_what_stands_behind_any_number_of_others(workshop: Workshop) -> None:
    for n in range(120):
        workshop.add(f"{SIX} {n}", filename=f"{n}.md", metadata={"year": 2020 + n // 119})
    workshop.work(most=300)

    found = texts(retriever(workshop), SIX, mode=Mode.DENSE, filters=Filters(metadata={"year": (2021,)}))

    assert found == [f"{SIX} 119"]


@pytest.mark.parametrize("most_chunks", [0, 1000])
def test_a_narrow_filter_finds_words_behind_any_number_of_better_matches(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, most_chunks: int
) -> None:
    monkeypatch.setattr(filters, "MOST_CHUNKS", most_chunks)
    for n in range(30):
        workshop.add(f"{SIX} {n}", filename=f"{n}.md", metadata={"year": 2020 + n // 29})
    workshop.work(most=100)

    found = texts(retriever(workshop), "leave", mode=Mode.LEXICAL, filters=Filters(metadata={"year": (2021,)}))

    assert found == [f"{SIX} 29"]


def test_an_explanation_tells_of_every_candidate_and_of_nothing_that_is_hidden(workshop: Workshop) -> None:
    workshop.add(SIX, filename="open.md")
    workshop.add(f"{SIX} For directors.", filename="closed.md", access=["board"])
    workshop.add("The conveyor has stopped.", filename="other.md")
    workshop.work()

    found = retriever(workshop).retrieve(Search(text="days of leave", principal=VISITOR, top_k=1))

    first, second = explained(found)
    assert [(first["rank"], first["dense_rank"], first["lexical_rank"], first["dropped"])] == [(1, 1, 1, None)]
    assert first["score"] == found.hits[0].score
    assert (second["rank"], second["dropped"]) == (None, "not among the best 1")


def test_a_document_replaced_between_the_indexs_answer_and_the_registrys_is_found(workshop: Workshop) -> None:
    workshop.add(SIX, source_id="hr/leave")
    workshop.work()

    def replaced() -> None:
        workshop.add(EIGHT, source_id="hr/leave")
        workshop.work()

    assert texts(retriever(workshop, read=once(replaced)), "leave") == [EIGHT]


def test_documents_replaced_one_after_the_other_while_a_question_is_asked_are_all_found(workshop: Workshop) -> None:
    for name in ("a", "b", "c"):
        workshop.add(f"{SIX} {name}", source_id=name, filename=f"{name}.md")
    workshop.work()
    left = ["c", "b", "a"]

    def replace_next() -> None:
        if left:
            name = left.pop()
            workshop.add(f"{EIGHT} {name}", source_id=name, filename=f"{name}.md")
            workshop.work()

    assert sorted(texts(retriever(workshop, read=replace_next), "leave")) == [f"{EIGHT} {name}" for name in "abc"]


def test_vectors_that_wait_for_their_cleaning_hide_nothing(workshop: Workshop) -> None:
    document = workshop.add(SIX, source_id="hr/leave")
    workshop.work()
    workshop.add(EIGHT, source_id="hr/leave")
    workshop.pipeline.work_once()

    assert len(workshop.vectors()) == 2
    assert texts(retriever(workshop), "leave") == [EIGHT]
    assert workshop.document(document).serving == 2


def test_a_switch_of_versions_is_never_seen_half_way(workshop: Workshop) -> None:
    """A version has three passages, all named after it; a search shows those of one version, always."""
    workshop.add("no passage", source_id="the/document")
    workshop.work()
    stop, seen, broken = threading.Event(), set[str](), list[list[str]]()

    def ask() -> None:
        search = retriever(workshop)
        while not stop.is_set():
            found = texts(search, "version", top_k=3)
            versions = {text.split()[1] for text in found}
            seen.update(versions)
            if len(versions) != 1 or len(found) != (1 if versions == {"passage"} else 3):
                broken.append(found)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(2, 14):
        serve(workshop, number)
    stop.set()
    for thread in threads:
        thread.join()

    assert broken == []
    assert len(seen) > 2


def serve(workshop: Workshop, number: int) -> None:
    """Replace the document as the pipeline does, without the time that reading takes."""
    dense = workshop.indexes.serving()
    document, _ = workshop.registry.add(upload(f"{number}", source_id="the/document"), ADMIN)
    passages = extracted(*(f"version {number} part {n}" for n in range(3)))
    work = take(workshop.leases, document).work
    ids = [chunk_id(document.id, work.version, n) for n in range(3)]
    vectors = dense.embedder.embed([chunk.text for chunk in passages.chunks])
    dense.index.upsert(ids, vectors, document_id=document.id, version=work.version, collection="default")
    workshop.serving.switch(work, passages, dense.generation.id)
    workshop.work()
