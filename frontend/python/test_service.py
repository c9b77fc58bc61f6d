"""Serving commands, live values, signals and locks, at a real hub. It needs python3-websockets."""

from __future__ import annotations

import contextlib
import threading
import unittest
from typing import Any, List

import baton
from testhub import HUB, PATIENCE, Case, eventually
from testhub import start_hub as setUpModule  # noqa: F401 # unittest calls it


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
        exchange, made = service._linked(), []
        begin = exchange.begin
        exchange.begin = lambda welcome: made.append(welcome) or begin(welcome)  # type: ignore[method-assign,func-returns-value]
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


if __name__ == "__main__":
    unittest.main()
