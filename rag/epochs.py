"""Epochs: a number for each collection that tells whether anything its answers may rest on has changed.

It is another one when a version comes to serve, a document is deleted, its access or metadata change, or the serving
index receives vectors that it lacked.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from rag.database import transaction
from rag.generations import State
from rag.tables import CollectionRow, GenerationRow

EPOCH_BITS = 63  # what the column holds


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What answers rest on: the generation that serves, and the epochs of the collections asked, by name."""

    generation: int | None
    epochs: dict[str, int]


def changed(session: Session, *collections: str) -> None:
    """Give the collections another epoch, which counts when the transaction ends; their rows are locked until then.

    The last thing that a transaction does: others wait for these rows with all that they hold. An epoch is a random
    number and no count, so that none comes again, whatever the order of commits, and after a restored backup, too.
    """
    for name in sorted(set(collections)):
        session.execute(
            update(CollectionRow).where(CollectionRow.name == name).values(epoch=secrets.randbits(EPOCH_BITS)),
            execution_options={"synchronize_session": False},
        )


def read_basis(engine: Engine, collections: Sequence[str] | None) -> Basis:
    """Return what answers from these collections (None: all) rest on now. One query."""
    generation = select(GenerationRow.id).where(GenerationRow.state == State.SERVING).scalar_subquery()
    query = select(CollectionRow.name, CollectionRow.epoch, generation.label("generation"))
    if collections is not None:
        query = query.where(CollectionRow.name.in_(collections))
    with transaction(engine, writes=False) as session:
        rows = session.execute(query.order_by(CollectionRow.name)).all()
    return Basis(generation=rows[0].generation if rows else None, epochs={row.name: row.epoch for row in rows})
