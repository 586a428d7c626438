"""Keys and usage over HTTP: for administrators alone, and the last of them stays where others reach the service."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from api.problems import install_problems
from api.routes import keys, usage
from rag.keys import Keys
from rag.settings import ApiSettings, Settings
from rag.types import Scope
from rag.usage import DailyUsage

EVERYWHERE, HERE = "0.0.0.0", "127.0.0.1"  # noqa: S104


def client(empty_sqlite: Path, folder: Path, host: str, scope: Scope = Scope.ADMIN) -> TestClient:
    """Return a client that sends the only key, the first one."""
    engine = create_engine(f"sqlite:///{shutil.copy(empty_sqlite, folder)}")
    app = FastAPI()
    install_problems(app)
    for module in (keys, usage):
        app.include_router(module.router)
    app.state.services = SimpleNamespace(
        keys=Keys(engine), usage=DailyUsage(engine), settings=Settings(_env_file=None, api=ApiSettings(host=host))
    )
    key = app.state.services.keys.create("first", [scope])
    return TestClient(app, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {key}"})


def first(http: TestClient) -> str:
    key_id: str = http.get("/v1/keys").json()["keys"][0]["id"]
    return key_id


def test_where_others_reach_it_the_last_administrators_key_is_not_revoked(empty_sqlite: Path, tmp_path: Path) -> None:
    http = client(empty_sqlite, tmp_path, EVERYWHERE)
    refused = http.delete(f"/v1/keys/{first(http)}")
    http.post("/v1/keys", json={"name": "second", "scopes": ["admin"]})

    assert (refused.status_code, refused.json()["type"]) == (422, "invalid-request")
    assert http.delete(f"/v1/keys/{first(http)}").status_code == 204
    assert http.get("/v1/keys").status_code == 401


def test_at_the_machine_every_key_may_be_revoked(empty_sqlite: Path, tmp_path: Path) -> None:
    http = client(empty_sqlite, tmp_path, HERE)

    assert http.delete(f"/v1/keys/{first(http)}").status_code == 204
    assert [key["revoked"] for key in http.get("/v1/keys", headers={"Authorization": ""}).json()["keys"]] == [True]


def test_a_key_that_nobody_has_is_not_found(empty_sqlite: Path, tmp_path: Path) -> None:
    refused = client(empty_sqlite, tmp_path, HERE).delete("/v1/keys/key_none")

    assert (refused.status_code, refused.json()["type"]) == (404, "key-not-found")


@pytest.mark.parametrize("body", [{}, {"name": " "}, {"scopes": []}, {"scopes": ["visit"]}, {"scopes": ["all"]}])
def test_a_key_without_a_name_or_with_wrong_scopes_is_refused(
    empty_sqlite: Path, tmp_path: Path, body: dict[str, object]
) -> None:
    http = client(empty_sqlite, tmp_path, HERE)
    wanted = {"name": "new", "scopes": ["ask"]} | body if body else {}

    assert http.post("/v1/keys", json=wanted).status_code == 422
    assert len(http.get("/v1/keys").json()["keys"]) == 1


@pytest.mark.parametrize(("days", "status"), [(0, 422), (1, 200), (366, 200), (367, 422)])
def test_usage_is_of_a_day_to_a_year(empty_sqlite: Path, tmp_path: Path, days: int, status: int) -> None:
    response = client(empty_sqlite, tmp_path, HERE).get("/v1/usage", params={"days": days})

    assert response.status_code == status
    assert len(response.json().get("days", [])) == (days if status == 200 else 0)


CALLS = [("GET", "keys"), ("POST", "keys"), ("DELETE", "keys/x"), ("GET", "usage")]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_others_than_administrators_learn_and_change_nothing(
    empty_sqlite: Path, tmp_path: Path, method: str, path: str
) -> None:
    http = client(empty_sqlite, tmp_path, EVERYWHERE, Scope.ASK)

    assert http.request(method, f"/v1/{path}", json={"name": "mine", "scopes": ["admin"]}).status_code == 403
