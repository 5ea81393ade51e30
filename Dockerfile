# One image for web and workers: both in one container by default, one of them with the command
# `gunicorn downloader_project.wsgi` or `python manage.py worker`. Needs a writable /app/data (a volume) and /tmp (a tmpfs);
# all else may be read-only. It is production: docs/deployment.md says which secrets it wants.
# `make prove-image` runs these very steps in a Debian root where there is no Docker engine.
FROM debian:12.12-slim AS base
# The releases of Debian's packages are those of the day of the build: security fixes come in by building again.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get upgrade -y \
    && apt-get install -y --no-install-recommends ca-certificates python3 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*

FROM base AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils python3-venv
COPY requirements.txt /build/
# ffmpeg and deno come as wheels: Debian's ffmpeg alone would bring 400 MB of libraries for screens and sound cards.
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /build/requirements.txt
COPY . /app/
WORKDIR /app
# Pages' files are collected and code is compiled now: nothing is written outside the volume later.
RUN ENVIRONMENT=build STORAGE_DIR=/tmp/build /opt/venv/bin/python manage.py collect \
    && scripts/slim-image /opt/venv staticfiles \
    && /opt/venv/bin/python -m compileall -q . \
    && install -d -o 1000 -g 1000 -m 0700 data data/files

FROM base
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Ultimate Media Downloader" \
      org.opencontainers.image.description="Paste a link in a browser or POST it to an API, and a verified file comes back" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
RUN useradd --no-create-home --home-dir /tmp --uid 1000 --user-group app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH="/opt/venv/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ENVIRONMENT=production STORAGE_DIR=/app/data
WORKDIR /app
USER 1000:1000
VOLUME /app/data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "scripts/healthcheck"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "manage.py", "run"]
