"""The alert to the technologist: what to repeat, why, and what to change; nothing when there is nothing to do."""

from __future__ import annotations

from mriloop.model.communication import Audience
from mriloop.model.quality import Defect, Evidence, SeriesCheck, SeriesKind, Severity, StudyCheck, Verdict
from mriloop.stages.communicate import repeat_alert


def defect(code="R1.motion.voluntary", severity=Severity.MAJOR, **change):
    fields = {
        "code": code,
        "severity": severity,
        "message": "The head moved between volumes",
        "action": "Support the head and repeat",
        "evidence": (Evidence(name="framewise displacement", value=4.2345, unit="mm", limit=0.5),),
    }
    return Defect(**{**fields, **change})


def series(number, verdict, *defects):
    return SeriesCheck(
        series_instance_uid=f"1.2.{number}",
        kind=SeriesKind(),
        verdict=verdict,
        volumes=1,
        series_number=number,
        description=f"FLAIR {number}",
        defects=defects,
    )


def check(*items, defects=()):
    return StudyCheck(study_instance_uid="1.2", verdict=Verdict.REPEAT, series=items, defects=defects)


def test_nothing_to_repeat_gives_no_alert():
    assert repeat_alert(check(series(3, Verdict.ACCEPTABLE), series(4, Verdict.LIMITED, defect()))) is None


def test_each_series_comes_with_reason_number_and_action():
    letter = repeat_alert(check(series(3, Verdict.REPEAT, defect()), series(4, Verdict.ACCEPTABLE)))
    assert letter is not None
    assert letter.audience is Audience.TECHNOLOGIST
    assert letter.report_digest is None
    assert letter.title == "Before the patient leaves: repeat 1 series"
    assert [part.heading for part in letter.parts] == ["Series 3: FLAIR 3"]
    assert letter.paragraphs == (
        "The head moved between volumes. [framewise displacement 4.23 mm (limit 0.5)]",
        "- Support the head and repeat.",
    )


def test_minor_defects_stay_out_unless_they_are_the_only_reason():
    minor = defect(severity=Severity.MINOR, message="Slight noise", action="")
    both = repeat_alert(check(series(3, Verdict.REPEAT, defect(), minor)))
    alone = repeat_alert(check(series(3, Verdict.REPEAT, minor)))
    assert both is not None
    assert alone is not None
    assert "Slight noise" not in " ".join(both.paragraphs)
    assert "Slight noise" in " ".join(alone.paragraphs)


def test_what_the_study_lacks_is_told_too():
    letter = repeat_alert(check(defects=(defect("R1.incomplete", message="There is no FLAIR", evidence=()),)))
    assert letter is not None
    assert letter.title == "Before the patient leaves: the study is not complete"
    assert letter.paragraphs[0] == "There is no FLAIR."


def test_a_repeat_without_a_recorded_reason_says_so():
    letter = repeat_alert(check(series(3, Verdict.REPEAT)))
    assert letter is not None
    assert letter.paragraphs == ("No reason is recorded; look at the images.",)
