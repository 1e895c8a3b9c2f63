"""Run the benchmarks (all, or those named) and write their tables into docs/benchmarks.md."""

from __future__ import annotations

import importlib
import os
import platform
import re
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
MODULES = (
    "help_speed",
    "index_speed",
    "check_speed",
    "mriqc_parity",
    "motion_parity",
    "structural_motion",
    "header_defects",
    "false_repeats",
    "mr_art",
    "registration",
    "regional",
    "brain_mask",
    "lesions",
    "quantities",
    "diameters",
    "results_dicom",
    "compare_speed",
    "ledger_commits",
    "advise",
)


def main(names: list[str]) -> int:
    """Run each module, print its table, and replace the section of that name in the page."""
    text = PAGE.read_text(encoding="utf-8")
    for name in names or MODULES:
        module = importlib.import_module(f"benchmarks.{name}")
        rows = module.run()
        section = _section(name, (module.__doc__ or "").strip(), rows)
        print(section, flush=True)
        pattern = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
        if not pattern.search(text):
            text = text.rstrip() + f"\n\n<!-- {name} -->\n<!-- /{name} -->\n"
        text = pattern.sub(lambda _, section=section: section, text)
        PAGE.write_text(text, encoding="utf-8")
    return 0


def _section(name: str, says: str, rows: list[dict[str, object]]) -> str:
    if not rows:
        return f"<!-- {name} -->\n## {name}\n\n{says}\n\nNot run: its inputs are not on this machine.\n<!-- /{name} -->"
    heads = list(rows[0])
    machine = f"{os.cpu_count()} processors, Python {platform.python_version()}, {platform.machine()}"
    lines = [f"<!-- {name} -->", f"## {name}", "", says, "", f"Machine: {machine}.", ""]
    lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(row.get(head, "")) for head in heads) + " |" for row in rows]
    return "\n".join([*lines, f"<!-- /{name} -->"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
