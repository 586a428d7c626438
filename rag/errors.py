"""Every error this service raises on purpose. Callers act on the branch; people read the leaf.

RagError
├── PermanentError            trying again changes nothing
│   ├── InvalidRequest        a field of the request is wrong
│   ├── RequestTooLarge       a body over the limit of its route
│   ├── DocumentTooLarge      over RAG_API_MAX_UPLOAD_BYTES
│   ├── EmptyDocument         no bytes, or nothing readable in them
│   ├── UnsupportedFormat     no parser for this kind of file
│   ├── BrokenDocument        the parser could not read it
│   ├── EncryptedDocument     needs a password
│   ├── ParserLimitExceeded   took more memory or time than a parser may
│   ├── PassageTooLong        a chunk that the embedder would cut
│   ├── DocumentNotFound
│   ├── MoveRefused           it is being read, or the other collection has it
│   ├── NoPageImage           a format without pages, or no page of this number
│   ├── OriginalMissing       the store lacks a file that the registry knows
│   ├── CollectionNotFound
│   ├── SourceNotFound
│   ├── TraceNotFound
│   ├── CaseNotFound
│   ├── KeyNotFound
│   ├── SiteNotFound
│   ├── AnswerGone            a broken stream that cannot be gone on with
│   ├── AnswerStopped         nobody was reading it
│   ├── ConversationNotFound  unknown, or another caller's
│   ├── FetchRefused          an address that may not be fetched, or whose host says no
│   ├── PageGone              404 or 410: the page is not there
│   ├── Unauthenticated       no key, or not a valid one
│   ├── SessionEnded          a visitor's; the page begins another
│   ├── OriginNotAllowed      a page that no site lists, or that of another session
│   ├── Forbidden             the key lacks the scope
│   ├── EmbedderMismatch      the index was filled by another model
│   ├── GenerationNotReady    it does not hold all documents yet
│   └── ConfigurationError    the settings cannot work together
└── TransientError            the same call may succeed later
    ├── TooManyQuestions      as many answers as may be are in progress
    ├── OverQuota             as many questions were asked today as a site or its visitor may ask
    ├── IndexUnavailable      Chroma does not answer
    ├── EmbedderUnavailable   the embedding model does not answer
    ├── RerankerUnavailable   the reranker does not answer; searches go on without it
    ├── GeneratorUnavailable  the language model does not answer
    ├── RegistryUnavailable   the database does not answer
    ├── StoreUnavailable      the store of originals does not answer
    ├── FetchFailed           a host, folder or bucket does not answer as it should
    └── StorageFull           no room for the original

The command line has three more, which never reach HTTP: `rag.cli.supervise.CannotStart`, `rag.cli.client.CallFailed`,
`rag.evaluate.errors.EvaluationFailed`.
"""


class RagError(Exception):
    """What happened (title, fixed per class) and to what, with what to do (detail, for people)."""

    type = "error"
    title = "Something went wrong"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class PermanentError(RagError):
    """Trying again changes nothing."""


class TransientError(RagError):
    """The same call may succeed later."""


class InvalidRequest(PermanentError):
    type = "invalid-request"
    title = "The request is not valid"


class RequestTooLarge(PermanentError):
    type = "request-too-large"
    title = "The request is too large"


class DocumentTooLarge(PermanentError):
    type = "document-too-large"
    title = "The document is too large"


class EmptyDocument(PermanentError):
    type = "empty-document"
    title = "The document is empty"


class UnsupportedFormat(PermanentError):
    type = "unsupported-format"
    title = "This kind of file is not supported"


class BrokenDocument(PermanentError):
    type = "broken-document"
    title = "The document cannot be read"


class EncryptedDocument(PermanentError):
    type = "encrypted-document"
    title = "The document is encrypted"


class ParserLimitExceeded(PermanentError):
    type = "parser-limit-exceeded"
    title = "The document takes more than a parser may use"


class PassageTooLong(PermanentError):
    type = "passage-too-long"
    title = "A passage is longer than the embedder reads"


class DocumentNotFound(PermanentError):
    type = "document-not-found"
    title = "There is no such document"


class MoveRefused(PermanentError):
    type = "move-refused"
    title = "The document cannot be moved there"


class NoPageImage(PermanentError):
    type = "no-page-image"
    title = "There is no picture of this page"


class OriginalMissing(PermanentError):
    type = "original-missing"
    title = "The original is not in the store"


class CollectionNotFound(PermanentError):
    type = "collection-not-found"
    title = "There is no such collection"


class SourceNotFound(PermanentError):
    type = "source-not-found"
    title = "There is no such source"


class TraceNotFound(PermanentError):
    type = "trace-not-found"
    title = "There is no such trace"


class CaseNotFound(PermanentError):
    type = "case-not-found"
    title = "There is no such case"


class SiteNotFound(PermanentError):
    type = "site-not-found"
    title = "There is no such site"


class KeyNotFound(PermanentError):
    type = "key-not-found"
    title = "There is no such key"


class AnswerGone(PermanentError):
    type = "answer-gone"
    title = "This answer cannot be gone on with"


class AnswerStopped(PermanentError):
    type = "answer-stopped"
    title = "The answer was stopped"


class ConversationNotFound(PermanentError):
    type = "conversation-not-found"
    title = "There is no such conversation"


class FetchRefused(PermanentError):
    type = "fetch-refused"
    title = "This address is not fetched"


class PageGone(PermanentError):
    type = "page-gone"
    title = "There is no such page"


class Unauthenticated(PermanentError):
    type = "unauthenticated"
    title = "An API key is needed"


class SessionEnded(PermanentError):
    type = "session-ended"
    title = "This session has ended"


class OriginNotAllowed(PermanentError):
    type = "origin-not-allowed"
    title = "This page may not ask here"


class Forbidden(PermanentError):
    type = "forbidden"
    title = "This key may not do that"


class EmbedderMismatch(PermanentError):
    type = "embedder-mismatch"
    title = "The index was filled by another embedder"


class GenerationNotReady(PermanentError):
    type = "generation-not-ready"
    title = "This generation does not hold all documents yet"


class ConfigurationError(PermanentError):
    type = "configuration"
    title = "The settings cannot work together"


class TooManyQuestions(TransientError):
    type = "too-many-questions"
    title = "The service is answering as many questions as it can"

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class OverQuota(TransientError):
    """`retry_after_s` is the seconds until the next day of UTC."""

    type = "over-quota"
    title = "No more questions may be asked today"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class IndexUnavailable(TransientError):
    type = "index-unavailable"
    title = "The vector index does not answer"


class EmbedderUnavailable(TransientError):
    type = "embedder-unavailable"
    title = "The embedding model does not answer"


class RerankerUnavailable(TransientError):
    type = "reranker-unavailable"
    title = "The reranker does not answer"


class GeneratorUnavailable(TransientError):
    """`reached`: there was a connection. `refused`: the engine works, and does not take what it was asked."""

    type = "generator-unavailable"
    title = "The language model does not answer"

    def __init__(self, detail: str, *, reached: bool = True, refused: bool = False) -> None:
        super().__init__(detail)
        self.reached, self.refused = reached, refused


class RegistryUnavailable(TransientError):
    type = "registry-unavailable"
    title = "The registry's database does not answer"


class StoreUnavailable(TransientError):
    type = "store-unavailable"
    title = "The store of originals does not answer"


class FetchFailed(TransientError):
    type = "fetch-failed"
    title = "The source does not answer as it should"


class StorageFull(TransientError):
    type = "storage-full"
    title = "There is no room left for documents"


def collection_not_found(name: str) -> CollectionNotFound:
    """Return the error for a collection that there is not, or that is not one of the caller's: nobody can tell."""
    return CollectionNotFound(f"No collection is called {name!r}.")


def leaves() -> list[type[RagError]]:
    """Return every error class of both branches that has no subclass, in the order of the tree."""
    return [leaf for branch in (PermanentError, TransientError) for leaf in branch.__subclasses__()]
