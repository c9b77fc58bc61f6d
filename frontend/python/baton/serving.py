"""What a program that serves commands, or holds a lock, gets."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from .values import BatonError

if TYPE_CHECKING:
    from .exchange import Exchange


class Invocation:
    """A call that was handed to this program.

    cancelled is set when whoever called wants it no more, when its deadline has passed, or when the client is being
    closed; reason says which: cancelled, deadline or closed. Then stop, and raise: the call ends as failed or cancelled.
    """

    def __init__(self, exchange: Exchange, frame: Mapping[str, Any]) -> None:
        self.call: str = frame["call"]
        self.command: str = frame["command"]
        self.args: Any = frame.get("args")
        self.by: Dict[str, str] = frame.get("by") or {}  # user, name, session
        self.term: int = frame.get("term", 0)  # of control, under which it was called
        self.stop: bool = frame.get("stop", False)  # a stop command: nobody was asked for permission
        self.cancelled = threading.Event()
        self.reason = ""
        self._exchange = exchange
        self._about = {"call": self.call, **({"seen": frame["cursor"]} if frame.get("cursor") else {})}
        self._timer: Optional[threading.Timer] = None
        if frame.get("deadline_ms"):
            self._timer = threading.Timer(frame["deadline_ms"] / 1000, self.cancel, ("deadline",))
            self._timer.daemon = True
            self._timer.start()

    def progress(self, progress: Any) -> None:
        """Tells the caller how far the call is. It returns when the hub has it."""
        self._exchange.ask({"type": "progress", **self._about, "progress": progress}, None)

    def cancel(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.cancelled.set()


class Lock:
    """A named lock that this client holds; use it with `with`, or call unlock(). See Client.lock()."""

    def __init__(self, exchange: Exchange, name: str, token: int) -> None:
        self.name = name
        self.token = token
        self.held = {name: token}  # for the changes that depend on it
        self._exchange = exchange

    def unlock(self) -> None:
        """Gives the lock up. BatonError conflict says that it was lost before."""
        self._exchange.ask({"type": "unlock", "name": self.name, "token": self.token}, None)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.unlock()
        except BatonError:
            if kind is None:
                raise
