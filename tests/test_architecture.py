"""The shape of the code: who imports whom, how long things are, where each foreign system lives."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("rag", "ingest", "api")
MODULES = {path.relative_to(ROOT).as_posix(): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
TESTS = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "tests").rglob("*.py")}
ALLOWED = {"rag": {"rag"}, "ingest": {"ingest", "rag"}, "api": {"api", "ingest", "rag"}}
COMMAND_LINE = "rag/cli/"  # starts the processes, so that it names all three
MIGRATIONS = "rag/migrations/versions/"  # written by Alembic
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
HOMES = {
    "chromadb": {"rag/index.py", "rag/partition.py"},
    "celery": {"ingest/queue.py", "ingest/tasks.py"},
    "cryptography": {"rag/seal.py"},
    "docutils": {"ingest/parse/rst.py"},
    "httpcore": {"ingest/sources/fetch.py", "ingest/sources/guard.py"},
    "llama_index": {"ingest/chunk.py"},
    "mcp": {"api/mcp.py", "rag/cli/mcp_relay.py"},
    "mcp_types": {"api/mcp.py", "rag/cli/mcp_relay.py"},
    "obstore": {"ingest/store/s3.py", "ingest/sources/bucket.py"},
    "olefile": {"ingest/parse/ole.py"},
    "oxmsg": {"ingest/parse/mail.py"},
    "pptx": {"ingest/parse/office.py"},
    "prometheus_client": {"rag/metrics.py"},
    "protego": {"ingest/sources/web.py"},
    "pypandoc": {"ingest/parse/elements.py"},
    "pypdfium2": {"ingest/parse/pdf.py", "ingest/parse/picture.py"},
    "python_calamine": {"ingest/parse/sheets.py"},
    "pytrec_eval": {"rag/evaluate/measures.py"},
    "rapidocr": {"ingest/parse/ocr.py"},
    "redis": {"rag/shelf.py"},
    "sentence_transformers": {"rag/cross_encoder.py", "rag/model.py"},
    "torch": {"rag/cross_encoder.py", "rag/model.py"},
    "unstructured": {"ingest/parse/elements.py"},
    "watchfiles": {"ingest/sources/folder.py"},
}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports, inside functions, too."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith(COMMAND_LINE)])
def test_imports_go_one_way(name: str) -> None:
    ours = {module.partition(".")[0] for module in imports(MODULES[name])} & {*PACKAGES, "bench", "tests"}

    assert ours <= ALLOWED[name.partition("/")[0]]


def test_nothing_imports_the_command_line_but_itself() -> None:
    from_outside = {
        name
        for name, path in MODULES.items()
        if not name.startswith(COMMAND_LINE) and any(module.startswith("rag.cli") for module in imports(path))
    }

    assert from_outside == set()


@pytest.mark.parametrize("system", HOMES)
def test_every_foreign_system_is_imported_in_its_home_alone(system: str) -> None:
    importing = {
        name for name, path in MODULES.items() if any(module.partition(".")[0] == system for module in imports(path))
    }

    assert importing <= HOMES[system]


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name for name in MODULES if VAGUE & set(Path(name).with_suffix("").parts)] == []


def test_no_module_is_over_400_lines() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in {**MODULES, **TESTS}.items()}

    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_no_function_is_over_60_lines() -> None:
    lengths = {
        f"{name}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, path in {**MODULES, **TESTS}.items()
        if not name.startswith(MIGRATIONS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: lines for name, lines in lengths.items() if lines > 60} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, path in MODULES.items() if not ast.get_docstring(tree(path))] == []


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    excuses = {"skip", "skipif", "xfail", "importorskip", "skipTest"}
    excused = {
        f"{name}:{node.lineno}"
        for name, path in TESTS.items()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in excuses
    }

    assert excused == set()
