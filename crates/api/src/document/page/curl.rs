//! A request as a line for the shell.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::source::{items, member, text};

/// What stands for the service's address where the document does not know it.
pub(super) const BASE_VARIABLE: &str = "$URL";

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a request is made of.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// With its parameters filled in.
    pub(super) target: String,
    /// Name and value; the values may have variables of the shell in them where the page put them there.
    pub(super) headers: Vec<Header<'a>>,
    /// Media type, and the body as it is sent; without an example, none.
    pub(super) body: Option<(&'a str, Option<String>)>,
}

/// A header of the request.
pub(super) enum Header<'a> {
    /// As it is sent.
    Plain(&'a str, String),
    /// With a secret in it, which `$KEY` stands for: what is before it.
    Key(String),
}

/// The service's address: the document's first server, if that is one.
pub(super) fn base(document: &Value) -> &str {
    items(member(document, "servers"))
        .filter_map(|server| text(server, "url"))
        .find(|url| url.starts_with("https://") || url.starts_with("http://"))
        .filter(|url| !url.contains('{'))
        .map_or(BASE_VARIABLE, |url| url.trim_end_matches('/'))
}

/// A value as part of a path or a query.
pub(super) fn encoded(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}

impl Request<'_> {
    /// The line, or lines: the shell takes them as one.
    pub(super) fn line(&self, document: &Value) -> String {
        let base = base(document);
        let url = if base == BASE_VARIABLE {
            format!("\"{base}{}\"", in_quotes(&self.target))
        } else {
            word(&format!("{base}{}", self.target))
        };
        let mut parts = Vec::new();
        // `-d` makes it POST.
        let has_body = matches!(self.body, Some((_, Some(_))));
        let usual = if has_body { "POST" } else { "GET" };
        parts.push(if self.method == usual {
            format!("curl {url}")
        } else {
            format!("curl -X {} {url}", self.method)
        });
        for header in &self.headers {
            parts.push(match header {
                Header::Plain(name, value) => format!("-H {}", word(&format!("{name}: {value}"))),
                Header::Key(before) => format!("-H \"{}$KEY\"", in_quotes(before)),
            });
        }
        if let Some((media, Some(body))) = &self.body {
            parts.push(format!("-H {}", word(&format!("Content-Type: {media}"))));
            // `-d @…` would be a file's name.
            let option = if body.starts_with('@') {
                "--data-raw"
            } else {
                "-d"
            };
            parts.push(format!("{option} {}", word(body)));
        }
        parts.join(" \\\n  ")
    }
}

/// Text as a word of a shell command.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Text between the shell's double quotes, where it means itself.
fn in_quotes(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        if matches!(c, '"' | '$' | '`' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_line_is_one_that_a_shell_takes_whatever_is_in_it() {
        let request = Request {
            method: "PUT",
            target: "/a/$(reboot)`\"".to_owned(),
            headers: vec![
                Header::Key("Authorization: Bearer ".to_owned()),
                Header::Plain("If-Match", "\"it's\"".to_owned()),
            ],
            body: Some(("application/json", Some("{\"name\": \"it's\"}".to_owned()))),
        };
        assert_eq!(
            request.line(&json!({})),
            r#"curl -X PUT "$URL/a/\$(reboot)\`\"" \
  -H "Authorization: Bearer $KEY" \
  -H 'If-Match: "it'\''s"' \
  -H 'Content-Type: application/json' \
  -d '{"name": "it'\''s"}'"#
        );
    }

    #[test]
    fn a_server_with_an_address_stands_in_the_line_and_its_usual_method_does_not() {
        let document = json!({ "servers": [{ "url": "https://hooks.example.com/" }] });
        let request = Request {
            method: "GET",
            target: "/v1/health".to_owned(),
            ..Request::default()
        };
        let line = request.line(&document);
        assert_eq!(line, "curl 'https://hooks.example.com/v1/health'");
        let relative = json!({ "servers": [{ "url": "/" }] });
        assert_eq!(base(&relative), BASE_VARIABLE);
    }
}
