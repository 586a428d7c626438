"""The OpenAPI document: made without a running service, with the paths and fields that clients rely on."""

from typing import Any

import pytest

from api.app import create_app
from rag.settings import Settings

DOCUMENT: dict[str, Any] = create_app(Settings(_env_file=None)).openapi()
PATHS = {
    "/v1/documents": {"get", "post"},
    "/v1/documents/{document_id}": {"get", "delete"},
    "/v1/documents/{document_id}/events": {"get"},
    "/v1/documents/{document_id}/chunks": {"get"},
    "/v1/documents/{document_id}/content": {"get"},
    "/v1/documents/{document_id}/reprocess": {"post"},
    "/v1/documents/url": {"post"},
    "/v1/documents/missing": {"post"},
    "/v1/sources": {"get", "post"},
    "/v1/sources/{source_id}": {"get", "delete"},
    "/v1/sources/{source_id}/run": {"post"},
    "/v1/sources/{source_id}/documents": {"get"},
    "/v1/documents/{document_id}/versions/{version}/restore": {"post"},
    "/v1/generations": {"get", "post"},
    "/v1/generations/{generation_id}": {"delete"},
    "/v1/generations/{generation_id}/switch": {"post"},
    "/v1/generations/back": {"post"},
    "/v1/audit": {"get"},
    "/v1/collections": {"get"},
    "/v1/collections/{name}": {"put"},
    "/v1/documents/{document_id}/highlights": {"get"},
    "/v1/search": {"post"},
    "/v1/ask": {"post"},
    "/v1/chat/completions": {"post"},
    "/v1/models": {"get"},
    "/v1/models/{model}": {"get"},
    "/v1/traces/{trace_id}": {"get"},
    "/v1/feedback": {"post"},
    "/v1/questions": {"get"},
    "/v1/cases": {"get", "post"},
    "/v1/cases/{case_id}": {"delete"},
    "/v1/conversations": {"get"},
    "/v1/conversations/{conversation_id}": {"get", "patch", "delete"},
    "/v1/me": {"get"},
    "/v1/sites": {"get", "post"},
    "/v1/sites/{site_id}": {"patch", "delete"},
    "/v1/sessions": {"post"},
    "/v1/keys": {"get", "post"},
    "/v1/keys/{key_id}": {"delete"},
    "/v1/usage": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][name]
    return found


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_the_contract_is_in_the_document(path: str) -> None:
    assert PATHS[path] <= set(DOCUMENT["paths"][path])


def test_every_operation_has_a_name_of_its_own_and_a_tag() -> None:
    operations = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]

    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert [operation["operationId"] for operation in operations if not operation.get("tags")] == []


def test_an_upload_is_a_form_with_a_file_and_an_idempotency_key() -> None:
    upload = DOCUMENT["paths"]["/v1/documents"]["post"]
    reference = upload["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"]

    form = schema(reference.rpartition("/")[2])

    assert set(form["properties"]) >= {"file", "collection", "source_id", "metadata", "access"}
    assert form["required"] == ["file"]
    assert {"name": "idempotency-key", "in": "header"}.items() <= upload["parameters"][0].items()
    assert {"200", "202"} <= set(upload["responses"])


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (
            "DocumentBody",
            "id version collection filename sha256 bytes status stage progress error pages chunks versions",
        ),
        ("HitBody", "chunk_id document_id version title text page section start end score scores"),
        ("SearchAnswer", "hits took_ms"),
        ("SearchRequest", "query collections top_k mode"),
        ("AskRequest", "question collections conversation_id history top_k stream explain"),
        ("DoneBody", "answer abstained citations usage timings trace_id conversation_id evidence generator trace"),
        ("ChatCompletion", "id object created model choices usage citations abstained generator trace_id"),
        ("CitedBody", "n title document_id page section start end quote supported"),
        (
            "SiteBody",
            "id name key origins collections groups visitor_questions_per_day questions_per_day enabled created_at"
            " questions_today",
        ),
        ("SessionBody", "token expires_at questions_left"),
        ("CallerBody", "name label scopes groups collections is_admin"),
        ("CitationBody", "n document_id page section start end quote supported"),
    ],
)
def test_a_body_has_the_fields_of_the_contract(name: str, fields: str) -> None:
    assert set(fields.split()) <= set(schema(name)["properties"])


def test_requests_refuse_fields_they_do_not_know() -> None:
    for name in (
        "SearchRequest",
        "AskRequest",
        "TurnBody",
        "UrlRequest",
        "SourceRequest",
        "SourceOptions",
        "CollectionChange",
        "KeyRequest",
        "SiteRequest",
        "SitePatch",
        "SessionRequest",
    ):
        assert schema(name)["additionalProperties"] is False
