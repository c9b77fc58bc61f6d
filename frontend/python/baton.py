"""Baton for Python programs: shared state, commands and control of a space, over HTTP or a WebSocket.

One file, Python 3.9 or newer. Reading, changing, following and calling need the standard library only: they use HTTP,
and one event stream. What only a WebSocket can do, serving commands, sending live values and signals, and locks, needs
the package websockets as well (Debian: python3-websockets, 10.4 or newer), which is imported when it is first used.

    with baton.connect("http://127.0.0.1:8080", token="baton_demo_...") as hub:
        queue = hub.store("queue")
        queue.watch(lambda changed: print(changed))
        hub.set("queue", {"q1": {"state": "ready"}}, if_={"q1": 0})

What it promises:

* It connects again for ever, after a random time of 0 to 0.5 s, then to 1 s, and so on to 30 s (full jitter), until
  close() or until the hub says that it is not welcome any more. It may come back to another node; nobody can tell.
* When the hub says that its node is leaving, a WebSocket is followed by the next one before it ends: status stays live, and no
  call and no stop command is missed on the way. An event stream ends, and begins again elsewhere.
* A change is applied once. It has an operation id and is sent again under the same one until its outcome is known or
  its time is up; when the time is up, it may have been applied or not.
* A message of the hub is applied as a whole, so values() never shows half a transaction. After a reconnect a store
  converges to the present values, and a log has every message once, or says that some are missing (gap).
* Of live values and signals the newest wins. The last live values are sent again after a reconnect.
* A call that the hub hands over is handled once by this client, however often it is handed over.

All methods may be called from several threads. Functions given to watch() run in the thread that reads: they must be
quick and must not wait for the client. Each call that is served has a thread of its own.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import http.client
import json
import logging
import random
import secrets
import ssl
import string
import threading
import time
import urllib.parse
from http.cookies import SimpleCookie
from typing import Any, Callable, Deque, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type, TypeVar

__all__ = [
    "BatonError",
    "Client",
    "Invocation",
    "Lock",
    "Log",
    "Message",
    "Signal",
    "Store",
    "Value",
    "connect",
    "merge_patch",
]

_log = logging.getLogger("baton")

_FIRST_DELAY, _LAST_DELAY = 0.5, 30.0  # seconds, at most, before the first attempt to connect again and before any
_SILENCE = 60.0  # seconds without a word after which an event stream is as good as lost; the hub is never quiet so long
_ANSWER = 60.0  # seconds for one HTTP answer, longer than the hub may take
_REPORT = 2.0  # seconds that a report may take to reach the hub once the client is being closed
_DEPTH, _MEMBERS, _STRING, _DIGITS = 32, 1000, 16 << 10, 32  # what the hub reads: of JSON, an object, a string, a number
_GONE = 60.0  # seconds after which a deletion of a live value is not sent again, if the connection has held since
_HANDOVER = 5.0  # seconds that a connection is kept beside the next one, at most
_LOOK = 20.0  # seconds between looks at what is old
_KEPT = 1000  # messages of a log, if its rules do not say; and calls that were handled
_AGAIN = {"unknown", "unavailable", "stale", "overloaded", "rate", "unanswered"}  # not decided, or the outcome is not known
_FINAL = {4401: "signed_out", 4403: "forbidden", 4409: "replaced"}  # close codes after which a client stays away
_ENDED = ("done", "failed", "cancelled", "unknown")

_Kind = TypeVar("_Kind", "Store", "Log")


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
        client._sign_in(space, user, password, proposal, replace)
    except BaseException:
        client.close()
        raise
    return client


class Client:
    """One program in one space; made by connect(). Use it with `with`, or call close()."""

    def __init__(self, url: str, token: Optional[str], timeout: float, tls: Optional[ssl.SSLContext]) -> None:
        address = urllib.parse.urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"{url!r} is no address of a hub: give one like http://127.0.0.1:8080")
        self.id = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(16))
        self.space = ""
        self.you: Dict[str, Any] = {}
        self.timeout = timeout
        self._address, self._tls = address, tls
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._of = ""  # the space as a query, of a token that does not name it
        self._person: Optional[Tuple[str, str, str]] = None
        self._closed = threading.Event()
        self._mu = threading.RLock()
        # Guarded by _mu.
        self._error: Optional[BatonError] = None  # why it ended
        self._ops = 0
        self._seen = (0, "")  # the newest change that was answered: position and cursor
        self._idle: List[http.client.HTTPConnection] = []
        self._follower: Optional[_Follower] = None
        self._link: Optional[_Link] = None

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
        self._sign_out()
        self._end(BatonError("closed", "the client is closed"))
        if follower:
            follower.stop()
        with self._mu:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @property
    def status(self) -> str:
        """connecting, live, stale (the hub itself has not heard from its log for some time) or ended."""
        with self._mu:
            if self._error:
                return "ended"
            states = [part.status for part in (self._follower, self._link) if part]
        return next((word for word in ("connecting", "stale") if word in states), "live")

    # Reading.

    def read(self, channel: str, *keys: str, owner: Optional[str] = None) -> Dict[str, Value]:
        """Returns the values of a store as they are now, of those keys or of all; owner's, not one's own, if given."""
        values: Dict[str, Value] = {}
        since: Optional[str] = None
        while True:  # a large store comes in several parts
            page = self._get(f"channels/{_quote(channel)}", since=since, owner=owner)
            if page["mode"] == "snapshot":
                values = {key: Value(data) for key, data in (page.get("defaults") or {}).items()}
            for key in page.get("removed") or ():
                values.pop(key, None)
            values.update(_values(page.get("values")))
            since = page["cursor"]
            if not page.get("incomplete"):
                return {key: value for key, value in values.items() if not keys or key in keys}

    def read_all(self, channel: str) -> Dict[str, Dict[str, Value]]:
        """Returns everybody's values of a store with a scope, by owner: for staff and services."""
        everybody: Dict[str, Dict[str, Value]] = {}
        after: Optional[str] = None
        while True:  # many owners come in several parts
            page = self._get(f"channels/{_quote(channel)}", all="true", after=after)
            everybody.update((owner, _values(values)) for owner, values in (page.get("owners") or {}).items())
            after = page.get("after")
            if not page.get("incomplete"):
                return everybody

    def seat(self) -> Dict[str, Any]:
        """Returns who is in control now: operator, term, requests. The term goes into changes that only they may make."""
        control: Dict[str, Any] = self._get("")["control"]
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

    def _follow(self, channel: str, kind: Type[_Kind]) -> _Kind:
        with self._mu:
            self._alive()
            if self._follower is None:
                self._follower = _Follower(self)
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
        return self._change(f"channels/{_quote(channel)}", {**body, "owner": owner, "term": term, "held": held})

    def append(self, channel: str, message: Any, *, term: int = 0) -> int:
        """Adds a message to a log and returns its position."""
        body = {"term": term} if term else {}
        answer = self._post(f"channels/{_quote(channel)}", {**body, "data": message})
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
        answer = self._post("transactions", _given(body))
        return int(answer["position"]), answer.get("calls") or []

    # Commands.

    def start(self, command: str, args: Any = None, *, term: int = 0, deadline: float = 0) -> str:
        """Asks the service of a command to carry it out and returns the id of the call, for wait() and cancel().

        deadline is in seconds; then the call has failed, and the service is told to stop.
        """
        return str(self._start(command, args, term, deadline)["call"])

    def _start(self, command: str, args: Any, term: int, deadline: float) -> Dict[str, Any]:
        body = {"args": args, "term": term, "deadline_ms": round(deadline * 1000)}
        return self._post(f"commands/{_quote(command)}", _given(body))

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
            state = self._get(f"calls/{_quote(call)}", wait=f"{max(1, int(left * 1000))}ms")
            if progress and state.get("progress") not in (None, told):
                told = state["progress"]
                progress(told)
            if state["state"] in _ENDED:
                return _result(state)

    def cancel(self, call: str, *, term: int = 0) -> None:
        """Asks for a call to be given up. It is when its service says so, or at once if none has taken it."""
        query = f"?term={term}" if term else ""
        self._request("DELETE", f"{self._base}/calls/{_quote(call)}{query}", op=True)

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
        link, until, attempt = self._linked(), None if timeout is None else time.monotonic() + timeout, 0
        while True:
            try:
                return Lock(link, name, int(link.ask({"type": "lock", "name": name}, until)["token"]))
            except BatonError as refused:
                delay = _backoff(attempt) / 6  # up to 5 s: somebody may be waiting for the other holder to end
                if refused.code != "locked" or until is not None and time.monotonic() + delay > until:
                    raise
            attempt += 1
            if self._closed.wait(delay):
                self._alive()

    def _linked(self) -> _Link:
        with self._mu:
            self._alive()
            if self._link is None:
                self._link = _Link(self)
            return self._link

    # HTTP.

    @property
    def _base(self) -> str:
        return f"/api/v1/spaces/{_quote(self.space)}"

    def _sign_in(
        self, space: Optional[str], user: Optional[str], password: Optional[str], proposal: Optional[str], replace: bool
    ) -> None:
        if "Authorization" not in self._headers:
            if not space or user is None or password is None:
                raise ValueError("give a token, or space, user and password")
            self._person = (space, user, password)
            body: Dict[str, Any] = {"space": space, "user": user, "password": password}
            if proposal:
                body["proposal"] = proposal
            if replace:
                body["replace"] = True
            answer = self._request("POST", "/api/v1/session", body)
        else:
            self._of = f"space={_quote(space)}" if space else ""
            answer = self._request("GET", "/api/v1/session" + ("?" + self._of if self._of else ""))
        self.space, self.you = answer["space"], answer["you"]

    def _sign_out(self) -> None:
        """Ends the login session that the client began, so that the person is not met by it the next time."""
        person, self._person = self._person, None
        if not person or "Cookie" not in self._headers:
            return
        connection = self._connection(2.0)
        try:
            connection.request("DELETE", self._address.path.rstrip("/") + "/api/v1/session", headers=self._headers)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass  # it ends by itself when it was not in use for a while
        finally:
            connection.close()

    def _get(self, path: str, **query: Optional[str]) -> Dict[str, Any]:
        given = {name: value for name, value in query.items() if value}
        path = f"{self._base}/{path}".rstrip("/")
        return self._request("GET", path + ("?" + urllib.parse.urlencode(given) if given else ""))

    def _change(self, path: str, body: Mapping[str, Any]) -> int:
        return int(self._post(path, _given(body)).get("position", 0))

    def _post(self, path: str, body: Mapping[str, Any]) -> Dict[str, Any]:
        return self._request("POST", f"{self._base}/{path}", body, op=True)

    def _op(self) -> str:
        with self._mu:
            self._ops += 1
            return f"{self.id}.{self._ops}"

    def _request(self, method: str, path: str, body: Any = None, *, op: bool = False) -> Dict[str, Any]:
        """Makes a request, again until its outcome is known: a change is sent under one operation id."""
        headers = {"Baton-Op": self._op()} if op else {}
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        until, attempt = time.monotonic() + self.timeout, 0
        while True:
            self._alive()
            after, trouble = 0.0, None
            try:
                return self._attempt(method, path, data, headers)
            except BatonError as refused:
                if refused.code not in _AGAIN:
                    raise
                after, trouble = float(refused.more.get("retry_after", 0)), refused
            except (OSError, http.client.HTTPException) as lost:
                trouble = BatonError("unavailable", f"no answer from {self._address.geturl()}: {lost!r}")
            delay = after + _backoff(attempt)
            attempt += 1
            if time.monotonic() + delay > until:
                raise trouble
            self._closed.wait(delay)

    def _attempt(self, method: str, path: str, data: Optional[bytes], headers: Mapping[str, str]) -> Dict[str, Any]:
        with self._mu:
            used = bool(self._idle)
            connection = self._idle.pop() if used else self._connection(_ANSWER)
            seen = {"Baton-Seen": self._seen[1]} if self._seen[1] and self.space else {}
        kind = {"Content-Type": "application/json"} if data is not None else {}
        try:
            connection.request(method, self._address.path.rstrip("/") + path, data, {**self._headers, **headers, **seen, **kind})
            response = connection.getresponse()
            text = response.read()
        except ConnectionError:
            connection.close()
            if not used:
                raise
            return self._attempt(method, path, data, headers)  # the hub had closed it meanwhile: that says nothing
        except BaseException:
            connection.close()
            raise
        self._take_cookie(response)
        with self._mu:
            if response.will_close or self._closed.is_set():
                connection.close()
            else:
                self._idle.append(connection)
        answer = _answer(response, text)
        with self._mu:
            if method != "GET" and answer.get("position", 0) > self._seen[0]:
                self._seen = (answer["position"], answer.get("cursor", ""))
        return answer

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def _take_cookie(self, response: http.client.HTTPResponse) -> None:
        for header in response.headers.get_all("Set-Cookie") or ():
            cookies: SimpleCookie[str] = SimpleCookie(header)
            self._headers = {"Cookie": "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())}

    def _alive(self) -> None:
        with self._mu:
            if self._error:
                raise BatonError(self._error.code, self._error.detail)

    def _end(self, error: BatonError) -> None:
        """Ends the client for a reason; the first one counts."""
        with self._mu:
            self._error = self._error or error
        self._closed.set()


def _quote(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def _backoff(attempt: int) -> float:
    """How long to wait before attempt n (from 0), in seconds: full jitter, so that not all come back at once."""
    return random.random() * min(_LAST_DELAY, float(_FIRST_DELAY * 2 ** min(attempt, 6)))


def _given(body: Mapping[str, Any]) -> Dict[str, Any]:
    """Leaves out what was not given: no list, no term and no deadline is empty or 0 on purpose."""
    empty = ("term", "deadline_ms")
    return {k: v for k, v in body.items() if v is not None and v != [] and not (k in empty and v == 0)}


def _value(v: Mapping[str, Any]) -> Value:
    return Value(v.get("value"), v.get("position", 0), v.get("by", ""), v.get("at", ""))


def _values(values: Optional[Mapping[str, Any]]) -> Dict[str, Value]:
    return {key: _value(v) for key, v in (values or {}).items()}


def _refusal(answer: Mapping[str, Any], more: Mapping[str, Any]) -> BatonError:
    current = {key: _value(v) if v else None for key, v in (answer.get("current") or {}).items()}
    return BatonError(answer.get("code", "unavailable"), answer.get("detail", ""), current, more)


def _answer(response: http.client.HTTPResponse, text: bytes) -> Dict[str, Any]:
    """Reads an answer, or raises what the problem document says. A proxy may answer in HTML: then the status counts."""
    try:
        answer = json.loads(text) if text else {}
    except ValueError:
        answer = None
    if response.status < 300 and isinstance(answer, dict):
        return {**answer, "status": response.status}
    if not isinstance(answer, dict) or "code" not in answer:
        code = "unavailable" if response.status < 300 or response.status in (429, 502, 503, 504) else "invalid"
        raise BatonError(code, f"HTTP {response.status} {response.reason}", more={"status": response.status})
    known = ("type", "title", "code", "detail", "current")
    more = {name: value for name, value in answer.items() if name not in known}
    with contextlib.suppress(ValueError):
        more["retry_after"] = min(float(response.headers.get("Retry-After", 0)), _LAST_DELAY)
    raise _refusal(answer, more)


def _result(state: Mapping[str, Any]) -> Any:
    if state["state"] == "done":
        return state.get("result")
    words = {"cancelled": "it was cancelled", "unknown": "its service was lost: it may have done it"}
    detail = str(state.get("error") or words.get(state["state"], "it failed"))
    raise BatonError(state["state"], detail, more={"call": state["call"]})


# Following.


class _Channel:
    """What Store and Log share. Guarded by the follower's lock."""

    def __init__(self, name: str, mu: Any) -> None:
        self.channel = name
        self._mu = mu
        self._ready = threading.Event()
        self._refused: Optional[BatonError] = None  # why the hub does not show it any more
        self._cursor = ""  # up to where it is
        self._watchers: List[Callable[..., Any]] = []

    def watch(self, f: Callable[..., Any]) -> Callable[[], None]:
        """Has f called after every message that changed something; returns what ends that.

        The calls come one at a time, in order, in the thread that reads, so f must be quick and must not wait for the
        client. Call watch() before values() or messages(), and nothing is missed. A store's f gets the keys that changed with
        their Values, None if there is none any more. A log's f gets the new Messages, and whether there is a gap:
        messages before these are missing, for good.
        """
        with self._mu:
            self._watchers = [*self._watchers, f]

        def stop() -> None:
            with self._mu:
                self._watchers = [w for w in self._watchers if w is not f]

        return stop


class Store(_Channel):
    """The copy of a store, live or not, that the client keeps up to date; see Client.store(). Change it through the client."""

    def __init__(self, name: str, mu: Any) -> None:
        super().__init__(name, mu)
        self._values: Dict[str, Value] = {}
        self._defaults: Dict[str, Any] = {}
        self.reason = ""  # why all values were sent the last time: new, epoch, trimmed or ahead

    def values(self) -> Dict[str, Value]:
        """Returns all values by key, as of the last message. A key that nobody has set has its default, if there is one."""
        with self._mu:
            return {**{key: Value(data) for key, data in self._defaults.items()}, **self._values}

    def get(self, key: str) -> Optional[Value]:
        """Returns the value of a key, None if there is none."""
        with self._mu:
            if key in self._values:
                return self._values[key]
            return Value(self._defaults[key]) if key in self._defaults else None

    @property
    def cursor(self) -> str:
        """Up to where the values are those of the hub, for since and unseen of write(). Ask for it before values(): then
        what comes in between counts as not seen."""
        with self._mu:
            return self._cursor

    def __getitem__(self, key: str) -> Any:
        """Returns the data of a key; KeyError if there is none."""
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value.data

    def _joined(self, frame: Mapping[str, Any]) -> Optional[Tuple[Any, ...]]:
        before = self.values()
        if frame["mode"] == "snapshot":
            self._values, self.reason = {}, frame.get("reason", "")
        for key in frame.get("removed") or ():
            self._values.pop(key, None)
        self._values.update(_values(frame.get("values")))
        self._defaults = frame.get("defaults") or {}
        after = self.values()
        changed = {key: after.get(key) for key in {**before, **after} if before.get(key) != after.get(key)}
        return (changed,) if changed else None

    def _changed(self, frame: Mapping[str, Any]) -> Optional[Tuple[Any, ...]]:
        origin = (frame.get("position", 0), frame.get("by", ""), frame.get("at", ""))
        changed = {key: Value(data, *origin) for key, data in (frame.get("set") or {}).items()}
        for key, patch in (frame.get("patch") or {}).items():
            held = self._values.get(key)
            changed[key] = Value(merge_patch(held.data if held else None, patch), *origin)
        self._values.update(changed)
        for key in frame.get("delete") or ():
            self._values.pop(key, None)
        gone = {key: self.get(key) for key in frame.get("delete") or ()}
        return ({**changed, **gone},)


class Log(_Channel):
    """The copy of a log that the client keeps up to date; see Client.log(). Add to it through the client."""

    def __init__(self, name: str, mu: Any) -> None:
        super().__init__(name, mu)
        self._messages: List[Message] = []
        self.gap = False  # messages before the oldest that is held were missed

    def messages(self) -> List[Message]:
        """Returns the newest messages, the oldest of them first: as many as the hub sent at first, and at least 1,000."""
        with self._mu:
            return list(self._messages)

    def _joined(self, frame: Mapping[str, Any]) -> Optional[Tuple[Any, ...]]:
        last = self._messages[-1].position if self._messages else 0
        got = [_message(m) for m in frame.get("messages") or ()]
        if frame["mode"] == "snapshot" and frame.get("reason") not in ("epoch", "ahead"):
            # The same log, from the beginning: another channel was joined. What is known is not told again.
            new = [m for m in got if m.position > last]
            gap = bool(last and got and got[0].position > last)
        else:
            new, gap = got, bool(frame.get("gap")) or frame["mode"] == "snapshot"
        if gap:
            self._messages, self.gap = [], True
        self._messages = (self._messages + new)[-max(_KEPT, len(got)) :]
        return (new, gap) if new or gap else None

    def _said(self, frame: Mapping[str, Any]) -> Tuple[Any, ...]:
        message = _message(frame)
        self._messages = [*self._messages[-max(_KEPT, len(self._messages)) + 1 :], message]
        return [message], False


def _message(m: Mapping[str, Any]) -> Message:
    return Message(m["position"], m.get("at", ""), m.get("by", ""), m.get("data"))


class _Follower:
    """One event stream for all channels that are followed, and the thread that reads it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._mu = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="baton events", daemon=True)
        # Guarded by _mu.
        self.status = "live"  # there is nothing yet that could be old
        self._channels: Dict[str, Any] = {}
        self._grown = False  # a channel was added: begin anew
        self._cursor = ""
        self._socket: Any = None

    def add(self, name: str, kind: Type[_Kind]) -> _Kind:
        with self._mu:
            channel = self._channels.get(name)
        if channel is None:
            self._client._get(f"channels/{_quote(name)}", limit="1")  # raises if it may not be read
            with self._mu:
                channel = self._channels.setdefault(name, kind(name, self._mu))
                self._grown = True
                self._interrupt()
                if self._thread.ident is None:
                    self.status = "connecting"
                    self._thread.start()
        if not isinstance(channel, kind):
            raise ValueError(f"{name} is followed as a {type(channel).__name__} already")
        until = time.monotonic() + self._client.timeout
        while not channel._ready.wait(0.1):
            self._client._alive()
            if channel._refused:
                raise channel._refused
            if time.monotonic() > until:
                raise BatonError("timeout", f"the hub did not show {name} in {self._client.timeout} s")
        return channel

    def stop(self) -> None:
        with self._mu:
            self._interrupt()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _interrupt(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(2)

    def _run(self) -> None:
        attempt, closed = 0, self._client._closed
        while not closed.is_set():
            delay, began = 0.0, time.monotonic()
            with self._mu:
                nothing = not self._channels  # all were given up
                self.status = "live" if nothing else self.status
            if nothing:
                closed.wait(0.1)
                continue
            try:
                delay = self._stream()
            except BatonError as refused:
                if refused.code == "signed_out":
                    self._client._end(refused)
                    return
                _log.warning("the hub refuses the event stream: %s", refused)
                if self._give_up(refused):
                    continue
                delay = float(refused.more.get("retry_after", 0))
            except (OSError, http.client.HTTPException, ValueError, KeyError, AttributeError) as lost:
                if not closed.is_set() and not self._grown:
                    _log.warning("lost the event stream: %r", lost)
            with self._mu:
                if self._grown:
                    continue
                self.status = "connecting"
            attempt = 0 if time.monotonic() - began > _LAST_DELAY else attempt + 1
            closed.wait(delay + _backoff(attempt - 1 if attempt else 0))

    def _give_up(self, refused: BatonError) -> bool:
        """Goes on without a channel that the hub does not show any more: its copy stays as it is."""
        with self._mu:
            channel = self._channels.get(refused.more.get("channel", ""))
            if channel is None or refused.code not in ("forbidden", "unknown_name"):
                return False
            channel._refused = refused
            del self._channels[channel.channel]
            return True

    def _stream(self) -> float:
        """Reads one stream to its end and returns when the hub wants the client back, in seconds."""
        client = self._client
        with self._mu:
            names, since, self._grown = ",".join(self._channels), "" if self._grown else self._cursor, False
        connection = client._connection(_SILENCE)
        try:
            connection.connect()
            with self._mu:
                if self._grown or client._closed.is_set():
                    return 0.0
                self._socket = connection.sock
            headers = {"Accept": "text/event-stream", **client._headers, **({"Last-Event-ID": since} if since else {})}
            query = urllib.parse.urlencode({"channels": names, "client": client.id})
            path = f"{client._address.path.rstrip('/')}{client._base}/events?{query}"
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                _answer(response, response.read())
            for cursor, frames in _events(response):
                for frame in frames:
                    if frame.get("type") == "bye":
                        if frame.get("code") in _FINAL:
                            client._end(BatonError(_FINAL[frame["code"]], frame.get("reason", "")))
                        return float(frame.get("reconnect_after", 0)) / 1000
                self._apply(frames, cursor)
        finally:
            with self._mu:
                self._socket = None
            connection.close()
        return 0.0

    def _apply(self, frames: Sequence[Mapping[str, Any]], cursor: str) -> None:
        """Takes a message as a whole: who asks for values sees those before it or those after it."""
        calls: List[Tuple[Callable[..., Any], Tuple[Any, ...]]] = []
        with self._mu:
            self.status = "live" if self.status == "connecting" else self.status
            for frame in frames:
                kind, channel = frame.get("type"), self._channels.get(frame.get("channel", ""))
                told: Optional[Tuple[Any, ...]] = None
                if kind == "stale":
                    self.status = "stale"
                elif kind == "fresh":
                    self.status = "live"
                elif kind == "joined" and channel is not None:
                    told = channel._joined(frame)
                    channel._ready.set()
                elif kind == "change" and isinstance(channel, Store):
                    told = channel._changed(frame)
                elif kind == "message" and isinstance(channel, Log):
                    told = channel._said(frame)
                if told is not None and channel is not None:
                    calls += [(watcher, told) for watcher in channel._watchers]
            if cursor:
                self._cursor = cursor
                for channel in self._channels.values():
                    channel._cursor = cursor
        for watcher, told in calls:
            _guarded(watcher, *told)


def _guarded(f: Callable[..., Any], *args: Any) -> None:
    try:
        f(*args)
    except Exception:
        _log.exception("a function that was given to the client failed")


def _events(response: http.client.HTTPResponse) -> Iterator[Tuple[str, List[Dict[str, Any]]]]:
    """Reads an event stream: the id of each event, and its frames."""
    cursor, data = "", []
    while True:
        line = response.readline()
        if not line:
            return
        name, _, text = line.decode().rstrip("\r\n").partition(":")
        text = text[1:] if text.startswith(" ") else text
        if name == "id":
            cursor = text
        elif name == "data":
            data.append(text)
        elif not name and not text and data:
            yield cursor, json.loads("\n".join(data))
            data = []


# Serving, sending, locking.


class Invocation:
    """A call that was handed to this program.

    cancelled is set when whoever called wants it no more, when its deadline has passed, or when the client is being
    closed; reason says which: cancelled, deadline or closed. Then stop, and raise: the call ends as failed or cancelled.
    """

    def __init__(self, link: _Link, frame: Mapping[str, Any]) -> None:
        self.call: str = frame["call"]
        self.command: str = frame["command"]
        self.args: Any = frame.get("args")
        self.by: Dict[str, str] = frame.get("by") or {}  # user, name, session
        self.term: int = frame.get("term", 0)  # of control, under which it was called
        self.stop: bool = frame.get("stop", False)  # a stop command: nobody was asked for permission
        self.cancelled = threading.Event()
        self.reason = ""
        self._link = link
        self._about = {"call": self.call, **({"seen": frame["cursor"]} if frame.get("cursor") else {})}
        self._timer: Optional[threading.Timer] = None
        if frame.get("deadline_ms"):
            self._timer = threading.Timer(frame["deadline_ms"] / 1000, self._cancel, ("deadline",))
            self._timer.daemon = True
            self._timer.start()

    def progress(self, progress: Any) -> None:
        """Tells the caller how far the call is. It returns when the hub has it."""
        self._link.ask({"type": "progress", **self._about, "progress": progress}, None)

    def _cancel(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.cancelled.set()


class Lock:
    """A named lock that this client holds; use it with `with`, or call unlock(). See Client.lock()."""

    def __init__(self, link: _Link, name: str, token: int) -> None:
        self.name = name
        self.token = token
        self.held = {name: token}  # for the changes that depend on it
        self._link = link

    def unlock(self) -> None:
        """Gives the lock up. BatonError conflict says that it was lost before."""
        self._link.ask({"type": "unlock", "name": self.name, "token": self.token}, None)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.unlock()
        except BatonError:
            if kind is None:
                raise


class _Request:
    """A request that waits for its answer."""

    def __init__(self, frame: Dict[str, Any]) -> None:
        self.frame = frame
        self.sent = False  # on this connection
        self.waits = False  # for an answer on this connection
        self.agreed = False  # at some time
        self.answered = threading.Event()
        self.answer: Dict[str, Any] = {}


class _Link:
    """One WebSocket that is kept up, for what needs one, and the thread with the event loop that it lives in."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._connect, self._header_option = _websockets()
        self._loop = asyncio.new_event_loop()
        self._serving = threading.Lock()  # held by who waits for the hub to agree
        self._mu = threading.RLock()
        # Guarded by _mu.
        self.status = "connecting"
        self._wake: Optional[asyncio.Event] = None
        self._closing = False
        self._ids = 0
        self._limit = 64 << 10
        self._pause = 0.0  # nothing is sent before: the hub asked for patience
        self._refusals = 0
        self._standing: Dict[str, _Request] = {}  # asked again on every connection: joins, and what is served
        self._requests: Dict[int, _Request] = {}  # by id, in order
        self._live: Dict[str, Dict[str, Tuple[bool, Any]]] = {}  # True and the value; False and when its deletion was sent
        self._gone: Deque[Tuple[float, str, str]] = collections.deque()  # deletions that were sent: when, channel, key
        self._unsent: Dict[str, Dict[str, None]] = {}
        self._signals: Dict[str, Any] = {}
        self._listeners: Dict[str, List[Callable[[Signal], Any]]] = {}
        self._handlers: Dict[str, Callable[[Invocation], Any]] = {}
        self._running: Dict[str, Tuple[Invocation, threading.Thread]] = {}
        self._handled: Dict[str, None] = {}
        self._socket: Any = None  # of the present connection; owned by the loop, as the next
        self._farewells: List[asyncio.Future[None]] = []  # of connections that are being let go
        self._thread = threading.Thread(target=self._live_in, name="baton socket", daemon=True)
        self._thread.start()

    def serve(self, handlers: Dict[str, Callable[[Invocation], Any]]) -> None:
        with self._serving:
            self._serve(handlers)

    def _serve(self, handlers: Dict[str, Callable[[Invocation], Any]]) -> None:
        with self._mu:
            for command in handlers:
                if command in self._handlers:
                    raise ValueError(f"{command} is served already")
            self._handlers.update(handlers)
            frame = {"type": "serve", "commands": sorted(self._handlers)}
        try:
            self._stand("serve", frame)
        except BatonError:
            with self._mu:
                self._handlers = {name: f for name, f in self._handlers.items() if name not in handlers}
                if self._handlers:  # those before are served on
                    rest = self._standing["serve"] = _Request({"type": "serve", "commands": sorted(self._handlers)})
                    rest.agreed = True
            self._rouse()
            raise

    def on_signal(self, channel: str, handler: Callable[[Signal], Any]) -> Callable[[], None]:
        with self._mu:
            self._listeners.setdefault(channel, []).append(handler)
            known = self._standing.get("join " + channel)
        if known is None:
            self._stand("join " + channel, {"type": "join", "channel": channel})

        def stop() -> None:
            with self._mu, contextlib.suppress(ValueError):
                self._listeners[channel].remove(handler)

        return stop

    def _stand(self, name: str, frame: Dict[str, Any]) -> None:
        request = _Request(frame)
        with self._mu:
            self._standing[name] = request
        self._rouse()
        self._await(request, time.monotonic() + self._client.timeout)

    def send(self, channel: str, values: Dict[str, Tuple[bool, Any]]) -> None:
        for key, (_, value) in values.items():
            _readable({"type": "send", "channel": channel, "set": {key: value}}, self._limit)
        with self._mu:
            self._client._alive()
            self._live.setdefault(channel, {}).update(values)
            self._unsent.setdefault(channel, {}).update(dict.fromkeys(values))
        self._rouse()

    def signal(self, channel: str, data: Any) -> None:
        _readable({"type": "send", "channel": channel, "data": data}, self._limit)
        with self._mu:
            self._client._alive()
            if self.status != "connecting":  # nobody wants it later
                self._signals[channel] = data
        self._rouse()

    def ask(self, frame: Dict[str, Any], until: Optional[float]) -> Dict[str, Any]:
        """Makes a change and returns the hub's answer to it; until is when to give up."""
        _readable(frame, self._limit)
        request = _Request({**frame, "op": self._client._op()})
        with self._mu:
            request.frame["id"] = self._next_id()
            self._requests[request.frame["id"]] = request
        self._rouse()
        try:
            return self._await(request, until)
        finally:
            with self._mu:
                self._requests.pop(request.frame["id"], None)

    def _await(self, request: _Request, until: Optional[float]) -> Dict[str, Any]:
        while not request.answered.wait(0.1 if until is None else max(0.0, min(0.1, until - time.monotonic()))):
            self._client._alive()
            if until is None and self._closing:
                until = time.monotonic() + _REPORT
            if until is not None and time.monotonic() >= until:
                raise BatonError("timeout", "the hub did not answer in time: perhaps it was done")
        if request.answer.get("type") == "error":
            raise _refusal(request.answer, request.answer.get("more") or {})
        return request.answer

    def close(self) -> None:
        with self._mu:
            self._closing = True
            running = list(self._running.values())
        for invocation, _ in running:
            invocation._cancel("closed")
        for _, thread in running:
            if thread is not threading.current_thread():
                thread.join()
        self._client._end(BatonError("closed", "the client is closed"))
        self._rouse()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids

    def _rouse(self) -> None:
        with self._mu:
            if self._wake is not None:
                self._loop.call_soon_threadsafe(self._wake.set)

    # In the loop.

    def _live_in(self) -> None:
        try:
            self._loop.run_until_complete(self._run())
        finally:
            with self._mu:
                self._wake = None
            self._loop.close()

    async def _run(self) -> None:
        attempt, closed = 0, self._client._closed
        self._wake = asyncio.Event()
        while not closed.is_set():
            after = 0.0
            try:
                after, welcomed = await self._connection()
                attempt = 0 if welcomed else attempt
            except Exception as lost:  # whatever websockets or a proxy come up with: it is one more attempt
                after = self._refused(lost)
                _log.warning("no connection to the hub: %r", lost)
            with self._mu:
                self.status = "connecting"
                self._signals.clear()
            until = time.monotonic() + after + _backoff(attempt)
            attempt += 1
            while not closed.is_set() and time.monotonic() < until:
                await asyncio.sleep(min(0.1, max(0.0, until - time.monotonic())))
        await asyncio.gather(*self._farewells, return_exceptions=True)

    def _refused(self, lost: Exception) -> float:
        """Reads why there was no handshake; the attribute differs between the versions of websockets."""
        status = getattr(lost, "status_code", None) or getattr(getattr(lost, "response", None), "status_code", 0)
        if status in (401, 403):
            self._client._end(BatonError("signed_out" if status == 401 else "forbidden", "the hub does not let this client in"))
        return 1.0 if status in (429, 503) else 0.0

    async def _connection(self) -> Tuple[float, bool]:
        """Makes one connection, and the next before the hub ends it, until one is lost; returns when the hub wants the client
        back, and whether there was one."""
        socket, frames = await self._open()
        if socket is None:
            return self._said_bye(frames), False
        while True:
            self._socket = socket
            self._begin(frames[0])
            after, following = await self._use(socket)
            if following is None:
                return after, True
            socket, frames = following

    async def _open(self) -> Tuple[Any, List[Dict[str, Any]]]:
        """Shakes hands and waits for the first message; there is no socket if that is no welcome."""
        client, address = self._client, self._client._address
        scheme = "wss" if address.scheme == "https" else "ws"
        url = f"{scheme}://{address.netloc}{address.path.rstrip('/')}/api/v1/ws?client={client.id}" + ("&" + client._of if client._of else "")
        headers = {**client._headers, "Origin": f"{address.scheme}://{address.netloc}"}
        options: Dict[str, Any] = {self._header_option: headers, "subprotocols": ["baton.v1"], "compression": None}
        if client._tls is not None:
            options["ssl"] = client._tls
        socket = await self._connect(url, max_size=64 << 20, **options)
        try:
            frames = json.loads(await asyncio.wait_for(socket.recv(), 10))
        except BaseException:
            await socket.close()
            raise
        if frames and frames[0].get("type") == "welcome":
            return socket, frames
        await socket.close()
        return None, frames

    async def _use(self, socket: Any) -> Tuple[float, Optional[Tuple[Any, List[Dict[str, Any]]]]]:
        """Serves a connection until it is lost; or until the next one is there, which it returns."""
        leaving = asyncio.Event()
        reader = asyncio.ensure_future(self._read(socket, leaving))
        writer = asyncio.ensure_future(self._write(socket))
        seeker = asyncio.ensure_future(self._seek(leaving))
        done, _ = await asyncio.wait((reader, writer, seeker), return_when=asyncio.FIRST_COMPLETED)
        moved = seeker in done
        ending = (writer, seeker) if moved else (reader, writer, seeker)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        if moved:
            self._farewells.append(asyncio.ensure_future(self._let_go(socket, reader)))
            return 0.0, seeker.result()
        if not seeker.cancelled() and seeker.exception() is None:  # both in the same moment
            await seeker.result()[0].close()
        await socket.close()
        if reader in done:
            return reader.result(), None
        if writer.exception() is not None:
            _log.warning("lost the connection to the hub: %r", writer.exception())
        return 0.0, None

    async def _seek(self, leaving: asyncio.Event) -> Tuple[Any, List[Dict[str, Any]]]:
        """Makes the next connection when the hub says that its node is leaving, while the present one serves on."""
        await leaving.wait()
        attempt = 0
        while True:
            with contextlib.suppress(Exception):
                socket, frames = await self._open()
                if socket is not None:
                    return socket, frames
            await asyncio.sleep(_backoff(attempt))
            attempt += 1

    async def _let_go(self, socket: Any, reader: asyncio.Future[float]) -> None:
        """Ends a connection that another has taken over from, as soon as that has all that it had: stop commands are in no
        log, and come where the hub knows the service."""
        until = time.monotonic() + _HANDOVER
        while not reader.done() and not self._client._closed.is_set() and time.monotonic() < until:
            with self._mu:
                if all(r.sent and not r.waits for r in self._standing.values()):
                    break
            await asyncio.sleep(0.01)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await socket.close()

    def _begin(self, welcome: Mapping[str, Any]) -> None:
        """A new connection: nothing has been sent on it yet."""
        with self._mu:
            self._limit = (welcome.get("limits") or {}).get("message") or self._limit
            for request in (*self._standing.values(), *self._requests.values()):
                request.sent = request.waits = False
            self._serve_all()
            self._resend()
            self._pause, self._refusals, self.status = 0.0, 0, "live"

    def _renew(self, welcome: Mapping[str, Any]) -> None:
        """What was joined is left: joins and serves again. What has no answer yet will have one."""
        with self._mu:
            self._limit = (welcome.get("limits") or {}).get("message") or self._limit
            for request in self._standing.values():
                request.sent = request.waits
            self._serve_all()
            self._resend()
        self._rouse()

    def _serve_all(self) -> None:
        """Has all commands asked for, also those that the hub did not agree to any more, unless that is under way."""
        serve = self._standing.get("serve")
        if serve is not None and not serve.sent:
            serve.frame = {**serve.frame, "commands": sorted(self._handlers)}

    def _forget(self) -> None:
        """Drops the deletions that have come to the hub by now: others may have given these keys new values."""
        while self._gone and time.monotonic() - self._gone[0][0] >= _GONE:
            sent, channel, key = self._gone.popleft()
            if self._live[channel].get(key) == (False, sent):
                del self._live[channel][key]

    def _resend(self) -> None:
        self._gone.clear()
        self._unsent = {channel: dict.fromkeys(values) for channel, values in self._live.items()}

    async def _write(self, socket: Any) -> None:
        assert self._wake is not None
        while not self._client._closed.is_set():
            self._wake.clear()
            wait = self._pause - time.monotonic()
            if wait <= 0:
                for message in self._collect():
                    await socket.send(message)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait if wait > 0 else _LOOK)

    def _collect(self) -> List[str]:
        """What there is to send, in messages of a size that the hub takes."""
        with self._mu:
            self._forget()
            frames: List[Dict[str, Any]] = []
            for request in (*self._standing.values(), *self._requests.values()):
                if not request.sent:
                    if request in self._standing.values():
                        request.frame["id"] = self._next_id()
                    request.sent = request.waits = True
                    frames.append(request.frame)
            for channel, keys in self._unsent.items():
                held = self._live[channel]
                values = {key: held[key][1] for key in keys if held[key][0]}
                gone = [key for key in keys if not held[key][0]]
                for key in gone:
                    held[key] = (False, time.monotonic())
                    self._gone.append((held[key][1], channel, key))
                frames += [{"type": "send", "channel": channel, "set": part} for part in _parts(values, self._limit)]
                frames += [{"type": "send", "channel": channel, "delete": gone[i : i + 200]} for i in range(0, len(gone), 200)]
            frames += [{"type": "send", "channel": channel, "data": data} for channel, data in self._signals.items()]
            self._unsent, self._signals = {}, {}
            for frame in frames:
                frame.setdefault("id", 0) or frame.update(id=self._next_id())
        return _messages(frames, self._limit)

    async def _read(self, socket: Any, leaving: asyncio.Event) -> float:
        while True:
            try:
                frames = json.loads(await socket.recv())
            except Exception as lost:
                code = getattr(getattr(lost, "rcvd", None), "code", None) or getattr(lost, "code", None)
                if socket is self._socket:
                    self._ended(code, "")
                    _log.warning("lost the connection to the hub: %r", lost)
                return 0.0
            if socket is not self._socket:  # the next one has taken over
                frames = [frame for frame in frames if frame.get("type") == "invoke" and frame.get("stop")]
            for frame in frames:
                self._take(frame)
                if frame.get("type") == "leaving":
                    leaving.set()
                if frame.get("type") == "bye":
                    return self._said_bye(frames)
                if frame.get("type") == "error" and frame.get("code") == "bad_frame":
                    _log.error("the hub could not read a message: %s", frame.get("detail"))
                    return 0.0  # nothing in it counts: all is sent again but the request that was refused

    def _said_bye(self, frames: Sequence[Mapping[str, Any]]) -> float:
        for frame in frames:
            if frame.get("type") == "bye":
                self._ended(frame.get("code"), frame.get("reason", ""))
                return float(frame.get("reconnect_after", 0)) / 1000
        return 0.0

    def _ended(self, code: Optional[int], reason: str) -> None:
        if code in _FINAL:
            self._client._end(BatonError(_FINAL[code], reason or "the hub ended the connection"))

    def _take(self, frame: Dict[str, Any]) -> None:
        kind = frame.get("type")
        if kind == "invoke":
            self._invoked(frame)
        elif kind == "cancel":
            with self._mu:
                running = self._running.get(frame.get("call", ""))
            if running:
                running[0]._cancel("cancelled")
        elif kind == "signal":
            with self._mu:
                listeners = list(self._listeners.get(frame.get("channel", ""), ()))
            for listener in listeners:
                _guarded(listener, Signal(frame.get("from", ""), frame.get("by", ""), frame.get("data")))
        elif kind == "welcome":  # once more: the rules, or the rights of this client, have changed
            self._renew(frame)
        elif kind in ("stale", "fresh"):
            with self._mu:
                self.status = "stale" if kind == "stale" else "live"
                if kind == "fresh":  # the hub's memory of them may be gone with what was out of reach
                    self._resend()
            self._rouse()
        elif kind in ("written", "locked", "serving", "joined", "error"):
            self._answered(frame)

    def _answered(self, frame: Dict[str, Any]) -> None:
        with self._mu:
            waiting = (*self._standing.values(), *self._requests.values())
            request = next((r for r in waiting if r.sent and r.frame.get("id") == frame.get("id")), None)
            refused = frame.get("type") == "error"
            if refused and frame.get("code") in _AGAIN:
                if request is not None:
                    request.sent = request.waits = False
                elif frame.get("code") != "rate":
                    self._resend()
                if self._pause < time.monotonic():  # the answers to one message count once
                    self._pause = time.monotonic() + _backoff(self._refusals)
                    self._refusals += 1
                self._rouse()
                return
            self._refusals = 0
            if request is not None:
                request.waits = False
            if request is not None and refused and request.agreed:
                self._disagreed(request, frame)
            elif request is not None:
                request.agreed = not refused
                request.answer = frame
                request.answered.set()
                if refused and request in self._standing.values():
                    self._standing = {name: r for name, r in self._standing.items() if r is not request}
            elif refused:
                _log.warning("the hub refused something: %s: %s", frame.get("code"), frame.get("detail"))
                self._without(frame.get("more") or {})

    def _without(self, refused: Mapping[str, Any]) -> None:
        """Drops a live value that the hub refused, unless there is a newer one. What was sent with it was refused, too, so
        everything else is sent again."""
        channel, key = refused.get("channel", ""), refused.get("key")
        if key is None or channel not in self._live:
            return
        if key not in self._unsent.get(channel, {}):
            self._live[channel].pop(key, None)
        self._resend()
        self._rouse()

    def _disagreed(self, request: _Request, refused: Mapping[str, Any]) -> None:
        """The hub agreed before, under other rules. It is asked again after its next welcome, and now for the other commands."""
        _log.error("the hub does not agree any more: %s: %s", refused.get("code"), refused.get("detail"))
        command, commands = (refused.get("more") or {}).get("command"), request.frame.get("commands", ())
        rest = [c for c in commands if c != command]
        if rest and len(rest) < len(commands):
            request.frame, request.sent = {**request.frame, "commands": rest}, False
            self._rouse()

    def _invoked(self, frame: Mapping[str, Any]) -> None:
        """Begins to handle a call, unless that has been done: the hub hands over again what it knows no end of."""
        with self._mu:
            handler, call = self._handlers.get(frame["command"]), frame["call"]
            if self._closing or handler is None or call in self._running or call in self._handled:
                return
            invocation = Invocation(self, frame)
            thread = threading.Thread(target=self._handle, args=(invocation, handler), name=f"baton {call}", daemon=True)
            self._running[call] = invocation, thread
            thread.start()

    def _handle(self, invocation: Invocation, handler: Callable[[Invocation], Any]) -> None:
        report: Dict[str, Any] = {"type": "done", **invocation._about}
        try:
            result = handler(invocation)
            if result is not None:
                json.dumps(result, allow_nan=False)
                report["result"] = result
        except Exception as failed:
            _log.info("the call %s of %s failed", invocation.call, invocation.command, exc_info=True)
            report = {"type": "failed", **invocation._about, "error": (str(failed) or repr(failed))[:2000]}
        if invocation._timer is not None:
            invocation._timer.cancel()
        try:
            self._report(report)
        except BatonError as lost:
            _log.error("the hub was not told how the call %s ended: %s", invocation.call, lost)
        with self._mu:
            self._running.pop(invocation.call, None)
            self._handled[invocation.call] = None
            while len(self._handled) > _KEPT:
                del self._handled[next(iter(self._handled))]

    def _report(self, report: Dict[str, Any]) -> None:
        """Tells the hub how a call ended. A result that it does not take ends the call as well: as failed, for that reason."""
        try:
            self.ask(report, None)
        except BatonError as refused:
            self._client._alive()
            if report["type"] != "done" or refused.code == "timeout":
                raise
            _log.warning("the hub does not take the result of the call %s: %s", report["call"], refused)
            text = f"it was carried out, but its result was refused: {refused.detail}"
            self.ask({**{k: report[k] for k in ("call", "seen") if k in report}, "type": "failed", "error": text[:2000]}, None)


def _websockets() -> Tuple[Any, str]:
    """Returns what connects, and the name of its option for headers."""
    try:
        try:
            from websockets.asyncio.client import connect as newer  # type: ignore[import] # 13 or newer

            return newer, "additional_headers"
        except ImportError:
            from websockets.client import connect as older

            return older, "extra_headers"
    except ImportError:
        raise ImportError("this needs the package websockets: apt-get install python3-websockets") from None


def _readable(frame: Mapping[str, Any], limit: int) -> None:
    """Raises what the hub would say of a frame that it cannot read: it would refuse all that comes in one message with it."""
    text = json.dumps(frame, allow_nan=False)
    if len(text) + 100 > limit:  # with its id and operation
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


def _parts(values: Dict[str, Any], limit: int) -> Iterator[Dict[str, Any]]:
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


def _messages(frames: Sequence[Dict[str, Any]], limit: int) -> List[str]:
    messages: List[List[str]] = []
    size = 0
    for frame in frames:
        text = json.dumps(frame, allow_nan=False)
        more = len(text.encode()) + 1
        if not messages or size + more + 2 > limit or len(messages[-1]) == 64:
            messages.append([])
            size = 0
        messages[-1].append(text)
        size += more
    return ["[" + ",".join(texts) + "]" for texts in messages]
