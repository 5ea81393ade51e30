"""All checks, in the order in which trouble is mended. One that breaks is a finding itself and stops no other."""

import structlog

from jobs.diagnosis import database, machine, service, settings
from jobs.diagnosis.finding import Check, Finding, Status, error

log = structlog.get_logger(__name__)

ALWAYS: tuple[Check, ...] = (
    settings.choices,
    settings.secrets,
    settings.framework,
    machine.directories,
    machine.store,
    machine.disk,
    machine.static_files,
    machine.tools,
    machine.engine,
    machine.confinement,
    database.connection_works,
    database.cache_works,
)
WITH_TABLES: tuple[Check, ...] = (
    database.clock,
    database.encryption,
    service.people,
    service.workers,
    service.tools,
    service.queue,
    service.room,
    service.failures,
    service.failing_sites,
    service.sites,
    service.names,
    service.webhooks,
)


def examine() -> list[Finding]:
    """Look at everything; at what is in tables only when the database answers and its tables are as they should be."""
    findings = [finding for check in ALWAYS for finding in _made(check)]
    tables = _made(database.tables_are_current) if _works(findings, "database") else []
    findings += tables
    if _works(tables, "migrations"):
        findings += [finding for check in WITH_TABLES for finding in _made(check)]
    return findings


def _works(findings: list[Finding], check: str) -> bool:
    mine = [finding for finding in findings if finding.check == check]
    return bool(mine) and all(finding.status is Status.OK for finding in mine)


def _made(check: Check) -> list[Finding]:
    try:
        return list(check())
    except Exception as trouble:
        log.exception("check broke")
        name = check.__name__.replace("_", " ")
        told = f"This could not be checked: {type(trouble).__name__}."
        return [error(name, told, "Look at the lines of the log above this report.")]
