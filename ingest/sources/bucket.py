"""A bucket of S3, or of a server that speaks its protocol, as a source.

Keys, region and endpoint come the standard way, from the worker's environment: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, a web identity, the container's or the machine's role.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from ingest.parse.kinds import EXTENSIONS
from ingest.sources.listing import Found, Gone, Options, Record, Trouble
from ingest.sources.patterns import fits
from rag.errors import DocumentTooLarge, FetchFailed, FetchRefused, PageGone, RagError
from rag.sources import Item

IN_MEMORY_BYTES = 1 << 20
REASON = re.compile(r"<Code>(\w+)</Code>|status code: (\d{3} [A-Z][\w ]+)")


def read_bucket(location: str, options: Options, known: Mapping[str, Item], max_bytes: int) -> Iterator[Record]:
    """Yield the objects under `s3://BUCKET/PREFIX`; those with the ETag as known are not downloaded."""
    parts = urlsplit(location)
    store = S3Store(
        parts.netloc,
        client_options={"allow_http": True, "connect_timeout": "10s", "timeout": "300s"},
        retry_config={"max_retries": 3},
    )
    for entry in _entries(store, location, parts.path.strip("/") or None):
        key = f"s3://{parts.netloc}/{entry['path']}"
        if PurePosixPath(entry["path"]).suffix.lower() not in EXTENSIONS or not fits(key, options):
            continue
        validator = entry["e_tag"] or f"{entry['size']} {entry['last_modified'].isoformat()}"
        item = known.get(key)
        if item and item.validator == validator:
            yield Found(key=key)
            continue
        try:
            if entry["size"] > max_bytes:
                raise DocumentTooLarge(f"{key}: the limit is {max_bytes:,} bytes.")
            with _downloaded(store, entry["path"], key) as file:
                yield Found(key=key, filename=PurePosixPath(key).name, validator=validator, file=file)
        except PageGone:  # deleted since it was listed
            yield Gone(key=key)
        except RagError as exc:
            yield Trouble(key=key, error=exc)


def _entries(store: S3Store, location: str, prefix: str | None) -> Iterator[Any]:
    with _translated(location):
        pages = iter(store.list(prefix))
    while True:
        with _translated(location):
            page = next(pages, None)
        if page is None:
            return
        yield from page


@contextmanager
def _downloaded(store: S3Store, path: str, key: str) -> Iterator[BinaryIO]:
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as file:
        with _translated(key):
            for block in store.get(path).stream():
                file.write(block)
        file.seek(0)
        yield file  # type: ignore[misc]  # it has all that a BinaryIO has


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn the client's errors into ours; a bucket that is not there is no empty bucket."""
    try:
        yield
    except FileNotFoundError as exc:
        if "NoSuchBucket" in str(exc):
            raise FetchRefused(f"{what}: there is no such bucket.") from exc
        raise PageGone(f"{what}: the object is not there.") from exc
    except (PermissionDeniedError, UnauthenticatedError) as exc:
        raise FetchRefused(f"{what}: the worker's AWS credentials do not allow it.") from exc
    except BaseError as exc:
        reason = REASON.search(str(exc))
        raise FetchFailed(f"{what}: {reason[1] or reason[2] if reason else 'no answer'}") from exc
