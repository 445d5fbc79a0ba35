"""The states of a comment and the steps between them, as a table and one pure function.

new → held | published; held → published | rejected; published → hidden | rejected; hidden → published | rejected;
any → erased. Beyond the table of the design, an appeal that is upheld brings a rejected comment back.
"""

from __future__ import annotations

from typing import Literal, get_args

from hub.scope import Conflict

State = Literal["new", "held", "published", "hidden", "rejected", "erased"]
Step = Literal["hold", "publish", "reject", "hide", "restore", "reinstate", "erase"]

STATES: tuple[State, ...] = get_args(State)
STEPS: tuple[Step, ...] = get_args(Step)

_TABLE: dict[tuple[State, Step], State] = {
    ("new", "hold"): "held",
    ("new", "publish"): "published",
    ("held", "publish"): "published",
    ("held", "reject"): "rejected",
    ("published", "hide"): "hidden",
    ("published", "reject"): "rejected",
    ("hidden", "restore"): "published",
    ("hidden", "publish"): "published",
    ("hidden", "reject"): "rejected",
    ("rejected", "reinstate"): "published",
}


def allowed(state: State, step: Step) -> bool:
    """Whether a comment in this state can take this step."""
    return (step == "erase" and state != "erased") or (state, step) in _TABLE


def after(state: State, step: Step) -> State:
    """The state after a step. Raises Conflict where the table has no such step."""
    if not allowed(state, step):
        raise Conflict("The comment is in another state by now.")
    return "erased" if step == "erase" else _TABLE[state, step]
