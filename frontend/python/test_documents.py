"""What the documentation shows, done. It needs python3-websockets."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import unittest
import urllib.request
from pathlib import Path
from typing import List

import baton
from testhub import HERE, HUB, PATIENCE, ROOT, Case, eventually
from testhub import start_hub as setUpModule  # noqa: F401 # unittest calls it


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


if __name__ == "__main__":
    unittest.main()
