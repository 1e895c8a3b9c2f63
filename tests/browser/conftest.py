"""A real Chromium, driven over its DevTools pipe: no driver, no library, nothing fetched."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time

import pytest

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --remote-debugging-pipe"
)


class Chromium:
    """One browser process. `send` speaks the DevTools protocol; `events` collects what the browser says by itself."""

    def __init__(self, profile):
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        script = f"exec 3<&{to_browser} 4>&{from_browser}; exec chromium {FLAGS} --user-data-dir={profile}"
        self._process = subprocess.Popen(
            ["bash", "-c", script],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer, self._number, self._session, self.events = b"", 0, None, []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility", "DOM"):
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        """Call a method and return its result; an error of the browser is an error of the test."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _receive(self, patience=30.0):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], patience)
            assert ready, "Chromium does not answer"
            chunk = os.read(self._read, 1 << 20)
            assert chunk, "Chromium has ended"
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def open(self, path, fragment=""):
        """Open a file and wait until it has loaded."""
        self.send("Page.navigate", url="about:blank")
        self.events.clear()
        self.send("Page.navigate", url=path.resolve().as_uri() + fragment)
        deadline = time.monotonic() + 30
        while self.run("document.readyState") != "complete":
            assert time.monotonic() < deadline
        return self

    def run(self, expression):
        """Evaluate JavaScript in the page and return its value; the page's own policy does not bind the tester."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def size(self, width, height=900):
        """Set the viewport in CSS pixels: 1280 pixels at 200 % zoom are 640."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, **features):
        """Emulate media features, such as prefers_color_scheme="dark", and `type="print"`."""
        kind = features.pop("type", "")
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", media=kind, features=named)

    def press(self, key, code=None, text=""):
        """Press and release a key."""
        number = {"Tab": 9, "Enter": 13, " ": 32}[key]
        common = {"key": key, "code": code or key, "windowsVirtualKeyCode": number}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def complaints(self):
        """What the console, the log and the security policy said since the page was opened."""
        kinds = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        self.run("1")
        return [event for event in self.events if event.get("method") in kinds]

    def requests(self):
        """The addresses that were asked for since the page was opened."""
        self.run("1")
        sent = (event for event in self.events if event.get("method") == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]

    def screenshot(self, path):
        """Save what is seen, for a person to look at."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def close(self):
        """End this browser, and only this one."""
        self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._read)
        os.close(self._write)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    profile = tmp_path_factory.mktemp("profile")
    chromium = Chromium(profile)
    yield chromium
    chromium.close()
    shutil.rmtree(profile, ignore_errors=True)
