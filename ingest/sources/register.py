"""Registering a source: who may register what, and how its location is written."""

import re
from dataclasses import replace

from ingest.sources.folder import allowed_folder
from ingest.sources.urls import checked
from rag.errors import Forbidden, InvalidRequest
from rag.sources import NewSource, Source, SourceKind, Sources
from rag.types import Principal

BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#\s]*)?")
OF_THE_WORKER = {SourceKind.BUCKET, SourceKind.FOLDER}  # read with the worker's own rights


def register(sources: Sources, new: NewSource, folders: str, principal: Principal) -> Source:
    """Register a source, to be read at once. Raise Forbidden, FetchRefused or InvalidRequest."""
    if new.kind in OF_THE_WORKER and not principal.is_admin:
        raise Forbidden(f"A {new.kind} is read with the worker's rights: it needs the scope admin.")
    return sources.add(replace(new, location=_location(new, folders)), principal)


def _location(new: NewSource, folders: str) -> str:
    if new.kind == SourceKind.FOLDER:
        return str(allowed_folder(new.location, folders))
    if new.kind == SourceKind.BUCKET:
        if not BUCKET.fullmatch(new.location):
            raise InvalidRequest("location: a bucket is s3://BUCKET or s3://BUCKET/FOLDER.")
        return new.location.rstrip("/")
    return checked(new.location)
