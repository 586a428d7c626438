# One image for the API and the worker: docker-compose.yml gives each its command.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore UV_NO_CACHE=1
RUN python -m venv /opt/attest
ENV PATH=/opt/attest/bin:$PATH VIRTUAL_ENV=/opt/attest
WORKDIR /build
COPY requirements/uv.lock requirements/torch.lock requirements/main.lock requirements/
# The default index offers only the CUDA build of torch for x86-64.
RUN pip install --require-hashes --no-deps -r requirements/uv.lock \
 && pip install --require-hashes --no-deps --index-url https://download.pytorch.org/whl/cpu -r requirements/torch.lock
# Compiled here, because at run time the file system is read-only.
RUN uv pip install --require-hashes --no-deps --compile-bytecode -r requirements/main.lock
COPY pyproject.toml README.md LICENSE ./
COPY rag rag
COPY ingest ingest
COPY api api
COPY bench bench
RUN pip install --no-deps --no-build-isolation . && pip uninstall --yes uv

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Attest" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --user-group --create-home attest && install --directory --owner=attest --group=attest /data
COPY --from=build /opt/attest /opt/attest
# The embedder is inside the image: no model hub is asked for anything.
ENV PATH=/opt/attest/bin:$PATH PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 \
    RAG_DATA_DIR=/data RAG_API_HOST=0.0.0.0 RAG_API_PORT=8080
USER 10001:10001
WORKDIR /home/attest
VOLUME /data
EXPOSE 8080
CMD ["rag", "serve"]
