"""A caller of some collections: of the others nothing is found, shown, told or changed, whatever is asked."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import Engine

from rag.answer import Answerer
from rag.cache import AnswerCache
from rag.candidates import Candidates
from rag.collections import Collections
from rag.conversations import GONE, Conversations
from rag.draft import Question
from rag.errors import CollectionNotFound, DocumentNotFound, SourceNotFound
from rag.leases import Leases
from rag.registry import Registry
from rag.retrieve import Retriever
from rag.serving import Serving
from rag.settings import TraceSettings
from rag.shelf import MemoryShelf
from rag.sources import NewSource, SourceKind, Sources
from rag.traces import Traces
from rag.types import Document, Done, Filters, Mode, Principal, Scope, Search
from rag.write import Writer
from tests.rag.conftest import ADMIN, finish, shown, upload
from tests.rag.test_conversations import FIRST, turn
from tests.rag.test_traces import trace_on
from tests.workshop import Workshop, opened

EVERY = frozenset(set(Scope) - {Scope.ADMIN})
ALL = Principal(name="key", scopes=EVERY, groups=frozenset({"staff"}))
WITHIN = replace(ALL, collections=frozenset({"public"}))
CALLERS = [
    WITHIN,
    replace(WITHIN, scopes=frozenset({Scope.VISIT})),
    replace(WITHIN, scopes=frozenset({Scope.ADMIN})),
    replace(WITHIN, collections=frozenset({"nowhere"})),
    replace(WITHIN, collections=frozenset()),
]
ASKED = "How many days of leave has everyone?"


@pytest.fixture
def public(registry: Registry, leases: Leases, serving: Serving) -> Document:
    document, _ = registry.add(upload("public", collection="public", source_id="public/1"), ADMIN)
    finish(leases, serving, document, "six days")
    return document


@pytest.fixture
def board(registry: Registry, leases: Leases, serving: Serving) -> Document:
    """A document for everybody who may look into its collection."""
    document, _ = registry.add(upload("board", collection="board", source_id="board/1"), ADMIN)
    finish(leases, serving, document, "seven days")
    return document


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: ",".join(sorted(caller.collections)) or "none")
def test_no_query_finds_what_is_in_another_collection(
    registry: Registry, public: Document, board: Document, caller: Principal
) -> None:
    candidates = Candidates(registry.engine)
    ids = {f"{one.id}.1.0" for one in (public, board)}
    for collections in (None, ["board"], ["public", "board"]):
        for filters in (Filters(), Filters(documents=(board.id,))):
            search = Search(text="seven days", principal=caller, top_k=5, collections=collections, filters=filters)
            for mode in Mode:
                found = candidates.read(replace(search, mode=mode), dict.fromkeys(ids, 0.9), limit=5)
                assert {one.hit.document_id for one in found.candidates} <= {public.id}
            assert not any(key.startswith(board.id) for key in candidates.ids(search, 5))
            selection = candidates.selection(search)
            assert selection is not None
            assert board.id not in selection.names
    assert candidates.hits(ids, caller).keys() <= {f"{public.id}.1.0"}


def test_a_caller_of_its_collections_sees_what_is_there(registry: Registry, public: Document, board: Document) -> None:
    assert shown(registry, public, WITHIN) == ["six days"]
    assert shown(registry, board, WITHIN) == []
    assert shown(registry, board, ALL) == ["seven days"]
    assert [one.id for one in registry.documents(WITHIN)[0]] == [public.id]
    assert registry.collections(WITHIN) == ["public"]
    assert [one.name for one in Collections(registry.engine).all(WITHIN)] == ["public"]


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: ",".join(sorted(caller.collections)) or "none")
def test_a_document_of_another_collection_does_not_exist(
    registry: Registry, board: Document, caller: Principal
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: registry.document(board.id, caller),
        lambda: registry.chunks(board.id, caller),
        lambda: registry.highlights(board.id, 0, 9, caller),
        lambda: registry.text(board.id, caller, None, 0, 9),
        lambda: registry.text(board.id, caller, 1, 0, 9),
        lambda: registry.change(board.id, caller, access=[]),
        lambda: registry.delete(board.id, caller),
        lambda: registry.release(board.id, "board/1", caller),
        lambda: registry.reprocess(board.id, caller),
        lambda: registry.restore(board.id, 1, caller),
    ]
    for call in calls:
        with pytest.raises(DocumentNotFound):
            call()
    assert registry.hidden([board.id], caller) == {board.id}
    assert registry.hidden([board.id], ALL) == set()
    assert registry.documents(caller, collection="board")[0] == []
    assert registry.documents(caller, q="handbook")[0] == []
    assert sum(registry.counts(caller).values()) == 0
    assert registry.document(board.id, ADMIN).serving == 1


def test_another_collection_is_refused_like_one_that_there_is_not(registry: Registry, board: Document) -> None:
    details = []
    for name in ("board", "nowhere"):
        with pytest.raises(CollectionNotFound) as refused:
            registry.require_collections([name], WITHIN)
        details.append(refused.value.detail.replace(name, "NAME"))

    assert details[0] == details[1]
    registry.require_collections([board.collection], ALL)


def test_nothing_is_uploaded_to_another_collection_nor_learnt_of_it(registry: Registry, board: Document) -> None:
    for again in (upload("board", collection="board"), upload("new", collection="board", source_id="board/1")):
        with pytest.raises(CollectionNotFound):
            registry.add(again, WITHIN)
        with pytest.raises(CollectionNotFound):
            registry.require_replaceable("board", again.source_id, WITHIN)

    assert len(registry.document(board.id, ADMIN).versions) == 1


def test_no_document_is_moved_to_another_collection(registry: Registry, public: Document) -> None:
    with pytest.raises(CollectionNotFound):
        registry.change(public.id, WITHIN, collection="board")

    assert registry.document(public.id, ADMIN).collection == "public"
    assert registry.collections(ADMIN) == ["public"]


def test_a_document_is_hidden_from_the_moment_that_it_leaves_the_callers_collections(
    registry: Registry, public: Document
) -> None:
    registry.change(public.id, ADMIN, collection="board")

    assert registry.hidden([public.id], WITHIN) == {public.id}
    assert shown(registry, public, WITHIN) == []
    assert shown(registry, public, ALL) == ["six days"]


def test_an_idempotency_key_shows_no_document_that_has_left_the_callers_collections(registry: Registry) -> None:
    document, _ = registry.add(upload("rules", collection="public", idempotency_key="42"), WITHIN)

    assert registry.uploaded_with(WITHIN, "42") == document
    assert registry.uploaded_with(replace(WITHIN, collections=frozenset({"board"})), "42") is None


def test_sources_of_other_collections_do_not_exist_and_runs_keep_to_the_callers(engine: Engine) -> None:
    sources = Sources(engine)
    new = NewSource(kind=SourceKind.WEB, location="http://a.example", collection="board", grace_s=1.0, options={})
    board = sources.add(new, ADMIN)
    own = sources.add(replace(new, collection="public"), WITHIN)

    assert sources.all(WITHIN) == [own]
    assert own.run_as == WITHIN
    assert board.run_as.collections is None
    for call in (sources.get, sources.run_now, sources.remove):
        with pytest.raises(SourceNotFound):
            call(board.id, WITHIN)
    with pytest.raises(CollectionNotFound):
        sources.add(replace(new, location="http://b.example"), WITHIN)
    with pytest.raises(CollectionNotFound):
        sources.report_missing("board", "board/", ["board/1"], 0.0, WITHIN)


def test_an_earlier_answer_and_its_trace_are_gone_with_the_collection_that_they_rest_on(
    registry: Registry, board: Document
) -> None:
    conversations = Conversations(registry.engine, keep_days=30)
    conversations.append(FIRST, ALL, turn(document=board), after=0)
    traces = Traces(registry.engine, TraceSettings(keep_text="full"))
    traces.record(replace(trace_on(board), principal=ALL.name))

    assert conversations.read(FIRST, ALL).turns[0].answer != GONE
    assert conversations.read(FIRST, WITHIN).turns[0].answer == GONE
    assert conversations.read(FIRST, WITHIN).turns[0].sources == ()
    assert traces.read("t1", ALL).answer
    assert traces.read("t1", WITHIN).answer is None
    assert [one.quote for one in traces.read("t1", WITHIN).citations] == [None]


@pytest.fixture(scope="module")
def desk(chroma_url: str, empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with opened(chroma_url, empty_sqlite, tmp_path_factory.mktemp("desk")) as workshop:
        workshop.add("Everyone has six days of leave.", collection="public")
        workshop.add("Everyone of the board has ninety days of leave.", collection="board")
        workshop.work()
        yield workshop


@pytest.fixture
def answerer(desk: Workshop) -> Answerer:
    retriever = Retriever(registry=desk.registry, candidates=Candidates(desk.engine), indexes=desk.indexes)
    return Answerer(
        retriever=retriever,
        writer=Writer(retriever=retriever, generator=None),
        min_evidence=0.1,
        cache=AnswerCache(retriever=retriever, shelf=MemoryShelf(), keep_s=3600.0),
    )


def ask(answerer: Answerer, principal: Principal, **more: Any) -> Done:
    async def last() -> Any:
        question = Question(text=ASKED, principal=principal, top_k=5, **more)
        return [event async for event in answerer.answer(question)][-1]

    done = anyio.run(last)
    assert isinstance(done, Done)
    return done


def test_a_search_that_names_no_collection_looks_in_the_callers_own(answerer: Answerer) -> None:
    for mode in Mode:
        search = Search(text=ASKED, principal=WITHIN, top_k=5, mode=mode)
        found = answerer.retriever.retrieve(search)
        assert [hit.text.rpartition("\n\n")[2] for hit in found.hits] == ["Everyone has six days of leave."]
        assert "board" not in str([one.hit for one in found.candidates])
        assert len(answerer.retriever.retrieve(replace(search, principal=ALL)).hits) == 2


def test_a_search_that_names_another_collection_is_refused(answerer: Answerer) -> None:
    with pytest.raises(CollectionNotFound, match="'board'"):
        answerer.retriever.retrieve(Search(text=ASKED, principal=WITHIN, top_k=5, collections=["public", "board"]))


def test_an_answer_of_all_collections_is_not_given_to_a_caller_of_some(answerer: Answerer) -> None:
    assert "ninety" in ask(answerer, ALL).answer

    first, again = ask(answerer, WITHIN), ask(answerer, WITHIN)

    assert (first.cached, again.cached) == (False, True)
    assert "six" in first.answer
    assert "ninety" not in first.answer + again.answer
    assert "ninety" in ask(answerer, ALL).answer
    assert not ask(answerer, replace(WITHIN, collections=frozenset({"public", "nowhere"}))).cached


def test_no_answer_comes_from_no_collection(answerer: Answerer) -> None:
    assert ask(answerer, replace(WITHIN, collections=frozenset())).abstained
