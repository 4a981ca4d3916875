<?php

// Verifies the webhook whose body is on standard input and whose headers are in the environment.

require __DIR__ . '/verify.php';

$headers = [];
foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
    $value = getenv(strtr(strtoupper($name), '-', '_'));
    if ($value !== false) {
        $headers[$name] = $value;
    }
}
try {
    verify(stream_get_contents(STDIN), $headers, (string) getenv('WEBHOOK_SECRET'));
    echo "verified\n";
} catch (UnexpectedValueException $error) {
    echo "refused: {$error->getMessage()}\n";
    exit(1);
}
