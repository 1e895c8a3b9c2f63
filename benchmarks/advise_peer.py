"""The peer's half of `advise`: runs under an interpreter that has zen-engine, decides one table, says how fast.

Standard input: {"table": a JDM graph, "cases": [facts, ...], "rounds": n}. Standard output: {"answers": [row or null],
"seconds": [one number a round]}.
"""

import json
import sys
import time

import zen


def main() -> None:
    """Decide every case `rounds` times."""
    task = json.load(sys.stdin)
    decision = zen.ZenEngine().create_decision(json.dumps(task["table"]))
    answers = [decision.evaluate(case)["result"].get("row") for case in task["cases"]]
    seconds = []
    for _ in range(task["rounds"]):
        start = time.perf_counter()
        for case in task["cases"]:
            decision.evaluate(case)
        seconds.append(time.perf_counter() - start)
    json.dump({"answers": answers, "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
