"""Evidence as JSON text in the database, and back without loss."""

import json
from collections.abc import Sequence
from typing import Any

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Polyline


def dumps(evidence: Sequence[Evidence]) -> str:
    """Return evidence as one line of JSON."""
    rows = [_to_json(one) for one in evidence]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def loads(text: str) -> tuple[Evidence, ...]:
    """Return the evidence that `dumps` was given."""
    return tuple(_from_json(row) for row in json.loads(text))


def _to_json(one: Evidence) -> dict[str, Any]:
    return {
        "source": one.source,
        "condition": one.condition,
        "verdict": str(one.verdict),
        "score": one.score,
        "measurements": [
            {"name": each.name, "value": each.value, "unit": each.unit, "limit": each.limit}
            for each in one.measurements
        ],
        "traces": [{"role": trace.role, "points": trace.points} for trace in one.traces],
        "reason": one.reason,
        **({"beside": one.beside} if one.beside else {}),
    }


def _from_json(row: dict[str, Any]) -> Evidence:
    return Evidence(
        row["source"],
        row["condition"],
        Verdict(row["verdict"]),
        row["score"],
        tuple(
            Measurement(each["name"], each["value"], each["unit"], each["limit"])
            for each in row["measurements"]
        ),
        tuple(
            Polyline(trace["role"], tuple((x, y) for x, y in trace["points"]))
            for trace in row["traces"]
        ),
        row["reason"],
        row.get("beside", ""),
    )
