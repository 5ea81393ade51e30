# One image for web and workers: both by default, one of them with `gunicorn downloader_project.wsgi` or
# `python manage.py worker` as the command. Data lives in /app/data; mount a volume there.
FROM python:3.11-slim-bookworm AS build
COPY requirements.txt .
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 app
COPY --from=build /opt/venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --chown=app:app . .
RUN install -d -o app -g app -m 0700 data && chown app:app .
USER app
# Pages' files are collected now, so that the first start is quick.
RUN STORAGE_DIR=/tmp/build python manage.py shell -c \
    "from jobs.management.commands.setup import collect_static_files; collect_static_files()" \
    && rm -rf /tmp/build
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://localhost:{os.environ.get(\"PORT\", 8080)}/api/v1/readyz', timeout=8)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "manage.py", "run"]
