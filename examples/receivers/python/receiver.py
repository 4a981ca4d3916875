"""A receiver that accepts only webhooks signed with its secret.

    pip install -r requirements.txt
    WEBHOOK_SECRET=whsec_... python3 receiver.py 4000

The secret is the action's: GET /v1/accounts/{a}/triggers/{t}/actions/{c}/secret shows it.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from verify import verify

MAX_BODY = 2 * 1024 * 1024

secret = os.environ["WEBHOOK_SECRET"]

# A webhook that got no answer, or none in time, comes again with the same id. A real receiver stores
# the ids beside its results, in one transaction.
seen = set()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            return self.answer(413)
        # The signature is of these bytes: not of what a JSON library would make of them.
        body = self.rfile.read(length)
        try:
            event = verify(body, self.headers, secret)
        except Exception as error:
            # WebhookVerificationError, or what malformed headers and bodies raise.
            print(f"refused: {error}", flush=True)
            return self.answer(400)
        webhook_id = self.headers["webhook-id"]
        if webhook_id not in seen:
            seen.add(webhook_id)
            print(f"{webhook_id} {event['type']}", flush=True)
        # Answer soon, and do what takes long afterwards.
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


port = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
