"""Figures for Prometheus: those of requests and queries, counted in each web process, and those of rows, read when
somebody asks. Loaded by the web only, and only with ENABLE_METRICS.
"""
