//! How a receiver makes sure that a webhook is ours: with the packages of Standard Webhooks.

/// The language's name, what to install, and the code.
pub(crate) const EXAMPLES: [(&str, &str, &str); 3] = [
    (
        "JavaScript",
        "npm install standardwebhooks",
        r#"import { Webhook } from "standardwebhooks";

// `body` is the request's body as it came, before any parsing.
const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const event = webhook.verify(body, request.headers); // throws when it is not ours
"#,
    ),
    (
        "Python",
        "pip install standardwebhooks",
        r#"import os
from standardwebhooks import Webhook

# `body` is the request's body as it came, before any parsing.
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
event = webhook.verify(body, headers)  # raises when it is not ours
"#,
    ),
    (
        "Rust",
        "cargo add standardwebhooks",
        r#"use standardwebhooks::Webhook;

// `body` is the request's body as it came, before any parsing.
let webhook = Webhook::new(&std::env::var("WEBHOOK_SECRET")?)?;
webhook.verify(&body, request.headers())?; // an error when it is not ours
"#,
    ),
];
