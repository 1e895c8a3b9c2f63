"""Refusals of priors, comparisons, outlines and of what a person says of them."""

from __future__ import annotations

from mriloop.model.refusals.entry import ErrorEntry, operator, sender

ENTRIES: tuple[ErrorEntry, ...] = (
    # comparison
    sender(
        "prior_other_patient",
        "the prior at {path} belongs to another patient",
        "find the prior of this patient; nothing was compared",
        409,
    ),
    sender("prior_same_study", "the prior at {path} is the study itself", "give an earlier study", 409),
    sender("prior_not_earlier", "the prior at {path} was acquired after today's study", "swap the two paths", 409),
    sender(
        "compare_one_series",
        "{path} holds no series that can be compared",
        "give a study with at least one acquired image series of known contrast; a NIfTI file says its contrast by its "
        "name (such as today_FLAIR.nii.gz) or by a BIDS sidecar beside it",
    ),
    operator(
        "baseline_not_given",
        "the baseline {path} is not among the priors",
        "name one of the priors that were given to the command",
    ),
    operator(
        "comparison_unreadable",
        "this is no comparison that mriloop wrote ({detail})",
        "give the folder that `mriloop compare --out` wrote, or write it again",
    ),
    sender(
        "changes_other_study",
        "{path} and the priors given are not the studies of this comparison",
        "give the studies that `mriloop compare` was called with",
        409,
    ),
    operator("edit_twice", "change {number} was given two answers", "say one thing of each change"),
    operator(
        "edit_unknown_change",
        "there is no change number {number}",
        "`mriloop changes DIR` lists them; `--add MASK` adds one",
    ),
    operator(
        "edit_no_outline",
        "the outline of change {number} holds no voxel",
        "draw it on the voxels of today's or of the prior's series, or reject the change instead",
    ),
    operator(
        "edit_outside",
        "the outline of change {number} lies outside the series that the list was made on, wholly or in part",
        "draw it in the patient frame of today's series; a change that is no change is rejected, not drawn away",
    ),
    operator(
        "edit_overlap",
        "the outline of change {number} takes voxels of change {other}",
        "draw the two apart, redraw both in one call, or reject change {other}",
    ),
    sender(
        "edit_needs_study",
        "the contours in {path} were not drawn on the series that the list was made on",
        "give --today and --prior, the studies that `mriloop compare` was called with",
    ),
    sender(
        "changes_unloadable",
        "a series of this comparison cannot be read from {path} on the voxels of its change map",
        "give the studies as they were when they were compared, or compare them again",
        409,
    ),
    sender(
        "result_source_unreadable",
        "the header of a source image cannot be read, or is of another series",
        "compare again from the original images; NIfTI, transforms and JSON were written all the same",
    ),
    sender(
        "file_transform_unreadable",
        "not a text file with one linear ITK transform",
        "save it as one rigid or affine ITK transform (.tfm or .txt)",
    ),
    sender(
        "outline_not_supported",
        "{path} is neither a DICOM segmentation, an RT structure set nor a NIfTI mask",
        "export the outlines as one of these",
    ),
    sender("outline_empty", "{path} outlines nothing", "check that the outlines were saved, then export them again"),
    sender(
        "outline_geometry",
        "the outlines in {path} do not say where they lie, or not on a regular grid",
        "export them again together with their geometry",
    ),
    sender(
        "outline_without_images",
        "the contours in {path} were drawn on images that are not here",
        "give the study that they were drawn on",
    ),
    sender(
        "outline_elsewhere",
        "region {label} of {path} lies on no series of these studies, or on those of several visits",
        "give an outline that names its series (DICOM SEG), or one on the voxels of exactly one visit",
    ),
    sender(
        "outline_damaged",
        "the outlines in {path} contradict themselves: {detail}",
        "export them again from the program that drew them",
    ),
    sender(
        "outline_too_large",
        "the outlines in {path} would need more than {limit}",
        "export fewer segments at a time, or raise the limit {setting} if you trust the sender",
        413,
    ),
    sender(
        "prior_other_head",
        "the pictures of the prior at {path} show another head than today's",
        "look at both and find the prior of this patient; where they are one person's, say so with --same-person",
        409,
    ),
    sender(
        "bids_no_visits",
        "{path} holds no subject with two sessions (sub-…/ses-…)",
        "give the root of a longitudinal BIDS dataset; for single pairs use `mriloop compare TODAY PRIOR`",
    ),
    sender(
        "bids_one_session",
        "{path} has one session only",
        "nothing to compare; add the earlier session",
    ),
    sender(
        "history_invalid",
        "{path}: {detail}",
        "see docs/reference/response.md for the shape of a history, and `mriloop response --help`",
    ),
)
