"""Signs in, follows a store, counts itself in with a compare-and-set, and calls a command: in Python."""

import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))
import baton  # noqa: E402

user = os.environ.get("BATON_USER", "alice")


def main() -> None:
    url = os.environ.get("BATON_URL", "http://127.0.0.1:8080")
    with baton.connect(url, space="demo", user=user, password=os.environ.get("BATON_PASSWORD", user)) as hub:
        print(f"signed in as {hub.you['user']}")

        # Follow the store from now on.
        seen, own, saw = set(), [], threading.Event()

        def changed(keys):
            if "visits" in keys:
                seen.add(keys["visits"].data)
                if own and own[0] in seen:
                    saw.set()

        counters = hub.store("counters")
        counters.watch(changed)

        # Count: write only if nobody has changed the value since it was read. A default has position 0.
        while not own:
            visits = hub.read("counters", "visits")["visits"]
            try:
                hub.set("counters", {"visits": visits.data + 1}, if_={"visits": visits.position})
                own.append(visits.data + 1)
            except baton.BatonError as refused:
                if refused.code != "conflict":
                    raise
                print("somebody was quicker")
        print(f"visit {own[0]}")

        # What was written comes to everybody who follows. Of changes that come fast, a store shows the last.
        while not saw.wait(0.1) and counters["visits"] < own[0]:
            pass
        print(f"saw visit {own[0]}")

        # Call a command and wait for its end.
        print(f'greet: "{hub.call("greet", {"name": user}, timeout=30)}"')


main()
