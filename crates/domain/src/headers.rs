//! Headers of its own that an action adds to its requests, and its content type.
//!
//! Source: [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110), sections 5.1 (names), 5.5 (values),
//! 5.6 (tokens, quoted strings, parameters) and 8.3.1 (media types). Values keep to visible ASCII,
//! spaces and tabs: what lies beyond is obsolete there and means nothing that two ends agree on.
//!
//! `user-agent` may be set, because some receivers let in only agents that they know; it replaces
//! the service's own. Names that start with `webhook-` belong to the service and to
//! [Standard Webhooks](https://www.standardwebhooks.com/).

use std::fmt;

/// The most headers of one action.
pub const MAX_COUNT: usize = 20;
/// The most bytes that the names and values of one action's headers take together.
pub const MAX_BYTES: usize = 4 * 1024;
/// The longest content type, in bytes.
pub const MAX_CONTENT_TYPE: usize = 255;
/// How much of a name a refusal repeats, in characters.
const MAX_SHOWN_NAME: usize = 100;

/// What the name of a header has in it that most likely carries a credential.
pub const SECRET_WORDS: [&str; 7] = [
    "authorization",
    "cookie",
    "key",
    "token",
    "secret",
    "password",
    "signature",
];

/// What is shown in the place of a value that the reader may not see.
pub const NOT_SHOWN: &str = "(not shown)";

/// Whether the value of a header of this name, in lower case, is secret unless the action says
/// otherwise.
pub fn sounds_secret(name: &str) -> bool {
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// The headers that an action adds, in their order: names in lower case, none twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomHeaders(Vec<Header>);

/// A struct and no pair, so that a value can say more of itself than its text.
#[derive(Clone, PartialEq, Eq)]
struct Header {
    name: String,
    value: String,
}

/// What is wrong with a header or a content type: a clause that follows its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRefusal {
    /// The name is no token.
    #[error("is no header name: it has to consist of letters, digits and !#$%&'*+-.^_`|~")]
    Name,
    /// The name belongs to the service or to the connection.
    #[error("cannot be set: {0}")]
    Reserved(&'static str),
    /// The same name, in whatever case, comes earlier.
    #[error("is given twice (upper and lower case do not differ in header names)")]
    Duplicate,
    /// The value holds something else than visible ASCII, spaces and tabs.
    #[error("has the character U+{:04X} in its value: only visible ASCII, spaces and tabs are allowed", u32::from(*.0))]
    Character(char),
    /// The value is what stands for one that is not shown.
    #[error(
        "has the value {NOT_SHOWN:?}, which stands for one that is not shown: send the value itself, or leave the header out"
    )]
    NotShown,
    /// The value starts or ends with a space or a tab.
    #[error("has a value that starts or ends with a space or tab")]
    OuterSpace,
    /// There are more than [`MAX_COUNT`] headers; this is the first beyond.
    #[error("is one too many: an action has at most {MAX_COUNT} headers")]
    TooMany,
    /// Names and values are longer than [`MAX_BYTES`]; this is the header that crosses the limit.
    #[error("makes the headers too long: at most {MAX_BYTES} bytes of names and values in all")]
    TooLarge,
    /// The content type is no media type.
    #[error("is no media type, such as application/json or text/plain; charset=utf-8")]
    MediaType,
    /// The content type names a parameter twice.
    #[error("has the same parameter twice")]
    DuplicateParameter,
    /// The content type is longer than [`MAX_CONTENT_TYPE`].
    #[error("is too long: at most {MAX_CONTENT_TYPE} bytes")]
    LongContentType,
}

impl CustomHeaders {
    /// Parses pairs of name and value.
    ///
    /// # Errors
    ///
    /// Each header that is refused: its name as given (cut short when it is very long), and the
    /// first thing that is wrong with it. Headers beyond the limits are reported once.
    pub fn parse(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<(String, HeaderRefusal)>> {
        let mut headers: Vec<Header> = Vec::new();
        let mut refusals = Vec::new();
        let mut bytes = 0;
        for (index, (given, value)) in pairs.into_iter().enumerate() {
            if index == MAX_COUNT {
                refusals.push((shown(&given), HeaderRefusal::TooMany));
                break;
            }
            bytes += given.len() + value.len();
            if bytes > MAX_BYTES {
                refusals.push((shown(&given), HeaderRefusal::TooLarge));
                break;
            }
            let name = given.to_ascii_lowercase();
            let is_duplicate = headers.iter().any(|header| header.name == name);
            match check_name(&name).and_then(|()| check_value(&value)) {
                Ok(()) if is_duplicate => refusals.push((shown(&given), HeaderRefusal::Duplicate)),
                Ok(()) => headers.push(Header { name, value }),
                Err(refusal) => refusals.push((shown(&given), refusal)),
            }
        }
        if refusals.is_empty() {
            Ok(Self(headers))
        } else {
            Err(refusals)
        }
    }

    /// Names, in lower case, and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|header| (header.name.as_str(), header.value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Values are often credentials, so they stay out of whatever prints them for debugging.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: …", self.name)
    }
}

/// Parses a media type with its parameters, for an action's `content_type`, and gives its normal
/// form: `text/plain; charset=utf-8`. Type, subtype and names of parameters turn to lower case.
///
/// # Errors
///
/// When it is no media type, is a wildcard, names a parameter twice or is too long.
pub fn parse_content_type(text: &str) -> Result<String, HeaderRefusal> {
    if text.len() > MAX_CONTENT_TYPE {
        return Err(HeaderRefusal::LongContentType);
    }
    let media_type_end = text.find(';').unwrap_or(text.len());
    let (media_type, mut rest) = text.split_at(media_type_end);
    let media_type = media_type.trim_end_matches(is_space);
    let (kind, subtype) = media_type.split_once('/').ok_or(HeaderRefusal::MediaType)?;
    // A wildcard is made of token characters, but it names no type of a body.
    if !is_token(kind) || !is_token(subtype) || kind == "*" || subtype == "*" {
        return Err(HeaderRefusal::MediaType);
    }
    let mut parsed = media_type.to_ascii_lowercase();
    let mut names = Vec::new();
    while let Some(after) = rest.strip_prefix(';') {
        rest = after.trim_start_matches(is_space);
        // RFC 9110 lets a parameter be missing between semicolons and after the last one.
        if rest.is_empty() || rest.starts_with(';') {
            continue;
        }
        let (name, after) = rest.split_once('=').ok_or(HeaderRefusal::MediaType)?;
        let value_length = parameter_value_length(after).ok_or(HeaderRefusal::MediaType)?;
        let (value, after) = after.split_at(value_length);
        rest = after.trim_start_matches(is_space);
        let name = name.to_ascii_lowercase();
        if !is_token(&name) {
            return Err(HeaderRefusal::MediaType);
        }
        if names.contains(&name) {
            return Err(HeaderRefusal::DuplicateParameter);
        }
        parsed.push_str(&format!("; {name}={value}"));
        names.push(name);
    }
    if !rest.is_empty() {
        return Err(HeaderRefusal::MediaType);
    }
    // The normal form has a space after each semicolon, so it can be the longer of the two.
    if parsed.len() > MAX_CONTENT_TYPE {
        return Err(HeaderRefusal::LongContentType);
    }
    Ok(parsed)
}

/// The length of the token or quoted string that the text starts with.
fn parameter_value_length(text: &str) -> Option<usize> {
    if !text.starts_with('"') {
        let length = text
            .bytes()
            .position(|byte| !is_token_byte(byte))
            .unwrap_or(text.len());
        return (length > 0).then_some(length);
    }
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'\t' | b' '..=b'~' if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(index + 1),
            b'\t' | b' '..=b'~' => {}
            _ => return None,
        }
    }
    None
}

/// Checks a name in lower case.
fn check_name(name: &str) -> Result<(), HeaderRefusal> {
    if !is_token(name) {
        return Err(HeaderRefusal::Name);
    }
    let whose = match name {
        "host" => "it follows from the URL",
        "content-length" => "it follows from the body",
        "content-type" => "it has a field of its own, content_type",
        "date" => {
            "it would tell the same time on every attempt; webhook-timestamp tells the real one"
        }
        // RFC 9110, section 7.6.1, and what the connection's two ends agree on besides.
        "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade"
        | "http2-settings" | "expect" => "it belongs to the connection, not to the request",
        _ if name.starts_with("proxy-") => "it belongs to the connection, not to the request",
        _ if name.starts_with("webhook-") => "names that start with webhook- are the service's own",
        _ => return Ok(()),
    };
    Err(HeaderRefusal::Reserved(whose))
}

fn check_value(value: &str) -> Result<(), HeaderRefusal> {
    let is_allowed = |character: char| matches!(character, '\t' | ' '..='~');
    if let Some(unfit) = value.chars().find(|character| !is_allowed(*character)) {
        return Err(HeaderRefusal::Character(unfit));
    }
    if value == NOT_SHOWN {
        return Err(HeaderRefusal::NotShown);
    }
    if value.starts_with(is_space) || value.ends_with(is_space) {
        return Err(HeaderRefusal::OuterSpace);
    }
    Ok(())
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn shown(name: &str) -> String {
    match name.char_indices().nth(MAX_SHOWN_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
