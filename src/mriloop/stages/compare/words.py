"""Says in honest words what was found, what could have been found, and when nothing can be told."""

from __future__ import annotations

from collections.abc import Sequence

from mriloop.model.comparison import Change, ChangeKind, DetectionLimit, could_show

_COUNTED = (
    (ChangeKind.NEW, "new"),
    (ChangeKind.ENLARGING, "enlarging"),
    (ChangeKind.SHRINKING, "shrinking"),
    (ChangeKind.RESOLVED, "resolved"),
)


def statement(
    changes: Sequence[Change],
    limit: Sequence[DetectionLimit],
    *,
    weighting: str,
    since: str,
    differs: Sequence[str] = (),
) -> str:
    """Return the sentences that go with a list of changes; "no change" never stands without its detection limit.

    `differs` says how the two series differ beside the patient (other scanner, other slice thickness), in words.
    """
    counts = [(sum(c.kind is kind for c in changes), word) for kind, word in _COUNTED]
    named = [f"{n} {word}" for n, word in counts if n]
    stable = sum(c.kind is ChangeKind.STABLE for c in changes)
    if named:
        many = sum(n for n, _ in counts) > 1
        first = f"Candidate {'changes' if many else 'change'} on {weighting} since {since}, for a reader to confirm: "
        first += _joined(named) + "."
    else:
        first = f"No change on {weighting} since {since} beyond what this pair of series can show."
    if stable:
        first += (
            f" {stable} bright {'spots look' if stable > 1 else 'spot looks'} the same at both visits; "
            "not all that is unchanged is listed."
        )
    if not named and could_show(limit) is False:
        return cannot_tell(f"nothing was listed on {weighting} since {since}, but {limit_words(limit)}")
    said = f"{first} {limit_words(limit)}"
    if differs:
        said += f" The two series differ ({'; '.join(differs)}), which makes and hides candidates."
    return said


def limit_words(limit: Sequence[DetectionLimit]) -> str:
    """Return what the planted lesions taught about this pair, in one sentence."""
    if not limit:
        return "How small a lesion this pair could show was not measured, so none can be excluded."
    strongest = max(cell.contrast_percent for cell in limit)
    chosen = sorted((c for c in limit if c.contrast_percent == strongest), key=lambda c: c.diameter_mm)
    seen = next((c for c in chosen if c.found >= 0.8), chosen[-1])
    fainter = next(
        (
            c
            for c in sorted(limit, key=lambda c: -c.contrast_percent)
            if c.diameter_mm == seen.diameter_mm and c.contrast_percent < strongest
        ),
        None,
    )
    words = (
        f"In this very pair the method found {_percent(seen.found)} of {seen.tried} planted {seen.diameter_mm:g} mm "
        f"lesions at +{seen.contrast_percent:g} % contrast"
    )
    if fainter is not None:
        words += f" and {_percent(fainter.found)} at +{fainter.contrast_percent:g} %"
    return words + "; smaller or fainter ones cannot be excluded."


def cannot_tell(reason: str) -> str:
    """Return the statement where change cannot be judged. It never says that nothing changed."""
    return f"Cannot tell whether lesions changed: {reason}. This is not a statement that nothing changed."


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
