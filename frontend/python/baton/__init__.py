"""Baton for Python programs: shared state, commands and control of a space, over HTTP or a WebSocket.

Python 3.9 or newer. Reading, changing, following and calling need the standard library only: they use HTTP,
and one event stream. What only a WebSocket can do, serving commands, sending live values and signals, and locks, needs
the package websockets as well (Debian: python3-websockets, 10.4 or newer), which is imported when it is first used.

    import baton

    with baton.connect("http://127.0.0.1:8080", token="baton_demo_...") as hub:
        queue = hub.store("queue")
        queue.watch(lambda changed: print(changed))
        hub.set("queue", {"q1": {"state": "ready"}}, if_={"q1": 0})

What it promises:

* It connects again for ever, after a random time of 0 to 0.5 s, then to 1 s, and so on to 30 s (full jitter), until
  close() or until the hub says that it is not welcome any more. It may come back to another node; nobody can tell.
* When the hub says that its node is leaving, a WebSocket is followed by the next one before it ends: status stays live, and no
  call and no stop command is missed on the way. An event stream ends, and begins again elsewhere.
* A change is applied once. It has an operation id and is sent again under the same one until its outcome is known or
  its time is up; when the time is up, it may have been applied or not. What was refused when it was sent again is not
  applied later.
* A message of the hub is applied as a whole, so values() never shows half a transaction. After a reconnect a store
  converges to the present values, and a log has every message once, or says that some are missing (gap).
* Of live values and signals the newest wins. The last live values are sent again after a reconnect.
* A call that the hub hands over is handled once by this client, however often it is handed over.

All methods may be called from several threads. Functions given to watch() run in the thread that reads: they must be
quick and must not wait for the client. Each call that is served has a thread of its own.
"""

from .client import Client, connect
from .following import Log, Store
from .serving import Invocation, Lock
from .values import BatonError, Message, Signal, Value, merge_patch

__all__ = [
    "BatonError",
    "Client",
    "Invocation",
    "Lock",
    "Log",
    "Message",
    "Signal",
    "Store",
    "Value",
    "connect",
    "merge_patch",
]
