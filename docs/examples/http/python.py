"""A back end in Python (3.9 or newer), with its standard library alone: python3 python.py

It answers at once, but for "think", which it answers later by the callback (202).
"""

import base64
import hashlib
import hmac
import json
import os
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = base64.b64decode(os.environ["REPLIES_HTTP_SECRET"].removeprefix("whsec_"))
PORT = int(os.environ.get("PORT", "8000"))
OLDEST_SECONDS = 300

# What may be asked for twice is answered the same: one message has one id. A real back end keeps this in its database.
answered = {}
lock = threading.Lock()


def is_signed(headers, body):
    """Whether the request is from wechat-outbox, and was made a moment ago."""
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > OLDEST_SECONDS:
        return False
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    # While a secret changes there are two signatures: one of them must be right.
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one.encode(), expected.encode()) for one in given)


def answer(request):
    message = request["message"]
    if message["kind"] == "event":
        return "Welcome!" if message["event"] == "subscribe" else {"next": True}
    if message["kind"] != "text":
        return {"next": True}
    if message["content"] == "human":
        return {"replies": "A moment, please.", "handOver": "asked for a person"}
    if message["content"] == "site":
        article = {"title": "Our site", "url": "https://www.example.com"}
        return ["Here it is:", {"type": "news", "articles": [article]}]
    return f"You said: {message['content']} (after {len(request['history'])} turns)"


def answer_later(request):
    """Posts the answer when it is there. What is not stored yet (503) is posted again."""
    text = f"I thought about it: {request['message']['content']}"
    for tries in range(1, 6):
        post = urllib.request.Request(request["callback"]["url"], json.dumps(text).encode(), method="POST")
        try:
            urllib.request.urlopen(post, timeout=10).close()
            return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        time.sleep(tries)


def respond(request):
    with lock:
        known = answered.get(request["id"])
        if known is None:
            if request["message"].get("content") == "think" and request["callback"]:
                known = (202, None)
                threading.Timer(0.1, answer_later, [request]).start()
            else:
                known = (200, answer(request))
            answered[request["id"]] = known
        return known


class BackEnd(BaseHTTPRequestHandler):
    # Connections are kept.
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if not is_signed(self.headers, body):
            return self.send(401, "the signature is wrong")
        status, value = respond(json.loads(body))
        self.send(status, value)

    def send(self, status, value):
        text = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    print(f"listening on {PORT}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", PORT), BackEnd).serve_forever()
