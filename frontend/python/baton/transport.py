"""What goes over HTTP: sign-in, requests that are made again until their outcome is known, and how the client ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import secrets
import ssl
import string
import threading
import time
import urllib.parse
from http.cookies import SimpleCookie
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .values import BatonError, refusal

FINAL = {4401: "signed_out", 4403: "forbidden", 4409: "replaced"}  # close codes after which a client stays away
AGAIN = {"unknown", "unavailable", "stale", "overloaded", "rate", "unanswered"}  # not decided, or the outcome is not known
FIRST_DELAY, LAST_DELAY = 0.5, 30.0  # seconds, at most, before the first attempt to connect again and before any
_ANSWER = 60.0  # seconds for one HTTP answer, longer than the hub may take


class Transport:
    """What a client asks over HTTP, with the login session or the token that it has."""

    def __init__(self, url: str, token: Optional[str], timeout: float, tls: Optional[ssl.SSLContext]) -> None:
        address = urllib.parse.urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"{url!r} is no address of a hub: give one like http://127.0.0.1:8080")
        self.client = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(16))  # its id
        self.space = ""
        self.you: Dict[str, Any] = {}
        self.timeout = timeout  # seconds
        self.address, self.tls = address, tls
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.of = ""  # the space as a query, of a token that does not name it
        self.closed = threading.Event()
        self._person: Optional[Tuple[str, str, str]] = None
        self._mu = threading.RLock()
        # Guarded by _mu.
        self.ended: Optional[BatonError] = None  # why it ended
        self._ops = 0
        self._seen = (0, "")  # the newest change that was answered: position and cursor
        self._idle: List[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Closes what is not in use. What is in use closes by itself, after end()."""
        with self._mu:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @property
    def base(self) -> str:
        return f"/api/v1/spaces/{quote(self.space)}"

    def sign_in(
        self, space: Optional[str], user: Optional[str], password: Optional[str], proposal: Optional[str], replace: bool
    ) -> None:
        if "Authorization" not in self.headers:
            if not space or user is None or password is None:
                raise ValueError("give a token, or space, user and password")
            self._person = (space, user, password)
            body: Dict[str, Any] = {"space": space, "user": user, "password": password}
            if proposal:
                body["proposal"] = proposal
            if replace:
                body["replace"] = True
            answer = self.request("POST", "/api/v1/session", body)
        else:
            self.of = f"space={quote(space)}" if space else ""
            answer = self.request("GET", "/api/v1/session" + ("?" + self.of if self.of else ""))
        self.space, self.you = answer["space"], answer["you"]

    def sign_out(self) -> None:
        """Ends the login session that the client began, so that the person is not met by it the next time."""
        person, self._person = self._person, None
        if not person or "Cookie" not in self.headers:
            return
        connection = self.connection(2.0)
        try:
            connection.request("DELETE", self.address.path.rstrip("/") + "/api/v1/session", headers=self.headers)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass  # it ends by itself when it was not in use for a while
        finally:
            connection.close()

    def get(self, path: str, **query: Optional[str]) -> Dict[str, Any]:
        given = {name: value for name, value in query.items() if value}
        path = f"{self.base}/{path}".rstrip("/")
        return self.request("GET", path + ("?" + urllib.parse.urlencode(given) if given else ""))

    def post(self, path: str, body: Mapping[str, Any]) -> Dict[str, Any]:
        return self.request("POST", f"{self.base}/{path}", body, op=True)

    def op(self) -> str:
        with self._mu:
            self._ops += 1
            return f"{self.client}.{self._ops}"

    def request(self, method: str, path: str, body: Any = None, *, op: bool = False) -> Dict[str, Any]:
        """Makes a request, again until its outcome is known: a change is sent under one operation id, see again()."""
        headers = {"Baton-Op": self.op()} if op else {}
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        until, attempt = time.monotonic() + self.timeout, 0
        while True:
            self.alive()
            after, trouble = 0.0, None
            try:
                return self._attempt(method, path, data, headers)
            except BatonError as refused:
                if refused.code not in AGAIN:
                    raise
                after, trouble = float(refused.more.get("retry_after", 0)), refused
            except (OSError, http.client.HTTPException) as lost:
                trouble = BatonError("unavailable", f"no answer from {self.address.geturl()}: {lost!r}")
            delay = after + backoff(attempt)
            attempt += 1
            headers = again(headers)
            if time.monotonic() + delay > until:
                raise trouble
            self.closed.wait(delay)

    def _attempt(self, method: str, path: str, data: Optional[bytes], headers: Mapping[str, str]) -> Dict[str, Any]:
        with self._mu:
            used = bool(self._idle)
            connection = self._idle.pop() if used else self.connection(_ANSWER)
            seen = {"Baton-Seen": self._seen[1]} if self._seen[1] and self.space else {}
        kind = {"Content-Type": "application/json"} if data is not None else {}
        try:
            connection.request(method, self.address.path.rstrip("/") + path, data, {**self.headers, **headers, **seen, **kind})
            response = connection.getresponse()
            text = response.read()
        except ConnectionError:
            connection.close()
            if not used:
                raise
            return self._attempt(method, path, data, again(headers))  # the hub had closed it meanwhile: that says nothing
        except BaseException:
            connection.close()
            raise
        self._take_cookie(response)
        with self._mu:
            if response.will_close or self.closed.is_set():
                connection.close()
            else:
                self._idle.append(connection)
        answer = answer_of(response, text)
        with self._mu:
            if method != "GET" and answer.get("position", 0) > self._seen[0]:
                self._seen = (answer["position"], answer.get("cursor", ""))
        return answer

    def connection(self, timeout: float) -> http.client.HTTPConnection:
        host, port = self.address.hostname or "", self.address.port
        if self.address.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def _take_cookie(self, response: http.client.HTTPResponse) -> None:
        for header in response.headers.get_all("Set-Cookie") or ():
            cookies: SimpleCookie[str] = SimpleCookie(header)
            self.headers = {"Cookie": "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())}

    def alive(self) -> None:
        with self._mu:
            if self.ended:
                raise BatonError(self.ended.code, self.ended.detail)

    def end(self, error: BatonError) -> None:
        """Ends the client for a reason; the first one counts."""
        with self._mu:
            self.ended = self.ended or error
        self.closed.set()


def again(headers: Mapping[str, str]) -> Dict[str, str]:
    """The headers of a request when it is sent once more. A change was sent before and may be on its way still: what the hub
    refuses now, no node does later."""
    return {**headers, "Baton-Again": "true"} if "Baton-Op" in headers else {**headers}


def quote(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def backoff(attempt: int) -> float:
    """How long to wait before attempt n (from 0), in seconds: full jitter, so that not all come back at once."""
    return random.random() * min(LAST_DELAY, float(FIRST_DELAY * 2 ** min(attempt, 6)))


def answer_of(response: http.client.HTTPResponse, text: bytes) -> Dict[str, Any]:
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
        more["retry_after"] = min(float(response.headers.get("Retry-After", 0)), LAST_DELAY)
    raise refusal(answer, more)
