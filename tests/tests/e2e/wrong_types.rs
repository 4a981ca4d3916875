//! Bodies with a member of a wrong type, for every member that the OpenAPI document has: each is refused with the member's
//! pointer, in words of the API.

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Problem, Service};
use http::Method;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Words that belong to the code and not to the API.
const WORDS_OF_CODE: [&str; 28] = [
    "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "f32", "f64", "bool",
    "str", "String", "struct", "enum", "Option", "Some", "None", "Vec", "variant", "map",
    "sequence", "newtype", "tuple", "unit", "untagged",
];

/// How deep schemas are followed; deeper ones are recursive.
const DEPTH: usize = 5;

/// What an operation takes as its body.
struct Body<'d> {
    method: Method,
    path: &'d str,
    media_type: &'d str,
    schema: &'d Value,
    example: Value,
}

#[tokio::test]
async fn a_member_of_a_wrong_type_is_refused_with_its_pointer_in_plain_words() -> Result<()> {
    let account = Service::shared().account();
    let hook = account.hook("message.sent", "http://127.0.0.1:9/").await?;
    let document = account.api.get("/openapi.json").await?.json(200)?;
    let mut sent = 0;
    let mut wrong = Vec::new();
    for body in bodies(&document)? {
        let path = body
            .path
            .replace("{account}", &account.id)
            .replace("{trigger}", &hook.trigger)
            .replace("{action}", &hook.action)
            .replace("{key}", "type.of_this_test");
        ensure!(!path.contains('{'), "{path} has a parameter of a new kind");
        let validator = validator(&document, body.schema)?;
        let mut pointers = Vec::new();
        places(
            &document,
            body.schema,
            &body.example,
            "",
            DEPTH,
            &mut pointers,
        );
        for pointer in pointers {
            for value in values() {
                let mut posted = body.example.clone();
                put(&mut posted, &pointer, value.clone())?;
                // In a merge patch, null takes away what it names.
                let takes_away = body.method == Method::PATCH && value.is_null();
                if takes_away || validator.is_valid(&posted) {
                    continue;
                }
                let headers = [("content-type", body.media_type)];
                let text = posted.to_string();
                sent += 1;
                let answer = async {
                    let method = body.method.clone();
                    let reply = account.api.send(method, &path, &headers, text).await?;
                    is_refused(&reply.problem(422)?, &pointer)
                };
                if let Err(error) = answer.await {
                    let (method, path) = (&body.method, body.path);
                    let error: String = format!("{error:#}").chars().take(300).collect();
                    wrong.push(format!("{method} {path} {pointer:?} = {value}: {error}"));
                }
            }
        }
    }
    ensure!(
        wrong.is_empty(),
        "{} of {sent}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    ensure!(sent > 1_000, "only {sent} bodies were posted");
    Ok(())
}

/// Something of each JSON type.
fn values() -> [Value; 7] {
    [
        json!(null),
        json!(true),
        json!(-7.5),
        json!("text"),
        json!([]),
        json!([[7]]),
        json!({ "member": 7 }),
    ]
}

/// The bodies of all operations that take JSON.
fn bodies(document: &Value) -> Result<Vec<Body<'_>>> {
    let mut bodies = Vec::new();
    for (path, item) in document["paths"].as_object().context("paths")? {
        for (method, operation) in item.as_object().context("operations")? {
            let Some(contents) = operation["requestBody"]["content"].as_object() else {
                continue;
            };
            let mut schemas: Vec<&Value> = Vec::new();
            for (media_type, content) in contents {
                let schema = &content["schema"];
                if schemas.contains(&schema) {
                    continue;
                }
                schemas.push(schema);
                let named = content["examples"].as_object().into_iter().flatten();
                let named = named.map(|(_, named)| &named["value"]);
                for example in named.chain(content.get("example")) {
                    bodies.push(Body {
                        method: method.to_uppercase().parse()?,
                        path,
                        media_type,
                        schema,
                        example: example.clone(),
                    });
                }
            }
        }
    }
    ensure!(bodies.len() > 15, "only {} bodies", bodies.len());
    Ok(bodies)
}

fn validator(document: &Value, schema: &Value) -> Result<Validator> {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
    Ok(options
        .build(&schema)
        .map_err(jsonschema::ValidationError::to_owned)?)
}

/// The pointers of the whole and of each member, whether the example has it or not.
fn places(
    document: &Value,
    schema: &Value,
    example: &Value,
    at: &str,
    depth: usize,
    found: &mut Vec<String>,
) {
    if !found.iter().any(|known| known == at) {
        found.push(at.to_owned());
    }
    if depth == 0 {
        return;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference
            .strip_prefix('#')
            .and_then(|it| document.pointer(it));
        places(
            document,
            target.unwrap_or(&Value::Null),
            example,
            at,
            depth,
            found,
        );
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for part in schema[keyword].as_array().into_iter().flatten() {
            places(document, part, example, at, depth - 1, found);
        }
    }
    let is_open = |kind: fn(&Value) -> bool| example.is_null() || kind(example);
    let properties = schema["properties"].as_object();
    let properties = properties.filter(|_| is_open(Value::is_object));
    for (name, schema) in properties.into_iter().flatten() {
        let name_in_pointer = name.replace('~', "~0").replace('/', "~1");
        let at = format!("{at}/{name_in_pointer}");
        places(document, schema, &example[name], &at, depth - 1, found);
    }
    if schema["items"].is_object() && is_open(Value::is_array) {
        let at = format!("{at}/0");
        places(
            document,
            &schema["items"],
            &example[0],
            &at,
            depth - 1,
            found,
        );
    }
}

/// Puts a value into a body, and objects or lists around it where there are none.
fn put(body: &mut Value, pointer: &str, value: Value) -> Result<()> {
    let mut place = body;
    for name in pointer.split('/').skip(1) {
        let name = name.replace("~1", "/").replace("~0", "~");
        place = if name == "0" {
            if !place.is_array() {
                *place = json!([]);
            }
            let Value::Array(list) = place else {
                bail!("no list");
            };
            if list.is_empty() {
                list.push(Value::Null);
            }
            &mut list[0]
        } else {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            &mut place[name]
        };
    }
    *place = value;
    Ok(())
}

/// Checks that a problem is about the member, something in it or something that it is in but the whole, and has no word of
/// the code.
fn is_refused(problem: &Problem, pointer: &str) -> Result<()> {
    let within = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut pointers = problem.errors.iter().map(|(pointer, _)| pointer);
    let is_named = pointers
        .any(|found| within(found, pointer) || (!found.is_empty() && within(pointer, found)));
    ensure!(is_named, "{:?}", problem.errors);
    let text = problem.body.to_string();
    ensure!(!text.contains("invalid type"), "{text}");
    let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let found = words.find(|word| WORDS_OF_CODE.contains(word));
    ensure!(found.is_none(), "{found:?} in {text}");
    Ok(())
}
