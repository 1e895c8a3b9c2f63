"""Refusals of what comes in: inputs as a whole, archives, single files."""

from __future__ import annotations

from mriloop.model.refusals.entry import ErrorEntry, sender

ENTRIES: tuple[ErrorEntry, ...] = (
    # input as a whole
    sender(
        "input_not_found",
        "there is nothing at {path}",
        "check the path; give a folder, a DICOM file, a zip or a NIfTI file",
        404,
    ),
    sender(
        "input_not_supported",
        "{path} is neither a folder, a DICOM file, a zip nor a NIfTI file",
        "give one of these; unpack other archives first",
    ),
    sender(
        "input_empty",
        "{path} holds no file",
        "check that the export finished, then give the folder that holds the images",
    ),
    sender(
        "input_no_dicom",
        "{path} holds {count} files and none is DICOM or NIfTI",
        "check that this is the image export, not its viewer or its report",
    ),
    sender(
        "input_no_mr",
        "{path} holds no MR study (found: {modalities})",
        "mriloop reads magnetic resonance studies; give the MR study of this patient",
    ),
    sender(
        "input_too_large",
        "{path} holds more than {limit} {what}",
        "give one study at a time, or raise the limit {setting}",
        413,
    ),
    sender("input_unreadable", "{path} cannot be opened for reading", "check the permissions of the file or folder"),
    sender(
        "two_patients",
        "{path} holds studies of {count} patients",
        "split the folder by patient and run again: mriloop never mixes patients",
        409,
    ),
    sender(
        "several_studies",
        "{path} holds {count} studies where one is expected",
        "give the folder of one study, or choose with --study-uid UID",
    ),
    sender(
        "several_series",
        "{path} holds {count} series where one is expected",
        "give one image file, or check the whole folder",
    ),
    sender(
        "input_all_refused",
        "{path} holds {count} DICOM or NIfTI files and none can be used (the first: {code})",
        "see the list of refused files; send the study again",
    ),
    # archives
    sender("zip_unreadable", "{path} is not a readable zip archive", "export or download it again"),
    sender("zip_encrypted", "{path} is encrypted", "unpack it with its password and give the folder"),
    sender(
        "zip_bomb",
        "{path} would unpack to more than {limit}",
        "unpack it by hand if you trust its sender, and give the folder",
        413,
    ),
    sender(
        "zip_path_escape",
        "{path} has a member that points outside the archive",
        "do not use this archive; ask its sender for a clean export",
    ),
    # single files, listed under `refused`
    sender("file_not_dicom", "not a DICOM file", "nothing to do if it is a viewer or a text; else export again"),
    sender("file_unreadable", "the file cannot be opened for reading", "check its permissions"),
    sender("file_link_outside", "a link, which is never followed", "put the file itself into the input"),
    sender(
        "file_bids_not_raw",
        "a folder that a BIDS dataset keeps beside its raw data",
        "to check it, give this folder by itself",
    ),
    sender("file_nested_archive", "an archive inside the input, left packed", "unpack it and run again"),
    sender("file_truncated", "the file ends before its data do", "send this instance again"),
    sender("file_header_damaged", "the DICOM header cannot be read", "send this instance again"),
    sender(
        "file_no_identity",
        "the header lacks a UID that every instance must have",
        "send this instance again from the scanner or PACS",
    ),
    sender(
        "file_not_mr", "modality {modality} is not magnetic resonance", "nothing to do: it is left out of the MR study"
    ),
    sender(
        "file_not_performed_step",
        "{path} is no Modality Performed Procedure Step",
        "give the data set that the scanner sent to the worklist server, or leave it out",
    ),
    sender("file_no_pixels", "an image object without pixel data", "send this instance again"),
    sender(
        "file_pixels_impossible", "rows, columns, bits or frames contradict the pixel data", "send this instance again"
    ),
    sender("file_too_nested", "nested deeper than any real header", "do not use this file; ask its sender"),
    sender("file_deflate_bomb", "deflated content expands beyond {limit}", "do not use this file; ask its sender"),
    sender("file_too_large", "larger than {limit}", "raise the limit {setting} if you trust the sender"),
    sender(
        "file_transfer_syntax",
        "transfer syntax {syntax} cannot be decoded here",
        "send it uncompressed, or see `mriloop doctor`",
    ),
    sender("file_not_nifti", "not a readable NIfTI file", "convert it again"),
    sender(
        "file_nifti_geometry",
        "the NIfTI header gives no usable geometry",
        "convert it again with dcm2niix so that sform or qform is set",
    ),
    sender("file_sidecar_invalid", "the BIDS sidecar is not valid JSON", "convert it again, or mend the sidecar"),
    sender(
        "file_two_patients",
        "its study instance UID is also that of another patient",
        "find out whose images these are, and export each patient again",
    ),
    sender(
        "file_duplicate_differs",
        "the same SOP instance UID with different content",
        "find out which copy is right and remove the other",
    ),
)
