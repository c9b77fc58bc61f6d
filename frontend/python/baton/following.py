"""Copies of stores and logs that are kept up to date over one event stream."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import threading
import time
import urllib.parse
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar

from .transport import FINAL, LAST_DELAY, Transport, answer_of, backoff, quote
from .values import BatonError, Message, Value, guarded, merge_patch, values_of

_log = logging.getLogger("baton")

_SILENCE = 60.0  # seconds without a word after which an event stream is as good as lost; the hub is never quiet so long
_KEPT = 1000  # messages of a log

Kind = TypeVar("Kind", "Store", "Log")


class Channel:
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


class Store(Channel):
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
        self._values.update(values_of(frame.get("values")))
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


class Log(Channel):
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


class Follower:
    """One event stream for all channels that are followed, and the thread that reads it."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport
        self._mu = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="baton events", daemon=True)
        # Guarded by _mu.
        self.status = "live"  # there is nothing yet that could be old
        self._channels: Dict[str, Any] = {}
        self._grown = False  # a channel was added: begin anew
        self._cursor = ""
        self._socket: Any = None

    def add(self, name: str, kind: Type[Kind]) -> Kind:
        with self._mu:
            channel = self._channels.get(name)
        if channel is None:
            self._http.get(f"channels/{quote(name)}", limit="1")  # raises if it may not be read
            with self._mu:
                channel = self._channels.setdefault(name, kind(name, self._mu))
                self._grown = True
                self._interrupt()
                if self._thread.ident is None:
                    self.status = "connecting"
                    self._thread.start()
        if not isinstance(channel, kind):
            raise ValueError(f"{name} is followed as a {type(channel).__name__} already")
        until = time.monotonic() + self._http.timeout
        while not channel._ready.wait(0.1):
            self._http.alive()
            if channel._refused:
                raise channel._refused
            if time.monotonic() > until:
                raise BatonError("timeout", f"the hub did not show {name} in {self._http.timeout} s")
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
        attempt, closed = 0, self._http.closed
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
                    self._http.end(refused)
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
            attempt = 0 if time.monotonic() - began > LAST_DELAY else attempt + 1
            closed.wait(delay + backoff(attempt - 1 if attempt else 0))

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
        transport = self._http
        with self._mu:
            names, since, self._grown = ",".join(self._channels), "" if self._grown else self._cursor, False
        connection = transport.connection(_SILENCE)
        try:
            connection.connect()
            with self._mu:
                if self._grown or transport.closed.is_set():
                    return 0.0
                self._socket = connection.sock
            headers = {"Accept": "text/event-stream", **transport.headers, **({"Last-Event-ID": since} if since else {})}
            query = urllib.parse.urlencode({"channels": names, "client": transport.client})
            path = f"{transport.address.path.rstrip('/')}{transport.base}/events?{query}"
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                answer_of(response, response.read())
            for cursor, frames in _events(response):
                for frame in frames:
                    if frame.get("type") == "bye":
                        if frame.get("code") in FINAL:
                            transport.end(BatonError(FINAL[frame["code"]], frame.get("reason", "")))
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
            guarded(watcher, *told)


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
