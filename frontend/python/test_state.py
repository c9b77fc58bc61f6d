"""Reading, changing and following, at a real hub."""

from __future__ import annotations

import json
import threading
import time
import unittest
import urllib.request
from pathlib import Path
from typing import Any, List

import baton
from testhub import HUB, PATIENCE, Case, Hub, eventually
from testhub import start_hub as setUpModule  # noqa: F401 # unittest calls it


class Persons(Case):
    def sessions(self, client: baton.Client) -> Any:
        return client._http.request("GET", "/api/v1/sessions")["sessions"]

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


if __name__ == "__main__":
    unittest.main()
