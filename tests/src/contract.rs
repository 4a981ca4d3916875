//! The contract: every answer of the service is held against its own OpenAPI document.
//!
//! An answer has to be of an operation of the document, with a status, headers and a body that it tells
//! of. A request that succeeds has to be one that the document allows. What the document does not have
//! has to be answered with a problem that says so.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, Result, bail, ensure};
use api::wire::Problem;
use http::{HeaderMap, Method, StatusCode};
use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

/// How much of what is wrong a message repeats, in characters.
const SHOWN: usize = 600;

/// A request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, with the query.
    pub path: &'a str,
    /// The headers of the request.
    pub sent_headers: &'a HeaderMap,
    /// The body of the request.
    pub sent: &'a [u8],
    /// The answer's status.
    pub status: StatusCode,
    /// The answer's headers.
    pub headers: &'a HeaderMap,
    /// The answer's body.
    pub body: &'a [u8],
}

/// The document, ready to be held against.
struct Contract {
    operations: Vec<Operation>,
    /// What paths and methods are answered that are no operation's.
    others: BTreeMap<u16, Arc<Expected>>,
    /// Headers and body of each webhook, by its name.
    webhooks: HashMap<String, (Vec<Header>, Validator)>,
}

struct Operation {
    id: String,
    method: String,
    /// The path's segments; none where anything may stand.
    segments: Vec<Option<String>>,
    /// The names of the query's parameters.
    query: Vec<String>,
    /// Schemas of what is sent, by media type.
    takes: HashMap<String, Validator>,
    answers: BTreeMap<u16, Arc<Expected>>,
}

/// What an answer has to be.
struct Expected {
    /// Its media type and schema; none where it has no body.
    content: Option<(String, Validator)>,
    headers: Vec<Header>,
}

struct Header {
    name: String,
    required: bool,
    schema: Validator,
}

/// Holds a webhook's headers against the document, and its body, unless a body template made it.
///
/// # Errors
///
/// With the webhook, and what is not as the document has it.
pub fn check_webhook(headers: &HeaderMap, body: &[u8], templated: bool) -> Result<()> {
    let sent = if templated { None } else { parsed(body)? };
    let event_type = sent.as_ref().and_then(|sent| sent["type"].as_str());
    let webhooks = &contract().webhooks;
    let name = event_type.filter(|name| webhooks.contains_key(*name));
    let name = name.unwrap_or("custom");
    let (expected, schema) = webhooks.get(name).context("no such webhook")?;
    expected
        .iter()
        .try_for_each(|header| header.check(headers))
        .and_then(|()| sent.as_ref().map_or(Ok(()), |sent| in_order(schema, sent)))
        .with_context(|| format!("not as the document has it: the webhook {name}"))
}

fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| Contract::of(&api::document()).expect("the document is in order"))
}

/// Holds an exchange against the document.
///
/// # Errors
///
/// With the operation, and what is not as the document has it.
pub fn check(exchange: &Exchange<'_>) -> Result<()> {
    // The pages, and what a host answers itself.
    let described = ["/v1", "/webhook-keys"];
    if !described
        .iter()
        .any(|start| exchange.path.starts_with(start))
    {
        return Ok(());
    }
    contract().check(exchange)
}

impl Contract {
    fn of(document: &Value) -> Result<Self> {
        let reader = Reader::of(document)?;
        let mut answers = Answers {
            reader: &reader,
            known: HashMap::new(),
        };
        let mut operations = Vec::new();
        for (path, item) in members(&document["paths"]) {
            for (method, operation) in members(item).filter(|(name, _)| *name != "parameters") {
                let place = format!("/paths/{}/{method}", escape(path));
                operations.push(Operation::of(
                    path,
                    method,
                    &place,
                    operation,
                    &mut answers,
                )?);
            }
        }
        // `/events/preview` goes before `/events/{event}`.
        operations
            .sort_by_key(|operation| operation.segments.iter().filter(|s| s.is_none()).count());

        let mut others = BTreeMap::new();
        for (status, name) in [
            (401, "Unauthorized"),
            (403, "Forbidden"),
            (404, "NotFound"),
            (405, "MethodNotAllowed"),
            (413, "TooLarge"),
            (429, "TooManyRequests"),
            (500, "Internal"),
            (503, "Unavailable"),
        ] {
            let place = format!("/components/responses/{name}");
            others.insert(status, answers.at(&place)?);
        }
        let webhooks = members(&document["webhooks"])
            .map(|(name, _)| Ok((name.to_owned(), webhook(&reader, name)?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            operations,
            others,
            webhooks,
        })
    }

    fn check(&self, exchange: &Exchange<'_>) -> Result<()> {
        let path = exchange.path.split('?').next().unwrap_or_default();
        // HEAD is GET without the body.
        let head = *exchange.method == Method::HEAD;
        let method = if head {
            "get"
        } else {
            exchange.method.as_str()
        };
        let there: Vec<_> = self
            .operations
            .iter()
            .filter(|operation| operation.is_at(path))
            .collect();
        let most = there.first().map(|operation| &operation.segments);
        let operation = there.iter().find(|operation| {
            Some(&operation.segments) == most && operation.method.eq_ignore_ascii_case(method)
        });
        let status = exchange.status.as_u16();
        match operation {
            Some(operation) => operation.check(exchange, head).with_context(|| {
                format!("not as the document has it: {} ({status})", operation.id)
            }),
            None => {
                // Any path can be refused before it is looked at.
                let (other, what) = match there.is_empty() {
                    true => (405, "path"),
                    false => (404, "method"),
                };
                let expected = self.others.get(&status).filter(|_| status != other);
                expected
                    .with_context(|| {
                        format!("a {what} that is not in the document is answered {status}")
                    })?
                    .check(exchange, head)
            }
        }
    }
}

/// The headers of a webhook, and its body.
fn webhook(reader: &Reader<'_>, name: &str) -> Result<(Vec<Header>, Validator)> {
    let place = format!("/webhooks/{}/post", escape(name));
    let parameters = reader.at(&place)?["parameters"].as_array();
    let headers = parameters.context("no headers")?.iter().enumerate();
    let headers = headers.map(|(index, header)| {
        let (place, header) = reader.resolve(&format!("{place}/parameters/{index}"), header);
        Ok(Header {
            name: text(&header["name"]),
            required: header["required"] == true,
            schema: reader.validator(&format!("{place}/schema"))?,
        })
    });
    let body = format!("{place}/requestBody/content/application~1json/schema");
    Ok((headers.collect::<Result<_>>()?, reader.validator(&body)?))
}

impl Header {
    fn check(&self, headers: &HeaderMap) -> Result<()> {
        match headers.get(&self.name) {
            None => ensure!(!self.required, "the header {} is missing", self.name),
            Some(value) => in_order(&self.schema, &json!(value.to_str()?))
                .with_context(|| format!("the header {}", self.name))?,
        }
        Ok(())
    }
}

impl Operation {
    fn of(
        path: &str,
        method: &str,
        place: &str,
        operation: &Value,
        answers: &mut Answers<'_>,
    ) -> Result<Self> {
        let segments = path.split('/').map(|segment| match segment {
            parameter if parameter.starts_with('{') => None,
            name => Some(name.to_owned()),
        });
        let reader = answers.reader;
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let query = parameters.filter_map(|parameter| {
            let (_, parameter) = reader.resolve("", parameter);
            (parameter["in"] == "query").then(|| text(&parameter["name"]))
        });
        let mut takes = HashMap::new();
        for (media_type, _) in members(&operation["requestBody"]["content"]) {
            let place = format!("{place}/requestBody/content/{}/schema", escape(media_type));
            takes.insert(media_type.to_owned(), reader.validator(&place)?);
        }
        let mut expected = BTreeMap::new();
        for (status, answer) in members(&operation["responses"]) {
            let place = format!("{place}/responses/{status}");
            let (place, _) = reader.resolve(&place, answer);
            expected.insert(status.parse()?, answers.at(&place)?);
        }
        Ok(Self {
            id: text(&operation["operationId"]),
            method: method.to_owned(),
            segments: segments.collect(),
            query: query.collect(),
            takes,
            answers: expected,
        })
    }

    fn is_at(&self, path: &str) -> bool {
        let mut given = path.split('/');
        let fits = self.segments.iter().all(|wanted| {
            given.next().is_some_and(|given| match wanted {
                Some(name) => name == given,
                None => !given.is_empty(),
            })
        });
        fits && given.next().is_none()
    }

    fn check(&self, exchange: &Exchange<'_>, head: bool) -> Result<()> {
        let expected = self.answers.get(&exchange.status.as_u16());
        expected
            .with_context(|| {
                let body = String::from_utf8_lossy(exchange.body);
                format!("this status is not there: {}", short(&body))
            })?
            .check(exchange, head)?;
        if exchange.status.is_success() {
            self.check_request(exchange)
                .context("it succeeded, and the document does not allow the request")?;
        }
        Ok(())
    }

    fn check_request(&self, exchange: &Exchange<'_>) -> Result<()> {
        if let Some((_, query)) = exchange.path.split_once('?') {
            for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
                let name = parameter.split('=').next().unwrap_or_default();
                ensure!(
                    self.query.iter().any(|known| known == name),
                    "the query parameter {name:?}"
                );
            }
        }
        let header = |name: &str| exchange.sent_headers.get(name)?.to_str().ok();
        let media_type = header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        // Of a CloudEvent in binary mode the body is its data: any object.
        let binary = ["ce-specversion", "ce-id", "ce-source", "ce-type"];
        if exchange.sent.is_empty() || binary.into_iter().any(|name| header(name).is_some()) {
            return Ok(());
        }
        let schema = self.takes.get(&media_type.to_ascii_lowercase());
        match (schema, parsed(exchange.sent)?) {
            (Some(schema), Some(sent)) => in_order(schema, &sent),
            _ => Ok(()),
        }
    }
}

impl Expected {
    fn check(&self, exchange: &Exchange<'_>, head: bool) -> Result<()> {
        for header in &self.headers {
            header.check(exchange.headers)?;
        }
        let given = exchange.headers.get("content-type");
        let given = given.map(|value| value.to_str()).transpose()?;
        let Some((media_type, schema)) = &self.content else {
            ensure!(
                exchange.body.is_empty() && given.is_none(),
                "there is a body, of {given:?}"
            );
            return Ok(());
        };
        // Text says in which characters, and in which version.
        let plain = given.and_then(|given| given.split(';').next());
        ensure!(
            given == Some(media_type) || plain == Some(media_type),
            "the content type is {given:?} in place of {media_type}"
        );
        if head {
            return Ok(());
        }
        let body = if media_type.ends_with("json") {
            parsed(exchange.body)?
        } else {
            Some(std::str::from_utf8(exchange.body)?.into())
        };
        if let Some(body) = body {
            in_order(schema, &body)?;
        }
        if media_type == "application/problem+json" {
            let problem: Problem = serde_json::from_slice(exchange.body)?;
            ensure!(
                problem.status == exchange.status && problem.code.status() == exchange.status,
                "the problem says {problem}"
            );
        }
        Ok(())
    }
}

/// Reads the answers that a document tells of; one that several operations share, once.
struct Answers<'d> {
    reader: &'d Reader<'d>,
    known: HashMap<String, Arc<Expected>>,
}

impl Answers<'_> {
    /// The answer that a JSON pointer leads to.
    fn at(&mut self, place: &str) -> Result<Arc<Expected>> {
        if let Some(known) = self.known.get(place) {
            return Ok(known.clone());
        }
        let answer = self.reader.at(place)?;
        let content = members(&answer["content"]).next();
        let content = content.map(|(media_type, _)| -> Result<_> {
            let place = format!("{place}/content/{}/schema", escape(media_type));
            Ok((media_type.to_owned(), self.reader.validator(&place)?))
        });
        let headers = members(&answer["headers"]).map(|(name, header)| -> Result<_> {
            let here = format!("{place}/headers/{}", escape(name));
            let (place, header) = self.reader.resolve(&here, header);
            Ok(Header {
                name: name.to_ascii_lowercase(),
                required: header["required"] == true,
                schema: self.reader.validator(&format!("{place}/schema"))?,
            })
        });
        let expected = Arc::new(Expected {
            headers: headers.collect::<Result<_>>()?,
            content: content.transpose()?,
        });
        self.known.insert(place.to_owned(), expected.clone());
        Ok(expected)
    }
}

/// Finds its way in a document.
struct Reader<'d> {
    document: &'d Value,
    registry: Registry<'d>,
}

impl<'d> Reader<'d> {
    fn of(document: &'d Value) -> Result<Self> {
        let registry = Registry::new().add("urn:api", document)?.prepare()?;
        Ok(Self { document, registry })
    }

    fn at(&self, place: &str) -> Result<&'d Value> {
        let found = self.document.pointer(place);
        found.with_context(|| format!("{place} leads nowhere"))
    }

    /// What is at `place`, or where the reference that is there leads.
    fn resolve(&self, place: &str, value: &'d Value) -> (String, &'d Value) {
        let reference = value["$ref"].as_str().and_then(|r| r.strip_prefix('#'));
        match reference.and_then(|reference| Some((reference, self.at(reference).ok()?))) {
            Some((reference, target)) => (reference.to_owned(), target),
            None => (place.to_owned(), value),
        }
    }

    /// What validates against the schema that a JSON pointer leads to.
    fn validator(&self, place: &str) -> Result<Validator> {
        // As a part of a URI.
        let place = place.replace('{', "%7B").replace('}', "%7D");
        let schema = json!({ "$ref": format!("urn:api#{place}") });
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.registry)
            .should_validate_formats(true)
            .build(&schema);
        validator.map_err(|error| anyhow::anyhow!("{place}: {error}"))
    }
}

/// The members of an object; none of what is not one.
fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A member's name as a JSON pointer writes it.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// JSON as a value; none where it is JSON that a [`Value`] cannot hold, such as a number beyond a
/// double.
fn parsed(json: &[u8]) -> Result<Option<Value>> {
    // RFC 8259, 8.1: a byte order mark may be skipped.
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    if let Ok(value) = serde_json::from_slice(json) {
        return Ok(Some(value));
    }
    let is_json = serde_json::from_slice::<&serde_json::value::RawValue>(json);
    match is_json {
        Ok(_) => Ok(None),
        Err(error) => bail!(
            "it is no JSON: {error}: {}",
            short(&String::from_utf8_lossy(json))
        ),
    }
}

fn in_order(schema: &Validator, value: &Value) -> Result<()> {
    let wrong: Vec<_> = schema
        .iter_errors(value)
        .take(5)
        .map(|error| {
            short(&format!(
                "{} at {:?}",
                error,
                error.instance_path().as_str()
            ))
        })
        .collect();
    ensure!(
        wrong.is_empty(),
        "{}\nin {}",
        wrong.join("\n"),
        short(&value.to_string())
    );
    Ok(())
}

fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
