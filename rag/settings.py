"""The one reader of the environment: `RAG_<STAGE>_<NAME>` or `.env`, checked, built once at each entry point."""

import os
import re
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.errors import ConfigurationError

PREFIX = "RAG_"


def _http_url(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")


def _http_urls(value: str) -> str:
    return ",".join(_http_url(url.strip()) for url in value.split(",") if url.strip())


def _store_url(value: str) -> str:
    if value and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#\s]*)?", value):
        raise ValueError("must be s3://BUCKET or s3://BUCKET/PREFIX")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]
HttpUrls = Annotated[str, AfterValidator(_http_urls)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]


class DataSettings(BaseModel):
    dir: Path = Field(Path("data"), description="Folder for the registry, originals, vectors and logs.")


class DatabaseSettings(BaseModel):
    url: str = Field("", description="SQLAlchemy URL of the registry; empty: SQLite in the data folder.")


class StoreSettings(BaseModel):
    url: StoreUrl = Field("", description="s3://BUCKET/PREFIX for originals; empty: a folder in the data folder.")
    endpoint: HttpUrl = Field("", description="URL of an S3-compatible server; empty: AWS_ENDPOINT_URL, or Amazon's.")


class BrokerSettings(BaseModel):
    url: SecretStr = Field(SecretStr(""), description="Redis or RabbitMQ URL of the queue; empty: `rag up` starts one.")


class ChromaSettings(BaseModel):
    url: HttpUrl = Field("", description="URL of the Chroma server; empty: `rag up` starts one.")


class GeneratorSettings(BaseModel):
    url: HttpUrls = Field(
        "", description="OpenAI-compatible base URL, ending in /v1, or those of several; empty: `rag up` starts one."
    )
    policy: str = Field("", description="TOML file with several generators and who uses which, instead of the URL.")
    model: str = Field("", description="Model name to ask for; empty: the first that the engine lists.")
    api_key: SecretStr = Field(SecretStr(""), description="Key for the engine, if it wants one.")
    prompt: str = Field("", description="Prompt of rag/prompts/ to use; empty: the one named like the model.")
    context_tokens: int = Field(
        0, ge=0, description="Prompt and answer, in tokens; 0: what the engine says, else 4096."
    )
    answer_tokens: int = Field(512, ge=16, description="Longest answer, in tokens.")
    timeout_s: float = Field(60.0, gt=0, description="Longest wait for the next token, in seconds.")

    @property
    def urls(self) -> list[str]:
        return self.url.split(",") if self.url else []

    @property
    def is_configured(self) -> bool:
        return bool(self.url or self.policy)


class EmbedderSettings(BaseModel):
    url: HttpUrl = Field("", description="OpenAI-compatible embeddings URL, ending in /v1; empty: `rag up` starts one.")
    model: str = Field("", description="Model of the first index: a folder; empty: the packaged all-MiniLM-L6-v2.")
    query_prefix: str = Field("", description="What the model wants before a question, such as `query: ` of E5.")
    passage_prefix: str = Field("", description="What the model wants before a passage, such as `passage: ` of E5.")
    send_input_type: bool = Field(False, description="Tell the engine `query` or `passage` as `input_type`.")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the CPU computes in it.")
    batch_size: int = Field(8, ge=1, le=1024, description="Passages per forward pass.")
    timeout_s: float = Field(120.0, gt=0, description="Longest wait for a batch of passages, in seconds.")


class ChunkSettings(BaseModel):
    tokens: int = Field(180, ge=32, description="Most tokens of a passage, counted by the embedder's tokenizer.")
    overlap_tokens: int = Field(24, ge=0, description="Tokens that neighbouring passages share.")


class RetrieveSettings(BaseModel):
    top_k: int = Field(6, ge=1, le=50, description="Passages given to the language model.")
    min_evidence: float = Field(
        0.25, ge=0, le=1, description="Probability that the passages answer under which nothing is written."
    )


class CacheSettings(BaseModel):
    keep_s: float = Field(86400.0, ge=0, description="Longest that an answer is given again, in seconds; 0: never.")


class RerankerSettings(BaseModel):
    model: str = Field(
        "", description="Cross-encoder that orders the best passages: a folder, or its name at the URL; empty: none."
    )
    url: HttpUrl = Field(
        "", description="Base URL of an engine that serves /rerank, ending in /v1; empty: the embedder process does."
    )

    def folder(self) -> Path:
        """Return where a process of the service finds the model. Raise ConfigurationError if there is none."""
        if not (Path(self.model) / "config.json").is_file():
            raise ConfigurationError(
                f"RAG_RERANKER_MODEL: {self.model!r} is no folder of a cross-encoder. If an engine serves it under "
                "this name, RAG_RERANKER_URL must say where."
            )
        return Path(self.model)


class ParseSettings(BaseModel):
    memory_bytes: int = Field(2_000_000_000, ge=500_000_000, description="Address space of a parser process, in bytes.")
    timeout_s: float = Field(300.0, gt=0, description="Longest time for parsing one document, in seconds.")
    max_chars: int = Field(20_000_000, ge=1000, description="Most text taken from one document, in characters.")


class WorkerSettings(BaseModel):
    concurrency: int = Field(8, ge=1, le=64, description="Documents worked on at once by one worker process.")
    lease_s: float = Field(30.0, ge=1, description="Seconds without a heartbeat after which work is taken over.")
    max_attempts: int = Field(
        5, ge=1, description="Ends of its worker, or unknown errors, before a document has failed."
    )


class SourcesSettings(BaseModel):
    allowed_hosts: str = Field("", description="Internal hosts that may be fetched: names and networks, with commas.")
    folders: str = Field("", description="Folders that sources may read on the worker's machine, with commas.")


def _networks(value: str) -> str:
    try:
        return ",".join(str(ip_network(part.strip(), strict=False)) for part in value.split(",") if part.strip())
    except ValueError as exc:
        raise ValueError("must be addresses or networks such as 10.0.0.0/8, with commas") from exc


class ApiSettings(BaseModel):
    host: str = Field("127.0.0.1", description="Address to listen on; other than loopback needs an API key.")
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on.")
    key: SecretStr = Field(SecretStr(""), description="Key that the command line sends to the API.")
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        "", description="Proxies whose X-Forwarded-For is believed: addresses and networks, with commas; empty: none."
    )
    max_upload_bytes: int = Field(104_857_600, ge=1, description="Largest document, in bytes.")
    max_answers: int = Field(128, ge=1, description="Answers in progress at once; further questions are told to wait.")


class TraceSettings(BaseModel):
    keep_days: float = Field(
        30.0, ge=0, description="How long traces of answers are kept, in days; 0: none is written."
    )
    keep_text: Literal["none", "questions", "full"] = Field(
        "questions", description="Text in a trace: none; question, answer and quotes; full: the prompt, too."
    )


class ConversationSettings(BaseModel):
    keep_days: float = Field(30.0, ge=0, description="Days after its last question that one is kept; 0: none is.")


class LogSettings(BaseModel):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe log record kept.")


class Settings(BaseSettings):
    """All settings, by stage. Build with `load_settings`, pass values on."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="_", env_nested_max_split=1, env_file=".env", extra="ignore"
    )

    data: DataSettings = DataSettings()
    database: DatabaseSettings = DatabaseSettings()
    store: StoreSettings = StoreSettings()
    broker: BrokerSettings = BrokerSettings()
    chroma: ChromaSettings = ChromaSettings()
    generator: GeneratorSettings = GeneratorSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    chunk: ChunkSettings = ChunkSettings()
    retrieve: RetrieveSettings = RetrieveSettings()
    cache: CacheSettings = CacheSettings()
    reranker: RerankerSettings = RerankerSettings()
    parse: ParseSettings = ParseSettings()
    worker: WorkerSettings = WorkerSettings()
    sources: SourcesSettings = SourcesSettings()
    api: ApiSettings = ApiSettings()
    trace: TraceSettings = TraceSettings()
    conversation: ConversationSettings = ConversationSettings()
    log: LogSettings = LogSettings()

    @cached_property
    def data_dir(self) -> Path:
        return self.data.dir.expanduser().resolve()

    @cached_property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.data_dir / 'registry.db'}"

    @property
    def reranker_url(self) -> str:
        """Where the reranker is asked, if there is one."""
        return self.reranker.url or self.embedder.url

    @property
    def is_loopback(self) -> bool:
        return self.api.host in {"127.0.0.1", "::1", "localhost"}


def known_variables() -> set[str]:
    """Return the name of every environment variable that the settings read."""
    return {
        f"{PREFIX}{stage}_{name}".upper()
        for stage, group in Settings.model_fields.items()
        if isinstance(group.annotation, type) and issubclass(group.annotation, BaseModel)
        for name in group.annotation.model_fields
    }


def load_settings() -> Settings:
    """Read the environment and `.env`. Raise ConfigurationError for a wrong value or an unknown RAG_ name."""
    unknown = sorted({name for name in _names_present() if name.startswith(PREFIX)} - known_variables())
    if unknown:
        raise ConfigurationError(f"Unknown setting {', '.join(unknown)}. See .env.example for the names.")
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"{name}: {first['msg']}") from exc


def _names_present() -> set[str]:
    """Names from the environment and from `.env`, without their values."""
    path = Path(".env")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    from_file = {line.split("=", 1)[0].removeprefix("export ").strip() for line in lines if "=" in line}
    return from_file | set(os.environ)
