"""Generations: an index filled by one embedding model each. One serves; a change of model is a switch to another."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, exists, func, select, update
from sqlalchemy.orm import Session

from rag.audit import record
from rag.database import clock, insert_if_new, transaction
from rag.embed import Embedder
from rag.errors import EmbedderMismatch, GenerationNotReady, InvalidRequest
from rag.tables import DocumentRow, GenerationRow, IndexedRow, WorkRow
from rag.tokens import model_name
from rag.types import Generation
from rag.work import BACKGROUND, Kind, add_reindexing, add_work

FIRST = 1  # the id of the first generation


class State(StrEnum):
    """`building` is filled for the first time, `serving` answers, `standby` served before and is kept filled.

    Of a `dropped` one only the row is left, so that no other is ever taken for it: processes remember ids.
    """

    BUILDING = "building"
    SERVING = "serving"
    STANDBY = "standby"
    DROPPED = "dropped"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A generation, and of how many served documents it holds the vectors."""

    generation: Generation
    done: int
    total: int
    failed: int


class Generations:
    """The generations in the registry. Reading which one serves is one query, made for every question."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def serving(self) -> Generation | None:
        """Return the generation that answers; None before the first start."""
        with transaction(self._engine, writes=False) as session:
            row = session.scalars(select(GenerationRow).where(GenerationRow.state == State.SERVING)).first()
            return generation_record(row) if row else None

    def all(self) -> list[Generation]:
        """Return every generation, oldest first."""
        with transaction(self._engine, writes=False) as session:
            return [generation_record(row) for row in _present(session)]

    def progress(self) -> list[Progress]:
        """Return every generation and how far it is filled, oldest first."""
        with transaction(self._engine, writes=False) as session:
            total = session.scalar(select(func.count()).select_from(DocumentRow).where(*_is_served())) or 0
            return [
                Progress(
                    generation=generation_record(row),
                    done=total - _missing(session, row.id),
                    total=total,
                    failed=_stuck(session, row.id),
                )
                for row in _present(session)
            ]

    def first(self, generation: Generation) -> Generation:
        """Make the first generation unless there is one; return the one that serves."""
        with transaction(self._engine, writes=True) as session:
            insert_if_new(session, GenerationRow, **_values(generation, FIRST, State.SERVING, clock(session)))
        return self.serving() or generation

    def build(self, generation: Generation, actor: str) -> Generation:
        """Begin to fill a new generation in the background. Raise InvalidRequest while another is being built."""
        with transaction(self._engine, writes=True) as session:
            lock_generations(session, to_change=True)
            if session.scalar(select(GenerationRow.id).where(GenerationRow.state == State.BUILDING)):
                raise InvalidRequest("Another generation is being built. Switch to it, or drop it first.")
            number = (session.scalar(select(func.max(GenerationRow.id))) or 0) + 1
            row = GenerationRow(**_values(generation, number, State.BUILDING, clock(session)))
            session.add(row)
            session.flush()
            add_reindexing(session, row.id, *_is_served())
            record(session, actor, "generation.build", "", generation=row.id, model=row.model)
            return generation_record(row)

    def switch(self, generation_id: int, actor: str) -> Generation:
        """Have all questions answered from a generation, from one moment to the next; the one before stands by.

        Raise GenerationNotReady if it lacks vectors of a served document, InvalidRequest if there is none.
        """
        with transaction(self._engine, writes=True) as session:
            lock_generations(session, to_change=True)
            row = session.get(GenerationRow, generation_id)
            if row is None or row.state == State.DROPPED:
                raise InvalidRequest(f"No generation has the id {generation_id}. `rag models list` shows them.")
            if missing := _missing(session, generation_id):
                raise GenerationNotReady(
                    f"Generation {generation_id} lacks the vectors of {missing} documents. `rag models list` shows how "
                    "far it is; a document that cannot be embedded is named in the worker's log."
                )
            now_serving = GenerationRow.state == State.SERVING
            session.execute(update(GenerationRow).where(now_serving).values(state=State.STANDBY))
            row.state, row.switched_at = State.SERVING, clock(session)
            record(session, actor, "generation.switch", "", generation=row.id, model=row.model)
            return generation_record(row)

    def previous(self) -> Generation:
        """Return the generation that served last before the one now. Raise InvalidRequest if there is none."""
        with transaction(self._engine, writes=False) as session:
            standby = select(GenerationRow).where(GenerationRow.state == State.STANDBY)
            row = session.scalars(standby.order_by(GenerationRow.switched_at.desc().nulls_last())).first()
            if row is None:
                raise InvalidRequest("No generation stands by to go back to.")
            return generation_record(row)

    def drop(self, generation_id: int, actor: str) -> None:
        """Forget a generation that does not serve; its index may be removed then. Raise InvalidRequest otherwise."""
        with transaction(self._engine, writes=True) as session:
            lock_generations(session, to_change=True)
            row = session.get(GenerationRow, generation_id)
            if row is None or row.state in {State.SERVING, State.DROPPED}:
                raise InvalidRequest(f"Generation {generation_id} serves, or there is none of this id.")
            session.execute(delete(IndexedRow).where(IndexedRow.generation == generation_id))
            session.execute(delete(WorkRow).where(WorkRow.generation == generation_id))
            row.state = State.DROPPED
            record(session, actor, "generation.drop", "", generation=generation_id)


def check_configured(serving: Generation | None, configured_model: str) -> None:
    """Raise EmbedderMismatch if the settings name another model than that of the index that serves."""
    if serving and configured_model and model_name(configured_model) != model_name(serving.model):
        raise EmbedderMismatch(
            f"RAG_EMBEDDER_MODEL is {configured_model}, and the index that serves was filled by {serving.model}. "
            f"Unset it, or set it to {serving.model}. To change the model, serve {configured_model} beside it and run "
            f"`rag models build {configured_model} --url URL`, then `rag models switch`."
        )


def check_embedder(serving: Generation, embedder: Embedder) -> None:
    """Raise EmbedderMismatch if the embedder is of another model than the index that serves.

    Two models may have the same dimension: only the name tells their vectors apart.
    """
    check_served(embedder)
    if embedder.dimension != serving.dimension:
        raise EmbedderMismatch(
            f"The embedder at {embedder.url} answers with {embedder.dimension} dimensions, and the index of "
            f"{serving.model} has {serving.dimension}. Start the embedder with the model that filled the index."
        )


def check_served(embedder: Embedder) -> None:
    """Raise EmbedderMismatch unless the engine says that it serves the embedder's model."""
    served = embedder.served()
    if embedder.name not in served:
        raise EmbedderMismatch(
            f"The embedder at {embedder.url} serves {', '.join(served) or 'nothing'}, not {embedder.name}. "
            f"Start it with {embedder.name}, or name a model that it serves."
        )


def lock_generations(session: Session, *, to_change: bool) -> None:
    """Let one change the generations at a time, and none while others serve versions by them.

    The first generation's row stands for all: it is never removed.
    """
    row = select(GenerationRow.id).where(GenerationRow.id == FIRST)
    session.execute(row.with_for_update(key_share=True) if to_change else row.with_for_update(read=True)).all()


def _present(session: Session) -> Sequence[GenerationRow]:
    rows = select(GenerationRow).where(GenerationRow.state != State.DROPPED).order_by(GenerationRow.id)
    return session.scalars(rows).all()


def _values(generation: Generation, number: int, state: State, now: float) -> dict[str, Any]:
    slug = re.sub(r"[^a-z0-9._-]+", "-", generation.model.rsplit("/", 1)[-1].lower()).strip("-._")
    name = f"chunks-{slug}-{generation.dimension}"
    return {
        "id": number,
        "model": generation.model,
        "url": generation.url,
        "query_prefix": generation.query_prefix,
        "passage_prefix": generation.passage_prefix,
        "send_input_type": generation.send_input_type,
        "dimension": generation.dimension,
        "max_tokens": generation.max_tokens,
        "index_name": name if number == FIRST else f"{name}-g{number}",
        "state": state,
        "created_at": now,
    }


def _is_served() -> tuple[ColumnElement[bool], ...]:
    return DocumentRow.deleted_at.is_(None), DocumentRow.serving.is_not(None)


def _missing(session: Session, generation_id: int) -> int:
    """Return how many served documents a generation does not hold."""
    indexed = exists().where(
        IndexedRow.generation == generation_id,
        IndexedRow.document_id == DocumentRow.id,
        IndexedRow.version == DocumentRow.serving,
    )
    return session.scalar(select(func.count()).select_from(DocumentRow).where(*_is_served(), ~indexed)) or 0


def _stuck(session: Session, generation_id: int) -> int:
    """Return how many of the missing nobody will work on any more."""
    waiting = select(func.count()).where(WorkRow.generation == generation_id, WorkRow.lane == BACKGROUND + Kind.REINDEX)
    return max(0, _missing(session, generation_id) - (session.scalar(waiting) or 0))


def generation_record(row: GenerationRow) -> Generation:
    return Generation(
        id=row.id,
        model=row.model,
        url=row.url,
        query_prefix=row.query_prefix,
        passage_prefix=row.passage_prefix,
        send_input_type=row.send_input_type,
        dimension=row.dimension,
        max_tokens=row.max_tokens,
        index_name=row.index_name,
        state=row.state,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
    )


def generation_states(session: Session) -> dict[int, str]:
    """Return the state of every generation that there is; none changes while the transaction lasts."""
    lock_generations(session, to_change=False)
    rows = session.execute(select(GenerationRow.id, GenerationRow.state))
    return {row.id: row.state for row in rows if row.state != State.DROPPED}


def index_again_everywhere(session: Session, document_id: str, version: int) -> None:
    """Have every generation filled with what is served of a document: its vectors are to be in another collection."""
    for generation in sorted(generation_states(session)):
        index_again(session, document_id, version, generation)


def index_again(session: Session, document_id: str, version: int, generation: int) -> None:
    """Have a generation filled with what is served of a document, of which it lacks some."""
    lacking = (IndexedRow.generation == generation, IndexedRow.document_id == document_id)
    session.execute(delete(IndexedRow).where(*lacking))
    add_work(session, Kind.REINDEX, document_id, version=version, generation=generation)
