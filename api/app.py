"""The FastAPI application: routes, error table, security headers, static pages."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio.to_thread import run_sync
from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from api.middleware import BodyLimit, SecurityHeaders
from api.problems import install_problems
from api.routes import ask, documents, health, search, sources
from api.services import open_services
from rag.errors import ConfigurationError
from rag.settings import Settings

STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings) -> FastAPI:
    """Return the app. Its start fails with a RagError where a part is missing or the settings are unsafe."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        services = await run_sync(open_services, settings)
        if not settings.is_loopback and not await run_sync(services.keys.exist):
            raise ConfigurationError(
                f"RAG_API_HOST is {settings.api.host}, which others can reach, and there is no API key yet. "
                "Make one first: rag keys create administrator --scope admin"
            )
        app.state.services = services
        yield
        if services.generator:
            await services.generator.close()

    app = FastAPI(title="Attest", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None)
    install_problems(app)
    for module in (documents, sources, search, ask, health):
        app.include_router(module.router)
    app.add_middleware(BodyLimit, max_upload_bytes=settings.api.max_upload_bytes)
    app.add_middleware(SecurityHeaders)

    @app.get("/", include_in_schema=False)
    def chat_page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/static/examples.json", include_in_schema=False)
    def examples() -> FileResponse:
        written = settings.data_dir / "examples.json"
        return FileResponse(written if written.is_file() else STATIC / "no-examples.json")

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
