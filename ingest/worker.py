"""Entry point of a worker process. Imports are inside: every parser process imports this module again."""

if __name__ == "__main__":
    from ingest.tasks import run_worker
    from rag.logs import configure_logging
    from rag.settings import load_settings

    settings = load_settings()
    configure_logging(settings.log)
    run_worker(settings)
