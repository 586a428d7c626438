"""Filters and rights inside the query: what they let through, in both databases."""

from datetime import date
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Engine, update

from rag.candidates import Candidates
from rag.database import transaction
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.tables import DocumentRow, VersionRow
from rag.types import Filters, Principal, Scope, Search
from tests.rag.conftest import ADMIN, finish, upload

DOCUMENTS: dict[str, dict[str, Any]] = {
    "open": {"meta": {"year": 2024, "draft": True, "owner": "HR"}, "language": "en", "modified_at": "2024-03-01"},
    "closed": {
        "access": ["finance", "hr"],
        "meta": {"year": "2024"},
        "language": "de",
        "written_at": "2023-12-31T23:00",
    },
    "other": {"access": ["legal"], "meta": {"year": 2023, "owner": "O'Neil"}, "language": None},
}


@pytest.fixture
def candidates(engine: Engine, registry: Registry, leases: Leases, serving: Serving) -> Candidates:
    for name, values in DOCUMENTS.items():
        document, _ = registry.add(upload(name, filename=name), ADMIN)
        finish(leases, serving, document, "six days of leave")
        with transaction(engine, writes=True) as session:
            of_document = {key: value for key, value in values.items() if key in {"access", "meta"}}
            session.get_one(DocumentRow, document.id).created_at = 1.0
            session.execute(update(DocumentRow).where(DocumentRow.id == document.id).values(**of_document))
            of_version = {key: value for key, value in values.items() if key not in of_document}
            session.execute(
                update(VersionRow).where(VersionRow.document_id == document.id).values(**of_version, title=name)
            )
    return Candidates(engine)


def found(candidates: Candidates, filters: Filters | None = None, principal: Principal = ADMIN) -> set[str]:
    search = Search(text="leave", principal=principal, top_k=5, filters=filters or Filters())
    return {one.hit.title for one in candidates.read(search, {}, limit=10).candidates}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {"open", "closed", "other"}),
        (Filters(languages=("de", "fr")), {"closed"}),
        (Filters(dated_from=date(2024, 1, 1)), {"open"}),
        (Filters(dated_to=date(2023, 12, 31)), {"closed"}),
        (Filters(dated_from=date(2024, 3, 1), dated_to=date(2024, 3, 1)), {"open"}),
        (Filters(metadata={"year": (2024,)}), {"open", "closed"}),
        (Filters(metadata={"year": (2023, "x")}), {"other"}),
        (Filters(metadata={"draft": (True,)}), {"open"}),
        (Filters(metadata={"owner": ("O'Neil",)}), {"other"}),
        (Filters(metadata={"owner": ("HR",), "year": (2023,)}), set()),
        (Filters(documents=("doc_none",)), set()),
    ],
)
def test_a_filter_lets_through(candidates: Candidates, filters: Filters, expected: set[str]) -> None:
    assert found(candidates, filters) == expected


def test_rights_in_the_query_are_the_principals_own_rule(candidates: Candidates) -> None:
    groups = [frozenset[str](), frozenset({"finance"}), frozenset({"legal", "hr"}), frozenset({"x'] OR 1=1 --"})]
    for own, scope in product(groups, (Scope.SEARCH, Scope.ADMIN)):
        principal = Principal(name="someone", scopes=frozenset({scope}), groups=own)
        expected = {name for name, row in DOCUMENTS.items() if principal.may_see(row.get("access", []), "default")}

        assert found(candidates, principal=principal) == expected


def test_a_metadata_field_of_any_name_breaks_no_query(candidates: Candidates) -> None:
    for name in ("it's", 'a"b', "$.x", "a.b", "%s", ":p"):
        assert found(candidates, Filters(metadata={name: ("x",)})) == set()
