"""The one table of refusals: code, whose fault, message, remedy, HTTP status, exit code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """What a process says when it ends."""

    DONE = 0
    BUG = 1
    USAGE = 2
    REFUSED = 3
    MISSING_COMPONENT = 4
    NEEDS_PERSON = 10


class Fault(StrEnum):
    """Whose mistake it was: who sent the bytes, who runs the system, or what the machine lacks."""

    SENDER = "sender"
    OPERATOR = "operator"
    COMPONENT = "component"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEntry:
    """One line of the table. `message` and `remedy` are format strings over the context of the error."""

    code: str
    fault: Fault
    message: str
    remedy: str
    http: int
    exit: Exit


def _sender(code: str, message: str, remedy: str, http: int = 422) -> ErrorEntry:
    return ErrorEntry(code=code, fault=Fault.SENDER, message=message, remedy=remedy, http=http, exit=Exit.REFUSED)


def _usage(code: str, message: str, remedy: str) -> ErrorEntry:
    return ErrorEntry(code=code, fault=Fault.OPERATOR, message=message, remedy=remedy, http=400, exit=Exit.USAGE)


def _operator(code: str, message: str, remedy: str, http: int = 500) -> ErrorEntry:
    return ErrorEntry(code=code, fault=Fault.OPERATOR, message=message, remedy=remedy, http=http, exit=Exit.REFUSED)


def _component(code: str, message: str, remedy: str) -> ErrorEntry:
    return ErrorEntry(
        code=code, fault=Fault.COMPONENT, message=message, remedy=remedy, http=503, exit=Exit.MISSING_COMPONENT
    )


TABLE: tuple[ErrorEntry, ...] = (
    # input as a whole
    _sender(
        "input_not_found",
        "there is nothing at {path}",
        "check the path; give a folder, a DICOM file, a zip or a NIfTI file",
        404,
    ),
    _sender(
        "input_not_supported",
        "{path} is neither a folder, a DICOM file, a zip nor a NIfTI file",
        "give one of these; unpack other archives first",
    ),
    _sender(
        "input_empty",
        "{path} holds no file",
        "check that the export finished, then give the folder that holds the images",
    ),
    _sender(
        "input_no_dicom",
        "{path} holds {count} files and none is DICOM or NIfTI",
        "check that this is the image export, not its viewer or its report",
    ),
    _sender(
        "input_no_mr",
        "{path} holds no MR study (found: {modalities})",
        "mriloop reads magnetic resonance studies; give the MR study of this patient",
    ),
    _sender(
        "input_too_large",
        "{path} holds more than {limit} {what}",
        "give one study at a time, or raise the limit {setting}",
        413,
    ),
    _sender("input_unreadable", "{path} cannot be opened for reading", "check the permissions of the file or folder"),
    _sender(
        "two_patients",
        "{path} holds studies of {count} patients",
        "split the folder by patient and run again: mriloop never mixes patients",
        409,
    ),
    _sender(
        "several_studies",
        "{path} holds {count} studies where one is expected",
        "give the folder of one study, or choose with --study-uid UID",
    ),
    _sender(
        "several_series",
        "{path} holds {count} series where one is expected",
        "give one image file, or check the whole folder",
    ),
    _sender(
        "input_all_refused",
        "{path} holds {count} DICOM or NIfTI files and none can be used (the first: {code})",
        "see the list of refused files; send the study again",
    ),
    # archives
    _sender("zip_unreadable", "{path} is not a readable zip archive", "export or download it again"),
    _sender("zip_encrypted", "{path} is encrypted", "unpack it with its password and give the folder"),
    _sender(
        "zip_bomb",
        "{path} would unpack to more than {limit}",
        "unpack it by hand if you trust its sender, and give the folder",
        413,
    ),
    _sender(
        "zip_path_escape",
        "{path} has a member that points outside the archive",
        "do not use this archive; ask its sender for a clean export",
    ),
    # single files, listed under `refused`
    _sender("file_not_dicom", "not a DICOM file", "nothing to do if it is a viewer or a text; else export again"),
    _sender("file_unreadable", "the file cannot be opened for reading", "check its permissions"),
    _sender("file_link_outside", "a link, which is never followed", "put the file itself into the input"),
    _sender(
        "file_bids_not_raw",
        "a folder that a BIDS dataset keeps beside its raw data",
        "to check it, give this folder by itself",
    ),
    _sender("file_nested_archive", "an archive inside the input, left packed", "unpack it and run again"),
    _sender("file_truncated", "the file ends before its data do", "send this instance again"),
    _sender("file_header_damaged", "the DICOM header cannot be read", "send this instance again"),
    _sender(
        "file_no_identity",
        "the header lacks a UID that every instance must have",
        "send this instance again from the scanner or PACS",
    ),
    _sender(
        "file_not_mr", "modality {modality} is not magnetic resonance", "nothing to do: it is left out of the MR study"
    ),
    _sender(
        "file_not_performed_step",
        "{path} is no Modality Performed Procedure Step",
        "give the data set that the scanner sent to the worklist server, or leave it out",
    ),
    _sender("file_no_pixels", "an image object without pixel data", "send this instance again"),
    _sender(
        "file_pixels_impossible", "rows, columns, bits or frames contradict the pixel data", "send this instance again"
    ),
    _sender("file_too_nested", "nested deeper than any real header", "do not use this file; ask its sender"),
    _sender("file_deflate_bomb", "deflated content expands beyond {limit}", "do not use this file; ask its sender"),
    _sender("file_too_large", "larger than {limit}", "raise the limit {setting} if you trust the sender"),
    _sender(
        "file_transfer_syntax",
        "transfer syntax {syntax} cannot be decoded here",
        "send it uncompressed, or see `mriloop doctor`",
    ),
    _sender("file_not_nifti", "not a readable NIfTI file", "convert it again"),
    _sender(
        "file_nifti_geometry",
        "the NIfTI header gives no usable geometry",
        "convert it again with dcm2niix so that sform or qform is set",
    ),
    _sender("file_sidecar_invalid", "the BIDS sidecar is not valid JSON", "convert it again, or mend the sidecar"),
    _sender(
        "file_two_patients",
        "its study instance UID is also that of another patient",
        "find out whose images these are, and export each patient again",
    ),
    _sender(
        "file_duplicate_differs",
        "the same SOP instance UID with different content",
        "find out which copy is right and remove the other",
    ),
    # comparison
    _sender(
        "prior_other_patient",
        "the prior at {path} belongs to another patient",
        "find the prior of this patient; nothing was compared",
        409,
    ),
    _sender("prior_same_study", "the prior at {path} is the study itself", "give an earlier study", 409),
    _sender("prior_not_earlier", "the prior at {path} was acquired after today's study", "swap the two paths", 409),
    _sender(
        "compare_one_series",
        "{path} holds no series that can be compared",
        "give a study with at least one acquired image series",
    ),
    _operator(
        "comparison_unreadable",
        "this is no comparison that mriloop wrote ({detail})",
        "give the folder that `mriloop compare --out` wrote, or write it again",
    ),
    _operator("edit_twice", "change {number} was given two answers", "say one thing of each change"),
    _operator(
        "edit_unknown_change",
        "there is no change number {number}",
        "`mriloop changes DIR` lists them; `--add MASK` adds one",
    ),
    _operator(
        "edit_no_outline",
        "the outline of change {number} holds no voxel",
        "draw it on the voxels of today's or of the prior's series, or reject the change instead",
    ),
    _sender(
        "result_source_unreadable",
        "the header of a source image cannot be read, or is of another series",
        "compare again from the original images; NIfTI, transforms and JSON were written all the same",
    ),
    _sender(
        "file_transform_unreadable",
        "not a text file with one linear ITK transform",
        "save it as one rigid or affine ITK transform (.tfm or .txt)",
    ),
    _sender(
        "outline_not_supported",
        "{path} is neither a DICOM segmentation, an RT structure set nor a NIfTI mask",
        "export the outlines as one of these",
    ),
    _sender("outline_empty", "{path} outlines nothing", "check that the outlines were saved, then export them again"),
    _sender(
        "outline_geometry",
        "the outlines in {path} do not say where they lie, or not on a regular grid",
        "export them again together with their geometry",
    ),
    _sender(
        "outline_without_images",
        "the contours in {path} were drawn on images that are not here",
        "give the study that they were drawn on",
    ),
    _sender(
        "outline_damaged",
        "the outlines in {path} contradict themselves: {detail}",
        "export them again from the program that drew them",
    ),
    _sender(
        "outline_too_large",
        "the outlines in {path} would need more than {limit}",
        "export fewer segments at a time, or raise the limit {setting} if you trust the sender",
        413,
    ),
    _sender(
        "prior_other_head",
        "the pictures of the prior at {path} show another head than today's",
        "look at both and find the prior of this patient; where they are one person's, say so with --same-person",
        409,
    ),
    _sender(
        "bids_no_visits",
        "{path} holds no subject with two sessions (sub-…/ses-…)",
        "give the root of a longitudinal BIDS dataset; for single pairs use `mriloop compare TODAY PRIOR`",
    ),
    _sender(
        "bids_one_session",
        "{path} has one session only",
        "nothing to compare; add the earlier session",
    ),
    _sender(
        "history_invalid",
        "{path}: {detail}",
        "see docs/reference/response.md for the shape of a history, and `mriloop response --help`",
    ),
    # cases and orders
    _sender(
        "case_unreadable",
        "{path} is not readable YAML: {detail}",
        "mend the YAML; `mriloop advise --help` shows an example",
    ),
    _sender("case_shape", "{path}: {detail}", "see docs/reference/cases.md for the shape of a case file"),
    _sender(
        "case_unknown_fact",
        "{path}: no guideline knows the fact {fact}{hint}",
        "see `mriloop guidelines facts` for the words in use",
    ),
    _sender(
        "case_wrong_unit",
        "{path}: {fact} is given in {unit}, which does not convert to {expected}",
        "give the value in {expected}",
    ),
    _sender("case_wrong_type", "{path}: {fact} must be {expected}, not {found}", "see `mriloop guidelines facts`"),
    _sender(
        "case_wrong_value",
        "{path}: {fact} cannot be {found}; it is one of {expected}",
        "use one of the listed words, or unknown",
    ),
    _sender(
        "case_no_order",
        "{path} orders nothing",
        "state what is ordered under `order:` (modality, region, contrast); see docs/reference/cases.md",
    ),
    _sender("case_impossible_date", "{path}: {fact} is not a calendar date: {found}", "write dates as YYYY-MM-DD"),
    # reports and letters
    _sender(
        "report_not_signable",
        "the report cannot be signed: {detail}",
        "mend what is listed, or sign with an override and its reason",
        409,
    ),
    _sender(
        "reading_invalid",
        "{path}: {detail}",
        "see docs/reference/reading.md for the shape of a reading file",
    ),
    _sender(
        "report_no_person",
        "a report is signed by a named person with a role",
        "name id, name and role under `signed_by` of the reading file",
        403,
    ),
    _sender("report_role", "the role {role} may not sign a report", "let a radiologist sign", 403),
    _sender(
        "report_signed_twice",
        "report {report} of this study is signed already",
        "it stands as it is; for a trial use another --store",
        409,
    ),
    _sender(
        "letter_too_hard",
        "the letter is too hard to read: {detail}",
        "shorten words and sentences of the template {template}",
    ),
    _sender(
        "letter_no_kind",
        "the signed report does not say which letter the patient gets",
        "state the outcome (normal, abnormal, not diagnostic) when the report is signed",
        409,
    ),
    _sender(
        "letter_forbidden",
        "the letter {template} would say {found}, which no patient letter may say",
        "take prognosis, percentages and doses out; they belong in a talk with a doctor",
    ),
    # follow-ups
    _sender(
        "followup_no_owner", "a follow-up has exactly one owner, and none was given", "name the person or the pool", 409
    ),
    _sender(
        "followup_illegal",
        "{event} cannot happen to a follow-up that is {state}",
        "see docs/reference/follow-up.md for what may follow what",
        409,
    ),
    _sender("followup_incomplete", "{event} needs {what}", "give what is missing", 422),
    _sender(
        "followup_not_answered",
        "this exam does not answer the follow-up: {detail}",
        "the follow-up stays open; a person may close it with a reason",
        409,
    ),
    # protocol references
    _sender(
        "reference_unreadable",
        "{path} is no reference that can be imported: {detail}",
        "give a dicompare schema (JSON) or a printed Siemens protocol (XML); see docs/reference/protocols.md",
    ),
    _sender(
        "learn_too_few",
        "{path} holds {count} studies; a reference is learned from at least {least}",
        "add good studies made with the same protocol",
    ),
    _sender(
        "learn_nothing",
        "the {count} studies of {path} have no series in common",
        "give studies that were made with one protocol",
    ),
    # operator
    _usage("usage_value", "{detail}", "see --help"),
    _usage(
        "usage_not_a_folder", "{path} is a file; a folder is needed for the results", "give a folder, or a new path"
    ),
    _operator("out_not_writable", "cannot write to {path}", "choose another --out"),
    _operator(
        "out_busy", "another run writes its results to {path}", "wait until it has ended, or choose another --out", 409
    ),
    _operator(
        "out_not_ours",
        "{path} holds something else than results of mriloop",
        "choose another --out; nothing was changed",
        409,
    ),
    _operator(
        "setting_invalid",
        "setting {setting} cannot be {found}",
        "see `mriloop doctor` for the settings and their ranges",
        500,
    ),
    _operator("knowledge_invalid", "{path}: {detail}", "run `mriloop guidelines lint` and mend the table"),
    _operator(
        "knowledge_unknown",
        "there is no {kind} called {name}",
        "check the name: `mriloop guidelines list` and `mriloop protocol list` name what there is",
        404,
    ),
    _operator(
        "baseline_invalid",
        "{path} is no baseline of mriloop: {detail}",
        "give the file that `mriloop baseline learn --out` wrote, or learn it anew",
    ),
    _operator(
        "results_invalid",
        "{path}: {detail}",
        "give JSON or JSON lines that `mriloop check` printed, or a folder with images",
    ),
    _operator(
        "store_newer", "the store at {path} was written by a newer mriloop", "upgrade mriloop, or use another --store"
    ),
    _operator("store_locked", "the store at {path} is busy", "wait for the other process, or use another --store"),
    _operator(
        "store_absent", "there is no store at {path}", "check --store; a new one is made by `mriloop review`", 404
    ),
    _operator("store_unusable", "the store at {path} cannot be used: {detail}", "see `mriloop doctor`", 503),
    _operator("store_full", "no room is left for the store at {path}", "free some disk space; nothing was lost", 507),
    _operator("store_damaged", "the store at {path} is damaged: {detail}", "restore the last backup"),
    _operator("blob_missing", "the store holds no blob {digest}", "restore it from the last backup", 404),
    _operator("blob_damaged", "the blob {digest} is not what was stored", "restore it from the last backup"),
    _operator(
        "record_unknown_subject",
        "{kind} speaks of {subject}, which is not on record",
        "check the id; `mriloop worklist` shows the open steps",
        404,
    ),
    _operator(
        "ledger_broken",
        "the ledger breaks at entry {entry}: {detail}",
        "restore the last backup, and find out who changed the file",
    ),
    _operator(
        "job_timeout",
        "the step {step} was stopped after {seconds} s",
        "raise the limit {setting}, or give a smaller study",
    ),
    _operator(
        "job_memory",
        "the step {step} was stopped at {limit} of memory",
        "raise the limit {setting}, or give a smaller study",
    ),
    _operator(
        "job_crashed",
        "the step {step} ended with {detail}",
        "run `mriloop doctor`; report it with the record of the step",
    ),
    # components
    _component("component_missing", "{component} is not installed; without it: {cost}", "install it: {install}"),
    _component(
        "converter_failed",
        "dcm2niix could not convert the series: {detail}",
        "the series is checked by its headers alone; send it uncompressed",
    ),
)
BY_CODE: dict[str, ErrorEntry] = {entry.code: entry for entry in TABLE}


class MriloopError(Exception):
    """A refusal at a wall: a code of the table with the context that fills its message. Never a bug, never PHI.

    Parameters are the code and the words its message asks for. Raises KeyError for a code outside the table.
    """

    def __init__(self, code: str, /, **context: object) -> None:
        self.entry = BY_CODE[code]
        self.context = context
        super().__init__(self.message)

    def __reduce__(self) -> tuple[object, ...]:
        """Let a refusal travel out of the process of a job with its code and context."""
        return _again, (type(self), self.code, self.context)

    @property
    def code(self) -> str:
        """The code of the table."""
        return self.entry.code

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        return self.entry.message.format_map(_Context(self.context))

    @property
    def remedy(self) -> str:
        """What to do about it, in one sentence."""
        return self.entry.remedy.format_map(_Context(self.context))


class SenderError(MriloopError):
    """The file, folder, order or peer is at fault."""


class OperatorError(MriloopError):
    """Settings, knowledge, disk or the way of calling are at fault."""


class ComponentError(MriloopError):
    """The machine lacks something that the step needs."""


_CLASSES = {Fault.SENDER: SenderError, Fault.OPERATOR: OperatorError, Fault.COMPONENT: ComponentError}


def refuse(code: str, /, **context: object) -> MriloopError:
    """Return the error for a code, of the class of whoever is at fault, ready to be raised."""
    return _CLASSES[BY_CODE[code].fault](code, **context)


def _again(kind: type[MriloopError], code: str, context: dict[str, object]) -> MriloopError:
    return kind(code, **context)


class _Context(dict[str, object]):
    """Leaves a word that nobody filled visible, so that a poor call cannot hide the code."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
