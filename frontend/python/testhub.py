"""A real hub for tests: bin/baton, or what BATON_BIN names."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path
from typing import Any, Callable, Optional, Tuple

import baton


HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATIENCE = 60.0  # seconds that a test waits for what should come: machines are slow


def held_port() -> Tuple[socket.socket, int]:
    """A port that nobody else gets, also while the server on it is down: what is bound and does not listen holds it."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder, int(holder.getsockname()[1])


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
        self._held, self.port = held_port()
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
        self._held.close()
        shutil.rmtree(self.data, ignore_errors=True)


HUB = Hub()


def start_hub() -> None:
    """Starts the one hub of all modules with tests, which ends with the last of them. It is their setUpModule."""
    logging.getLogger("baton").setLevel(logging.CRITICAL)  # connections are lost here on purpose
    if HUB.process is None:
        HUB.start()
        atexit.register(HUB.stop)


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