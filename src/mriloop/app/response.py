"""RESPONSE as a use case: a history of visits in, the verdict or the paired differences of each out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mriloop.app.advise import guidelines_in_force
from mriloop.app.norms import repeatability_in_force
from mriloop.edges.knowledge.histories import load_history, read_mapping
from mriloop.edges.knowledge.visit_entries import load_discs, load_joints
from mriloop.model.advice import Advice
from mriloop.model.response import Criteria, EntryCourse, ResponseCourse, ResponseHistory
from mriloop.stages.advise import evaluate
from mriloop.stages.advise.from_response import facts_from_discs, facts_from_response
from mriloop.stages.compare.disc import compare_discs
from mriloop.stages.compare.joint import compare_joints
from mriloop.stages.compare.response import assess

DISC, RAMRIS = "disc", "ramris"
CHOICES = (*Criteria, DISC, RAMRIS)


def criteria_of(path: Path, stated: str | None = None) -> str:
    """Return what a file is to be held against: what is stated, else what the file names; raises as `response`."""
    if stated is not None:
        return stated
    _, _, raw = read_mapping(path)
    return str(raw.get("criteria") or Criteria.RECIST).strip().lower()


def response(
    path: Path, criteria: str | None = None, *, site: Path | None = None
) -> tuple[ResponseHistory, ResponseCourse]:
    """Return a history of tumours and what the criteria say of it; `criteria` stands in for the file's own.

    `site` is the site's own knowledge, whose coefficients of repeatability win over the shipped ones. Raises
    SenderError `history_invalid`, `input_not_found` or `input_unreadable`, OperatorError `knowledge_invalid`.
    """
    history = load_history(path, None if criteria is None else Criteria(criteria))
    return history, assess(history, repeatability_in_force(site))


def entries(path: Path, criteria: str) -> EntryCourse:
    """Return discs (`disc`) or joints (`ramris`) over visits; raises as `response` does."""
    if criteria == DISC:
        discs = load_discs(path)
        return compare_discs(
            discs.visits, same_reader=discs.same_reader, area_mm2=discs.area_mm2, length_mm=discs.length_mm
        )
    joints = load_joints(path)
    return compare_joints(joints.visits, detectable=joints.detectable)


def response_advice(history: ResponseHistory, course: ResponseCourse, *, site: Path | None = None) -> Advice:
    """Return the next step after the last visit of a course, counted from its day: `tumour_response` alone is asked.

    Raises OperatorError `knowledge_invalid` for guidelines that cannot be read.
    """
    known = guidelines_in_force(site)
    asked = tuple(each for each in known.guidelines if each.id == "tumour_response")
    return evaluate(
        replace(known, guidelines=asked), facts_from_response(history, course), as_of=course.verdicts[-1].on
    )


def entries_advice(course: EntryCourse, *, site: Path | None = None) -> Advice:
    """Return what a comparison of discs asks for; of joints nothing follows by itself. Raises as `response_advice`."""
    if course.criteria != DISC:
        return Advice(recommendations=())
    known = guidelines_in_force(site)
    asked = tuple(each for each in known.guidelines if each.id == "lumbar_disc")
    return evaluate(replace(known, guidelines=asked), facts_from_discs(course), as_of=course.visits[-1][1])
