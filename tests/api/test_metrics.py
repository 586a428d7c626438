"""Who may read the metrics: administrators, with Prometheus' own kind of credentials, and who is at the machine."""

import shutil
from pathlib import Path
from types import SimpleNamespace

from fastapi import FastAPI
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from api.problems import install_problems
from api.routes import metrics
from rag.keys import Keys
from rag.settings import ApiSettings, Settings
from rag.types import Scope


def client(empty_sqlite: Path, folder: Path, host: str) -> tuple[TestClient, Keys]:
    engine = create_engine(f"sqlite:///{shutil.copy(empty_sqlite, folder)}")
    app, keys = FastAPI(), Keys(engine)
    install_problems(app)
    app.include_router(metrics.router)
    settings = Settings(_env_file=None, api=ApiSettings(host=host))
    app.state.services = SimpleNamespace(engine=engine, keys=keys, settings=settings)
    return TestClient(app, base_url="http://127.0.0.1"), keys


def test_the_person_at_the_machine_reads_them(empty_sqlite: Path, tmp_path: Path) -> None:
    local, _ = client(empty_sqlite, tmp_path, "127.0.0.1")

    answer = local.get("/metrics")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "attest_answers_total" in answer.text
    assert local.get("/metrics", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 401


def test_elsewhere_it_takes_an_administrators_key(empty_sqlite: Path, tmp_path: Path) -> None:
    public, keys = client(empty_sqlite, tmp_path, "0.0.0.0")  # noqa: S104
    asker, admin = (keys.create(scope, [scope]) for scope in (Scope.ASK, Scope.ADMIN))
    codes = [public.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code for key in (asker, admin)]

    assert (public.get("/metrics").status_code, codes) == (401, [403, 200])
