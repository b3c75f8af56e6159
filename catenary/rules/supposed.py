"""Parts that no detector finds: what should not be there, or should be and is not.

A rule that looks at a whole photograph supposes them from the parts that were located in it, and
brings its evidence along.
"""

from dataclasses import dataclass

from catenary.domain.finding import Component, Evidence


@dataclass(frozen=True, slots=True)
class Supposed:
    """Something that a rule supposes in a photograph.

    Attributes:
        component: What and where; its score says nothing, since no detector found it: 1.
        evidence: What the rule says of it, traces in full-frame pixels.
    """

    component: Component
    evidence: Evidence
