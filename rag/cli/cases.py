"""`rag cases`: questions that were asked here as a set for `rag eval`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from rag.cli.client import Client
from rag.evaluate.errors import EvaluationFailed
from rag.settings import load_settings

PAGE = 500
HEADER = "query-id\tcorpus-id\tscore"
cases_app = typer.Typer(no_args_is_help=True, help="Questions that were asked here, for `rag eval`.")
console = Console()


@cases_app.command("list")
def list_cases() -> None:
    """Show the cases, newest first."""
    for case in _cases(Client(load_settings())):
        _show(case)


@cases_app.command()
def add(
    trace_id: Annotated[str, typer.Argument(help="The trace of the answer, as `rag questions` shows it.")],
    document: Annotated[
        list[str] | None, typer.Option(help="Id of a document that answers it; may be given several times.")
    ] = None,
    answer: Annotated[str | None, typer.Option(help="What should be said.")] = None,
    question: Annotated[str | None, typer.Option(help="Its words, if not those of the trace.")] = None,
    unanswerable: Annotated[bool, typer.Option("--unanswerable", help="The documents do not answer it.")] = False,
) -> None:
    """Make an answer's question a case, or change the case that was made of it."""
    body = {"trace_id": trace_id, "documents": document, "answer": answer, "question": question}
    _show(Client(load_settings()).call("POST", "/v1/cases", json=body | {"answerable": not unanswerable}))


@cases_app.command()
def remove(case_id: str) -> None:
    """Remove a case."""
    Client(load_settings()).call("DELETE", f"/v1/cases/{case_id}")


@cases_app.command()
def export(folder: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False)]) -> None:
    """Write the cases as a set: `rag eval DIR` asks them of the documents that the service has."""
    if (folder / "corpus.jsonl").exists():
        raise EvaluationFailed(f"{folder}: it is a set with passages of its own. Name another folder.")
    cases = list(_cases(Client(load_settings())))
    asked = [case for case in cases if case["documents"]]
    folder.mkdir(parents=True, exist_ok=True)
    queries = [json.dumps(_query(case), ensure_ascii=False) for case in cases]
    qrels = [f"{case['id']}\t{document}\t1" for case in asked for document in case["documents"]]
    (folder / "queries.jsonl").write_text("".join(f"{line}\n" for line in queries), encoding="utf-8")
    (folder / "qrels.tsv").write_text("".join(f"{line}\n" for line in [HEADER, *qrels]), encoding="utf-8")
    unanswerable = sum(not case["answerable"] for case in cases)
    console.print(
        f"cases: {len(cases)}, with documents: {len(asked)}, not answerable: {unanswerable}, "
        f"without documents yet: {len(cases) - len(asked) - unanswerable}",
        soft_wrap=True,
    )


def _query(case: dict[str, Any]) -> dict[str, Any]:
    fields = ("answerable", "answer", "collections", "trace_id")
    return {"id": case["id"], "text": case["question"]} | {name: case[name] for name in fields}


def _cases(client: Client) -> Iterator[dict[str, Any]]:
    offset = 0
    while page := client.call("GET", f"/v1/cases?limit={PAGE}&offset={offset}")["cases"]:
        yield from page
        offset += PAGE


def _show(case: dict[str, Any]) -> None:
    right = " ".join(case["documents"]) or ("no document yet" if case["answerable"] else "not answerable")
    console.print(f"{case['id']}  {case['question']}  ({right})", markup=False, highlight=False, soft_wrap=True)
