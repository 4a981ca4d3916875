//! What there is to say of an operation beside its route, made so that a file of them reads like a table.

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    Access, Operation, Route as _,
    document::{parameters, paths::Tag, problems::Problem, schema::Schema},
};

/// The media type of most bodies.
pub(crate) const JSON: &str = "application/json";

/// The parameters of conditional requests (RFC 9110, 13.1).
const CONDITIONS: [&str; 2] = ["if-match", "if-none-match"];

/// What an operation does.
#[derive(Debug)]
pub(crate) struct Description {
    members: Map<String, Value>,
    parameters: Vec<Value>,
    responses: Map<String, Value>,
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct Body {
    description: &'static str,
    required: bool,
    contents: Map<String, Value>,
}

/// What is answered, when all goes well.
#[derive(Debug)]
pub(crate) struct Answer {
    description: &'static str,
    content: Option<Value>,
    headers: Map<String, Value>,
    links: Map<String, Value>,
}

impl Description {
    /// An operation's title.
    pub(crate) fn new(summary: &str) -> Self {
        Self {
            members: Map::from_iter([("summary".to_owned(), summary.into())]),
            parameters: Vec::new(),
            responses: Map::new(),
        }
    }

    /// What it does, in a few sentences.
    #[must_use]
    pub(crate) fn says(mut self, description: impl Into<String>) -> Self {
        let description = description.into();
        self.members
            .insert("description".into(), description.into());
        self
    }

    /// The parameters that it takes beside those of its path.
    #[must_use]
    pub(crate) fn takes(mut self, parameters: impl IntoIterator<Item = Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// What is sent, with the problems that a body can have.
    #[must_use]
    pub(crate) fn body(mut self, body: Body) -> Self {
        self.members.insert("requestBody".into(), body.into_value());
        self.problems([Problem::UnsupportedMediaType, Problem::Invalid])
    }

    /// What is answered with this status.
    #[must_use]
    pub(crate) fn answers(mut self, status: u16, answer: Answer) -> Self {
        self.responses
            .insert(status.to_string(), answer.into_value());
        self
    }

    /// A `GET` that takes conditions and answers 304 to a caller who has this version.
    #[must_use]
    pub(crate) fn conditional_read(self, etag: &str) -> Self {
        self.takes(CONDITIONS.map(parameters::shared))
            .answers(
                304,
                Answer::empty("`If-None-Match` names this version.").header("ETag", etag),
            )
            .problems([Problem::PreconditionFailed])
    }

    /// A change that takes conditions.
    #[must_use]
    pub(crate) fn conditional_change(self) -> Self {
        self.takes(CONDITIONS.map(parameters::shared))
            .problems([Problem::PreconditionFailed])
    }

    /// A `POST` that creates something once under an idempotency key. Call it after
    /// [`Self::body`], whose problems it extends.
    #[must_use]
    pub(crate) fn creates_once(self) -> Self {
        self.takes([parameters::shared("idempotency-key")])
            .problems([Problem::Conflict, Problem::InvalidOrReused])
    }

    /// What can go wrong, beside what is told already. The later word counts for one status.
    #[must_use]
    pub(crate) fn problems(mut self, problems: impl IntoIterator<Item = Problem>) -> Self {
        for problem in problems {
            self.responses
                .insert(problem.status().to_string(), problem.reference());
        }
        self
    }

    /// The operation as the document has it. The problems that every operation of its kind can have are added where nothing else
    /// is said of their status.
    pub(crate) fn of(mut self, operation: Operation, tag: Tag) -> Value {
        let mut problems = vec![Problem::Internal, Problem::Unavailable];
        if operation.access() == Access::Open {
            self.members.insert("security".into(), json!([]));
        } else {
            problems.extend([
                Problem::BadRequest,
                Problem::Unauthorized,
                Problem::Forbidden,
                Problem::TooManyRequests,
            ]);
        }
        // A body is read before it is known whether one is wanted.
        if operation.method() != Method::GET {
            problems.push(Problem::TooLarge);
        }
        for problem in problems {
            self.responses
                .entry(problem.status().to_string())
                .or_insert_with(|| problem.reference());
        }
        if !self.parameters.is_empty() {
            let parameters = self.parameters.into();
            self.members.insert("parameters".into(), parameters);
        }
        self.members
            .insert("operationId".into(), operation.id().into());
        self.members.insert("tags".into(), json!([tag.name]));
        self.members
            .insert("responses".into(), self.responses.into());
        self.members.into()
    }
}

/// A body with an example.
fn content(schema: Schema, example: Value) -> Value {
    json!({ "schema": Value::from(schema), "example": example })
}

impl Body {
    /// JSON.
    pub(crate) fn json(description: &'static str, schema: Schema, example: Value) -> Self {
        Self {
            description,
            required: true,
            contents: Map::new(),
        }
        .or(JSON, schema, example)
    }

    /// A JSON merge patch (RFC 7396), which is taken as plain JSON, too.
    pub(crate) fn merge_patch(schema: Schema, example: Value) -> Self {
        let description = "A JSON merge patch (RFC 7396): the members to change. Null brings back \
                           the default.";
        Self::json(description, schema.clone(), example.clone()).or(
            "application/merge-patch+json",
            schema,
            example,
        )
    }

    /// The same, in another media type.
    #[must_use]
    pub(crate) fn or(mut self, media_type: &str, schema: Schema, example: Value) -> Self {
        self.contents
            .insert(media_type.to_owned(), content(schema, example));
        self
    }

    /// The same with these named examples of JSON in the place of the one it has.
    #[must_use]
    pub(crate) fn examples<const N: usize>(mut self, examples: [(&str, &str, Value); N]) -> Self {
        let examples: Map<_, _> = examples
            .into_iter()
            .map(|(name, summary, value)| {
                let example = json!({ "summary": summary, "value": value });
                (name.to_owned(), example)
            })
            .collect();
        if let Some(Value::Object(content)) = self.contents.get_mut(JSON) {
            content.remove("example");
            content.insert("examples".into(), examples.into());
        }
        self
    }

    /// The same, for a body that need not be there.
    #[must_use]
    pub(crate) fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    fn into_value(self) -> Value {
        json!({
            "description": self.description,
            "required": self.required,
            "content": self.contents,
        })
    }
}

impl Answer {
    /// No body.
    pub(crate) fn empty(description: &'static str) -> Self {
        Self {
            description,
            content: None,
            headers: Map::new(),
            links: Map::new(),
        }
    }

    /// JSON.
    pub(crate) fn json(description: &'static str, schema: Schema, example: Value) -> Self {
        Self {
            content: Some(json!({ JSON: content(schema, example) })),
            ..Self::empty(description)
        }
    }

    /// Text of this media type.
    pub(crate) fn text(description: &'static str, media_type: &str, example: &str) -> Self {
        let text = content(crate::document::schema::text(), example.into());
        Self {
            content: Some(json!({ media_type: text })),
            ..Self::empty(description)
        }
    }

    /// The same with a header, by its name among the components.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, component: &str) -> Self {
        let reference = json!({ "$ref": format!("#/components/headers/{component}") });
        self.headers.insert(name.to_owned(), reference);
        self
    }

    /// The same with the operation that goes on from here, and where its parameters are.
    #[must_use]
    pub(crate) fn link<const N: usize>(
        mut self,
        operation: Operation,
        parameters: [(&str, &str); N],
    ) -> Self {
        let parameters: Map<_, _> = parameters
            .into_iter()
            .map(|(name, place)| (name.to_owned(), Value::from(place)))
            .collect();
        let link = json!({ "operationId": operation.id(), "parameters": parameters });
        self.links.insert(operation.id(), link);
        self
    }

    fn into_value(self) -> Value {
        let mut answer = json!({ "description": self.description });
        if let Some(content) = self.content {
            answer["content"] = content;
        }
        if !self.headers.is_empty() {
            answer["headers"] = self.headers.into();
        }
        if !self.links.is_empty() {
            answer["links"] = self.links.into();
        }
        answer
    }
}

/// Where a link's parameter comes from: the account of the request's path.
pub(crate) const SAME_ACCOUNT: (&str, &str) = ("account", "$request.path.account");
