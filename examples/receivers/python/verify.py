from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> Any:
    """The event in a webhook.

    Raises an exception when the webhook is not signed with the secret, or was sent more than five
    minutes ago. `body` is the request's body as it came, before any parsing.
    """
    return Webhook(secret).verify(body, dict(headers))
