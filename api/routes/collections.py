"""Collections of documents: what there is, and which are internal."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.auth import Administrator, CollectionReader, ServicesDep
from api.schemas import COLLECTION_PATTERN, CollectionBody, CollectionChange, CollectionList

router = APIRouter(prefix="/v1/collections", tags=["collections"])


@router.get("")
def list_collections(services: ServicesDep, caller: CollectionReader) -> CollectionList:
    """List by name the collections that have documents for the caller; for administrators all."""
    return CollectionList(collections=[CollectionBody.of(one) for one in services.collections.all(caller)])


@router.put("/{name}", status_code=204, responses={201: {"description": "It is new."}})
def put_collection(
    name: Annotated[str, Path(pattern=COLLECTION_PATTERN)],
    services: ServicesDep,
    caller: Administrator,
    body: CollectionChange,
) -> Response:
    """Make a collection, or change it. No passage of an internal one is sent to an external generator."""
    is_new = services.collections.put(name, caller, internal=body.internal)
    return Response(status_code=201 if is_new else 204)
