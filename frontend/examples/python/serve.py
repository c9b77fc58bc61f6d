"""Carries out the command greet, until it is interrupted: a service in Python."""

import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))
import baton  # noqa: E402


def greet(call: baton.Invocation) -> str:
    """What it returns is the result of the call; what it raises is shown to who called."""
    if not call.args or not call.args.get("name"):
        raise ValueError("greet needs a name")
    call.progress("looking for words")
    if call.cancelled.is_set():  # nobody waits for it any more
        raise RuntimeError("it was given up")
    return f"Hello {call.args['name']}, from Python"


url = os.environ.get("BATON_URL", "http://127.0.0.1:8080")
with baton.connect(url, space="demo", user="sam", password="sam") as hub:
    hub.serve({"greet": greet})
    print("serving greet", flush=True)
    threading.Event().wait()
