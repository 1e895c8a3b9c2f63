"""Refusals of cases, orders, reports, letters and follow-ups."""

from __future__ import annotations

from mriloop.model.refusals.entry import ErrorEntry, operator, sender, usage

ENTRIES: tuple[ErrorEntry, ...] = (
    # cases and orders
    sender(
        "case_unreadable",
        "{path} is not readable YAML: {detail}",
        "mend the YAML; `mriloop advise --help` shows an example",
    ),
    sender("case_shape", "{path}: {detail}", "see docs/reference/cases.md for the shape of a case file"),
    sender(
        "case_unknown_fact",
        "{path}: no guideline knows the fact {fact}{hint}",
        "see `mriloop guidelines facts` for the words in use",
    ),
    sender(
        "case_wrong_unit",
        "{path}: {fact} is given in {unit}, which does not convert to {expected}",
        "give the value in {expected}",
    ),
    sender("case_wrong_type", "{path}: {fact} must be {expected}, not {found}", "see `mriloop guidelines facts`"),
    sender(
        "case_wrong_value",
        "{path}: {fact} cannot be {found}; it is one of {expected}",
        "use one of the listed words, or unknown",
    ),
    sender(
        "case_no_order",
        "{path} orders nothing",
        "state what is ordered under `order:` (modality, region, contrast); see docs/reference/cases.md",
    ),
    sender(
        "order_override_reason",
        "an order is overridden with a reason, and none was given",
        "say in a few words why this order must go on as it is",
        422,
    ),
    sender(
        "order_override_role", "the role {role} cannot override this order", "let a person do it who is {roles}", 403
    ),
    sender(
        "order_not_stopped",
        "nothing stops this order, so there is nothing to override",
        "answer what is asked, or place the order",
        409,
    ),
    sender("case_impossible_date", "{path}: {fact} is not a calendar date: {found}", "write dates as YYYY-MM-DD"),
    sender(
        "fhir_unreadable",
        "{path} is not readable JSON: {detail}",
        "export the record again as one FHIR R4 Bundle in JSON (UTF-8, at most 20 MB)",
    ),
    sender(
        "fhir_shape",
        "{path} is no record that facts can be taken from: {detail}",
        "give one FHIR R4 Bundle (collection, searchset, document or transaction) of one patient, as the record stands",
    ),
    # the shelf of guidelines
    usage(
        "sign_no_site",
        "there is no site folder",
        "make a folder for what the site says and name it with --site, or with MRILOOP_SITE",
    ),
    usage("sign_words", "the {what} of whoever signs is empty or not one line", "give --by NAME and --role ROLE"),
    usage(
        "sign_dates",
        "a signature from {on} to {expires} does not hold today, {today}",
        "sign on or before today, and let it expire later than today",
    ),
    operator(
        "sign_unknown_row",
        "{guideline} has no row {row}",
        "name it as table/row; `mriloop guidelines show {guideline}` lists them",
        404,
    ),
    operator("sign_refused", "{row} cannot be signed: {detail}", "nothing was signed", 409),
    usage(
        "guideline_name",
        "{name} is no name for a guideline",
        "use small letters, digits and underscores, and begin with a letter: `local_spine`",
    ),
    operator(
        "guideline_exists",
        "there is a guideline {name} already",
        "choose another name, or change rows of it in the site's overlay.yaml",
        409,
    ),
    # reports and letters
    sender(
        "report_not_signable",
        "the report cannot be signed: {detail}",
        "mend what is listed, or sign with an override and its reason",
        409,
    ),
    sender(
        "reading_invalid",
        "{path}: {detail}",
        "see docs/reference/reading.md for the shape of a reading file",
    ),
    sender(
        "report_no_person",
        "a report is signed by a named person with a role",
        "name id, name and role under `signed_by` of the reading file",
        403,
    ),
    sender("report_role", "the role {role} may not sign a report", "let a radiologist sign", 403),
    sender(
        "report_signed_twice",
        "report {report} of this study is signed already",
        "it stands as it is; for a trial use another --store",
        409,
    ),
    sender(
        "letter_too_hard",
        "the letter is too hard to read: {detail}",
        "shorten words and sentences of the template {template}",
    ),
    sender(
        "letter_no_kind",
        "the signed report does not say which letter the patient gets",
        "state the outcome (normal, abnormal, not diagnostic) when the report is signed",
        409,
    ),
    sender(
        "letter_forbidden",
        "the letter {template} would say {found}, which no patient letter may say",
        "take prognosis, percentages and doses out; they belong in a talk with a doctor",
    ),
    # follow-ups
    sender(
        "followup_no_owner", "a follow-up has exactly one owner, and none was given", "name the person or the pool", 409
    ),
    sender(
        "followup_illegal",
        "{event} cannot happen to a follow-up that is {state}",
        "see docs/reference/follow-up.md for what may follow what",
        409,
    ),
    sender("followup_incomplete", "{event} needs {what}", "give what is missing", 422),
    sender(
        "followup_not_answered",
        "this exam does not answer the follow-up: {detail}",
        "the follow-up stays open; a person may close it with a reason",
        409,
    ),
)
