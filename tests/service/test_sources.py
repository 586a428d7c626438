"""Sources through the whole service: a crawl that a worker runs by itself, and a folder from the command line."""

import subprocess
import sys
from pathlib import Path

from bench.service import ROOT, Service, environment, wait_until
from tests.http_server import Answer, Exchange, serving

RAG = str(Path(sys.executable).parent / "rag")


def page(text: str, status: int = 200) -> Answer:
    def send(exchange: Exchange) -> None:
        body = f'<html><body><h1>Rules</h1><p>{text}</p><a href="/dogs">dogs</a></body></html>'.encode()
        exchange.start(status, "text/html", {"Content-Length": str(len(body))})
        exchange.handler.wfile.write(body)

    return send


def rag(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    port = int(service.url.rpartition(":")[2])
    return subprocess.run(
        [RAG, *arguments],
        cwd=ROOT,
        env=environment(service.data, port),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def found(service: Service, collection: str) -> set[str]:
    return {hit["text"] for hit in service.search("Where may dogs and bicycles go?", collections=[collection])}


def test_a_site_is_crawled_found_followed_and_forgotten(service: Service) -> None:
    answers = {"/": page("Bicycles stay in the yard."), "/dogs": page("Dogs stay in the office.")}
    answers["/robots.txt"] = page("", 404)
    with serving(answers) as site:
        url = site.url.removesuffix("v1")
        added = rag(service, "sources", "add", url, "--depth=1", "--rate=50", "--grace=0s", "--collection=crawl")
        source_id = added.stdout.split()[0]
        wait_until(lambda: service.http.get(f"/v1/sources/{source_id}").json()["last_run"] is not None)
        wait_until(lambda: len(found(service, "crawl")) == 2)

        answers["/dogs"] = page("", 404)
        rag(service, "sources", "run", source_id)
        wait_until(lambda: len(found(service, "crawl")) == 1)
        listed = rag(service, "sources", "list").stdout
        removed = rag(service, "sources", "remove", source_id, "--documents=delete")

    assert "1 deleted" in listed
    assert removed.returncode == 0
    assert found(service, "crawl") == set()


def test_a_folder_is_ingested_and_only_what_changed_again(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "a.md").write_text("Dogs stay at home.")
    (folder / "b.md").write_text("Bicycles stay in the yard.")
    options = ("ingest", str(folder), "--collection=folder", "--wait", "--prune", "--grace=0s")

    first = rag(service, *options)
    (folder / "a.md").write_text("Dogs may come to the office.")
    (folder / "b.md").unlink()
    second = rag(service, *options)

    assert (first.returncode, first.stdout) == (0, "2 of 2 files ready\n")
    assert second.stdout == "1 of 1 files ready; documents of files that are gone deleted: 1\n"
    assert found(service, "folder") == {"Dogs may come to the office."}
