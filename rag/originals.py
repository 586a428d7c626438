"""Which stored originals the registry names. One that no version names was left by a process that died too early."""

from collections.abc import Callable, Collection

from sqlalchemy import Engine, select

from rag.database import lock_name, transaction
from rag.tables import VersionRow


class Originals:
    """The hashes in the registry. One short transaction a call."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unnamed(self, hashes: Collection[str]) -> set[str]:
        """Return those of the hashes that no version has; up to some thousands at once."""
        with transaction(self._engine, writes=False) as session:
            return set(hashes) - set(session.scalars(select(VersionRow.sha256).where(VersionRow.sha256.in_(hashes))))

    def remove_unnamed(self, sha256: str, remove: Callable[[str], None]) -> bool:
        """Call `remove` with a hash that still no version has, while uploads of these bytes wait; tell whether it was.

        An upload that stored the bytes before and records them after looks once more whether they are there.
        """
        with transaction(self._engine, writes=True) as session:
            lock_name(session, sha256)
            named = select(VersionRow.version).where(VersionRow.sha256 == sha256).limit(1)
            if session.scalar(named) is not None:
                return False
            remove(sha256)
            return True
