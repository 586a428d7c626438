"""Files within a file: archives' members and mails' attachments become blocks of the one document they came in."""

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.parse.kinds import Kind, kind_of
from rag.errors import EmptyDocument, ParserLimitExceeded, PermanentError, UnsupportedFormat
from rag.types import Block, ParsedDocument

MOST_DEPTH = 3
MOST_MEMBERS = 1000
MOST_BYTES = 500_000_000


@dataclass
class Budget:
    """What one document may hold in all, however it is nested."""

    depth: int = 0
    count: int = 0
    size: int = 0

    def spend(self, size: int) -> None:
        """Count a member. Raise ParserLimitExceeded if that is one, or some bytes, too many."""
        self.count += 1
        self.size += size
        if self.count > MOST_MEMBERS:
            raise ParserLimitExceeded(f"It holds over {MOST_MEMBERS:,} files. Split it.")
        if self.size > MOST_BYTES:
            raise ParserLimitExceeded(f"Its files unpack to over {MOST_BYTES // 1_000_000} MB. Split it.")


@dataclass
class Members:
    """The members of one archive or mail, as they are read."""

    parse: Callable[[Path, str, Kind, Budget], ParsedDocument]
    budget: Budget
    blocks: list[Block] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    reasons: list[PermanentError] = field(default_factory=list)

    def add(self, name: str, content: bytes, kind: Kind | None = None) -> None:
        """Read a member by a file of its own in the temporary folder; one that cannot be read leaves a warning."""
        self.budget.depth += 1
        try:
            if self.budget.depth > MOST_DEPTH:
                raise UnsupportedFormat(f"{name} is nested over {MOST_DEPTH} archives deep. Unpack the inner ones.")
            with tempfile.NamedTemporaryFile(prefix="member-") as file:
                file.write(content)
                file.flush()
                kind = kind or kind_of(io.BytesIO(content), name)
                parsed = self.parse(Path(file.name), name, kind, self.budget)
        except EmptyDocument:
            return
        except ParserLimitExceeded:
            raise
        except PermanentError as exc:
            self.refuse(name, exc)
            return
        finally:
            self.budget.depth -= 1
        self.blocks += [replace(block, page=None, boxes=b"", section=(name, *block.section)) for block in parsed.blocks]
        self.warnings += [f"{name}: {warning}" for warning in parsed.warnings]

    def refuse(self, name: str, reason: PermanentError) -> None:
        """Note that a member is not read."""
        self.warnings.append(reason.detail if name in reason.detail else f"{name}: {reason.detail}")
        self.reasons.append(reason)

    def read(self) -> tuple[Block, ...]:
        """Return the blocks of all members. Raise the first one's reason if none of them could be read."""
        if not self.blocks and self.reasons:
            raise self.reasons[0]
        return tuple(self.blocks)
