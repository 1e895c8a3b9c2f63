"""Refusals of protocols, settings, stores, jobs and components."""

from __future__ import annotations

from mriloop.model.refusals.entry import ErrorEntry, component, operator, sender, usage

ENTRIES: tuple[ErrorEntry, ...] = (
    # protocol references
    sender(
        "reference_unreadable",
        "{path} is no reference that can be imported: {detail}",
        "give a dicompare schema (JSON) or a printed Siemens protocol (XML); see docs/reference/protocols.md",
    ),
    sender(
        "learn_too_few",
        "{path} holds {count} studies; a reference is learned from at least {least}",
        "add good studies made with the same protocol",
    ),
    sender(
        "learn_nothing",
        "the {count} studies of {path} have no series in common",
        "give studies that were made with one protocol",
    ),
    # operator
    usage("usage_value", "{detail}", "see --help"),
    usage("usage_not_a_folder", "{path} is a file; a folder is needed for the results", "give a folder, or a new path"),
    operator("out_not_writable", "cannot write to {path}", "choose another --out"),
    operator(
        "out_busy", "another run writes its results to {path}", "wait until it has ended, or choose another --out", 409
    ),
    operator(
        "out_not_ours",
        "{path} holds something else than results of mriloop",
        "choose another --out; nothing was changed",
        409,
    ),
    operator(
        "setting_invalid",
        "setting {setting} cannot be {found}",
        "see `mriloop doctor` for the settings and their ranges",
        500,
    ),
    operator(
        "site_absent",
        "{named}: there is no folder {found} for the site's knowledge",
        "make the folder first (`mkdir -p`), or correct the path",
        500,
    ),
    operator("knowledge_invalid", "{path}: {detail}", "run `mriloop guidelines lint` and mend the table"),
    operator(
        "knowledge_unknown",
        "there is no {kind} called {name}",
        "check the name: `mriloop guidelines list` and `mriloop protocol list` name what there is",
        404,
    ),
    operator(
        "baseline_invalid",
        "{path} is no baseline of mriloop: {detail}",
        "give the file that `mriloop baseline learn --out` wrote, or learn it anew",
    ),
    operator(
        "results_invalid",
        "{path}: {detail}",
        "give JSON or JSON lines that `mriloop check` printed, or a folder with images",
    ),
    operator(
        "store_newer", "the store at {path} was written by a newer mriloop", "upgrade mriloop, or use another --store"
    ),
    operator("store_locked", "the store at {path} is busy", "wait for the other process, or use another --store"),
    operator(
        "store_absent", "there is no store at {path}", "check --store; a new one is made by `mriloop review`", 404
    ),
    operator("store_unusable", "the store at {path} cannot be used: {detail}", "see `mriloop doctor`", 503),
    operator("store_full", "no room is left for the store at {path}", "free some disk space; nothing was lost", 507),
    operator("store_damaged", "the store at {path} is damaged: {detail}", "restore the last backup"),
    operator("blob_missing", "the store holds no blob {digest}", "restore it from the last backup", 404),
    operator("blob_damaged", "the blob {digest} is not what was stored", "restore it from the last backup"),
    operator(
        "record_unknown_subject",
        "{kind} speaks of {subject}, which is not on record",
        "check the id; `mriloop worklist` shows the open steps",
        404,
    ),
    operator(
        "ledger_broken",
        "the ledger breaks at entry {entry}: {detail}",
        "restore the last backup, and find out who changed the file",
    ),
    operator(
        "job_timeout",
        "the step {step} was stopped after {seconds} s",
        "raise the limit {setting}, or give a smaller study",
    ),
    operator(
        "job_memory",
        "the step {step} was stopped at {limit} of memory",
        "raise the limit {setting}, or give a smaller study",
    ),
    operator(
        "job_crashed",
        "the step {step} ended with {detail}",
        "run `mriloop doctor`; report it with the record of the step",
    ),
    # components
    component("component_missing", "{component} is not installed; without it: {cost}", "install it: {install}"),
    component(
        "converter_failed",
        "dcm2niix could not convert the series: {detail}",
        "the series is checked by its headers alone; send it uncompressed",
    ),
)
