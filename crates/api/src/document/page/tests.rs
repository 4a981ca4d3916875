//! The page of a document that has a bit of everything, and of one that means harm.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::source::members;
use super::*;

/// A bit of everything: references of each kind, an array, a circle, variants, several media types, a webhook.
fn sample() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Sample", "version": "1.2.3", "description": "First.\n\nSecond, with `code`." },
        "security": [{ "key": [] }],
        "tags": [{ "name": "Things", "description": "What there is." }, { "name": "Unused" }],
        "paths": {
            "/v1/things/{thing}": {
                "parameters": [{ "$ref": "#/components/parameters/Thing" }],
                "get": {
                    "operationId": "getThing", "summary": "Show `a` thing", "tags": ["Things"],
                    "responses": {
                        "200": { "$ref": "#/components/responses/Thing" },
                        "404": { "$ref": "#/components/responses/NotFound" },
                    },
                },
                "put": {
                    "operationId": "putThing", "summary": "Put a thing", "tags": ["Things"], "deprecated": true,
                    "parameters": [{
                        "name": "If-Match", "in": "header", "required": true, "example": "\"7\"",
                        "description": "Which version.", "schema": { "type": "string" },
                    }],
                    "requestBody": {
                        "required": true, "description": "The thing.",
                        "content": {
                            "application/json": {
                                "schema": { "$ref": "#/components/schemas/Thing" },
                                "examples": { "plain": { "$ref": "#/components/examples/Thing" } },
                            },
                            "text/plain": { "schema": { "type": "string" }, "example": "a\nb" },
                        },
                    },
                    "responses": { "204": { "description": "Done." }, "default": { "description": "Or not." } },
                },
            },
            "/v1/health": { "get": { "security": [], "responses": {} } },
        },
        "webhooks": { "thing": { "post": { "summary": "A thing happened", "responses": {} } } },
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "An API key." } },
            "parameters": { "Thing": {
                "name": "thing", "in": "path", "required": true, "example": "thing/1",
                "schema": { "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z/0-9]+$" },
            } },
            "headers": { "Tag": { "description": "Its version.", "schema": { "type": "string" } } },
            "examples": { "Thing": { "summary": "A plain one", "value": { "name": "it's", "parts": [] } } },
            "responses": {
                "Thing": {
                    "description": "The thing itself.",
                    "headers": { "ETag": { "$ref": "#/components/headers/Tag" } },
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } },
                },
                "NotFound": {
                    "description": "No such thing.",
                    "content": { "application/problem+json": { "example": { "code": "not_found" } } },
                },
            },
            "schemas": {
                "Id": { "type": "string", "format": "uuid" },
                "Thing": {
                    "type": "object", "required": ["name"], "description": "What is put.",
                    "properties": {
                        "colour": { "enum": ["red", "green"], "default": "red" },
                        "count": { "type": ["integer", "null"], "minimum": 0, "maximum": 9 },
                        "id": { "$ref": "#/components/schemas/Id", "readOnly": true },
                        "name": { "type": "string", "maxLength": 1, "description": "What it is called." },
                        "parts": { "type": "array", "maxItems": 3, "items": { "$ref": "#/components/schemas/Thing" } },
                        "place": { "oneOf": [
                            { "title": "A town", "type": "object", "properties": { "town": { "type": "string" } } },
                            { "type": "object", "properties": { "x": { "type": "number" } } },
                        ] },
                        "tags": { "type": "object", "additionalProperties": { "type": "string", "maxLength": 5 } },
                        "when": { "anyOf": [
                            { "type": "object", "properties": { "at": { "type": "string", "format": "date-time" } } },
                            { "type": "null" },
                        ] },
                    },
                },
            },
        },
    })
}

/// What stands between each `before` and the next `after`.
fn between<'a>(html: &'a str, before: &'a str, after: &'a str) -> Vec<&'a str> {
    html.split(before)
        .skip(1)
        .filter_map(|rest| rest.split(after).next())
        .collect()
}

/// The text of the table's row with this header.
fn row(html: &str, header: &str) -> String {
    let rows = between(html, "<tr role=\"row\">", "</tr>");
    let found = rows
        .iter()
        .find(|row| plain(row.split("</th>").next().unwrap_or_default()) == header);
    plain(found.unwrap_or_else(|| panic!("no row {header}")))
}

fn plain(html: &str) -> String {
    let mut text = String::new();
    for piece in html.replace("<br>", ", ").replace("</t", " </t").split('<') {
        text += piece.split_once('>').map_or(piece, |(_, text)| text);
    }
    unescaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&quot;", "\"").replace("&#x27;", "'");
    text.replace("&#x2f;", "/")
        .replace("&lt;", "<")
        .replace("&amp;", "&")
}

fn documents() -> [Value; 2] {
    [sample(), crate::document()]
}

#[test]
fn every_operation_has_a_heading_and_is_in_the_navigation() {
    for document in documents() {
        let html = page(&document);
        let nav = between(&html, "<nav", "</nav>").concat();
        let operations = members(member(&document, "paths"))
            .flat_map(|(_, item)| members(item))
            .filter(|(_, operation)| operation.get("responses").is_some())
            .count();
        let linked: BTreeSet<&str> = between(&nav, "href=\"#op-", "\"").into_iter().collect();
        let headed: BTreeSet<&str> = between(&html, "<h3 id=\"op-", "\"").into_iter().collect();
        assert_eq!(linked, headed);
        let webhooks = members(member(&document, "webhooks")).count();
        assert_eq!(headed.len(), operations + webhooks);
    }
    assert!(page(&sample()).contains("<h3 id=\"op-getThing\">Show <code>a</code> thing"));
}

#[test]
fn every_link_inside_the_page_has_its_target_and_no_target_is_there_twice() {
    for document in documents() {
        let html = page(&document);
        let ids = between(&html, " id=\"", "\"");
        let different: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), different.len());
        let links = between(&html, "href=\"#", "\"");
        assert!(!links.is_empty());
        let labels = between(&html, "aria-labelledby=\"", "\"");
        for target in links.into_iter().chain(labels) {
            assert!(different.contains(target), "{target}");
        }
    }
}

#[test]
fn headings_are_in_order_and_the_first_is_the_only_one_of_its_level() {
    for document in documents() {
        let html = page(&document);
        let levels: Vec<u32> = html
            .split("<h")
            .filter_map(|rest| rest.chars().next()?.to_digit(10))
            .collect();
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
        assert_eq!(levels[0], 1);
        for pair in levels.windows(2) {
            assert!(pair[1] <= pair[0] + 1, "{levels:?}");
        }
    }
}

#[test]
fn nothing_is_loaded_but_the_style_sheet_and_nothing_runs() {
    for document in documents() {
        let html = page(&document);
        for tag in ["<script", "<style", "<img", "<iframe", " style=", " src="] {
            assert!(!html.contains(tag), "{tag}");
        }
        assert_eq!(
            between(&html, "<link ", ">"),
            ["rel=\"stylesheet\" href=\"docs/style.css\""]
        );
    }
    for loading in ["url(", "@import"] {
        assert!(!STYLE.contains(loading), "{loading}");
    }
}

#[test]
fn fields_tell_their_type_limits_default_and_description() {
    let html = page(&sample());
    for (header, expected) in [
        (
            "name required",
            "name required string, at most 1 character What it is called.",
        ),
        ("colour", "colour string, red, green \"red\""),
        ("count", "count integer or null, 0 to 9"),
        ("id", "id string (Id), only in answers, format uuid"),
        ("parts", "parts array of Thing, at most 3 items"),
        ("place.town", "place.town string"),
        ("tags.*", "tags.* string, at most 5 characters"),
        ("when.at", "when.at string, format date-time"),
        (
            "thing required",
            "thing required path string, 1 to 64 characters, matches ^[a-z/0-9]+$",
        ),
        ("ETag", "ETag string Its version."),
        ("404 Not Found", "404 Not Found not_found No such thing."),
        ("default Anything else", "default Anything else Or not."),
    ] {
        assert_eq!(row(&html, header), expected);
    }
    // A thing in a thing is shown by a link to it.
    assert!(!html.contains("parts[]."));
    assert!(html.contains("place</code> as A town"));
    assert!(html.contains("place</code> as variant 2"));
}

#[test]
fn examples_are_lines_for_the_shell_with_the_documents_values() {
    let html = page(&sample());
    let requests = between(&html, "Example request\"><code>", "</code>");
    let unescaped: Vec<String> = requests.iter().map(|text| unescaped(text)).collect();
    assert_eq!(
        unescaped,
        [
            "curl \"$URL/v1/things/thing%2F1\" \\\n  -H \"Authorization: Bearer $KEY\"",
            "curl -X PUT \"$URL/v1/things/thing%2F1\" \\\n  -H \"Authorization: Bearer $KEY\" \\\n  \
             -H 'If-Match: \"7\"' \\\n  -H 'Content-Type: application/json' \\\n  \
             -d '{\n  \"name\": \"it'\\''s\",\n  \"parts\": []\n}'",
            "curl \"$URL/v1/health\"",
        ]
    );
}

/// The document with `harm` for each text in it, and in each name of the sort that documents choose.
fn poisoned(value: &Value, harm: &str) -> Value {
    match value {
        Value::String(text) if text.starts_with("#/") => value.clone(),
        Value::String(text) => json!(format!("{text}{harm}")),
        Value::Array(items) => items.iter().map(|item| poisoned(item, harm)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), poisoned(value, harm)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn what_the_document_says_is_text_and_never_markup() {
    for harm in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'<b> `<i>`",
    ] {
        let mut document = poisoned(&sample(), harm);
        // Names are the document's own, too.
        document["paths"][harm] = json!({ "get": { "tags": [harm], "responses": { harm: {} } } });
        document["components"]["schemas"][harm] =
            json!({ "properties": { harm: { "$ref": "#/components/schemas/Thing" } } });
        document["components"]["securitySchemes"][harm] = json!({ "type": harm });
        document["webhooks"][harm] = json!({ "post": { "operationId": harm } });
        let html = page(&document);
        let tags: BTreeSet<&str> = html
            .split('<')
            .skip(1)
            .filter_map(|tag| tag.split(['>', ' ', '\n']).next())
            .collect();
        let usual = page(&sample());
        let usual: BTreeSet<&str> = usual
            .split('<')
            .skip(1)
            .filter_map(|tag| tag.split(['>', ' ', '\n']).next())
            .collect();
        let more: Vec<_> = tags.difference(&usual).collect();
        assert!(more.is_empty(), "{more:?}");
        assert!(!html.contains("<img") && !html.contains("onerror=alert(1)>"));
        for tag in between(&html, "<", ">") {
            // Whatever is inside of a tag was put there by the templates, or is in quotes.
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        }
    }
}

#[test]
fn circles_and_references_that_lead_nowhere_end() {
    let html = page(&json!({
        "paths": { "/a": { "get": {
            "parameters": [{ "$ref": "#/components/parameters/None" }],
            "requestBody": { "content": { "a/b": { "schema": { "$ref": "#/components/schemas/A" } } } },
            "responses": { "200": { "$ref": "https://example.com/other.json" } },
        } } },
        "components": { "schemas": {
            "A": { "$ref": "#/components/schemas/B" },
            "B": { "$ref": "#/components/schemas/A" },
            "C": { "allOf": [{ "$ref": "#/components/schemas/C" }] },
            "D": { "oneOf": [{ "$ref": "#/components/schemas/D" }] },
            "E": { "type": "array", "items": { "$ref": "#/components/schemas/E" } },
        } },
    }));
    assert!(html.contains("id=\"schema-E\""));
}

/// The colours of a block of the style sheet.
fn colours(block: &str) -> Vec<(String, [f64; 3])> {
    let channel = |hex: &str| f64::from(u8::from_str_radix(hex, 16).expect("hexadecimal")) / 255.0;
    block
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("--")?
                .strip_suffix(';')?
                .split_once(": #")
        })
        .map(|(name, hex)| {
            let rgb = [&hex[0..2], &hex[2..4], &hex[4..6]].map(channel);
            (name.to_owned(), rgb)
        })
        .collect()
}

/// Relative luminance, by WCAG 2.2.
fn luminance(rgb: [f64; 3]) -> f64 {
    let linear = rgb.map(|c| {
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

#[test]
fn text_has_enough_contrast_in_both_themes() {
    let (light, rest) = STYLE
        .split_once("@media (prefers-color-scheme: dark)")
        .expect("two themes");
    let dark = rest.split("\n}").next().expect("a block");
    for block in [light, dark] {
        let colours = colours(block);
        let colour = |name: &str| {
            let found = colours.iter().find(|(known, _)| known == name);
            luminance(found.unwrap_or_else(|| panic!("no colour {name}")).1)
        };
        let on_back = ["text", "muted", "link", "mark"]
            .into_iter()
            .flat_map(|text| [(text, "back"), (text, "panel")]);
        let badges =
            ["get", "post", "put", "patch", "delete", "other"].map(|badge| ("on-badge", badge));
        for (text, back) in on_back.chain(badges) {
            let (a, b) = (colour(text), colour(back));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{text} on {back}: {contrast:.2}");
        }
    }
}
