"""Errors as problems: one table, one shape."""

import pytest
from fastapi import FastAPI, HTTPException
from starlette.testclient import TestClient

from api.problems import STATUS, install_problems, problem
from rag import errors


def answering(exc: Exception) -> TestClient:
    """Return a client of an app whose one route raises `exc`."""
    app = FastAPI()
    install_problems(app)

    @app.get("/")
    def fail(number: int = 0) -> None:
        raise exc

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("leaf", errors.leaves(), ids=lambda leaf: leaf.__name__)
def test_every_error_has_a_status_and_every_permanent_one_that_people_cause_is_a_4xx(
    leaf: type[errors.RagError],
) -> None:
    status = STATUS[leaf]

    assert 400 <= status < 600
    if issubclass(leaf, errors.TransientError):
        assert status in {429, 503, 507}


def test_the_table_holds_the_leaves_and_nothing_else() -> None:
    assert set(STATUS) == set(errors.leaves())


def test_no_two_errors_share_a_type_or_a_title() -> None:
    leaves = errors.leaves()

    assert len({leaf.type for leaf in leaves}) == len(leaves)
    assert len({leaf.title for leaf in leaves}) == len(leaves)


def test_the_tree_at_the_top_of_the_errors_names_every_leaf() -> None:
    drawn = errors.__doc__ or ""

    assert [leaf.__name__ for leaf in errors.leaves() if f" {leaf.__name__}" not in drawn] == []


def test_a_known_error_is_a_problem_with_its_type_title_status_and_detail() -> None:
    response = answering(errors.DocumentNotFound("No document has the id doc_1.")).get("/")

    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert response.json() == {
        "type": "document-not-found",
        "title": "There is no such document",
        "status": 404,
        "detail": "No document has the id doc_1.",
    }


def test_a_missing_key_is_asked_for_as_http_does() -> None:
    response = answering(errors.Unauthenticated("Send a key.")).get("/")

    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


def test_a_wrong_field_is_an_invalid_request_that_names_it() -> None:
    response = answering(errors.DocumentNotFound("")).get("/", params={"number": "six"})

    assert (response.status_code, response.json()["type"]) == (422, "invalid-request")
    assert response.json()["detail"].startswith("number: ")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/", 405)])
def test_what_the_framework_refuses_is_a_problem_too(method: str, path: str, status: int) -> None:
    response = answering(ValueError()).request(method, path)

    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json()["status"] == status


def test_the_frameworks_own_error_keeps_its_headers() -> None:
    response = answering(HTTPException(429, "Slower", {"Retry-After": "7"})).get("/")

    assert (response.status_code, response.headers["retry-after"]) == (429, "7")


def test_an_unexpected_error_tells_nothing_of_its_cause() -> None:
    response = answering(ValueError("s3cret")).get("/")

    assert (response.status_code, response.json()["type"]) == (500, "error")
    assert "s3cret" not in response.text


def test_an_error_of_a_stream_is_the_same_problem() -> None:
    assert problem(errors.IndexUnavailable("Chroma is away."))["status"] == 503
