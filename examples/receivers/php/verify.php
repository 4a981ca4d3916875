<?php

const TOLERANCE = 5 * 60;

/**
 * Throws when the webhook is not signed with the secret, or was sent more than five minutes ago.
 *
 * @param string $body the request's body as it came: file_get_contents('php://input')
 * @param array<string, string> $headers array_change_key_case(getallheaders())
 */
function verify(string $body, array $headers, string $secret): void
{
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    if ($key === false || $key === '') {
        throw new UnexpectedValueException('the secret is not base64');
    }
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if ($id === '' || !ctype_digit($timestamp)) {
        throw new UnexpectedValueException('webhook-id or webhook-timestamp is missing or malformed');
    }
    if (abs(time() - (int) $timestamp) > TOLERANCE) {
        throw new UnexpectedValueException('the webhook is too old or too new');
    }
    $mac = hash_hmac('sha256', "$id.$timestamp.$body", $key, true);
    $expected = 'v1,' . base64_encode($mac);
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $signature) {
        // Takes the same time wherever the two differ.
        if (hash_equals($expected, $signature)) {
            return;
        }
    }
    throw new UnexpectedValueException('no signature matches');
}
