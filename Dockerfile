# Centrala in a container: small, without compilers, not as root. The configuration is mounted at /etc/centrala, the
# data at /var/lib/centrala.

FROM node:20-bookworm-slim AS assets
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/centrala
COPY requirements.lock ./
RUN /opt/centrala/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY rules rules
COPY connectors connectors
COPY hub hub
COPY scripts scripts
COPY --from=assets /build/node_modules/htmx.org/dist/htmx.min.js hub/web/static/vendor/
RUN /opt/centrala/bin/python -m scripts.messages compile \
    && /opt/centrala/bin/python -m scripts.templates \
    && /opt/centrala/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/centrala/bin/pip uninstall --yes pip

FROM python:3.11-slim-bookworm
# pg_dump and pg_restore, for `centrala backup` and `restore` of the larger size.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-15 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/centrala --create-home centrala
COPY --from=build /opt/centrala /opt/centrala
COPY config /etc/centrala
ENV PATH=/opt/centrala/bin:$PATH \
    CENTRALA_CONFIG=/etc/centrala/centrala.toml \
    CENTRALA_PUBLIC_HOST="*" \
    CENTRALA_PRIVATE_HOST=0.0.0.0 \
    CENTRALA_HUB_LOG_FORMAT=json
WORKDIR /var/lib/centrala
USER centrala
VOLUME /var/lib/centrala
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 CMD ["centrala", "health"]
CMD ["centrala", "run"]
