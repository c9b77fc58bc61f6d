"""Frames in messages that the hub takes."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from .values import BatonError

_DEPTH, _MEMBERS, _STRING, _DIGITS = 32, 1000, 16 << 10, 32  # what the hub reads: of JSON, an object, a string, a number


def readable(frame: Mapping[str, Any], limit: int) -> None:
    """Raises what the hub would say of a frame that it cannot read: it would refuse all that comes in one message with it."""
    text = json.dumps(frame, allow_nan=False)
    if len(text) + 100 > limit:  # with its id and operation, and that it was sent before
        raise BatonError("too_large", f"one request is larger than {limit} bytes: make it smaller")

    def look(value: Any, depth: int) -> None:
        if isinstance(value, (dict, list)) and depth > _DEPTH:
            raise BatonError("bad_frame", f"it is deeper than {_DEPTH}: make the value flatter")
        if isinstance(value, dict) and len(value) > _MEMBERS:
            raise BatonError("bad_frame", f"an object has more than {_MEMBERS} members: make several of it")
        if isinstance(value, str) and len(json.dumps(value)) - 2 > _STRING:
            raise BatonError("bad_frame", f"a string has more than {_STRING} bytes: make several of it")
        if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            raise BatonError("bad_frame", "half of a surrogate pair: send whole characters")
        if isinstance(value, int) and len(str(abs(value))) > _DIGITS:
            raise BatonError("bad_frame", f"a number has more than {_DIGITS} digits: send it as a string")
        parts = (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
        for part in parts:
            look(part, depth + 1)

    look(json.loads(text), 2)


def parts(values: Dict[str, Any], limit: int) -> Iterator[Dict[str, Any]]:
    """Divides live values into parts that fit a message."""
    part: Dict[str, Any] = {}
    size = 0
    for key, value in values.items():
        more = len(json.dumps({key: value}).encode())
        if part and size + more > limit - 1000:
            yield part
            part, size = {}, 0
        part[key], size = value, size + more
    if part:
        yield part


def messages(frames: Sequence[Dict[str, Any]], limit: int) -> List[str]:
    made: List[List[str]] = []
    size = 0
    for frame in frames:
        text = json.dumps(frame, allow_nan=False)
        more = len(text.encode()) + 1
        if not made or size + more + 2 > limit or len(made[-1]) == 64:
            made.append([])
            size = 0
        made[-1].append(text)
        size += more
    return ["[" + ",".join(texts) + "]" for texts in made]
