"""Conversations: kept for who asked, gone on with, and shown only while what they rest on may be."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, select, update

from rag.conversations import GONE, Conversations, PastTurn
from rag.database import transaction
from rag.errors import ConversationNotFound, InvalidRequest
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.tables import ConversationRow, TurnRow
from rag.types import Document, NumberedHit, Principal, Scope
from rag.work import Kind
from tests.rag.conftest import ADMIN, finish, take, upload
from tests.rag.test_compose import hit

ANNA, BEN = (Principal(name=name, scopes=frozenset({Scope.ASK})) for name in ("key_anna", "key_ben"))
FIRST, SECOND = "a" * 32, "b" * 32


@pytest.fixture
def conversations(engine: Engine) -> Conversations:
    return Conversations(engine, keep_days=30)


def turn(question: str = "How many?", document: Document | None = None, chunks: Sequence[int] = (0,)) -> PastTurn:
    """Return a turn that rests on passages of a document's version 1."""
    ids = tuple(f"{document.id}.1.{n}" for n in chunks) if document else ()
    return PastTurn(
        question=question,
        answer="Six days [1].",
        abstained=False,
        trace_id="trace",
        sources=(NumberedHit(n=1, hit=hit("any"), chunk_ids=ids),) if document else (),
        documents=(document.id,) if document else (),
    )


def served(registry: Registry, leases: Leases, serving: Serving, **named: object) -> Document:
    document, _ = registry.add(upload("handbook", source_id="handbook", **named), ADMIN)
    finish(leases, serving, document, "six days")
    return document


def test_a_conversation_is_read_with_its_turns_in_order(conversations: Conversations) -> None:
    conversations.append(FIRST, ANNA, turn("How many\n days?"), after=0)
    conversations.append(FIRST, ANNA, turn("And then?"), after=1)

    found = conversations.read(FIRST, ANNA)

    assert (found.title, found.count) == ("How many days?", 2)
    assert [(one.question, one.answer) for one in found.turns] == [
        ("How many\n days?", "Six days [1]."),
        ("And then?", "Six days [1]."),
    ]
    assert found == conversations.begun(FIRST, ANNA)


def test_anothers_conversation_does_not_exist(conversations: Conversations) -> None:
    conversations.append(FIRST, ANNA, turn(), after=0)

    for call in (
        lambda: conversations.require(FIRST, BEN),
        lambda: conversations.read(FIRST, ADMIN),
        lambda: conversations.rename(FIRST, "Mine", BEN),
        lambda: conversations.delete(FIRST, BEN),
    ):
        with pytest.raises(ConversationNotFound):
            call()
    conversations.append(FIRST, BEN, turn("Mine?"), after=0)
    assert conversations.page(BEN) == ([], None)
    assert conversations.read(FIRST, ANNA).count == 1


def test_one_may_begin_under_an_id_of_32_hexadecimal_digits_that_nobody_has(conversations: Conversations) -> None:
    conversations.require(FIRST, ANNA)

    with pytest.raises(ConversationNotFound, match="my-chat"):
        conversations.require("my-chat", ANNA)
    assert conversations.begun(FIRST, ANNA).turns == ()


def test_they_are_listed_page_by_page_the_one_asked_last_first(conversations: Conversations, engine: Engine) -> None:
    ids = [digit * 32 for digit in "abc"]
    for key in ids:
        conversations.append(key, ANNA, turn(), after=0)
    with transaction(engine, writes=True) as session:
        session.execute(update(ConversationRow).values(updated_at=5.0))
    conversations.append("a" * 32, ANNA, turn(), after=1)

    page, cursor = conversations.page(ANNA, limit=2)
    rest, end = conversations.page(ANNA, limit=2, cursor=cursor)

    assert [one.id[0] for one in [*page, *rest]] == ["a", "c", "b"]
    assert end is None
    with pytest.raises(InvalidRequest):
        conversations.page(ANNA, cursor="nonsense")


def test_a_conversation_is_renamed_and_deleted_and_an_answer_that_comes_later_does_not_bring_it_back(
    conversations: Conversations, engine: Engine
) -> None:
    conversations.append(FIRST, ANNA, turn("x" * 200), after=0)
    assert len(conversations.read(FIRST, ANNA).title) == 80

    assert conversations.rename(FIRST, "Leave", ANNA).title == "Leave"
    conversations.delete(FIRST, ANNA)
    conversations.append(FIRST, ANNA, turn(), after=1)

    assert conversations.page(ANNA) == ([], None)
    with engine.connect() as connection:
        assert connection.execute(select(TurnRow.question)).all() == []


def test_of_two_answers_at_the_same_time_the_later_one_has_no_sources_and_no_marks(
    conversations: Conversations, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = served(registry, leases, serving)
    for _ in range(2):
        conversations.append(FIRST, ANNA, turn("And?", document), after=0)

    one, other = conversations.read(FIRST, ANNA).turns

    assert (one.answer, [source.n for source in one.sources]) == ("Six days [1].", [1])
    assert (other.answer, other.sources, other.documents) == ("Six days.", (), (document.id,))


def test_a_source_is_read_again_from_the_registry(
    conversations: Conversations, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = served(registry, leases, serving)
    conversations.append(FIRST, ANNA, turn("How many?", document), after=0)

    [source] = conversations.read(FIRST, ANNA).turns[0].sources

    assert (source.n, source.hit.text, source.hit.title) == (1, "six days", "Handbook")


@pytest.mark.parametrize("how", ["deleted", "closed", "replaced"])
def test_an_answer_is_gone_with_what_it_rests_on(
    conversations: Conversations, registry: Registry, leases: Leases, serving: Serving, how: str
) -> None:
    document = served(registry, leases, serving)
    conversations.append(FIRST, ANNA, turn("How many?", document), after=0)
    if how == "deleted":
        registry.delete(document.id, ADMIN)
    elif how == "closed":
        registry.add(upload("handbook", source_id="handbook", access=["hr"]), ADMIN)
    else:
        registry.add(upload("other", source_id="handbook"), ADMIN)
        finish(leases, serving, document, "seven days")

    [found] = conversations.begun(FIRST, ANNA).turns

    assert (found.answer, found.is_gone, found.sources) == (GONE, True, ())


def test_an_answer_that_rests_on_an_earlier_one_is_gone_with_it_and_the_one_before_stays(
    conversations: Conversations, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = served(registry, leases, serving)
    later = PastTurn(**{**vars(turn("And?")), "documents": (document.id,)})
    for n, one in enumerate([turn("Hello?"), later]):
        conversations.append(FIRST, ANNA, one, after=n)
    registry.delete(document.id, ADMIN)

    assert [one.is_gone for one in conversations.read(FIRST, ANNA).turns] == [False, True]


@pytest.mark.parametrize("is_beside_another", [False, True])
def test_an_answer_that_rests_on_the_passages_of_an_earlier_question_is_gone_once_they_are_replaced(
    conversations: Conversations, registry: Registry, leases: Leases, serving: Serving, *, is_beside_another: bool
) -> None:
    document = served(registry, leases, serving)
    first = turn("How many?", document)
    later = first if is_beside_another else PastTurn(**{**vars(first), "sources": (), "again": first.sources})
    conversations.append(FIRST, ANNA, first, after=0)
    conversations.append(FIRST, ANNA, later, after=0 if is_beside_another else 1)
    assert [(one.is_gone, len(one.sources)) for one in conversations.read(FIRST, ANNA).turns] == [
        (False, 1),
        (False, 0),
    ]
    registry.add(upload("other", source_id="handbook"), ADMIN)
    finish(leases, serving, document, "seven days")

    assert [one.answer for one in conversations.read(FIRST, ANNA).turns] == [GONE, GONE]


def test_a_purge_leaves_nothing_of_an_answer_that_rests_on_the_document(
    conversations: Conversations, registry: Registry, leases: Leases, serving: Serving, engine: Engine
) -> None:
    document = served(registry, leases, serving)
    conversations.append(FIRST, ANNA, turn("How many?", document), after=0)
    conversations.append(FIRST, ANNA, turn("Hello?"), after=1)
    registry.delete(document.id, ADMIN)

    serving.purge(take(leases, document, Kind.CLEAN).work, lambda _: None)

    with engine.connect() as connection:
        assert connection.scalars(select(TurnRow.answer).order_by(TurnRow.ordinal)).all() == ["", "Six days [1]."]
    assert conversations.read(FIRST, ANNA).turns[0].answer == GONE


def test_an_answer_that_comes_after_its_document_was_deleted_is_not_stored(
    conversations: Conversations, engine: Engine, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = served(registry, leases, serving)
    registry.delete(document.id, ADMIN)

    conversations.append(FIRST, ANNA, turn(document=document), after=0)

    with transaction(engine, writes=False) as session:
        assert session.scalars(select(TurnRow.answer)).all() == [""]


def test_a_number_is_not_given_again_while_its_source_may_not_be_read(
    conversations: Conversations, registry: Registry, leases: Leases, serving: Serving
) -> None:
    document = served(registry, leases, serving)
    conversations.append(FIRST, ANNA, turn(document=document), after=0)

    registry.delete(document.id, ADMIN)

    found = conversations.begun(FIRST, ANNA)
    assert (found.turns[0].sources, found.last_number) == ((), 1)


def test_what_was_not_asked_for_long_is_removed(conversations: Conversations, engine: Engine) -> None:
    for key in (FIRST, SECOND):
        conversations.append(key, ANNA, turn(), after=0)
    with transaction(engine, writes=True) as session:
        month_ago = ConversationRow.updated_at - 30.1 * 86_400
        session.execute(update(ConversationRow).where(ConversationRow.id == FIRST).values(updated_at=month_ago))

    assert conversations.remove_old() == 1
    assert [one.id for one in conversations.page(ANNA)[0]] == [SECOND]


def test_where_none_is_kept_none_is_stored_and_those_of_before_are_removed(
    conversations: Conversations, engine: Engine
) -> None:
    conversations.append(FIRST, ANNA, turn(), after=0)
    none = Conversations(engine, keep_days=0)

    none.append(SECOND, ANNA, turn(), after=0)

    assert [one.id for one in none.page(ANNA)[0]] == [FIRST]
    assert none.remove_old() == 1


def test_a_prompt_reads_only_the_last_turns_of_a_long_conversation(conversations: Conversations) -> None:
    for n in range(101):
        conversations.append(FIRST, ANNA, turn(f"Question {n}"), after=n)

    found = conversations.begun(FIRST, ANNA)

    assert (found.count, found.turns[0].question, found.turns[-1].question) == (101, "Question 50", "Question 100")
    assert len(conversations.read(FIRST, ANNA).turns) == 101
