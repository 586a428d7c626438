"""Generations of the index: build one with another embedding model, switch to it, go back, drop the old one."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints

from api.auth import Administrator, ServicesDep
from api.schemas import GenerationBody, Request
from rag.types import Generation

router = APIRouter(prefix="/v1/generations", tags=["generations"])


class BuildRequest(Request):
    model: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    url: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=1000)]
    query_prefix: str = ""
    passage_prefix: str = ""
    send_input_type: bool = False


@router.get("")
def list_generations(services: ServicesDep, caller: Administrator) -> list[GenerationBody]:
    """List every generation and how far it is filled, oldest first."""
    del caller
    return [GenerationBody.of(progress) for progress in services.generations.progress()]


@router.post("", status_code=202)
def build(body: BuildRequest, services: ServicesDep, caller: Administrator) -> list[GenerationBody]:
    """Begin to fill a new generation from the passages that are served. Questions go on as before."""
    wanted = Generation(
        model=body.model,
        url=body.url.rstrip("/"),
        query_prefix=body.query_prefix,
        passage_prefix=body.passage_prefix,
        send_input_type=body.send_input_type,
        dimension=0,
        max_tokens=0,
    )
    described = services.retriever.indexes.described(wanted)
    services.generations.build(described, caller.name)
    services.intake.queue.wake()
    return list_generations(services, caller)


@router.post("/back")
def go_back(services: ServicesDep, caller: Administrator) -> list[GenerationBody]:
    """Switch to the generation that served before."""
    services.generations.switch(services.generations.previous().id, caller.name)
    return list_generations(services, caller)


@router.post("/{generation_id}/switch")
def switch(generation_id: int, services: ServicesDep, caller: Administrator) -> list[GenerationBody]:
    """Have all questions answered from a generation, from one moment to the next. The one before stands by."""
    services.generations.switch(generation_id, caller.name)
    return list_generations(services, caller)


@router.delete("/{generation_id}", status_code=204)
def drop(generation_id: int, services: ServicesDep, caller: Administrator) -> None:
    """Remove a generation that does not serve, and its vectors."""
    dropped = next((one for one in services.retriever.indexes.all() if one.generation.id == generation_id), None)
    services.generations.drop(generation_id, caller.name)
    if dropped is not None:
        dropped.index.drop()
