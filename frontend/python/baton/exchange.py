"""What goes over a WebSocket: requests and their answers, live values, signals, and calls that are served."""

from __future__ import annotations

import collections
import contextlib
import json
import logging
import threading
import time
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Tuple

from .frames import messages, parts, readable
from .serving import Invocation
from .transport import AGAIN, Transport, backoff
from .values import BatonError, Signal, guarded, refusal

_log = logging.getLogger("baton")

_REPORT = 2.0  # seconds that a report may take to reach the hub once the client is being closed
_GONE = 60.0  # seconds after which a deletion of a live value is not sent again, if the connection has held since
_KEPT = 1000  # calls that were handled


class Request:
    """A request that waits for its answer."""

    def __init__(self, frame: Dict[str, Any]) -> None:
        self.frame = frame
        self.sent = False  # on this connection
        self.ever = False  # on any
        self.waits = False  # for an answer on this connection
        self.agreed = False  # at some time
        self.answered = threading.Event()
        self.answer: Dict[str, Any] = {}


class Exchange:
    """What is asked, sent and served, and what of it the hub has answered, whichever connection carries it.

    It knows no sockets: a connection begins (begin), asks what there is to send (collect), and gives in what comes (take).
    """

    def __init__(self, transport: Transport, rouse: Callable[[], None]) -> None:
        self._http = transport
        self._rouse = rouse  # there is something to send
        self._serving = threading.Lock()  # held by who waits for the hub to agree
        self._mu = threading.RLock()
        # Guarded by _mu.
        self.status = "connecting"
        self.pause = 0.0  # nothing is sent before: the hub asked for patience
        self._closing = False
        self._ids = 0
        self._limit = 64 << 10
        self._refusals = 0
        self._standing: Dict[str, Request] = {}  # asked again on every connection: joins, and what is served
        self._requests: Dict[int, Request] = {}  # by id, in order
        self._live: Dict[str, Dict[str, Tuple[bool, Any]]] = {}  # True and the value; False and when its deletion was sent
        self._gone: Deque[Tuple[float, str, str]] = collections.deque()  # deletions that were sent: when, channel, key
        self._unsent: Dict[str, Dict[str, None]] = {}
        self._signals: Dict[str, Any] = {}
        self._listeners: Dict[str, List[Callable[[Signal], Any]]] = {}
        self._handlers: Dict[str, Callable[[Invocation], Any]] = {}
        self._running: Dict[str, Tuple[Invocation, threading.Thread]] = {}
        self._handled: Dict[str, None] = {}

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
                    rest = self._standing["serve"] = Request({"type": "serve", "commands": sorted(self._handlers)})
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
        request = Request(frame)
        with self._mu:
            self._standing[name] = request
        self._rouse()
        self._await(request, time.monotonic() + self._http.timeout)

    def send(self, channel: str, values: Dict[str, Tuple[bool, Any]]) -> None:
        for key, (_, value) in values.items():
            readable({"type": "send", "channel": channel, "set": {key: value}}, self._limit)
        with self._mu:
            self._http.alive()
            self._live.setdefault(channel, {}).update(values)
            self._unsent.setdefault(channel, {}).update(dict.fromkeys(values))
        self._rouse()

    def signal(self, channel: str, data: Any) -> None:
        readable({"type": "send", "channel": channel, "data": data}, self._limit)
        with self._mu:
            self._http.alive()
            if self.status != "connecting":  # nobody wants it later
                self._signals[channel] = data
        self._rouse()

    def ask(self, frame: Dict[str, Any], until: Optional[float]) -> Dict[str, Any]:
        """Makes a change and returns the hub's answer to it; until is when to give up."""
        readable(frame, self._limit)
        request = Request({**frame, "op": self._http.op()})
        with self._mu:
            request.frame["id"] = self._next_id()
            self._requests[request.frame["id"]] = request
        self._rouse()
        try:
            return self._await(request, until)
        finally:
            with self._mu:
                self._requests.pop(request.frame["id"], None)

    def _await(self, request: Request, until: Optional[float]) -> Dict[str, Any]:
        while not request.answered.wait(0.1 if until is None else max(0.0, min(0.1, until - time.monotonic()))):
            self._http.alive()
            if until is None and self._closing:
                until = time.monotonic() + _REPORT
            if until is not None and time.monotonic() >= until:
                raise BatonError("timeout", "the hub did not answer in time: perhaps it was done")
        if request.answer.get("type") == "error":
            raise refusal(request.answer, request.answer.get("more") or {})
        return request.answer

    def close(self) -> None:
        """Has the calls that are being served end, and waits for that; what they report has 2 s to reach the hub."""
        with self._mu:
            self._closing = True
            running = list(self._running.values())
        for invocation, _ in running:
            invocation.cancel("closed")
        for _, thread in running:
            if thread is not threading.current_thread():
                thread.join()

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids

    def begin(self, welcome: Mapping[str, Any]) -> None:
        """A new connection: nothing has been sent on it yet."""
        with self._mu:
            self._limit = (welcome.get("limits") or {}).get("message") or self._limit
            for request in (*self._standing.values(), *self._requests.values()):
                request.sent = request.waits = False
            self._serve_all()
            self._resend()
            self.pause, self._refusals, self.status = 0.0, 0, "live"

    def _renew(self, welcome: Mapping[str, Any]) -> None:
        """What was joined is left: joins and serves again. What has no answer yet will have one."""
        with self._mu:
            self._limit = (welcome.get("limits") or {}).get("message") or self._limit
            for request in self._standing.values():
                request.sent = request.waits
            self._serve_all()
            self._resend()
        self._rouse()

    def lost(self) -> None:
        """There is no connection any more."""
        with self._mu:
            self.status = "connecting"
            self._signals.clear()

    @property
    def settled(self) -> bool:
        """Whether this connection has all that is asked on each."""
        with self._mu:
            return all(r.sent and not r.waits for r in self._standing.values())

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

    def collect(self) -> List[str]:
        """What there is to send, in messages of a size that the hub takes."""
        with self._mu:
            self._forget()
            frames: List[Dict[str, Any]] = []
            for request in (*self._standing.values(), *self._requests.values()):
                if not request.sent:
                    if request in self._standing.values():
                        request.frame["id"] = self._next_id()
                    if request.ever and "op" in request.frame:  # it may be on its way still: a refusal has to be the last word
                        request.frame["again"] = True
                    request.sent = request.waits = request.ever = True
                    frames.append(request.frame)
            for channel, keys in self._unsent.items():
                held = self._live[channel]
                values = {key: held[key][1] for key in keys if held[key][0]}
                gone = [key for key in keys if not held[key][0]]
                for key in gone:
                    held[key] = (False, time.monotonic())
                    self._gone.append((held[key][1], channel, key))
                frames += [{"type": "send", "channel": channel, "set": part} for part in parts(values, self._limit)]
                frames += [{"type": "send", "channel": channel, "delete": gone[i : i + 200]} for i in range(0, len(gone), 200)]
            frames += [{"type": "send", "channel": channel, "data": data} for channel, data in self._signals.items()]
            self._unsent, self._signals = {}, {}
            for frame in frames:
                frame.setdefault("id", 0) or frame.update(id=self._next_id())
        return messages(frames, self._limit)

    def take(self, frame: Dict[str, Any]) -> None:
        kind = frame.get("type")
        if kind == "invoke":
            self._invoked(frame)
        elif kind == "cancel":
            with self._mu:
                running = self._running.get(frame.get("call", ""))
            if running:
                running[0].cancel("cancelled")
        elif kind == "signal":
            with self._mu:
                listeners = list(self._listeners.get(frame.get("channel", ""), ()))
            for listener in listeners:
                guarded(listener, Signal(frame.get("from", ""), frame.get("by", ""), frame.get("data")))
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
            if refused and frame.get("code") in AGAIN:
                if request is not None:
                    request.sent = request.waits = False
                elif frame.get("code") != "rate":
                    self._resend()
                if self.pause < time.monotonic():  # the answers to one message count once
                    self.pause = time.monotonic() + backoff(self._refusals)
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

    def _disagreed(self, request: Request, refused: Mapping[str, Any]) -> None:
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
            self._http.alive()
            if report["type"] != "done" or refused.code == "timeout":
                raise
            _log.warning("the hub does not take the result of the call %s: %s", report["call"], refused)
            text = f"it was carried out, but its result was refused: {refused.detail}"
            self.ask({**{k: report[k] for k in ("call", "seen") if k in report}, "type": "failed", "error": text[:2000]}, None)
