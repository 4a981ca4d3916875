"""Verifies the webhook whose body is on standard input and whose headers are in the environment."""

import os
import sys

from verify import verify

names = ("webhook-id", "webhook-timestamp", "webhook-signature")
values = {name: os.environ.get(name.upper().replace("-", "_")) for name in names}
headers = {name: value for name, value in values.items() if value is not None}
try:
    verify(sys.stdin.buffer.read(), headers, os.environ.get("WEBHOOK_SECRET", ""))
except Exception as error:
    sys.exit(print(f"refused: {error}") or 1)
print("verified")
