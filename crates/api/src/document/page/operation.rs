//! Operations: what is asked, and what is answered.

use std::collections::BTreeSet;

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::anchors::Anchors;
use super::curl::{self, Header, Request};
use super::prose::{self, Block, Line};
use super::schema::{Cells, Inner, Shape};
use super::source::{Source, flag, items, member, members, shown, text};

/// Methods in the order in which operations of a path are shown.
const METHODS: [&str; 8] = [
    "get", "post", "put", "patch", "delete", "head", "options", "trace",
];

/// An operation.
#[derive(Serialize)]
pub(super) struct Operation {
    anchor: String,
    method: String,
    /// The method, if it has a colour of its own.
    colour: String,
    path: String,
    title: Line,
    prose: Vec<Block>,
    deprecated: bool,
    /// What proves who asks: any of these. Empty where nobody has to.
    needs: Vec<Need>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    curl: Option<String>,
    answers: Vec<Answer>,
    problems: Vec<Problem>,
}

/// A way to prove who asks.
#[derive(Serialize)]
pub(super) struct Scheme {
    anchor: String,
    name: String,
    kind: Line,
    prose: Vec<Block>,
    /// The header it is sent in, up to the secret.
    #[serde(skip)]
    header: Option<String>,
}

/// A way to prove who asks, as an operation names it.
#[derive(Serialize)]
struct Need {
    name: String,
    anchor: Option<String>,
}

#[derive(Serialize)]
struct Parameter {
    name: String,
    place: String,
    required: bool,
    cells: Cells,
}

#[derive(Serialize)]
struct Body {
    required: bool,
    prose: Vec<Block>,
    media: Vec<Media>,
}

/// A body in one of its forms.
#[derive(Serialize)]
struct Media {
    kind: String,
    shape: Option<Shape>,
    examples: Vec<Example>,
}

#[derive(Serialize)]
struct Example {
    title: Option<Line>,
    prose: Vec<Block>,
    value: String,
}

#[derive(Serialize)]
struct Answer {
    status: String,
    phrase: &'static str,
    prose: Vec<Block>,
    headers: Vec<Parameter>,
    media: Vec<Media>,
}

#[derive(Serialize)]
struct Problem {
    status: String,
    phrase: &'static str,
    codes: Vec<String>,
    prose: Vec<Block>,
    headers: Vec<String>,
}

/// The ways to prove who asks that the document names.
pub(super) fn schemes(source: &Source<'_>, anchors: &mut Anchors) -> Vec<Scheme> {
    let schemes = member(member(source.document(), "components"), "securitySchemes");
    members(schemes)
        .map(|(name, scheme)| {
            let scheme = source.resolve(scheme);
            let word = |name: &str| text(scheme, name).unwrap_or_default();
            let (kind, header) = match (word("type"), word("scheme"), word("in")) {
                ("http", "bearer", _) => (
                    "the header `Authorization: Bearer …`".to_owned(),
                    Some("Authorization: Bearer ".to_owned()),
                ),
                ("http", scheme, _) => (format!("HTTP authentication, {scheme}"), None),
                ("apiKey", _, "header") => (
                    format!("the header `{}: …`", word("name")),
                    Some(format!("{}: ", word("name"))),
                ),
                ("apiKey", _, place) => (format!("`{}`, in the {place}", word("name")), None),
                (kind, _, _) => (kind.to_owned(), None),
            };
            Scheme {
                anchor: anchors.claim("security", name),
                name: name.to_owned(),
                kind: prose::line(&kind),
                prose: prose::blocks(text(scheme, "description")),
                header,
            }
        })
        .collect()
}

/// Every operation, with its first tag: those of paths, then those that the service itself calls.
pub(super) fn all<'a>(
    source: &Source<'a>,
    schemes: &[Scheme],
    anchors: &mut Anchors,
) -> Vec<(Option<&'a str>, Operation)> {
    let mut all = Vec::new();
    for (kind, is_ours) in [("paths", true), ("webhooks", false)] {
        for (path, item) in members(member(source.document(), kind)) {
            let item = source.resolve(item);
            for method in METHODS {
                let operation = source.resolve(member(item, method));
                if !operation.is_object() {
                    continue;
                }
                let given = Given {
                    source,
                    method,
                    path,
                    item,
                    operation,
                };
                let tag = items(member(operation, "tags")).find_map(Value::as_str);
                let tag = tag.or((!is_ours).then_some("Webhooks"));
                all.push((tag, given.read(schemes, anchors, is_ours)));
            }
        }
    }
    all
}

/// An operation as the document has it.
struct Given<'s, 'a> {
    source: &'s Source<'a>,
    method: &'a str,
    path: &'a str,
    item: &'a Value,
    operation: &'a Value,
}

impl<'a> Given<'_, 'a> {
    fn read(&self, schemes: &[Scheme], anchors: &mut Anchors, is_ours: bool) -> Operation {
        let Self {
            source, operation, ..
        } = self;
        let name = text(operation, "operationId");
        let name = name.map_or_else(|| format!("{}{}", self.method, self.path), str::to_owned);
        let parameters = self.parameters();
        let body = source.resolve(member(operation, "requestBody"));
        let (answers, problems) = self.responses();
        let needs = self.needs(schemes);
        Operation {
            anchor: anchors.claim("op", &name),
            method: self.method.to_uppercase(),
            colour: match self.method {
                method @ ("get" | "post" | "put" | "patch" | "delete") => method.to_owned(),
                _ => "other".to_owned(),
            },
            path: self.path.to_owned(),
            title: prose::line(text(operation, "summary").unwrap_or(self.path)),
            prose: prose::blocks(text(operation, "description")),
            deprecated: flag(operation, "deprecated"),
            curl: is_ours.then(|| self.curl(&parameters, body, &needs, schemes)),
            parameters: parameters
                .iter()
                .map(|parameter| source.parameter(parameter))
                .collect(),
            body: body.is_object().then(|| Body {
                required: flag(body, "required"),
                prose: prose::blocks(text(body, "description")),
                media: source.media(body, Inner::InPlace),
            }),
            needs,
            answers,
            problems,
        }
    }

    /// The path's parameters and the operation's, which go before those of the same name and place.
    fn parameters(&self) -> Vec<&'a Value> {
        let mut parameters: Vec<&Value> = Vec::new();
        for given in [self.item, self.operation] {
            for parameter in items(member(given, "parameters")) {
                let parameter = self.source.resolve(parameter);
                parameters.retain(|known| {
                    (text(known, "name"), text(known, "in"))
                        != (text(parameter, "name"), text(parameter, "in"))
                });
                parameters.push(parameter);
            }
        }
        parameters
    }

    fn needs(&self, schemes: &[Scheme]) -> Vec<Need> {
        let document = self.source.document();
        let given = self.operation.get("security");
        let needs = given.unwrap_or_else(|| member(document, "security"));
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in items(needs).flat_map(members) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let need = |name: &str| Need {
            name: name.to_owned(),
            anchor: schemes
                .iter()
                .find(|scheme| scheme.name == name)
                .map(|scheme| scheme.anchor.clone()),
        };
        names.into_iter().map(need).collect()
    }

    /// What goes well, and what goes wrong.
    fn responses(&self) -> (Vec<Answer>, Vec<Problem>) {
        let source = self.source;
        let (mut answers, mut problems) = (Vec::new(), Vec::new());
        for (status, response) in members(member(self.operation, "responses")) {
            let response = source.resolve(response);
            let prose = prose::blocks(text(response, "description"));
            let headers = || members(member(response, "headers"));
            let phrase = phrase(status);
            let status = status.to_owned();
            if status.starts_with(['1', '2', '3']) {
                answers.push(Answer {
                    phrase,
                    prose,
                    headers: headers()
                        .map(|(name, header)| source.header(name, header))
                        .collect(),
                    media: source.media(response, Inner::Linked),
                    status,
                });
            } else {
                problems.push(Problem {
                    phrase,
                    prose,
                    codes: source.codes(response),
                    headers: headers().map(|(name, _)| name.to_owned()).collect(),
                    status,
                });
            }
        }
        (answers, problems)
    }

    fn curl(
        &self,
        parameters: &[&'a Value],
        body: &'a Value,
        needs: &[Need],
        schemes: &[Scheme],
    ) -> String {
        let mut request = Request {
            method: &self.method.to_uppercase(),
            target: self.path.to_owned(),
            ..Request::default()
        };
        let header = needs.iter().find_map(|need| {
            let scheme = schemes.iter().find(|scheme| scheme.name == need.name)?;
            scheme.header.clone()
        });
        request.headers.extend(header.map(Header::Key));
        let mut query = String::new();
        for parameter in parameters {
            let name = text(parameter, "name").unwrap_or_default();
            let example = self.source.example(parameter).map(shown);
            match text(parameter, "in") {
                Some("path") => {
                    let value =
                        example.map_or_else(|| name.to_uppercase(), |it| curl::encoded(&it));
                    request.target = request.target.replace(&format!("{{{name}}}"), &value);
                }
                // What is not required is left out: the shortest request that works.
                Some("query") if flag(parameter, "required") => {
                    let sign = if query.is_empty() { '?' } else { '&' };
                    let value = example.unwrap_or_else(|| name.to_uppercase());
                    query += &format!("{sign}{}={}", curl::encoded(name), curl::encoded(&value));
                }
                Some("header") if flag(parameter, "required") => {
                    let value = example.unwrap_or_else(|| name.to_uppercase());
                    request.headers.push(Header::Plain(name, value));
                }
                _ => {}
            }
        }
        request.target += &query;
        request.body = self.source.kinds(body).next().map(|(kind, media)| {
            let example = self.source.examples(kind, media).into_iter().next();
            (kind, example.map(|example| example.value))
        });
        request.line(self.source.document())
    }
}

impl<'a> Source<'a> {
    fn parameter(&self, parameter: &'a Value) -> Parameter {
        Parameter {
            name: text(parameter, "name").unwrap_or_default().to_owned(),
            place: text(parameter, "in").unwrap_or_default().to_owned(),
            required: flag(parameter, "required"),
            cells: self
                .cells(self.value_of(parameter))
                .described(text(parameter, "description")),
        }
    }

    fn header(&self, name: &str, header: &'a Value) -> Parameter {
        let header = self.resolve(header);
        Parameter {
            name: name.to_owned(),
            place: "header".to_owned(),
            ..self.parameter(header)
        }
    }

    /// The schema of a parameter, which may be that of a media type.
    fn value_of(&self, parameter: &'a Value) -> &'a Value {
        match parameter.get("schema") {
            Some(schema) => schema,
            None => self
                .kinds(parameter)
                .next()
                .map_or(parameter, |(_, media)| member(media, "schema")),
        }
    }

    /// The media types of a body.
    fn kinds(&self, body: &'a Value) -> impl Iterator<Item = (&'a str, &'a Value)> {
        members(member(body, "content"))
    }

    fn media(&self, body: &'a Value, inner: Inner) -> Vec<Media> {
        self.kinds(body)
            .map(|(kind, media)| Media {
                kind: kind.to_owned(),
                shape: media.get("schema").map(|schema| self.shape(schema, inner)),
                examples: self.examples(kind, media),
            })
            .collect()
    }

    /// The first example of something that has examples, or whose schema has.
    fn example(&self, of: &'a Value) -> Option<&'a Value> {
        let named = || {
            let (_, example) = members(member(of, "examples")).next()?;
            self.resolve(example).get("value")
        };
        let schema = self.resolve(member(of, "schema"));
        let in_schema = || {
            let listed = items(member(schema, "examples")).next();
            listed.or_else(|| schema.get("example"))
        };
        of.get("example").or_else(named).or_else(in_schema)
    }

    fn examples(&self, kind: &str, media: &'a Value) -> Vec<Example> {
        let is_json = kind.contains("json");
        let shown = |value: &Value| match value {
            Value::String(text) if !is_json => text.clone(),
            value => format!("{value:#}"),
        };
        let named: Vec<Example> = members(member(media, "examples"))
            .map(|(name, example)| (name, self.resolve(example)))
            .filter_map(|(name, example)| {
                Some(Example {
                    title: Some(prose::line(text(example, "summary").unwrap_or(name))),
                    prose: prose::blocks(text(example, "description")),
                    value: shown(example.get("value")?),
                })
            })
            .collect();
        if !named.is_empty() {
            return named;
        }
        let only = self.example(media).map(|value| Example {
            title: None,
            prose: Vec::new(),
            value: shown(value),
        });
        only.into_iter().collect()
    }

    /// The problem codes of a response: those of its examples; without any, those that its schema allows.
    fn codes(&self, response: &'a Value) -> Vec<String> {
        let mut codes = BTreeSet::new();
        for (_, media) in self.kinds(response) {
            let named = members(member(media, "examples"))
                .filter_map(|(_, example)| self.resolve(example).get("value"));
            let examples = media.get("example").into_iter().chain(named);
            codes.extend(examples.filter_map(|example| text(example, "code")));
        }
        if !codes.is_empty() {
            return codes.into_iter().map(str::to_owned).collect();
        }
        self.kinds(response)
            .flat_map(|(_, media)| self.parts(member(media, "schema")))
            .map(|part| self.resolve(member(member(part, "properties"), "code")))
            .flat_map(|code| items(member(code, "enum")).chain(code.get("const")))
            .map(shown)
            .collect()
    }
}

/// What a status means, in HTTP's words.
fn phrase(status: &str) -> &'static str {
    match status {
        "default" => "Anything else",
        "1XX" => "Informational",
        "2XX" => "Success",
        "3XX" => "Redirection",
        "4XX" => "Client error",
        "5XX" => "Server error",
        status => StatusCode::from_bytes(status.as_bytes())
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default(),
    }
}
