import { Webhook } from "standardwebhooks";

/**
 * The event in a webhook. Throws when the webhook is not signed with the secret, or was sent more
 * than five minutes ago. `body` is the request's body as it came, before any parsing.
 */
export function verify(
  body: string | Buffer,
  headers: Record<string, string>,
  secret: string,
): unknown {
  return new Webhook(secret).verify(body, headers);
}
