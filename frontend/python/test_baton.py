"""Tests of baton.py, against a real hub: bin/baton, or what BATON_BIN names. They need python3-websockets."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import baton

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATIENCE = 30.0  # seconds that a test waits for what should come: machines are slow


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def eventually(what: str, so: Callable[[], Any]) -> Any:
    """Returns what so() returns as soon as that is true, and fails if it does not become true."""
    until = time.monotonic() + PATIENCE
    while True:
        got = so()
        if got:
            return got
        if time.monotonic() > until:
            raise AssertionError(f"{what}: it did not happen in {PATIENCE} s")
        time.sleep(0.02)


class Hub:
    """One hub process with its own data; it can be killed and started again at the same address."""

    def __init__(self) -> None:
        self.data = tempfile.mkdtemp(prefix="baton-python-")
        self.site = Path(self.data, "site.yaml")
        shutil.copy(HERE / "test_site.yaml", self.site)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: Optional[subprocess.Popen[bytes]] = None

    def start(self) -> None:
        binary = os.environ.get("BATON_BIN") or str(ROOT / "bin" / "baton")
        flags = ["--config", str(self.site), "--listen", f"127.0.0.1:{self.port}", "--admin", ""]
        with open(os.path.join(self.data, "hub.log"), "ab") as log:
            self.process = subprocess.Popen(
                [binary, "serve", "--dev", "--demo=false", "--data", self.data, *flags],
                stdout=log,
                stderr=log,
            )
        eventually("the hub is ready", self.ready)

    def ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError("the hub ended:\n" + Path(self.data, "hub.log").read_text())
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(self.url + "/readyz", timeout=5).status == 200)
        return False

    def change_rules(self, title: str) -> None:
        """Puts other rules in force while it runs, and waits until they are."""
        assert self.process is not None
        version = int(self.site.read_text().partition("version: ")[2].split()[0]) + 1
        text = (HERE / "test_site.yaml").read_text()
        self.site.write_text(text.replace("version: 1\n", f"version: {version}\n").replace("title: Laboratory\n", f"title: {title}\n"))
        self.process.send_signal(signal.SIGHUP)

        def in_force() -> bool:
            with urllib.request.urlopen(self.url + "/readyz", timeout=5) as answer:
                return bool(json.load(answer)["rules"]["lab"] == version)

        eventually("the rules are in force", in_force)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.data, ignore_errors=True)


HUB = Hub()


def setUpModule() -> None:
    logging.getLogger("baton").setLevel(logging.CRITICAL)  # connections are lost here on purpose
    HUB.start()


def tearDownModule() -> None:
    HUB.stop()


class Case(unittest.TestCase):
    def client(self, user: str = "alice", **options: Any) -> baton.Client:
        client = baton.connect(HUB.url, space="lab", user=user, password=user, timeout=PATIENCE, **options)
        self.addCleanup(client.close)
        return client

    def refused(self, code: str, f: Callable[..., Any], *args: Any, **options: Any) -> baton.BatonError:
        with self.assertRaises(baton.BatonError) as caught:
            f(*args, **options)
        self.assertEqual(code, caught.exception.code, caught.exception)
        return caught.exception

    def key(self) -> str:
        """A key that no other test uses."""
        return self.id().rsplit(".", 1)[-1]


class Persons(Case):
    def sessions(self, client: baton.Client) -> Any:
        return client._request("GET", "/api/v1/sessions")["sessions"]

    def test_who_has_closed_is_signed_out(self) -> None:
        sam = self.client("sam")
        other = baton.connect(HUB.url, space="lab", user="sam", password="sam", timeout=PATIENCE)
        self.assertEqual(2, len(self.sessions(sam)))
        other.close()
        self.assertEqual(1, len(self.sessions(sam)))

    def test_a_person_signs_in_for_a_proposal_of_theirs(self) -> None:
        self.assertEqual("mx-2112", self.client("alice", proposal="mx-2112").you["proposal"])
        self.refused("forbidden", baton.connect, HUB.url, space="lab", user="alice", password="alice", proposal="mx-1")


class Reading(Case):
    def test_what_is_written_is_read_with_its_origin(self) -> None:
        alice, key = self.client(), self.key()
        position = alice.set("queue", {key: {"n": 1}})
        value = alice.read("queue", key)[key]
        self.assertEqual(({"n": 1}, position, "alice"), (value.data, value.position, value.by))
        self.assertTrue(value.at)
        alice.write("queue", delete=[key])
        self.assertNotIn(key, alice.read("queue"))

    def test_a_large_store_is_read_in_whole(self) -> None:
        alice, key = self.client(), self.key()
        parts = [[f"{key}-{part}-{i}" for i in range(800)] for part in range(3)]
        for keys in parts:
            alice.set("queue", dict.fromkeys(keys, 1))
        self.assertEqual(2400, sum(k.startswith(key) for k in alice.read("queue")))
        for keys in parts:
            alice.write("queue", delete=keys)

    def test_a_default_is_there_until_somebody_sets_the_key(self) -> None:
        alice = self.client()
        store = alice.store("settings")
        alice.write("settings", delete=["units"])
        self.assertEqual(baton.Value({"length": "mm"}), store.get("units"))
        self.assertEqual(0, alice.read("settings")["units"].position)
        alice.patch("settings", {"units": {"angle": "deg"}})
        eventually("the patched default", lambda: store["units"] == {"length": "mm", "angle": "deg"})
        alice.write("settings", delete=["units"])
        eventually("the default again", lambda: store["units"] == {"length": "mm"})

    def test_everybodys_values_are_for_staff(self) -> None:
        alice, bob, sam = self.client(), self.client("bob"), self.client("sam")
        alice.set("ui", {"zoom": 1})
        bob.set("ui", {"zoom": 2})
        self.assertEqual(1, alice.store("ui")["zoom"])
        everybody = sam.read_all("ui")
        self.assertEqual((1, 2), (everybody["alice"]["zoom"].data, everybody["bob"]["zoom"].data))
        self.assertEqual(2, sam.read("ui", owner="bob")["zoom"].data)
        self.refused("forbidden", alice.read_all, "ui")

    def test_everybodys_values_are_read_in_whole(self) -> None:
        large, keys = ["x" * 15_000] * 4, [f"large-{i}" for i in range(40)]  # 2.4 MB each: more than one page has
        people = [self.client(user) for user in ("alice", "bob", "sam")]
        for person in people:
            for key in keys:
                person.set("ui", {key: large})
        everybody = people[-1].read_all("ui")
        self.assertEqual([40] * 3, [len([k for k in everybody[user] if k in keys]) for user in ("alice", "bob", "sam")])
        for person in people:
            person.write("ui", delete=keys)

    def test_what_may_not_be_read_says_so(self) -> None:
        alice = self.client()
        self.refused("forbidden", alice.store, "secret")
        self.refused("unknown_name", alice.read, "nothing")
        self.assertEqual("live", alice.status)

    def test_a_bearer_that_was_had_for_a_password_acts_as_the_person(self) -> None:
        body = json.dumps({"space": "lab", "user": "alice", "password": "alice"}).encode()
        request = urllib.request.Request(HUB.url + "/api/v1/bearer", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            token = json.load(answer)["token"]
        with baton.connect(HUB.url, token=token, space="lab") as script:
            self.assertEqual("alice", script.you["user"])
            self.assertEqual("lab", script.space)

    def test_a_wrong_password_and_a_wrong_token_are_refused_at_once(self) -> None:
        begin = time.monotonic()
        self.refused("wrong_credentials", baton.connect, HUB.url, space="lab", user="alice", password="x")
        self.refused("signed_out", baton.connect, HUB.url, token="baton_lab_x_y")
        self.assertLess(time.monotonic() - begin, PATIENCE / 2)
        with self.assertRaises(ValueError):
            baton.connect("hub:8080", token="x")


class Changing(Case):
    def test_a_compare_and_set_lets_one_of_two_through(self) -> None:
        alice, bob, key = self.client(), self.client("bob"), self.key()
        position = alice.set("queue", {key: 1}, if_={key: 0})
        bob.set("queue", {key: 2}, if_={key: position})
        conflict = self.refused("conflict", alice.set, "queue", {key: 3}, if_={key: position})
        present = conflict.current[key]
        assert present is not None
        self.assertEqual((2, "bob"), (present.data, present.by))

    def test_a_write_is_refused_if_there_is_what_its_writer_has_not_seen(self) -> None:
        alice, bob, key = self.client(), self.client("bob"), self.key()
        queue = alice.store("queue")
        before = queue.cursor
        bob.set("queue", {key: 1})
        self.refused("conflict", alice.set, "queue", {key: 2}, unseen=before)
        self.refused("conflict", alice.set, "queue", {key + "-other": 2}, since=before)
        eventually("bob's is seen", lambda: queue.get(key))
        alice.set("queue", {key: 2}, unseen=queue.cursor)
        eventually("one's own is seen", lambda: queue[key] == 2)
        alice.set("queue", {key + "-other": 2}, since=queue.cursor)

    def test_an_operator_needs_the_seat_and_its_term(self) -> None:
        alice = self.client()
        self.refused("not_operator", alice.set, "guarded", {"k": 1}, term=1)

    def test_a_transaction_is_all_or_nothing_and_seen_as_one(self) -> None:
        alice, key = self.client(), self.key()
        queue, log = alice.store("queue"), alice.log("log")
        halves: List[Any] = []
        queue.watch(lambda changed: halves.append([m.data for m in log.messages() if m.data == key]) if key in changed else None)
        position, calls = alice.transact(
            writes=[{"channel": "queue", "set": {key: 1}, "if": {key: 0}}], appends=[{"channel": "log", "data": key}]
        )
        eventually("the transaction", lambda: halves)
        self.assertEqual(([[key]], []), (halves, calls))
        self.assertEqual((position, position), (queue.values()[key].position, log.messages()[-1].position))
        refused = self.refused(
            "conflict",
            alice.transact,
            writes=[{"channel": "queue", "set": {key + "2": 1}}, {"channel": "queue", "set": {key: 2}, "if": {key: 0}}],
        )
        self.assertEqual("writes/1", refused.more["part"])
        self.assertNotIn(key + "2", alice.read("queue"))

    def test_a_change_is_applied_once_though_the_hub_is_killed(self) -> None:
        alice, key = self.client(), self.key()
        stop = threading.Event()
        written: List[int] = []

        def write() -> None:
            while not stop.is_set():
                written.append(alice.append("log", {"key": key, "n": len(written)}))

        writer = threading.Thread(target=write)
        writer.start()
        for n in (20, 40):
            eventually("some are written", lambda: len(written) > n)  # noqa: B023 # it is called at once
            HUB.kill()
            HUB.start()
        stop.set()
        writer.join()
        mine = [m for m in alice.log("log").messages() if isinstance(m.data, dict) and m.data.get("key") == key]
        self.assertEqual([(p, n) for n, p in enumerate(written)][-500:], [(m.position, m.data["n"]) for m in mine][-500:])


class Following(Case):
    def test_a_store_and_a_log_are_exact_after_the_hub_was_killed(self) -> None:
        alice, bob, key = self.client(), self.client("bob"), self.key()
        store, log = alice.store("queue"), alice.log("log")
        told: List[Any] = []
        gaps: List[bool] = []

        def heard(messages: List[baton.Message], gap: bool) -> None:
            told.extend(m.data for m in messages if isinstance(m.data, list) and m.data[0] == key)
            gaps.append(gap)

        log.watch(heard)
        for n in range(30):
            if n in (10, 20):
                HUB.kill()
                HUB.start()
            bob.append("log", [key, n])
            bob.set("queue", {f"{key}-{n}": n})
        eventually("all is told", lambda: len(told) == 30 and store.get(f"{key}-29"))
        self.assertEqual([[key, n] for n in range(30)], told)
        self.assertNotIn(True, gaps)
        self.assertEqual(bob.read("queue"), store.values())

    def test_another_channel_tells_nothing_twice(self) -> None:
        alice, bob, key = self.client(), self.client("bob"), self.key()
        log = alice.log("log")
        told: List[Any] = []
        log.watch(lambda messages, gap: told.extend(m.data for m in messages))
        before = len(log.messages())
        bob.append("log", key)
        eventually("it is told", lambda: key in told)
        alice.store("queue")
        alice.store("settings")
        bob.append("log", key + " again")
        eventually("it is told", lambda: key + " again" in told)
        self.assertEqual(([key, key + " again"], before + 2), (told, len(log.messages())))
        self.assertFalse(log.gap)

    def test_a_log_that_forgot_too_much_says_so(self) -> None:
        alice, bob = self.client(), self.client("bob")
        log = alice.log("short")
        bob.append("short", "seen")
        eventually("the first message", lambda: log.messages())
        gaps: List[bool] = []
        log.watch(lambda messages, gap: gaps.append(gap))
        follower = alice._follower
        assert follower is not None
        with follower._mu:  # it is as if its network were gone
            follower._interrupt()
            for n in range(8):
                bob.append("short", n)
        eventually("the last messages", lambda: [m.data for m in log.messages()][-3:] == [5, 6, 7])
        self.assertTrue(log.gap and gaps[0])

    def test_a_channel_that_is_not_shown_any_more_takes_no_other_with_it(self) -> None:
        hub = Hub()
        self.addCleanup(hub.stop)
        hub.start()
        alice = baton.connect(hub.url, space="lab", user="alice", password="alice", timeout=PATIENCE)
        self.addCleanup(alice.close)
        queue, settings = alice.store("queue"), alice.store("settings")
        alice.set("queue", {"k": 1})
        eventually("the value", lambda: queue.get("k"))
        site = hub.site.read_text().replace("version: 1", "version: 2")
        hub.site = Path(hub.data, "site.yaml")
        hub.site.write_text(site.replace("queue: {kind: store,", "queue: {kind: store, read: [admin],"))
        hub.kill()
        hub.start()
        alice.set("settings", {"k": 2})
        eventually("the other store goes on", lambda: settings.get("k"))
        self.assertEqual(1, queue["k"])
        self.refused("forbidden", alice.store, "queue")
        eventually("it is live", lambda: alice.status == "live")

    def test_a_patch_is_applied_to_what_is_there(self) -> None:
        alice, bob, key = self.client(), self.client("bob"), self.key()
        store = alice.store("queue")
        bob.set("queue", {key: {"a": {"b": 1, "c": 2}, "long": "x" * 1000}})
        bob.patch("queue", {key: {"a": {"c": None, "d": [1]}}})
        eventually("the patch", lambda: store.get(key) and "d" in store[key]["a"])
        self.assertEqual({"a": {"b": 1, "d": [1]}, "long": "x" * 1000}, store[key])

    def test_watchers_that_fail_hurt_nobody_else(self) -> None:
        alice, key = self.client(), self.key()
        store, changes = alice.store("queue"), []
        store.watch(lambda changed: changed["not there at all"])
        stop = store.watch(lambda changed: changes.append(changed))
        position = alice.set("queue", {key: None})
        eventually("the change", lambda: changes)
        self.assertEqual((None, position), changes[0][key][:2])
        stop()
        alice.set("queue", {key: 1})
        eventually("the change", lambda: store[key] == 1)
        self.assertEqual(1, len(changes))


class Serving(Case):
    def test_a_call_is_served_with_progress_and_result(self) -> None:
        sam, alice = self.client("sam"), self.client()

        progress: List[Any] = []
        told = threading.Event()

        def move(call: baton.Invocation) -> Any:
            call.progress("half way")
            told.wait(PATIENCE)
            return {"to": call.args["to"], "by": call.by["user"]}

        def tell(step: Any) -> None:
            progress.append(step)
            told.set()

        sam.serve({"motor.move": move})
        result = alice.call("motor.move", {"to": 90}, timeout=PATIENCE, progress=tell)
        self.assertEqual(({"to": 90, "by": "alice"}, ["half way"]), (result, progress))
        call = alice.start("motor.move", {"to": 1})
        self.assertEqual(1, alice.wait(call, timeout=PATIENCE)["to"])
        failed = self.refused("failed", alice.call, "motor.move", {"from": 1}, timeout=PATIENCE)
        self.assertIn("to", failed.detail)

    def test_a_call_whose_result_is_refused_fails(self) -> None:
        sam, alice = self.client("sam"), self.client()
        results = {"schema": {"angle": "wide"}, "too large": "x" * 70_000, "no JSON": {1, 2}, "good": {"angle": 3}}
        sam.serve({"measure": lambda call: results[call.args]})
        for case in ("schema", "too large", "no JSON"):
            with self.subTest(case):
                self.refused("failed", alice.call, "measure", case, timeout=PATIENCE)
        self.assertEqual({"angle": 3}, alice.call("measure", "good", timeout=PATIENCE))

    def test_a_cancelled_call_sees_it(self) -> None:
        sam, alice = self.client("sam"), self.client()
        began, reasons = threading.Event(), []

        def slow(call: baton.Invocation) -> None:
            began.set()
            call.cancelled.wait(PATIENCE)
            reasons.append(call.reason)
            raise RuntimeError("stopped half way")

        sam.serve({"slow": slow})
        call = alice.start("slow")
        self.assertTrue(began.wait(PATIENCE))
        alice.cancel(call)
        self.refused("cancelled", alice.wait, call, timeout=PATIENCE)
        self.refused("failed", alice.call, "slow", deadline=0.3, timeout=PATIENCE)
        eventually("the deadline", lambda: len(reasons) == 2)
        self.assertEqual("cancelled", reasons[0])
        self.assertIn(reasons[1], ("deadline", "cancelled"))

    def test_a_stop_is_handled_while_another_call_runs(self) -> None:
        sam, alice = self.client("sam"), self.client()
        stop = threading.Event()

        def move(call: baton.Invocation) -> str:
            stop.wait(PATIENCE)
            return "stopped"

        sam.serve({"motor.move": move, "motor.stop": lambda call: stop.set()})
        call = alice.start("motor.move", {})
        self.assertIsNone(alice.call("motor.stop"))
        self.assertEqual("stopped", alice.wait(call, timeout=PATIENCE))

    def test_a_service_goes_on_while_the_rules_change(self) -> None:
        service, alice, key, heard = self.client("sam"), self.client("alice"), self.key(), []
        began, finish = threading.Event(), threading.Event()

        def slow(_: baton.Invocation) -> Any:
            began.set()
            finish.wait(PATIENCE)
            return "slowly"

        service.serve({"motor.move": lambda call: call.args, "slow": slow})
        service.on_signal("pointers", lambda signal: heard.append(signal.data))
        link, made = service._link, []
        assert link is not None
        begin = link._begin
        link._begin = lambda welcome: made.append(welcome) or begin(welcome)  # type: ignore[method-assign,func-returns-value]
        under_way = alice.start("slow")
        self.assertTrue(began.wait(PATIENCE))
        store, log = alice.store("queue"), alice.log("log")
        for n in range(5):
            HUB.change_rules(f"Laboratory {n}")
            self.assertEqual(n, alice.call("motor.move", n))
            alice.set("queue", {key: n})
            alice.append("log", [key, n])
        finish.set()
        self.assertEqual("slowly", alice.wait(under_way))
        eventually("the last value", lambda: store.get(key) and store[key] == 4)
        told = [[key, n] for n in range(5)]

        def mine() -> Any:  # other tests write into this log, too
            return [m.data for m in log.messages() if isinstance(m.data, list) and m.data[:1] == [key]]

        with contextlib.suppress(AssertionError):
            eventually("all messages", lambda: mine() == told)
        self.assertEqual(told, mine(), "all messages, once")

        def again() -> bool:
            alice.signal("pointers", key)
            return key in heard

        eventually("signals are heard again", again)
        self.assertEqual([], made, "a socket was made anew")

    def test_a_call_is_handled_once_though_the_hub_is_killed(self) -> None:
        sam, alice = self.client("sam"), self.client()
        began, finish, times = threading.Event(), threading.Event(), []

        def move(call: baton.Invocation) -> str:
            times.append(call.call)
            began.set()
            finish.wait(PATIENCE)
            return "there"

        sam.serve({"motor.move": move})
        call = alice.start("motor.move", {})
        self.assertTrue(began.wait(PATIENCE))
        HUB.kill()
        HUB.start()
        eventually("the service is back", lambda: sam.status == "live")
        finish.set()
        try:
            self.assertEqual("there", alice.wait(call, timeout=PATIENCE))
        except baton.BatonError as end:  # the hub gave the service up before it was back; it never asks another time
            self.assertEqual("unknown", end.code)
        self.assertEqual([call], times)

    def test_nobody_serves_and_nobody_may(self) -> None:
        alice = self.client()
        self.refused("no_service", alice.call, "slow", timeout=PATIENCE)
        self.refused("forbidden", alice.serve, {"slow": print})

    def test_threads_serve_at_once(self) -> None:
        sam = self.client("sam")
        commands, agreed = ("motor.move", "slow", "measure", "motor.stop"), []

        def serve(command: str) -> None:
            sam.serve({command: lambda call: None})
            agreed.append(command)

        threads = [threading.Thread(target=serve, args=(command,)) for command in commands]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(sorted(commands), sorted(agreed))

    def test_a_command_that_is_refused_takes_no_other_with_it(self) -> None:
        sam, alice = self.client("sam"), self.client()
        sam.serve({"motor.move": lambda call: "done"})
        self.refused("unknown_name", sam.serve, {"launch": lambda call: None})
        self.assertEqual("done", alice.call("motor.move", timeout=PATIENCE))
        HUB.kill()
        HUB.start()

        def served() -> bool:
            try:
                return bool(alice.call("motor.move", timeout=PATIENCE) == "done")
            except baton.BatonError as refused:
                self.assertEqual("no_service", refused.code)
                return False

        eventually("it is served after a reconnect", served)
        sam.serve({"slow": lambda call: None})

    def test_live_values_are_sent_and_sent_again(self) -> None:
        sam, alice = self.client("sam"), self.client()
        motors = alice.store("motors")
        sam.send("motors", {"omega": 1, "kappa": 2})
        eventually("the values", lambda: motors.get("omega") and motors.get("kappa"))
        sam.send("motors", {"omega": 3}, delete=["kappa"])
        eventually("the change", lambda: motors["omega"] == 3 and motors.get("kappa") is None)
        HUB.kill()
        HUB.start()
        eventually("the values after a restart", lambda: alice.read("motors").get("omega", (0,))[0] == 3)
        self.assertNotIn("kappa", alice.read("motors"))

    def test_a_live_value_that_is_refused_takes_no_other_with_it(self) -> None:
        sam, alice = self.client("sam"), self.client()
        sam.send("motors", {"alpha": 1, "x" * 200: 2, "beta": 3})
        eventually("the others", lambda: {"alpha", "beta"} <= set(alice.read("motors")))
        sam.send("motors", {}, delete=["alpha", "beta"])

    def test_a_result_that_the_hub_cannot_read_fails(self) -> None:
        sam, alice = self.client("sam"), self.client()
        deep: Any = 1
        for _ in range(40):
            deep = [deep]
        sam.serve({"slow": lambda call: deep})
        started = eventually("it is served", lambda: alice.start("slow"))
        self.assertIn("deeper", self.refused("failed", alice.wait, started, timeout=PATIENCE).detail)

    def test_signals_reach_others(self) -> None:
        alice, bob = self.client(), self.client("bob")
        heard: List[baton.Signal] = []
        alice.on_signal("pointers", heard.append)
        bob.on_signal("pointers", lambda s: None)

        def there() -> bool:
            bob.signal("pointers", {"x": 1})
            return bool(heard)

        eventually("the signal", there)
        self.assertEqual(("bob", {"x": 1}), (heard[0].by, heard[0].data))
        self.assertNotIn(bob.id, (heard[0].sender, ""))  # a client id is nobody else's to know
        self.assertEqual(1, len({s.sender for s in heard}))

    def test_a_lock_is_held_by_one_and_fences_writes(self) -> None:
        sam, other, key = self.client("sam"), self.client("sam"), self.key()
        with sam.lock("changer", timeout=PATIENCE) as lock:
            refused = self.refused("locked", other.lock, "changer", timeout=3)
            self.assertEqual("sam", refused.more["holder"]["user"])
            sam.set("queue", {key: 1}, held=lock.held)
            self.refused("locked", other.set, "queue", {key: 2}, held=lock.held)
        with other.lock("changer", timeout=PATIENCE) as second:
            self.assertGreater(second.token, lock.token)
        self.refused("locked", sam.set, "queue", {key: 3}, held=lock.held)

    def test_close_ends_calls_that_are_served(self) -> None:
        sam, alice = self.client("sam"), self.client()
        began = threading.Event()

        def slow(call: baton.Invocation) -> None:
            began.set()
            call.cancelled.wait(PATIENCE)
            raise RuntimeError(call.reason)

        sam.serve({"slow": slow})
        call = alice.start("slow")
        self.assertTrue(began.wait(PATIENCE))
        sam.close()
        self.assertEqual("closed", self.refused("failed", alice.wait, call, timeout=PATIENCE).detail)
        self.refused("closed", sam.read, "queue")
        self.assertEqual("ended", sam.status)


def documented(path: str) -> List[str]:
    """The pieces of Python that a page shows, in their order."""
    text = Path(ROOT, path).read_text(encoding="utf-8")
    return [code.partition("```")[0] for code in text.split("```python\n")[1:]]


class Documented(Case):
    """What the pages show works as it stands there, but for where the hub is and who signs in."""

    def bearer(self, user: str) -> str:
        body = json.dumps({"space": "lab", "user": user, "password": user}).encode()
        request = urllib.request.Request(HUB.url + "/api/v1/bearer", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return str(json.load(answer)["token"])

    def here(self, code: str, token: str) -> str:
        """The code, for this hub."""
        code = code.replace("http://127.0.0.1:8080", HUB.url).replace('space="demo"', 'space="lab"')
        for shown in ("baton_demo_…", "baton_…"):
            code = code.replace(shown, token)
        return code

    def program(self, code: str, token: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-B", "-u", "-c", self.here(code, token)]
        return subprocess.Popen(command, cwd=HERE, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def ended(self, program: subprocess.Popen[str], more: str = "") -> str:
        said, _ = program.communicate(more, timeout=PATIENCE)
        self.assertEqual(0, program.returncode, said)
        return said

    def test_the_recipe_serves_and_calls_and_the_guide_does_all_it_shows(self) -> None:
        token = self.bearer("sam")
        serve, call = documented("frontend/docs/recipes.md")
        (guide,) = documented("frontend/python/README.md")
        service = self.program(serve, token)
        try:
            alice = self.client()

            def served() -> bool:
                with contextlib.suppress(baton.BatonError):
                    return bool(alice.call("motor.move", {"motor": "phi", "position": 3}, timeout=PATIENCE))
                return False

            eventually("the recipe serves", served)
            self.assertEqual({"position": 3}, alice.read("motors")["phi"].data)
            self.assertEqual("{'position': 90}\n", self.ended(self.program(call, token)))
            said = self.ended(self.program(guide + '    print(result, hub.read("queue")["q1"].data)\n', token))
            self.assertIn("{'position': 90} {'state': 'running'}", said)
        finally:
            said, _ = service.communicate("\n", timeout=PATIENCE)
        self.assertEqual((0, "Enter stops it"), (service.returncode, said))

    def test_the_first_page_shows_what_works(self) -> None:
        (first,) = documented("README.md")
        told = self.client()
        names = {"baton": baton, "token": self.bearer("sam"), "move": lambda call: "moved", "position": 7}
        exec(first.replace("http://127.0.0.1:8080", HUB.url), names)
        self.addCleanup(names["hub"].close)
        eventually("it is served", lambda: told.call("motor.move", timeout=PATIENCE) == "moved")
        eventually("it is told", lambda: 7 in [value.data for value in told.read("motors").values()])


class LeavingNode:
    """The hub's part of a move, by hand: it says that it is leaving on the first connection, and hands a stop command over
    there when the second one has been welcomed."""

    def __init__(self) -> None:
        self.said: List[str] = []
        self.ended: List[int] = []  # close codes of the first connection
        self.clients: Dict[str, None] = {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.loop = asyncio.new_event_loop()
        self.up = threading.Event()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.run(),), daemon=True)
        self.thread.start()
        self.up.wait(PATIENCE)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(PATIENCE)

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
        follower, sent = baton._Follower(client), 0
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
        link = client._linked()
        calls: List[str] = []
        invoked = {frame["call"]: frame["command"] for frame in self.frames() if frame["type"] == "invoke"}
        link._handlers = {command: lambda call: calls.append(call.call) for command in invoked.values()}
        for frame in self.frames():
            if frame["type"] == "welcome":
                link._begin(frame)
            else:
                link._take(frame)
        eventually("the calls", lambda: sorted(calls) == sorted(invoked))

    def test_a_change_is_sent_again_under_its_id_and_what_follows_has_seen_it(self) -> None:
        asked: List[Any] = []
        answers = [
            (503, {"code": "unknown", "detail": "try again"}),
            None,  # the connection is lost
            (502, "<h1>a proxy speaks</h1>"),
            (200, {"position": 7, "cursor": "e1-7"}),
            (200, {"position": 5, "cursor": "e1-5"}),  # of a slower thread
            (200, {"mode": "snapshot", "cursor": "e1-7", "values": {}}),
        ]

        class Scripted(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked.append((self.command, self.headers.get("Baton-Op"), self.headers.get("Baton-Seen")))
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
            client.space = "lab"
            self.assertEqual(7, client.set("queue", {"k": 1}))
            client.set("queue", {"k": 2})
            client.read("queue")
            client.close()
            server.shutdown()
        first, second = f"{client.id}.1", f"{client.id}.2"
        self.assertEqual([("POST", first, None)] * 4 + [("POST", second, "e1-7"), ("GET", None, "e1-7")], asked)

    def test_what_the_hub_cannot_read_is_not_sent(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        self.addCleanup(client.close)
        link = client._linked()
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
                lambda: link.send("motors", {"x": (True, value)}),
                lambda: link.signal("pointers", value),
                lambda: link.ask({"type": "done", "call": "k", "result": value}, 0),
            ):
                with self.assertRaises(baton.BatonError) as caught:
                    give()
                self.assertEqual(code, caught.exception.code)
        self.assertEqual([], link._collect())

    def test_deletions_of_live_values_are_not_sent_for_ever(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        self.addCleanup(client.close)
        link = client._linked()
        link.send("motors", {"omega": (True, 1), "kappa": (False, None), "phi": (False, None)})
        link._collect()
        with unittest.mock.patch.object(baton, "_GONE", 0.0):
            link.send("motors", {"phi": (True, 2)})
            link._collect()
        link._take({"type": "fresh"})
        [message] = link._collect()
        self.assertEqual([{"omega": 1, "phi": 2}], [frame.get("set") for frame in json.loads(message)])

    def test_a_command_that_other_rules_refuse_takes_no_other_with_it(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        self.addCleanup(client.close)
        link = client._linked()
        link._handlers = dict.fromkeys(("one", "two"), print)
        link._standing["serve"] = baton._Request({"type": "serve", "commands": ["one", "two"]})

        def asked() -> Any:
            [frame] = json.loads(link._collect()[0])
            return frame["id"], frame["commands"]

        number, _ = asked()
        link._take({"type": "serving", "id": number})
        for _ in range(2):  # connections
            link._begin({})
            number, commands = asked()
            self.assertEqual(["one", "two"], commands)
            link._take({"type": "error", "id": number, "code": "unknown_name", "more": {"command": "two"}})
            number, commands = asked()
            self.assertEqual(["one"], commands)
            link._take({"type": "serving", "id": number})
            self.assertEqual([], link._collect())

    def test_live_values_are_sent_again_when_the_hub_is_fresh(self) -> None:
        client = baton.Client("http://127.0.0.1:1", "t", 1, None)
        self.addCleanup(client.close)
        link = client._linked()
        link.send("motors", {"omega": (True, 1), "kappa": (False, None)})
        sent = [json.loads(message) for message in link._collect()]
        self.assertEqual([], link._collect())
        link._take({"type": "fresh"})
        again = [json.loads(message) for message in link._collect()]
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
            delays = [baton._backoff(attempt) for _ in range(2000)]
            self.assertLessEqual(max(delays), most)
            self.assertGreater(max(delays), most * 0.9)
            self.assertLess(min(delays), most * 0.1)

    def test_messages_fit_what_the_hub_takes(self) -> None:
        values = {f"m{i}": "x" * 500 for i in range(1000)}
        parts = list(baton._parts(values, 64 << 10))
        self.assertEqual(values, {key: value for part in parts for key, value in part.items()})
        messages = baton._messages([{"type": "send", "set": part} for part in parts] + [{"type": "ping"}] * 100, 64 << 10)
        self.assertLessEqual(max(len(m.encode()) for m in messages), 64 << 10)
        self.assertEqual(len(parts) + 100, sum(len(json.loads(m)) for m in messages))
        self.assertLessEqual(max(len(json.loads(m)) for m in messages), 64)


if __name__ == "__main__":
    unittest.main()
