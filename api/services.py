"""What the routes work with, opened once when the API starts."""

import os
import threading
from dataclasses import dataclass

from sqlalchemy import Engine

from api.answers import Answers
from ingest.accept import Intake
from ingest.pictures import Pictures
from ingest.queue import Queue, make_app
from ingest.sources.fetch import Fetcher
from ingest.sources.guard import Guard
from ingest.store import open_store
from rag.answer import Answerer
from rag.cache import open_cache
from rag.candidates import Candidates
from rag.cases import Cases
from rag.collections import Collections
from rag.conversations import Conversations
from rag.database import connect
from rag.dense import DenseIndexes
from rag.feedback import Feedback
from rag.generations import Generations
from rag.keys import Keys
from rag.leases import Leases
from rag.prompt import check_prompts
from rag.registry import Registry
from rag.rerank import Reranker
from rag.retrieve import Retriever
from rag.routing import Routing, open_routing
from rag.serving import Serving
from rag.settings import Settings
from rag.sites import Sites
from rag.sources import Sources
from rag.traces import Traces
from rag.usage import DailyUsage
from rag.visits import Visits
from rag.write import Writer

FETCHES_AT_ONCE = 4  # of pages; so that slow hosts do not take the threads that answer questions
FETCH_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Services:
    """The open parts; `generator` is None where none is configured. `fetching` is held while a page is fetched."""

    settings: Settings
    engine: Engine
    registry: Registry
    collections: Collections
    keys: Keys
    sites: Sites
    visits: Visits
    leases: Leases
    serving: Serving
    generations: Generations
    intake: Intake
    pictures: Pictures
    sources: Sources
    fetcher: Fetcher
    fetching: threading.Semaphore
    conversations: Conversations
    retriever: Retriever
    generator: Routing | None
    traces: Traces
    usage: DailyUsage
    feedback: Feedback
    cases: Cases
    answerer: Answerer
    answers: Answers


def open_services(settings: Settings) -> Services:
    """Connect to everything. Raise a RagError that names what does not answer or does not fit."""
    engine = connect(settings.database_url)
    registry = Registry(engine)
    registry.ping()
    generations = Generations(engine)
    indexes = DenseIndexes(generations, settings.embedder, settings.chroma)
    indexes.start()
    reranker = Reranker(settings.reranker.model, settings.reranker_url) if settings.reranker.model else None
    retriever = Retriever(registry=registry, candidates=Candidates(engine), indexes=indexes, reranker=reranker)
    collections = Collections(engine)
    # Keys of other generators come by the names that the policy gives: no setting could know them.
    generator = open_routing(settings.generator, os.environ, collections)
    traces, usage = Traces(engine, settings.trace), DailyUsage(engine)
    conversations = Conversations(engine, settings.conversation.keep_days)
    prompts, store = settings.data_dir / "prompts", open_store(settings)
    check_prompts(prompts)
    return Services(
        settings=settings,
        engine=engine,
        registry=registry,
        collections=collections,
        keys=Keys(engine),
        sites=Sites(engine),
        visits=Visits(engine),
        leases=Leases(engine),
        serving=Serving(engine),
        generations=generations,
        intake=Intake(
            registry=registry,
            store=store,
            queue=Queue(make_app(settings.broker.url.get_secret_value())),
            max_bytes=settings.api.max_upload_bytes,
        ),
        pictures=Pictures(store, settings.parse),
        sources=Sources(engine),
        fetcher=Fetcher(
            guard=Guard(allowed_hosts=settings.sources.allowed_hosts),
            max_bytes=settings.api.max_upload_bytes,
            total_s=FETCH_S,
        ),
        fetching=threading.Semaphore(FETCHES_AT_ONCE),
        conversations=conversations,
        retriever=retriever,
        generator=generator,
        traces=traces,
        usage=usage,
        feedback=Feedback(engine, settings.trace),
        cases=Cases(engine),
        answerer=Answerer(
            retriever=retriever,
            writer=Writer(retriever=retriever, generator=generator, prompts=prompts),
            min_evidence=settings.retrieve.min_evidence,
            cache=open_cache(settings, retriever),
            conversations=conversations,
            traces=traces,
            usage=usage,
        ),
        answers=Answers(settings.api.max_answers),
    )
