"""What the Go and the TypeScript clients are tested with, too, and what it takes no hub for."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import http.server
import json
import threading
import time
import unittest
import unittest.mock
from typing import Any, Dict, Iterator, List

import baton
from baton.exchange import Request
from baton.following import Follower
from baton.frames import messages, parts, readable
from baton.transport import backoff
from testhub import PATIENCE, ROOT, eventually, held_port


class LeavingNode:
    """The hub's part of a move, by hand: it says that it is leaving on the first connection, and hands a stop command over
    there when the second one has been welcomed."""

    def __init__(self) -> None:
        self.said: List[str] = []
        self.ended: List[int] = []  # close codes of the first connection
        self.clients: Dict[str, None] = {}
        self.held, self.port = held_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.loop = asyncio.new_event_loop()
        self.up = threading.Event()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.run(),), daemon=True)
        self.thread.start()
        self.up.wait(PATIENCE)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(PATIENCE)
        self.loop.close()
        self.held.close()

    async def run(self) -> None:
        try:
            from websockets.asyncio.server import serve
        except ImportError:
            from websockets.server import serve
        self.over, self.welcomed = asyncio.Event(), asyncio.Event()
        self.conns = 0
        async with serve(self.serve, "127.0.0.1", self.port, subprotocols=["baton.v1"]):
            self.up.set()
            await self.over.wait()

    async def serve(self, socket: Any) -> None:
        path = getattr(getattr(socket, "request", None), "path", None) or socket.path
        self.clients[path] = None
        self.conns += 1
        await self.send(socket, {"type": "welcome", "limits": {"message": 65536}})
        await (self.first(socket) if self.conns == 1 else self.second(socket))

    async def send(self, socket: Any, *frames: Any) -> None:
        await socket.send(json.dumps(frames))

    async def first(self, socket: Any) -> None:
        [serve] = json.loads(await socket.recv())
        self.said.append("first leaving")
        await self.send(socket, {"type": "serving", "id": serve["id"]}, {"type": "leaving", "within_ms": 5000})
        await self.welcomed.wait()
        stop = {"type": "invoke", "call": "stop-1", "command": "abort", "args": None, "term": 0, "stop": True, "cursor": "e1-7"}
        await self.send(socket, {"type": "stale", "since": "T"}, stop)
        with contextlib.suppress(Exception):
            await socket.recv()
        self.ended.append(socket.close_code)

    async def second(self, socket: Any) -> None:
        self.said.append("second welcome")
        [serve] = json.loads(await socket.recv())
        self.welcomed.set()
        [done] = json.loads(await socket.recv())
        self.said.append(f"second {done['type']} {done['seen']}")
        await self.send(socket, {"type": "written", "id": done["id"]})
        self.said.append("second serving")
        await self.send(socket, {"type": "serving", "id": serve["id"]})
        await self.over.wait()


class Protocol(unittest.TestCase):
    """What the Go and the TypeScript clients are tested with, too."""

    def frames(self) -> Iterator[Any]:
        for path in sorted((ROOT / "hub" / "wire" / "testdata").glob("*.json")):
            for case in json.loads(path.read_text()):
                if case.get("direction") == "server":
                    yield case["frame"]

    def test_merge_patches(self) -> None:
        cases = json.loads((ROOT / "channels/mergepatch/testdata/cases.json").read_text())
        for case in cases:
            with self.subTest(case["name"]):
                before = json.dumps(case.get("value"))
                self.assertEqual(case["result"], baton.merge_patch(case.get("value"), case["patch"]))
                self.assertEqual(before, json.dumps(case.get("value")))
        self.assertGreater(len(cases), 15)

    def test_every_frame_of_a_hub_is_taken(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        follower, sent = Follower(client._http), 0
        for name in ("queue", "ui", "motors"):
            follower._channels[name] = baton.Store(name, follower._mu)
        for name in ("log", "chat"):
            follower._channels[name] = baton.Log(name, follower._mu)
        for frame in self.frames():
            kind = baton.Log if frame.get("messages") or frame["type"] == "message" else baton.Store
            channel = follower._channels.get(frame.get("channel", ""))
            if channel is None or isinstance(channel, kind):
                follower._apply([frame, {"type": "a frame of a newer hub"}], "")
                sent += 1
        self.assertGreater(sent, 30)
        self.assertTrue(follower._channels["queue"].values())

    def test_every_frame_of_a_hub_is_taken_by_a_service(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        self.addCleanup(client.close)
        exchange = client._linked()
        calls: List[str] = []
        invoked = {frame["call"]: frame["command"] for frame in self.frames() if frame["type"] == "invoke"}
        exchange._handlers = {command: lambda call: calls.append(call.call) for command in invoked.values()}
        for frame in self.frames():
            if frame["type"] == "welcome":
                exchange.begin(frame)
            else:
                exchange.take(frame)
        eventually("the calls", lambda: sorted(calls) == sorted(invoked))

    def test_a_change_is_sent_again_under_its_id_and_what_follows_has_seen_it(self) -> None:
        asked: List[Any] = []
        answers = [
            (503, {"code": "unknown", "detail": "try again"}),
            None,  # the connection is lost
            (502, "<h1>a proxy speaks</h1>"),
            (200, {"position": 7, "cursor": "e1-7"}),
            (200, {"position": 5, "cursor": "e1-5"}),  # of a slower thread
            None,  # the connection that was used before had been closed
            (200, {"position": 6, "cursor": "e1-6"}),
            None,
            (200, {"mode": "snapshot", "cursor": "e1-7", "values": {}}),
        ]

        class Scripted(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked.append((self.command, *map(self.headers.get, ("Baton-Op", "Baton-Again", "Baton-Seen"))))
                answer = answers[len(asked) - 1]
                if answer is None:
                    self.close_connection = True
                    return
                body = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            client = baton.Client(f"http://127.0.0.1:{server.server_address[1]}", "t", PATIENCE, None)
            client._http.space = "lab"
            self.assertEqual(7, client.set("queue", {"k": 1}))
            client.set("queue", {"k": 2})
            client.set("queue", {"k": 3})
            client.read("queue")
            client.close()
            server.shutdown()
        first, second, third = (f"{client.id}.{n}" for n in (1, 2, 3))
        self.assertEqual([("POST", first, None, None)] + [("POST", first, "true", None)] * 3, asked[:4])
        self.assertEqual([("POST", second, None, "e1-7")], asked[4:5])
        self.assertEqual([("POST", third, None, "e1-7"), ("POST", third, "true", "e1-7")], asked[5:7])
        self.assertEqual([("GET", None, None, "e1-7")] * 2, asked[7:])  # a read has no operation id

    def test_a_frame_with_an_operation_says_when_it_was_sent_before(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", PATIENCE, None)
        self.addCleanup(client.close)
        exchange = client._linked()
        exchange._standing["join chat"] = Request({"type": "join", "channel": "chat"})
        with concurrent.futures.ThreadPoolExecutor() as pool:
            asking = pool.submit(exchange.ask, {"type": "lock", "name": "robot"}, time.monotonic() + PATIENCE)
            sent: List[Any] = []

            def collected() -> Any:
                sent.extend(frame for message in exchange.collect() for frame in json.loads(message))
                return {frame["type"] for frame in sent} == {"join", "lock"}

            def again() -> Dict[str, Any]:
                sent.clear()
                eventually("the frames", collected)
                return {frame["type"]: frame.get("again") for frame in sent}

            self.assertEqual({"join": None, "lock": None}, again())
            exchange.begin({})  # another connection
            self.assertEqual({"join": None, "lock": True}, again())
            op = sent[-1]["op"]
            for frame in list(sent):
                exchange.take({"type": "error", "id": frame["id"], "code": "unavailable"})
            self.assertEqual({"join": None, "lock": True}, again())
            self.assertEqual(op, sent[-1]["op"])
            exchange.take({"type": "locked", "id": sent[-1]["id"], "token": 7})
            self.assertEqual(7, asking.result()["token"])

    def test_there_is_room_for_the_word_that_a_frame_was_sent_before(self) -> None:
        limit = 1000
        frame = {"type": "done", "call": "c1", "result": ""}
        frame["result"] = "x" * (limit - 100 - len(json.dumps(frame)))
        readable(frame, limit)
        full = {**frame, "op": "x" * 16 + "." + "9" * 16, "id": 1 << 53, "again": True}
        self.assertLessEqual(len(messages([full], limit)[0]), limit)

    def test_what_the_hub_cannot_read_is_not_sent(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        self.addCleanup(client.close)
        exchange = client._linked()
        deep: Any = 1
        for _ in range(40):
            deep = [deep]
        for value, code in (
            (deep, "bad_frame"),
            ("x" * 17_000, "bad_frame"),
            ("\ud800", "bad_frame"),
            (10**40, "bad_frame"),
            (dict.fromkeys(map(str, range(1001))), "bad_frame"),
            (["x" * 10_000] * 7, "too_large"),
        ):
            for give in (
                lambda: exchange.send("motors", {"x": (True, value)}),
                lambda: exchange.signal("pointers", value),
                lambda: exchange.ask({"type": "done", "call": "k", "result": value}, 0),
            ):
                with self.assertRaises(baton.BatonError) as caught:
                    give()
                self.assertEqual(code, caught.exception.code)
        self.assertEqual([], exchange.collect())

    def test_deletions_of_live_values_are_not_sent_for_ever(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        self.addCleanup(client.close)
        exchange = client._linked()
        exchange.send("motors", {"omega": (True, 1), "kappa": (False, None), "phi": (False, None)})
        exchange.collect()
        with unittest.mock.patch("baton.exchange._GONE", 0.0):
            exchange.send("motors", {"phi": (True, 2)})
            exchange.collect()
        exchange.take({"type": "fresh"})
        [message] = exchange.collect()
        self.assertEqual([{"omega": 1, "phi": 2}], [frame.get("set") for frame in json.loads(message)])

    def test_a_command_that_other_rules_refuse_takes_no_other_with_it(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        self.addCleanup(client.close)
        exchange = client._linked()
        exchange._handlers = dict.fromkeys(("one", "two"), print)
        exchange._standing["serve"] = Request({"type": "serve", "commands": ["one", "two"]})

        def asked() -> Any:
            [frame] = json.loads(exchange.collect()[0])
            return frame["id"], frame["commands"]

        number, _ = asked()
        exchange.take({"type": "serving", "id": number})
        for _ in range(2):  # connections
            exchange.begin({})
            number, commands = asked()
            self.assertEqual(["one", "two"], commands)
            exchange.take({"type": "error", "id": number, "code": "unknown_name", "more": {"command": "two"}})
            number, commands = asked()
            self.assertEqual(["one"], commands)
            exchange.take({"type": "serving", "id": number})
            self.assertEqual([], exchange.collect())

    def test_live_values_are_sent_again_when_the_hub_is_fresh(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        self.addCleanup(client.close)
        exchange = client._linked()
        exchange.send("motors", {"omega": (True, 1), "kappa": (False, None)})
        sent = [json.loads(message) for message in exchange.collect()]
        self.assertEqual([], exchange.collect())
        exchange.take({"type": "fresh"})
        again = [json.loads(message) for message in exchange.collect()]
        strip = [[{k: v for k, v in frame.items() if k != "id"} for frame in message] for message in sent]
        send = {"type": "send", "channel": "motors"}
        self.assertEqual([[{**send, "set": {"omega": 1}}, {**send, "delete": ["kappa"]}]], strip)
        self.assertEqual(strip, [[{k: v for k, v in frame.items() if k != "id"} for frame in message] for message in again])

    def test_a_service_moves_to_another_node_before_its_own_is_gone(self) -> None:
        node = LeavingNode()
        self.addCleanup(node.stop)
        client = baton.Client(node.url, "t", PATIENCE, None)
        self.addCleanup(client.close)
        seen: List[Any] = []
        client.serve({"abort": lambda call: seen.append((call.call, client.status))})
        eventually("the first connection ends", lambda: len(node.ended) > 0)
        self.assertEqual([("stop-1", "live")], seen)
        self.assertEqual([1000], node.ended)
        self.assertEqual(["first leaving", "second welcome", "second done e1-7", "second serving"], node.said)
        self.assertEqual("live", client.status)
        self.assertEqual(1, len(node.clients))

    def test_delays_grow_to_half_a_minute_with_full_jitter(self) -> None:
        for attempt, most in ((0, 0.5), (1, 1), (3, 4), (6, 30), (1000, 30)):
            delays = [backoff(attempt) for _ in range(2000)]
            self.assertLessEqual(max(delays), most)
            self.assertGreater(max(delays), most * 0.9)
            self.assertLess(min(delays), most * 0.1)

    def test_messages_fit_what_the_hub_takes(self) -> None:
        values = {f"m{i}": "x" * 500 for i in range(1000)}
        divided = list(parts(values, 64 << 10))
        self.assertEqual(values, {key: value for part in divided for key, value in part.items()})
        made = messages([{"type": "send", "set": part} for part in divided] + [{"type": "ping"}] * 100, 64 << 10)
        self.assertLessEqual(max(len(m.encode()) for m in made), 64 << 10)


if __name__ == "__main__":
    unittest.main()
