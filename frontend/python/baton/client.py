"""The client: what a program may ask of a hub."""

from __future__ import annotations

import ssl
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type

from .exchange import Exchange
from .following import Follower, Kind, Log, Store
from .link import Link
from .serving import Invocation, Lock
from .transport import Transport, backoff, quote
from .values import BatonError, Signal, Value, values_of

_ENDED = ("done", "failed", "cancelled", "unknown")


def connect(
    url: str,
    *,
    token: Optional[str] = None,
    space: Optional[str] = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    proposal: Optional[str] = None,
    replace: bool = False,
    timeout: float = 60.0,
    tls: Optional[ssl.SSLContext] = None,
) -> Client:
    """Returns a client of the hub at url, as a program with a token, or as a person with space, user and password.

    A token is one of the hub, what POST /api/v1/bearer gives for a password, or a JWT of another issuer that the site trusts;
    the latter names no space, so one that is good in several needs space, too.
    It tries for timeout seconds, so a program may start before its hub, and raises BatonError if the hub does not know
    the token or the password. proposal is which of several the person signs in for; replace ends the person's other login
    sessions, where the space asks before it does that. close() signs a person out. timeout is also how long a change is tried before it raises. tls is for certificates of
    one's own.
    """
    client = Client(url, token, timeout, tls)
    try:
        client._http.sign_in(space, user, password, proposal, replace)
    except BaseException:
        client.close()
        raise
    return client


class Client:
    """One program in one space; made by connect(). Use it with `with`, or call close()."""

    def __init__(self, url: str, token: Optional[str], timeout: float, tls: Optional[ssl.SSLContext]) -> None:
        self._http = Transport(url, token, timeout, tls)
        self._mu = threading.Lock()
        # Guarded by _mu.
        self._follower: Optional[Follower] = None
        self._link: Optional[Link] = None

    @property
    def id(self) -> str:
        """The client's own id, by which the hub knows what it has done already."""
        return self._http.client

    @property
    def space(self) -> str:
        """The space that it is in."""
        return self._http.space

    @property
    def you(self) -> Dict[str, Any]:
        """Who it is: user, name, roles, proposal and what else the hub says."""
        return self._http.you

    @property
    def timeout(self) -> float:
        """How long a change is tried before it raises, in seconds."""
        return self._http.timeout

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the client: calls that are being served see it, and what they report has 2 s to reach the hub."""
        with self._mu:
            link, follower = self._link, self._follower
        if link:
            link.close()
        self._http.sign_out()
        self._http.end(BatonError("closed", "the client is closed"))
        if follower:
            follower.stop()
        self._http.close()

    @property
    def status(self) -> str:
        """connecting, live, stale (the hub itself has not heard from its log for some time) or ended."""
        if self._http.closed.is_set():
            return "ended"
        with self._mu:
            follower, link = self._follower, self._link
        states = [*([follower.status] if follower else []), *([link.exchange.status] if link else [])]
        return next((word for word in ("connecting", "stale") if word in states), "live")

    # Reading.

    def read(self, channel: str, *keys: str, owner: Optional[str] = None) -> Dict[str, Value]:
        """Returns the values of a store as they are now, of those keys or of all; owner's, not one's own, if given."""
        values: Dict[str, Value] = {}
        since: Optional[str] = None
        while True:  # a large store comes in several parts
            page = self._http.get(f"channels/{quote(channel)}", since=since, owner=owner)
            if page["mode"] == "snapshot":
                values = {key: Value(data) for key, data in (page.get("defaults") or {}).items()}
            for key in page.get("removed") or ():
                values.pop(key, None)
            values.update(values_of(page.get("values")))
            since = page["cursor"]
            if not page.get("incomplete"):
                return {key: value for key, value in values.items() if not keys or key in keys}

    def read_all(self, channel: str) -> Dict[str, Dict[str, Value]]:
        """Returns everybody's values of a store with a scope, by owner: for staff and services."""
        everybody: Dict[str, Dict[str, Value]] = {}
        after: Optional[str] = None
        while True:  # many owners come in several parts
            page = self._http.get(f"channels/{quote(channel)}", all="true", after=after)
            everybody.update((owner, values_of(values)) for owner, values in (page.get("owners") or {}).items())
            after = page.get("after")
            if not page.get("incomplete"):
                return everybody

    def seat(self) -> Dict[str, Any]:
        """Returns who is in control now: operator, term, requests. The term goes into changes that only they may make."""
        control: Dict[str, Any] = self._http.get("")["control"]
        return control

    def store(self, channel: str) -> Store:
        """Returns the copy of a store, live or not, that is kept up to date; always the same one.

        It waits for the values, and raises BatonError if the hub does not show them. If other rules take a channel away, its
        copy stays as it was, and the next call raises.
        """
        return self._follow(channel, Store)

    def log(self, channel: str) -> Log:
        """Returns the copy of a log that is kept up to date; always the same one. It waits, and raises, as store() does."""
        return self._follow(channel, Log)

    def _follow(self, channel: str, kind: Type[Kind]) -> Kind:
        with self._mu:
            self._http.alive()
            if self._follower is None:
                self._follower = Follower(self._http)
            follower = self._follower
        return follower.add(channel, kind)

    # Changing.

    def set(self, channel: str, values: Mapping[str, Any], **options: Any) -> int:
        """Writes values by key to a store and returns the position of the change. The options are those of write()."""
        return self.write(channel, set=values, **options)

    def patch(self, channel: str, patches: Mapping[str, Any], **options: Any) -> int:
        """Applies JSON Merge Patches by key to what is there, and returns the position. The options are those of write()."""
        return self.write(channel, patch=patches, **options)

    def write(
        self,
        channel: str,
        *,
        set: Optional[Mapping[str, Any]] = None,
        delete: Sequence[str] = (),
        patch: Optional[Mapping[str, Any]] = None,
        if_: Optional[Mapping[str, int]] = None,
        since: Optional[str] = None,
        unseen: Optional[str] = None,
        owner: Optional[str] = None,
        term: int = 0,
        held: Optional[Mapping[str, int]] = None,
    ) -> int:
        """Changes keys of a store, all or none, and returns the position of the change.

        if_: refuse with conflict unless each key was last changed at this position; 0: it must not exist.
        since, unseen: cursors, such as that of a Store; refuse if another client changed anything in the store, or a key of
        this write, after it.
        owner: whose values, in a store with a scope. term: of control, where only the operator may write.
        held: locks by name and token, see lock(); refuse unless this client still holds them.
        """
        body = {"set": set, "delete": list(delete), "patch": patch, "if": if_, "since": since, "unseen": unseen}
        answer = self._http.post(f"channels/{quote(channel)}", _given({**body, "owner": owner, "term": term, "held": held}))
        return int(answer.get("position", 0))

    def append(self, channel: str, message: Any, *, term: int = 0) -> int:
        """Adds a message to a log and returns its position."""
        body = {"term": term} if term else {}
        answer = self._http.post(f"channels/{quote(channel)}", {**body, "data": message})
        return int(answer.get("position", 0))

    def transact(
        self,
        *,
        writes: Sequence[Mapping[str, Any]] = (),
        appends: Sequence[Mapping[str, Any]] = (),
        calls: Sequence[Mapping[str, Any]] = (),
        term: int = 0,
        held: Optional[Mapping[str, int]] = None,
    ) -> Tuple[int, List[str]]:
        """Does all of it or nothing, as one change for everybody; returns its position and the ids of the calls.

        Each write is {"channel", "set", "delete", "patch", "if", "unseen", "owner"}, each append {"channel", "data"}, each
        call {"command", "args", "deadline_ms"}. The error names the part that was refused: more["part"] is "writes/0".
        """
        body = {"writes": list(writes), "appends": list(appends), "calls": list(calls), "term": term, "held": held}
        answer = self._http.post("transactions", _given(body))
        return int(answer["position"]), answer.get("calls") or []

    # Commands.

    def start(self, command: str, args: Any = None, *, term: int = 0, deadline: float = 0) -> str:
        """Asks the service of a command to carry it out and returns the id of the call, for wait() and cancel().

        deadline is in seconds; then the call has failed, and the service is told to stop.
        """
        return str(self._start(command, args, term, deadline)["call"])

    def _start(self, command: str, args: Any, term: int, deadline: float) -> Dict[str, Any]:
        body = {"args": args, "term": term, "deadline_ms": round(deadline * 1000)}
        return self._http.post(f"commands/{quote(command)}", _given(body))

    def call(
        self,
        command: str,
        args: Any = None,
        *,
        term: int = 0,
        deadline: float = 0,
        timeout: Optional[float] = None,
        progress: Optional[Callable[[Any], Any]] = None,
    ) -> Any:
        """Asks the service of a command to carry it out, waits for the end and returns the result.

        Raises BatonError with code failed, cancelled, or unknown (the service was lost: it may have done it). timeout is
        how long to wait, in seconds, for ever if None; then it raises timeout and the call goes on. progress is called
        with what the service reports, twice a second at most. A stop command returns None as soon as it has been delivered.
        """
        started = self._start(command, args, term, deadline)
        if started["status"] == 200 and started["state"] not in _ENDED:
            return None  # a stop command: it did not wait for the log, and nothing more is heard of it
        return self.wait(started["call"], timeout=timeout, progress=progress)

    def wait(
        self, call: str, *, timeout: Optional[float] = None, progress: Optional[Callable[[Any], Any]] = None
    ) -> Any:
        """Waits for the end of a call as call() does."""
        until = None if timeout is None else time.monotonic() + timeout
        told: Any = None
        while True:
            pause = 0.5 if progress else 20.0  # the hub answers at the end, or when this is over
            left = pause if until is None else min(pause, until - time.monotonic())
            if left <= 0:
                raise BatonError("timeout", f"the call {call} has not ended in {timeout} s: it goes on")
            state = self._http.get(f"calls/{quote(call)}", wait=f"{max(1, int(left * 1000))}ms")
            if progress and state.get("progress") not in (None, told):
                told = state["progress"]
                progress(told)
            if state["state"] in _ENDED:
                return _result(state)

    def cancel(self, call: str, *, term: int = 0) -> None:
        """Asks for a call to be given up. It is when its service says so, or at once if none has taken it."""
        query = f"?term={term}" if term else ""
        self._http.request("DELETE", f"{self._http.base}/calls/{quote(call)}{query}", op=True)

    # What needs a WebSocket.

    def serve(self, handlers: Mapping[str, Callable[[Invocation], Any]]) -> None:
        """Begins to serve commands, in addition to those before, and returns when the hub has agreed.

        A handler returns the result, which must be JSON, or raises: the exception's text is for the person who called.
        Each call runs in a thread of its own, so a stop command is handled while another runs.
        """
        self._linked().serve(dict(handlers))

    def send(self, channel: str, values: Mapping[str, Any], *, delete: Sequence[str] = ()) -> None:
        """Sets and deletes values of a live store. It does not wait: the newest value of each key is sent."""
        self._linked().send(channel, {**{key: (True, v) for key, v in values.items()}, **{k: (False, None) for k in delete}})

    def signal(self, channel: str, data: Any) -> None:
        """Sends something over a signal, to those who are there now. It does not wait: of several, the newest is sent."""
        self._linked().signal(channel, data)

    def on_signal(self, channel: str, handler: Callable[[Signal], Any]) -> Callable[[], None]:
        """Has handler called for what others send over a signal. Returns what ends that."""
        return self._linked().on_signal(channel, handler)

    def lock(self, name: str, *, timeout: Optional[float] = None) -> Lock:
        """Waits until this client holds a named lock, for ever if timeout (seconds) is None, then raises code locked.

        The hub frees the lock when this client has been away for a while. Its holder may not know: name the lock in each
        change that depends on it, held=lock.held, and the change is refused (locked) unless the lock is still held. When
        the time is up while the hub does not answer (timeout), the lock may be held all the same; lock() again returns it.
        """
        exchange, until, attempt = self._linked(), None if timeout is None else time.monotonic() + timeout, 0
        while True:
            try:
                return Lock(exchange, name, int(exchange.ask({"type": "lock", "name": name}, until)["token"]))
            except BatonError as refused:
                delay = backoff(attempt) / 6  # up to 5 s: somebody may be waiting for the other holder to end
                if refused.code != "locked" or until is not None and time.monotonic() + delay > until:
                    raise
            attempt += 1
            if self._http.closed.wait(delay):
                self._http.alive()

    def _linked(self) -> Exchange:
        with self._mu:
            self._http.alive()
            if self._link is None:
                self._link = Link(self._http)
            return self._link.exchange


def _given(body: Mapping[str, Any]) -> Dict[str, Any]:
    """Leaves out what was not given: no list, no term and no deadline is empty or 0 on purpose."""
    empty = ("term", "deadline_ms")
    return {k: v for k, v in body.items() if v is not None and v != [] and not (k in empty and v == 0)}


def _result(state: Mapping[str, Any]) -> Any:
    if state["state"] == "done":
        return state.get("result")
    words = {"cancelled": "it was cancelled", "unknown": "its service was lost: it may have done it"}
    detail = str(state.get("error") or words.get(state["state"], "it failed"))
    raise BatonError(state["state"], detail, more={"call": state["call"]})
