"""The FastAPI application: routes, error table, security headers, static pages."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route

from api.cors import Cors
from api.mcp import McpEndpoint
from api.middleware import BodyLimit, SecurityHeaders
from api.pages import install_pages
from api.problems import install_problems
from api.routes import (
    ask,
    audit,
    cases,
    collections,
    conversations,
    document_changes,
    document_views,
    documents,
    generations,
    health,
    keys,
    metrics,
    openai,
    questions,
    search,
    sites,
    sources,
    traces,
    usage,
)
from api.services import Services
from rag.errors import ConfigurationError
from rag.settings import Settings

VERSION = "0.1.0"


def create_app(settings: Settings, services: Services | None = None) -> FastAPI:
    """Return the app; without `services` it can only describe itself. Raise ConfigurationError for unsafe settings."""
    if services and not settings.is_loopback and not services.keys.exist():
        raise ConfigurationError(
            f"RAG_API_HOST is {settings.api.host}, which others can reach, and there is no API key yet. "
            "Make one first: rag keys create administrator --scope admin"
        )

    mcp = McpEndpoint(services, VERSION) if services else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        app.state.services = services
        async with AsyncExitStack() as running:
            if services and services.generator:
                await running.enter_async_context(services.generator.watched())
            if mcp:
                await running.enter_async_context(mcp.running())
            yield

    app = FastAPI(title="Attest", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    install_problems(app)
    for module in (
        document_changes,
        document_views,
        documents,
        collections,
        sources,
        search,
        ask,
        conversations,
        traces,
        questions,
        cases,
    ):
        app.include_router(module.router)
    for module in (keys, usage, sites, openai, generations, audit, health, metrics):
        app.include_router(module.router)
    if mcp:
        app.router.routes.append(Route("/mcp", mcp, methods=["POST"]))
    app.add_middleware(BodyLimit, max_upload_bytes=settings.api.max_upload_bytes)
    app.add_middleware(Cors, origins=services.sites.origins if services else frozenset)
    app.add_middleware(SecurityHeaders)
    install_pages(app, settings.data_dir)
    return app
