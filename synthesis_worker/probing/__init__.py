"""Whether an upload is a sound, a good one, and one person's speech; judged in a sandbox."""

from synthesis_worker.probing.probe import probe
from synthesis_worker.probing.verdict import (
    LIMITS,
    Cost,
    Limits,
    Measures,
    Probed,
    Reason,
    to_json,
)

__all__ = ["LIMITS", "Cost", "Limits", "Measures", "Probed", "Reason", "probe", "to_json"]
