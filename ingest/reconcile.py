"""Index against registry: what a generation holds too much is cleaned, what it lacks is filled in again."""

import logging
from collections import Counter

from ingest.pipeline import Pipeline
from rag.dense import Dense

log = logging.getLogger(__name__)


def reconcile(pipeline: Pipeline) -> None:
    """Queue what brings every index to what the registry says. Costs two counts where nothing is amiss.

    So a lost or restored index fills itself again, and no vector of a worker that died at the wrong moment stays.
    """
    for dense in pipeline.indexes.all():
        if not pipeline.serving.is_settled(dense.generation.id, dense.index.count()):
            _compare(pipeline, dense)


def _compare(pipeline: Pipeline, dense: Dense) -> None:
    found: Counter[tuple[str, int]] = Counter()
    orphaned: set[str] = set()
    for ids in dense.index.ids():
        known = pipeline.serving.served_ids(ids)
        found.update(_document_and_version(chunk_id) for chunk_id in known)
        orphaned |= {_document_and_version(chunk_id)[0] for chunk_id in set(ids) - known}
    expected = pipeline.serving.served_counts()
    complete = {key: one.version for key, one in expected.items() if found[key, one.version] == one.chunks}
    lacking = expected.keys() - complete.keys()
    for document_id in pipeline.leases.ask_to_clean(orphaned):  # a registry older than its index: nobody else would
        dense.index.delete(sorted(dense.index.ids_of(document_id)))
    pipeline.serving.ask_to_index(lacking, dense.generation.id)
    pipeline.serving.mark_indexed(complete, dense.generation.id)
    log.warning(
        "index and registry differed",
        extra={"generation": dense.generation.id, "to_clean": len(orphaned), "to_index": len(lacking)},
    )


def _document_and_version(chunk_id: str) -> tuple[str, int]:
    document_id, version, _ = chunk_id.split(".")
    return document_id, int(version)
