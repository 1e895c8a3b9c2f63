"""Guidelines, cases and advice in the forms that others read: FHIR R4, CSV, calendars; and facts from their records."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, tzinfo
from enum import StrEnum
from pathlib import Path

from dateutil.tz import tzlocal

from mriloop.app.advise import advise, guidelines_in_force, read_case, show_guideline
from mriloop.edges.channels import calendar
from mriloop.edges.cql import cql_of
from mriloop.edges.fhir.definitions import Saying, facts_of, guideline_bundle
from mriloop.edges.fhir.proposals import advice_bundle
from mriloop.edges.fhir.record import Record, read_record
from mriloop.edges.knowledge.bindings import load_bindings
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.edges.knowledge.cases_csv import cases_csv
from mriloop.model.advice import Advice
from mriloop.model.binding import Binding
from mriloop.model.errors import refuse
from mriloop.model.finding import Case
from mriloop.model.guideline import Guideline
from mriloop.stages.advise.conditions import say_condition
from mriloop.stages.advise.signatures import provenance_on, status_on


class ExportForm(StrEnum):
    """What a guideline is exported as."""

    FHIR = "fhir"
    CSV = "csv"
    CQL = "cql"


def export_guidelines(
    form: ExportForm, out: Path, *, site: Path | None, only: str | None, now: datetime
) -> tuple[Path, ...]:
    """Write guidelines, or one of them, into a folder; return the files.

    `fhir`: one Bundle a guideline with PlanDefinition, ActivityDefinitions and Library. `csv`: its worked cases, one
    row a case. `cql`: a library of every condition and table. Raises OperatorError `knowledge_unknown`,
    `out_not_writable`.
    """
    chosen = guidelines_in_force(site).guidelines if only is None else (show_guideline(only, site),)
    make = {ExportForm.FHIR: _fhir, ExportForm.CSV: _csv, ExportForm.CQL: _cql}[form]
    return tuple(make(each, out, site, now) for each in chosen)


def write_calendar(advice: Advice, case: str, path: Path, *, now: datetime) -> int:
    """Write the open windows of an advice as a calendar (RFC 5545); return how many there are."""
    return calendar.write_advice(advice, case, path, now=now)


def write_proposals(advice: Advice, case: str, path: Path, *, site: Path | None, now: datetime) -> None:
    """Write an advice as a FHIR R4 Bundle of proposals. Raises OperatorError `out_not_writable`."""
    bundle = advice_bundle(advice, guidelines_in_force(site), case=case, now=now)
    _write(path, json.dumps(bundle, indent=2, ensure_ascii=False) + "\n")


def bindings_in_force(site: Path | None = None) -> dict[str, Binding]:
    """Return where each fact is found in the records of others, the site's bindings laid over the shipped ones."""
    return load_bindings(guidelines_in_force(site).vocabulary, site=site)


def facts_of_record(path: Path, *, site: Path | None, as_of: date, zone: tzinfo) -> Record:
    """Return the facts of a FHIR R4 Bundle of one patient, and what of it could not be used.

    Raises SenderError `fhir_unreadable`, `fhir_shape`.
    """
    vocabulary = guidelines_in_force(site).vocabulary
    return read_record(path, bindings_in_force(site), vocabulary, as_of=as_of, zone=zone)


def advise_with_record(
    case: Path | None, record: Path | None, *, site: Path | None, today: date, zone: tzinfo | None = None
) -> tuple[str, Advice]:
    """Return the id of a case and the advice on it, with the facts of a FHIR record where one is given.

    A person's word in the case stands above the record's; where they differ a warning says so. Without a case file the
    record alone states the facts. `zone` is that of the site, by default the one that this machine is set to, with its
    changes of the clock.
    """
    stated = (
        read_case(case, site=site, now=today)
        if case is not None
        else Case(facts={}, as_of=today, id=record.stem if record is not None else "case")
    )
    if record is None:
        return stated.id, advise(stated, site=site)
    found = facts_of_record(record, site=site, as_of=stated.as_of, zone=zone or tzlocal())
    advice = advise(stated, site=site, machine_facts=found.facts)
    return stated.id, replace(advice, warnings=(*found.notes, *advice.warnings))


def _fhir(guideline: Guideline, out: Path, site: Path | None, now: datetime) -> Path:
    vocabulary = guidelines_in_force(site).vocabulary
    say = Saying(
        condition=lambda condition: say_condition(condition, vocabulary),
        status=lambda row: status_on(row, now.date()),
        provenance=lambda row: provenance_on(row, now.date()),
    )
    library = cql_of(guideline, vocabulary)
    bundle = guideline_bundle(guideline, vocabulary, library=library, on=now.date(), say=say)
    return _write(out / f"{guideline.id}.fhir.json", json.dumps(bundle, indent=2, ensure_ascii=False) + "\n")


def _csv(guideline: Guideline, out: Path, site: Path | None, now: datetime) -> Path:
    del now
    cases = load_guideline_cases(guideline.id, guidelines_in_force(site), site=site)
    return _write(out / f"{guideline.id}.cases.csv", cases_csv({guideline.id: cases}, facts_of(guideline)))


def _cql(guideline: Guideline, out: Path, site: Path | None, now: datetime) -> Path:
    del now
    return _write(out / f"{guideline.id}.cql", cql_of(guideline, guidelines_in_force(site).vocabulary))


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    except OSError:
        raise refuse("out_not_writable", path=path) from None
    return path
