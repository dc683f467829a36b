"""A headless Chromium, driven through its DevTools protocol over two pipes, with nothing but the standard library."""

import base64
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
SECONDS_TO_ANSWER = 60


class Browser:
    """One page of one browser."""

    def __init__(self, send: int, receive: int):
        """send, receive: file descriptors that are closed by `headless_browser`."""
        self._send, self._receive, self._unread, self._last_id = send, receive, b"", 0
        self._session: str | None = None
        self.complaints: list[str] = []
        """Errors and warnings of the console, and what was thrown."""
        self.requests: list[str] = []
        """URLs that the page asked for."""
        self._loaded = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters) -> dict:
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._last_id:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, page: Path, width: int, height: int = 900, **media: str) -> None:
        """Loads a file in a window of that many px; media: features such as prefers_color_scheme="dark"."""
        self.complaints.clear()
        self.requests.clear()
        window = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **window)
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.call("Emulation.setEmulatedMedia", features=features)
        self._loaded = False
        self.call("Page.navigate", url=page.as_uri())
        while not self._loaded:
            self._note(self._read())

    def run(self, expression: str):
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        code = {" ": 32, "ArrowLeft": 37, "ArrowRight": 39, "Tab": 9}[key]
        for kind in ("keyDown", "keyUp"):
            text = {"text": " "} if (kind, key) == ("keyDown", " ") else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        picture = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(picture))

    def _read(self) -> dict:
        while b"\0" not in self._unread:
            assert select.select([self._receive], [], [], SECONDS_TO_ANSWER)[0], "the browser does not answer"
            received = os.read(self._receive, 1 << 20)
            assert received, "the browser has ended"
            self._unread += received
        message, self._unread = self._unread.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: dict) -> None:
        method, facts = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(facts["request"]["url"])
        elif method == "Runtime.exceptionThrown" or method == "Log.entryAdded":
            self.complaints.append(json.dumps(facts))
        elif method == "Runtime.consoleAPICalled" and facts["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(facts))


@contextmanager
def headless_browser(profile: Path) -> Iterator[Browser]:
    """Starts EXECUTABLE with an empty profile folder of its own and ends it."""
    to_read, send = os.pipe()
    receive, to_write = os.pipe()
    # It reads commands from descriptor 3 and answers on 4. Root may not use the sandbox; the page is our own.
    command = [EXECUTABLE, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
               "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", *command], pass_fds=(to_read, to_write),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(to_write)
    try:
        yield Browser(send, receive)
    finally:
        os.close(send)  # Chromium ends when its commands do
        os.close(receive)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
