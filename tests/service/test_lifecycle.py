"""Starting, stopping, restarting and losing parts of the service."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bench.service import ROOT, Service, environment, free_port, start, stop, wait_until

pytestmark = pytest.mark.on("defaults", "at scale")
RAG = str(Path(sys.executable).parent / "rag")


def run_up(data: Path, port: int, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a `rag up` that is expected to end by itself."""
    return subprocess.run(
        [RAG, "up", "--generator", "none"],
        cwd=ROOT,
        env=environment(data, port, **more),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_data_survive_a_restart_and_a_killed_service_leaves_nothing_running(tmp_path: Path) -> None:
    first = start(tmp_path, "--generator", "none")
    document = first.ingest("kept.md", b"The archive is in room B2.")
    stop(first)

    second = start(tmp_path, "--generator", "none")
    family = list(second.processes().values())
    kept = second.search("Where is the archive?")
    os.kill(second.process.pid, signal.SIGKILL)

    assert kept[0]["document_id"] == document["id"]
    wait_until(lambda: not any(process.is_running() for process in family), timeout_s=30)
    second.process.wait()
    second.http.close()
    assert second.process.stdout is not None
    second.process.stdout.close()


def test_a_lost_index_is_filled_again_from_the_originals(tmp_path: Path) -> None:
    first = start(tmp_path, "--generator", "none")
    document = first.ingest("kept.md", b"The archive is in room B2.")
    stop(first)
    shutil.rmtree(tmp_path / "chroma")

    second = start(tmp_path, "--generator", "none")
    wait_until(lambda: second.search("Where is the archive?") != [])
    found = second.search("Where is the archive?")
    stop(second)

    assert [hit["document_id"] for hit in found] == [document["id"]]


def test_a_killed_worker_is_started_again_and_finishes_the_document(service: Service) -> None:
    text = "\n\n".join(f"## Rule {n}\n\nRule number {n} says that {n} is allowed." for n in range(1200))
    accepted = service.upload("rules.md", text.encode(), collection="killed").json()
    wait_until(lambda: service.http.get(f"/v1/documents/{accepted['id']}").json()["stage"] == "embed")

    service.processes()["worker"].kill()

    document = service.settled(accepted["id"])
    chunks = service.http.get(f"/v1/documents/{accepted['id']}/chunks").json()
    assert document["status"] == "ready"
    assert [chunk["ordinal"] for chunk in chunks] == list(range(document["chunks"]))
    assert len(service.search("rule", collections=["killed"], top_k=100)) == 100


def test_an_upload_while_the_broker_is_away_is_accepted_and_done_later(
    service: Service, broker: psutil.Process
) -> None:
    broker.suspend()
    try:
        accepted = service.upload("late.md", b"Accepted without a broker.", collection="late")
    finally:
        broker.resume()

    assert accepted.status_code == 202
    assert service.settled(accepted.json()["id"])["status"] == "ready"


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run_up(tmp_path, taken.getsockname()[1])

    assert ended.returncode == 1
    assert "Address already in use. Set RAG_API_PORT to another." in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_public_address_without_a_key_is_refused_with_what_to_do(tmp_path: Path) -> None:
    ended = run_up(tmp_path, free_port(), RAG_API_HOST="0.0.0.0")  # noqa: S104

    assert ended.returncode == 1
    assert "rag keys create administrator --scope admin" in ended.stderr


def test_an_unknown_setting_is_refused_by_name(tmp_path: Path) -> None:
    ended = run_up(tmp_path, free_port(), RAG_COLOUR="red")

    assert ended.returncode == 1
    assert "Unknown setting RAG_COLOUR" in ended.stderr


def test_a_part_that_cannot_start_is_named_with_its_reason_and_all_ends(tmp_path: Path) -> None:
    ended = run_up(tmp_path, free_port(), RAG_EMBEDDER_MODEL="/nowhere")

    assert ended.returncode == 1
    assert "embedder ended" in ended.stderr
    assert "/nowhere" in ended.stderr


def test_a_key_opens_what_its_scopes_say_and_nothing_else(service: Service) -> None:
    def key(*options: str) -> dict[str, str]:
        made = subprocess.run(
            [RAG, "keys", "create", "tester", *options],
            env=environment(service.data, 1, **service.settings),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return {"Authorization": f"Bearer {made.stdout.strip()}"}

    searcher, staff = key("--scope", "search"), key("--scope", "search", "--group", "hr")
    service.ingest("pay.md", b"The pay scale has nine steps.", collection="scopes", access='["hr"]')
    body = {"query": "pay scale", "collections": ["scopes"]}

    assert service.http.post("/v1/search", json=body, headers=searcher).json()["hits"] == []
    assert len(service.http.post("/v1/search", json=body, headers=staff).json()["hits"]) == 1
    assert service.http.get("/v1/documents", headers=searcher).status_code == 403
    assert service.http.post("/v1/search", json=body, headers={"Authorization": "Bearer rk_no"}).status_code == 401
