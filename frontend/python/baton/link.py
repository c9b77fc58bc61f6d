"""The connection of a client that needs a WebSocket: made again when it is lost, and before its node leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .exchange import Exchange
from .transport import FINAL, Transport, backoff
from .values import BatonError

_log = logging.getLogger("baton")

_HANDOVER = 5.0  # seconds that a connection is kept beside the next one, at most
_LOOK = 20.0  # seconds between looks at what is old


class Link:
    """One WebSocket that is kept up for an Exchange, and the thread with the event loop that it lives in."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport
        self.exchange = Exchange(transport, self._rouse)
        self._connect, self._header_option = _websockets()
        self._loop = asyncio.new_event_loop()
        self._mu = threading.Lock()
        self._wake: Optional[asyncio.Event] = None  # guarded by _mu
        self._socket: Any = None  # of the present connection; owned by the loop, as the next
        self._farewells: List[asyncio.Future[None]] = []  # of connections that are being let go
        self._thread = threading.Thread(target=self._live_in, name="baton socket", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.exchange.close()
        self._http.end(BatonError("closed", "the client is closed"))
        self._rouse()
        if self._thread is not threading.current_thread():
            self._thread.join()

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
        attempt, closed = 0, self._http.closed
        self._wake = asyncio.Event()
        while not closed.is_set():
            after = 0.0
            try:
                after, welcomed = await self._connection()
                attempt = 0 if welcomed else attempt
            except Exception as lost:  # whatever websockets or a proxy come up with: it is one more attempt
                after = self._refused(lost)
                _log.warning("no connection to the hub: %r", lost)
            self.exchange.lost()
            until = time.monotonic() + after + backoff(attempt)
            attempt += 1
            while not closed.is_set() and time.monotonic() < until:
                await asyncio.sleep(min(0.1, max(0.0, until - time.monotonic())))
        await asyncio.gather(*self._farewells, return_exceptions=True)

    def _refused(self, lost: Exception) -> float:
        """Reads why there was no handshake; the attribute differs between the versions of websockets."""
        status = getattr(lost, "status_code", None) or getattr(getattr(lost, "response", None), "status_code", 0)
        if status in (401, 403):
            self._http.end(BatonError("signed_out" if status == 401 else "forbidden", "the hub does not let this client in"))
        return 1.0 if status in (429, 503) else 0.0

    async def _connection(self) -> Tuple[float, bool]:
        """Makes one connection, and the next before the hub ends it, until one is lost; returns when the hub wants the client
        back, and whether there was one."""
        socket, frames = await self._open()
        if socket is None:
            return self._said_bye(frames), False
        while True:
            self._socket = socket
            self.exchange.begin(frames[0])
            after, following = await self._use(socket)
            if following is None:
                return after, True
            socket, frames = following

    async def _open(self) -> Tuple[Any, List[Dict[str, Any]]]:
        """Shakes hands and waits for the first message; there is no socket if that is no welcome."""
        address = self._http.address
        scheme = "wss" if address.scheme == "https" else "ws"
        url = f"{scheme}://{address.netloc}{address.path.rstrip('/')}/api/v1/ws?client={self._http.client}" + ("&" + self._http.of if self._http.of else "")
        headers = {**self._http.headers, "Origin": f"{address.scheme}://{address.netloc}"}
        options: Dict[str, Any] = {self._header_option: headers, "subprotocols": ["baton.v1"], "compression": None}
        if self._http.tls is not None:
            options["ssl"] = self._http.tls
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
            await asyncio.sleep(backoff(attempt))
            attempt += 1

    async def _let_go(self, socket: Any, reader: asyncio.Future[float]) -> None:
        """Ends a connection that another has taken over from, as soon as that has all that it had: stop commands are in no
        log, and come where the hub knows the service."""
        until = time.monotonic() + _HANDOVER
        while not reader.done() and not self._http.closed.is_set() and time.monotonic() < until:
            if self.exchange.settled:
                break
            await asyncio.sleep(0.01)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await socket.close()

    async def _write(self, socket: Any) -> None:
        assert self._wake is not None
        while not self._http.closed.is_set():
            self._wake.clear()
            wait = self.exchange.pause - time.monotonic()
            if wait <= 0:
                for message in self.exchange.collect():
                    await socket.send(message)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait if wait > 0 else _LOOK)

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
                self.exchange.take(frame)
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
        if code in FINAL:
            self._http.end(BatonError(FINAL[code], reason or "the hub ended the connection"))


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
