"""The open embedder and index of each generation: what dense retrieval and ingest work with."""

from dataclasses import dataclass, replace
from threading import Lock

from rag.embed import Embedder
from rag.errors import RegistryUnavailable
from rag.generations import Generations, check_configured, check_embedder, check_served
from rag.index import Index
from rag.settings import ChromaSettings, EmbedderSettings
from rag.tokens import PACKAGED
from rag.types import Generation


@dataclass(frozen=True, kw_only=True)
class Dense:
    """One generation, open: its model and its vectors."""

    generation: Generation
    embedder: Embedder
    index: Index


class DenseIndexes:
    """Opens each generation once. Safe to share between threads."""

    def __init__(self, generations: Generations, embedder: EmbedderSettings, chroma: ChromaSettings) -> None:
        self._generations, self._embedder, self._chroma = generations, embedder, chroma
        self._open: dict[int, Dense] = {}
        self._lock = Lock()

    def start(self) -> Dense:
        """Open the generation that serves; at the first start of all it is made from the settings.

        Raise EmbedderMismatch if the settings or the embedder are of another model.
        """
        if self._generations.serving() is None:
            self._generations.first(self._configured())
        dense = self.serving()
        check_configured(dense.generation, self._embedder.model)
        check_embedder(dense.generation, dense.embedder)
        return dense

    def serving(self) -> Dense:
        """Return what answers now. One query to the registry; the rest is open already."""
        generation = self._generations.serving()
        if generation is None:
            raise RegistryUnavailable("The registry names no generation that serves. Restart the service.")
        return self.opened(generation)

    def all(self) -> list[Dense]:
        """Return every generation, oldest first."""
        return [self.opened(generation) for generation in self._generations.all()]

    def opened(self, generation: Generation) -> Dense:
        with self._lock:
            if generation.id not in self._open:
                index = Index(self._chroma.url, generation)
                self._open[generation.id] = Dense(
                    generation=generation, embedder=self.embedder_of(generation), index=index
                )
            return self._open[generation.id]

    def embedder_of(self, generation: Generation) -> Embedder:
        """Return a client of a generation's model, whether the generation exists yet or not."""
        return Embedder(
            generation.model,
            generation.url or self._embedder.url,
            query_prefix=generation.query_prefix,
            passage_prefix=generation.passage_prefix,
            send_input_type=generation.send_input_type,
            timeout_s=self._embedder.timeout_s,
        )

    def _configured(self) -> Generation:
        """Return the first generation: the model of the settings, as its embedder describes it."""
        wanted = Generation(
            model=self._embedder.model or PACKAGED,
            url="",
            query_prefix=self._embedder.query_prefix,
            passage_prefix=self._embedder.passage_prefix,
            send_input_type=self._embedder.send_input_type,
            dimension=0,
            max_tokens=0,
        )
        return self.described(wanted)

    def described(self, generation: Generation) -> Generation:
        """Return it with the dimension and the longest passage that its embedder tells.

        Raise EmbedderMismatch if that serves other models.
        """
        embedder = self.embedder_of(generation)
        check_served(embedder)
        return replace(generation, dimension=embedder.dimension, max_tokens=embedder.max_tokens)
