"""The page on which clips are labelled in a browser: a small server for this computer alone.

    GET /?key=K            the page                 GET /clips?key=K       what waits, as JSON
    GET /sound/ID?key=K    a clip                   POST /label?key=K      {"id": ID, "label": LABEL or null}

Only who knows the key, which is drawn anew each time and stands in the address, is answered: no other page in the same
browser can read or label anything.
"""

import json
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from kws.errors import DataError
from kws.monitor.clips import Clip, clips, set_label
from kws.monitor.store import Store
from kws.records import Json

ADDRESS = "127.0.0.1"
MOST_BYTES = 1_000  # of what a page may send
TYPES = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}


class LabelServer(HTTPServer):
    """url : of the page. Answers one request after the other, in `serve_forever`."""

    def __init__(self, store: Store, *, device: str | None = None, port: int = 0, key: str | None = None):
        """port : 0 takes a free one"""
        super().__init__((ADDRESS, port), Handler)
        self.store, self.device, self.key = store, device, key or secrets.token_urlsafe(16)

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/?key={self.key}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: LabelServer

    def do_GET(self) -> None:
        routes: dict[str, Callable[[], None]] = {"": self.send_page, "clips": self.send_clips}
        first, _, rest = urlsplit(self.path).path.strip("/").partition("/")
        if not self.allowed():
            self.answer(403, b"no", "text/plain")
        elif first == "sound":
            self.send_sound(rest)
        elif first in routes:
            routes[first]()
        else:
            self.answer(404, b"nothing here", "text/plain")

    def do_POST(self) -> None:
        if not self.allowed() or urlsplit(self.path).path != "/label":
            self.answer(403, b"no", "text/plain")
            return
        try:
            content = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length", "0")), MOST_BYTES)))
            label = content["label"]
            if label is not None and not isinstance(label, str):
                raise ValueError("label: must be a word or null")
            set_label(self.server.store, int(content["id"]), label)
        except (DataError, ValueError, KeyError, TypeError) as error:
            self.answer(400, json.dumps({"error": str(error)}).encode(), "application/json")
        else:
            self.answer(200, b"{}", "application/json")

    def allowed(self) -> bool:
        given = parse_qs(urlsplit(self.path).query).get("key", [""])[0]
        return secrets.compare_digest(given.encode(), self.server.key.encode())

    def send_page(self) -> None:
        self.answer(200, PAGE.encode(), "text/html; charset=utf-8")

    def send_clips(self) -> None:
        waiting = clips(self.server.store, unlabelled=True, device=self.server.device)
        self.answer(200, json.dumps([as_json(clip) for clip in waiting]).encode(), "application/json")

    def send_sound(self, number: str) -> None:
        found = [clip for clip in clips(self.server.store) if str(clip.id) == number]
        if found:
            self.answer(200, found[0].path.read_bytes(), TYPES.get(found[0].path.suffix, "application/octet-stream"))
        else:
            self.answer(404, b"no such clip", "text/plain")

    def answer(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Nothing: the terminal is for the address."""


def as_json(clip: Clip) -> dict[str, Json]:
    return {"id": clip.id, "device": clip.device, "word": clip.word, "near": clip.near, "score": clip.score,
            "at_ms": clip.at_ms}


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>kws: was that the word?</title>
<style>
body { font: 17px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; color: #222 }
#word { font-size: 3rem; font-weight: 600; margin: .5rem 0 0 } #about, #left { color: #666 }
audio { width: 100%; margin: 1.5rem 0 } .row { display: flex; gap: .6rem; flex-wrap: wrap; margin: .6rem 0 }
button { font: inherit; padding: .6rem 1.1rem; border: 1px solid #bbb; border-radius: .5rem; background: #f7f7f7;
         cursor: pointer } button:hover { background: #eee }
#true { background: #e3f4e5; border-color: #7cb884 } #false { background: #fbe6e4; border-color: #d98d86 }
kbd { color: #888; font-size: .8em }
input { font: inherit; padding: .5rem; border: 1px solid #bbb; border-radius: .5rem }
#error { color: #b3261e; min-height: 1.5em }
</style>
<p id="left"></p><p id="word"></p><p id="about"></p>
<div id="work">
<audio id="sound" controls autoplay></audio>
<div class="row">
<button id="true">It was said <kbd>T</kbd></button><button id="false">False alarm <kbd>F</kbd></button>
<button id="skip">Skip <kbd>S</kbd></button></div>
<form class="row" id="other"><input id="said" placeholder="another word" aria-label="the word that was said"
 pattern="[a-z0-9][a-z0-9_'\\-]*"><button>was said</button></form>
</div>
<div class="row"><button id="undo">Undo <kbd>U</kbd></button></div>
<p id="error" role="alert"></p>
<script>
const key = new URLSearchParams(location.search).get("key"), at = path => path + "?key=" + encodeURIComponent(key)
const $ = id => document.getElementById(id)
let waiting = [], done = []
function show() {
  const clip = waiting[0]
  $("left").textContent = clip ? done.length + " labelled, " + waiting.length + " to go" : ""
  $("work").hidden = !clip
  $("undo").disabled = !done.length
  $("word").textContent = clip ? clip.word : "Nothing is left to label."
  $("about").textContent = clip ? clip.device + ", " + new Date(clip.at_ms).toLocaleString() + ", score "
    + clip.score.toFixed(2) + (clip.near ? ", a near miss" : "") : done.length + " labelled. Next: kws monitor promote"
  if (clip) $("sound").src = at("/sound/" + clip.id); else $("sound").removeAttribute("src")
  $("said").value = ""
}
async function send(clip, label) {
  const answer = await fetch(at("/label"), { method: "POST", body: JSON.stringify({ id: clip.id, label }) })
  $("error").textContent = answer.ok ? "" : (await answer.json()).error
  return answer.ok
}
async function label(value) {
  if (waiting.length && await send(waiting[0], value)) { done.push(waiting.shift()); show() }
}
async function undo() {
  if (done.length && await send(done[done.length - 1], null)) { waiting.unshift(done.pop()); show() }
}
for (const value of ["true", "false", "skip"]) $(value).onclick = () => label(value)
$("undo").onclick = undo
$("other").onsubmit = event => { event.preventDefault(); if ($("said").value) label($("said").value) }
document.onkeydown = event => {
  if (event.target === $("said") || event.ctrlKey || event.metaKey || event.altKey) return
  const act = { t: () => label("true"), f: () => label("false"), s: () => label("skip"), u: undo,
                p: () => { $("sound").currentTime = 0; $("sound").play() } }[event.key.toLowerCase()]
  if (act) { event.preventDefault(); act() }
}
fetch(at("/clips")).then(answer => answer.json()).then(clips => { waiting = clips; show() })
</script>
</html>
"""
