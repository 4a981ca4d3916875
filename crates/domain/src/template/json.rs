//! Whether a body is JSON, and which part of its template is to blame where it is not.

use minijinja::machinery::ast::{Expr, Stmt};
use serde::de::IgnoredAny;

use super::evaluate::Part;
use super::{TemplateError, TemplateErrorKind};

/// The longest expression that an error repeats.
const MAX_QUOTED: usize = 100;

/// Checks that a body is JSON.
pub(super) fn check(source: &str, body: &str, parts: &[Part<'_>]) -> Result<(), TemplateError> {
    let Err(error) = serde_json::from_str::<IgnoredAny>(body) else {
        return Ok(());
    };
    let blamed = to_blame(offset(body, &error), parts);
    let line = blamed.map_or(1, |(_, line)| line);
    let printed = blamed.and_then(|(statement, _)| printed(source, statement));
    let detail = match printed {
        Some((written, operand)) => format!(
            "`{{{{ {written} }}}}` makes a body that is not JSON: {error} of the body; write \
             `{{{{ {operand}|tojson }}}}` without quotes around it"
        ),
        None => format!(
            "makes a body that is not JSON: {error} of the body; write each value as \
             `{{{{ value|tojson }}}}` without quotes around it, or set content_type"
        ),
    };
    let mut refused = TemplateError::new(Some(line), detail);
    refused.kind = TemplateErrorKind::NotJson;
    Err(refused)
}

/// Where in the body the error is.
fn offset(body: &str, error: &serde_json::Error) -> usize {
    let before = body
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let line: usize = before.map(str::len).sum();
    line + error.column().saturating_sub(1)
}

/// The statement that wrote what is at this place of the body, and its line.
fn to_blame<'t>(offset: usize, parts: &[Part<'t>]) -> Option<(&'t Stmt<'t>, usize)> {
    let index = parts
        .partition_point(|part| part.start <= offset)
        .checked_sub(1)?;
    let part = &parts[index];
    // A quote at the end of a text is noticed at the character after it.
    if let (Stmt::EmitRaw(_), Some(before)) = (part.statement, index.checked_sub(1))
        && offset <= part.start
        && let Stmt::EmitExpr(print) = parts[before].statement
    {
        return Some((parts[before].statement, print.span().start_line.into()));
    }
    let line = match part.statement {
        Stmt::EmitExpr(print) => print.span().start_line.into(),
        Stmt::EmitRaw(text) => {
            let written = text.raw.get(..offset - part.start).unwrap_or(text.raw);
            usize::from(text.span().start_line) + written.matches('\n').count()
        }
        _ => return None,
    };
    Some((part.statement, line))
}

/// The source of a printed expression that does not make JSON by itself, and as a filter needs it:
/// in brackets where the filter would belong to a part of it only.
fn printed(source: &str, statement: &Stmt<'_>) -> Option<(String, String)> {
    let Stmt::EmitExpr(print) = statement else {
        return None;
    };
    let span = print.span();
    let written = source.get(span.start_offset as usize..span.end_offset as usize)?;
    if written.len() > MAX_QUOTED {
        return None;
    }
    let operand = match &print.expr {
        Expr::Filter(call) if call.name == "tojson" => return None,
        Expr::BinOp(_) | Expr::UnaryOp(_) | Expr::Compare(_) | Expr::IfExpr(_) | Expr::Test(_) => {
            format!("({written})")
        }
        _ => written.to_owned(),
    };
    Some((written.to_owned(), operand))
}
