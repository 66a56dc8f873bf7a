"""A stand-in for the product, so that `make run` itself is tested alone and in seconds.

The fleet is the real one, with real PostgreSQL, Redis and uvicorn; only Django and Celery are
played, by a few lines that keep the same promises.
"""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

MANAGE = """
import json, os, secrets, signal, sys, time
if sys.argv[1] == "dispatch":
    if "STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open("var/stubborn", "w").close()
    while True:
        time.sleep(0.2)
open("var/command_lines", "a").write(" ".join(sys.argv) + "\\n")
print("what migrations say")
print(json.dumps({
    "tenant": "local",
    "api_key": os.environ.get("BOOTSTRAP_API_KEY") or secrets.token_hex(8),
    "admin_user": "admin",
    "admin_password": os.environ.get("BOOTSTRAP_ADMIN_PASSWORD") or secrets.token_hex(8),
}))
"""

# Jobs by id; a text that says "break" fails, one that says "slow" takes two looks.
APP = """
import io, itertools, json, os, time, wave
KNOWN_FROM = time.monotonic() + 0.5  # workers need a moment to say what they can do
jobs, ids, refusals = {}, itertools.count(1), itertools.count()

def sound():
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1); file.setsampwidth(2); file.setframerate(16000)
        file.writeframes(bytes(32000))
    return out.getvalue()

def submit(body):
    text = body["text"]
    if body.get("voice") == "nobody":
        return 404, {"title": "x", "detail": "there is no voice nobody", "code": "unknown_voice"}
    if time.monotonic() < KNOWN_FROM:
        return 422, {"title": "x", "detail": "no worker was seen yet", "code": "engine_unknown"}
    if "busy" in text and next(refusals) < 2:
        return 503, {"title": "x", "detail": "the ledger cannot be reached", "code": "down"}
    job = {"id": str(next(ids)), "text": text, "state": "queued", "progress": 0.5, "error": None}
    if "break" in text:
        job |= {"state": "failed", "error": {"code": "engine_failed", "message": "it broke"}}
    elif "slow" not in text:
        job["state"] = "succeeded"
    jobs[job["id"]] = job
    return 202, job

def route(method, path, body):
    parts = path.split("/")
    if path == "/healthz":
        return 200, {"pid": os.getpid()}
    if method == "POST":
        return submit(json.loads(body))
    job = jobs[parts[4]]
    if parts[5:] == ["audio"]:
        return 200, sound()
    answer = dict(job)
    job["state"] = "succeeded" if job["state"] == "queued" else job["state"]
    return 200, answer

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    status, answer = route(scope["method"], scope["path"], body)
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    headers = [(b"retry-after", b"1")] if status == 503 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
"""

CELERY = "import time\nwhile True: time.sleep(0.2)\n"


def make_stand_in(root: Path) -> Path:
    """A clone of the product in `root`, with the real fleet and this Python's packages."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "fleet", root / "fleet", ignore=ignore)
    for path, source in (
        ("manage.py", MANAGE),
        ("config/__init__.py", ""),
        ("config/asgi.py", APP),
        ("celery/__init__.py", ""),
        ("celery/__main__.py", CELERY),
    ):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(source)
    return root
