//! Keeps templates to the language that `docs/templates.md` describes, before the engine compiles
//! them: its parser, compiler and values recurse where a template makes them.
//!
//! This reads the tags as the engine's lexer does. Where it cannot be sure to, it refuses.

use super::vocabulary::{FILTERS, TESTS};
use super::{MAX_BRACKETS, MAX_ELIFS, MAX_SOURCE_BYTES, MAX_TAG_TOKENS, MAX_TOKENS, TemplateError};

const STATEMENTS: [&str; 8] = [
    "if", "elif", "else", "endif", "for", "endfor", "set", "endset",
];

/// Names after which an operand begins, and none has ended.
const KEYWORDS: [&str; 12] = [
    "if", "elif", "else", "for", "set", "in", "is", "not", "and", "or", "endfor", "endset",
];

pub(super) fn check(source: &str) -> Result<(), TemplateError> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(TemplateError::new(
            None,
            format!("a template has at most {MAX_SOURCE_BYTES} bytes"),
        ));
    }
    let mut scanner = Scanner { source, at: 0 };
    let mut totals = Totals::default();
    while let Some(delimiter) = scanner.next_tag() {
        let start = scanner.at;
        let checked = check_tag(&mut scanner, delimiter, &mut totals);
        if let Err(problem) = checked {
            // Of a tag over several lines, the line it has come to.
            let line = source[..scanner.at.max(start)].matches('\n').count() + 1;
            return Err(TemplateError::new(Some(line), problem));
        }
    }
    Ok(())
}

/// What is counted over all tags.
#[derive(Default)]
struct Totals {
    tokens: usize,
    elifs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    /// `{{ … }}`
    Print,
    /// `{% … %}`
    Statement,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'s> {
    /// A name or keyword.
    Word(&'s str),
    /// What follows a dot, never a keyword.
    Field,
    /// The name of a filter or of a test.
    Callable,
    Text,
    Number,
    Sign(char),
}

impl Token<'_> {
    /// Whether a value may end here, so that what follows is an operator.
    fn ends_operand(self) -> bool {
        match self {
            Token::Word(word) => !KEYWORDS.contains(&word),
            Token::Field | Token::Callable | Token::Text | Token::Number => true,
            Token::Sign(sign) => matches!(sign, ')' | ']'),
        }
    }
}

fn check_tag(
    scanner: &mut Scanner<'_>,
    delimiter: Delimiter,
    totals: &mut Totals,
) -> Result<(), String> {
    // Before the tag there is nothing, which no operand can follow.
    let mut last = Token::Sign('{');
    let mut before_last = last;
    let mut brackets: Vec<char> = Vec::new();
    let mut statement = None;
    // In the head of a `for` until its `in`, of a `set` until its `=`.
    let mut in_target = false;
    let mut count = 0;
    while let Some(raw) = scanner.next_token(delimiter, brackets.len()) {
        count += 1;
        totals.tokens += 1;
        if count > MAX_TAG_TOKENS {
            return Err(format!(
                "a tag has at most {MAX_TAG_TOKENS} names, texts, numbers and signs"
            ));
        }
        if totals.tokens > MAX_TOKENS {
            return Err(format!(
                "the tags of a template have at most {MAX_TOKENS} names, texts, numbers and signs"
            ));
        }
        let mut token = raw;
        if delimiter == Delimiter::Statement && statement.is_none() {
            let name = match raw {
                Token::Word(name) => name,
                _ => "",
            };
            if !STATEMENTS.contains(&name) {
                return Err(format!(
                    "`{name}` is not a statement; there are {}",
                    STATEMENTS.join(", ")
                ));
            }
            // The engine nests each in the one before.
            totals.elifs += usize::from(name == "elif");
            if totals.elifs > MAX_ELIFS {
                return Err(format!("a template has at most {MAX_ELIFS} `elif`"));
            }
            statement = Some(name);
            in_target = matches!(name, "for" | "set");
        } else if let Token::Word(word) = raw {
            let after_is = last == Token::Word("is")
                || (last == Token::Word("not") && before_last == Token::Word("is"));
            if last == Token::Sign('.') {
                token = Token::Field;
            } else if last == Token::Sign('|') {
                known("filter", word, &FILTERS)?;
                token = Token::Callable;
            } else if after_is && word != "not" {
                known("test", word, &TESTS)?;
                token = Token::Callable;
            } else if KEYWORDS.contains(&word) && word != "not" && !last.ends_operand() {
                // To the engine it would be the name of a variable.
                return Err(format!("`{word}` is not a name"));
            } else if word == "in" {
                if !(in_target && statement == Some("for") && brackets.is_empty()) {
                    return Err("`in` is written as a test: `a is in(b)`".to_owned());
                }
                in_target = false;
            } else if word == "recursive" {
                return Err("there are no recursive loops".to_owned());
            }
        }
        match token {
            Token::Sign('+') => {
                return Err("there is no `+`; texts are joined with `~`".to_owned());
            }
            Token::Sign('*') => return Err("there is no `*`".to_owned()),
            // The filters of a `set` block are no target either.
            Token::Sign('=' | '|') if brackets.is_empty() => in_target = false,
            // As hexadecimal, with an exponent, or as `1.`, it might end elsewhere for the engine.
            Token::Number if !scanner.after_plain_number() => {
                return Err("a number has digits only: `1`, `1.5`".to_owned());
            }
            Token::Sign('{') => return Err(NO_LITERALS.to_owned()),
            Token::Sign('[') => {
                // After the name of a test this would be its argument.
                if !last.ends_operand() || last == Token::Callable {
                    return Err(NO_LITERALS.to_owned());
                }
                brackets.push('[');
            }
            Token::Sign('(') => match last {
                Token::Callable => brackets.push('c'),
                _ if last.ends_operand() => {
                    return Err("there are no functions, only filters: `value|filter`".to_owned());
                }
                _ => brackets.push('('),
            },
            Token::Sign(closing @ (')' | ']' | '}')) => match brackets.pop() {
                None => return Err(format!("`{closing}` without an opening one")),
                Some('(') if last == Token::Sign('(') => return Err(NO_LITERALS.to_owned()),
                Some(_) => {}
            },
            Token::Sign(',') if brackets.last() != Some(&'c') && !in_target => {
                return Err(NO_LITERALS.to_owned());
            }
            _ => {}
        }
        if brackets.len() > MAX_BRACKETS {
            return Err(format!("brackets nest at most {MAX_BRACKETS} deep"));
        }
        before_last = last;
        last = token;
    }
    Ok(())
}

const NO_LITERALS: &str = "a template cannot make lists or objects";

fn known(what: &str, name: &str, all: &[&str]) -> Result<(), String> {
    if all.contains(&name) {
        return Ok(());
    }
    Err(format!(
        "unknown {what} `{name}`; there are {}",
        all.join(", ")
    ))
}

/// Where the engine's lexer would be.
struct Scanner<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Scanner<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    /// Whether the digits just read are followed by no letter, nor by a point without a digit.
    fn after_plain_number(&self) -> bool {
        let mut following = self.rest().chars();
        match following.next() {
            Some('.') => following.next().is_some_and(|c| c.is_ascii_digit()),
            Some(c) => !(c.is_ascii_alphanumeric() || c == '_'),
            None => true,
        }
    }

    /// Skips text and comments, and the opening of the next tag.
    fn next_tag(&mut self) -> Option<Delimiter> {
        loop {
            self.at += self.rest().find('{')?;
            let delimiter = match self.rest().as_bytes().get(1) {
                Some(b'{') => Some(Delimiter::Print),
                Some(b'%') => Some(Delimiter::Statement),
                Some(b'#') => None,
                _ => {
                    self.at += 1;
                    continue;
                }
            };
            self.at += 2;
            if self.rest().starts_with(['-', '+']) {
                self.at += 1;
            }
            match delimiter {
                Some(delimiter) => return Some(delimiter),
                None => self.at += self.rest().find("#}")? + 2,
            }
        }
    }

    /// The next token of a tag; none at its end, which is skipped, or at the template's.
    fn next_token(&mut self, delimiter: Delimiter, open_brackets: usize) -> Option<Token<'s>> {
        self.at += self.rest().len() - self.rest().trim_ascii_start().len();
        let rest = self.rest();
        let end = match delimiter {
            Delimiter::Print => "}}",
            Delimiter::Statement => "%}",
        };
        if open_brackets == 0 {
            let trimmed = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            if let Some(after) = trimmed.strip_prefix(end) {
                self.at = self.source.len() - after.len();
                return None;
            }
        }
        let first = rest.chars().next()?;
        let (length, token) = match first {
            '\'' | '"' => (text_length(rest), Token::Text),
            '0'..='9' => (
                rest.find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len()),
                Token::Number,
            ),
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                (length, Token::Word(&rest[..length]))
            }
            _ => (first.len_utf8(), Token::Sign(first)),
        };
        self.at += length;
        Some(token)
    }
}

/// The length of the quoted text at the start of `rest`, all of it if the text does not end.
fn text_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == bytes[0] => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}
