"""What a client shows of a hub: values, messages, signals and refusals."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

_log = logging.getLogger("baton")


class BatonError(Exception):
    """The hub's refusal, or the end of the client.

    code is what programs branch on (conflict, forbidden, not_operator, schema, locked, failed, unknown and so on; closed,
    signed_out and replaced are ends of the client, timeout says that the time was up), detail a sentence for a person.
    With conflict, current holds the present Value of each key in question, None if there is none. more holds named facts.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        current: Optional[Mapping[str, Optional[Value]]] = None,
        more: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.current = dict(current or {})
        self.more = dict(more or {})


class Value(NamedTuple):
    """What a store holds under a key. A default that nobody has changed has position 0, a live value as well."""

    data: Any
    position: int = 0
    by: str = ""
    at: str = ""


class Message(NamedTuple):
    """A message of a log. Several can have one position."""

    position: int
    at: str
    by: str
    data: Any


class Signal(NamedTuple):
    """What somebody sent over a signal: sender names the client (always the same, and not its id), by the user."""

    sender: str
    by: str
    data: Any


def merge_patch(value: Any, patch: Any) -> Any:
    """Returns what a JSON Merge Patch (RFC 7396) makes of a value; it changes neither."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), change)
    return merged


def value_of(v: Mapping[str, Any]) -> Value:
    return Value(v.get("value"), v.get("position", 0), v.get("by", ""), v.get("at", ""))


def values_of(values: Optional[Mapping[str, Any]]) -> Dict[str, Value]:
    return {key: value_of(v) for key, v in (values or {}).items()}


def refusal(answer: Mapping[str, Any], more: Mapping[str, Any]) -> BatonError:
    current = {key: value_of(v) if v else None for key, v in (answer.get("current") or {}).items()}
    return BatonError(answer.get("code", "unavailable"), answer.get("detail", ""), current, more)


def guarded(f: Callable[..., Any], *args: Any) -> None:
    try:
        f(*args)
    except Exception:
        _log.exception("a function that was given to the client failed")
