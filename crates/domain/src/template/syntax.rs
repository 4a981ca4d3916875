//! From the source of a template to its syntax tree, kept to the language that `docs/templates.md`
//! describes.
//!
//! Lexer and parser are minijinja's. Both recurse where a template nests, so the tokens are counted
//! before anything is parsed.

use minijinja::machinery::{Token, ast, parse as parse_jinja, tokenize};

use super::vocabulary::{Signature, filter, test};
use super::{MAX_BRACKETS, MAX_ELIFS, MAX_SOURCE_BYTES, MAX_TAG_TOKENS, MAX_TOKENS, TemplateError};

const STATEMENTS: [&str; 8] = [
    "if", "elif", "else", "endif", "for", "endfor", "set", "endset",
];

/// Words that the parser would take for the names of variables.
const KEYWORDS: [&str; 9] = ["if", "elif", "else", "for", "in", "is", "not", "and", "or"];

const NO_LITERALS: &str = "a template cannot make lists or objects";
const NO_FUNCTIONS: &str = "there are no functions, only filters: `value|filter`";

/// A template that is in order.
pub(super) struct Tree<'s>(ast::Stmt<'s>);

impl<'s> Tree<'s> {
    pub(super) fn parse(source: &'s str) -> Result<Self, TemplateError> {
        if source.len() > MAX_SOURCE_BYTES {
            let detail = format!("a template has at most {MAX_SOURCE_BYTES} bytes");
            return Err(TemplateError::new(None, detail));
        }
        count_tokens(source)?;
        let tree = parse_jinja(source, "template", Default::default()).map_err(|error| {
            let kind = error.kind();
            let detail = error
                .detail()
                .map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}"));
            TemplateError::new(error.line(), detail)
        })?;
        let tree = Self(tree);
        check_statements(tree.statements())?;
        Ok(tree)
    }

    pub(super) fn statements(&self) -> &[ast::Stmt<'s>] {
        match &self.0 {
            ast::Stmt::Template(template) => &template.children,
            only => std::slice::from_ref(only),
        }
    }
}

/// Counts what makes the parser recurse, and names statements that there are not.
fn count_tokens(source: &str) -> Result<(), TemplateError> {
    let mut all = 0;
    let mut in_tag = 0;
    let mut elifs = 0;
    let mut brackets = 0_usize;
    let mut is_statement = false;
    // What is no token the parser reports.
    for (token, span) in tokenize(source, false, Default::default()).map_while(Result::ok) {
        let refuse = |detail| Err(TemplateError::new(Some(span.start_line.into()), detail));
        match token {
            Token::TemplateData(_) | Token::VariableEnd | Token::BlockEnd => continue,
            Token::VariableStart | Token::BlockStart => {
                is_statement = matches!(token, Token::BlockStart);
                (in_tag, brackets) = (0, 0);
                continue;
            }
            Token::Ident(name) if is_statement => {
                is_statement = false;
                if !STATEMENTS.contains(&name) {
                    let all = STATEMENTS.join(", ");
                    return refuse(format!("`{name}` is not a statement; there are {all}"));
                }
                elifs += usize::from(name == "elif");
                if elifs > MAX_ELIFS {
                    return refuse(format!("a template has at most {MAX_ELIFS} `elif`"));
                }
            }
            Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => brackets += 1,
            Token::BracketClose | Token::ParenClose | Token::BraceClose => {
                brackets = brackets.saturating_sub(1);
            }
            _ => {}
        }
        in_tag += 1;
        all += 1;
        if in_tag > MAX_TAG_TOKENS {
            return refuse(format!(
                "a tag has at most {MAX_TAG_TOKENS} names, texts, numbers and signs"
            ));
        }
        if all > MAX_TOKENS {
            return refuse(format!(
                "the tags of a template have at most {MAX_TOKENS} names, texts, numbers and signs"
            ));
        }
        if brackets > MAX_BRACKETS {
            return refuse(format!("brackets nest at most {MAX_BRACKETS} deep"));
        }
    }
    Ok(())
}

fn check_statements(statements: &[ast::Stmt<'_>]) -> Result<(), TemplateError> {
    for statement in statements {
        match statement {
            ast::Stmt::EmitRaw(_) => {}
            ast::Stmt::EmitExpr(print) => check(&print.expr)?,
            ast::Stmt::Set(set) => {
                check_target(&set.target)?;
                check(&set.expr)?;
            }
            ast::Stmt::SetBlock(set) => {
                check_target(&set.target)?;
                set.filter.as_ref().map_or(Ok(()), check)?;
                check_statements(&set.body)?;
            }
            ast::Stmt::ForLoop(each) => {
                if each.recursive {
                    let line = Some(each.span().start_line.into());
                    return Err(TemplateError::new(line, "there are no recursive loops"));
                }
                check_target(&each.target)?;
                check(&each.iter)?;
                each.filter_expr.as_ref().map_or(Ok(()), check)?;
                check_statements(&each.body)?;
                check_statements(&each.else_body)?;
            }
            ast::Stmt::IfCond(condition) => {
                let mut next = Some(&**condition);
                while let Some(condition) = next {
                    check(&condition.expr)?;
                    check_statements(&condition.true_body)?;
                    next = elif(condition);
                    if next.is_none() {
                        check_statements(&condition.false_body)?;
                    }
                }
            }
            _ => return Err(TemplateError::new(None, "there is no such statement")),
        }
    }
    Ok(())
}

/// The condition of an `elif`, which the parser puts into the `else` of the one before.
pub(super) fn elif<'t, 's>(condition: &'t ast::IfCond<'s>) -> Option<&'t ast::IfCond<'s>> {
    match condition.false_body.as_slice() {
        [ast::Stmt::IfCond(next)] => Some(next),
        _ => None,
    }
}

/// The names that a `for` or `set` gives values to.
pub(super) fn targets<'t, 's>(target: &'t ast::Expr<'s>) -> Option<Vec<&'s str>> {
    let name = |target: &ast::Expr<'s>| match target {
        ast::Expr::Var(name) => Some(name.id),
        _ => None,
    };
    match target {
        ast::Expr::List(list) => list.items.iter().map(name).collect(),
        one => name(one).map(|name| vec![name]),
    }
}

fn check_target(target: &ast::Expr<'_>) -> Result<(), TemplateError> {
    if targets(target).is_none() {
        return Err(refused(
            target,
            "a value is given to a name: `name = value`",
        ));
    }
    Ok(())
}

/// Checks an expression and all that it is made of.
fn check(expression: &ast::Expr<'_>) -> Result<(), TemplateError> {
    // A list rather than recursion, for operators nest as long as their chain is.
    let mut all = vec![expression];
    while let Some(expr) = all.pop() {
        let refuse = |detail: &str| Err(refused(expr, detail));
        match expr {
            ast::Expr::Var(name) if KEYWORDS.contains(&name.id) => {
                return refuse(&format!("`{}` is not a name", name.id));
            }
            ast::Expr::Var(_) | ast::Expr::Const(_) => {}
            ast::Expr::Slice(slice) => {
                if slice.step.is_some() {
                    return refuse("a part has no step: `[from:to]`");
                }
                all.extend(slice.stop.iter().chain(&slice.start));
                all.push(&slice.expr);
            }
            ast::Expr::UnaryOp(operation) => all.push(&operation.expr),
            ast::Expr::BinOp(operation) => {
                match operation.op {
                    ast::BinOpKind::Add => {
                        return refuse("there is no `+`; texts are joined with `~`");
                    }
                    ast::BinOpKind::Mul | ast::BinOpKind::Pow => return refuse("there is no `*`"),
                    _ => {}
                }
                all.extend([&operation.right, &operation.left]);
            }
            ast::Expr::Compare(chain) => {
                all.extend(chain.ops.iter().map(|part| &part.expr));
                all.push(&chain.expr);
            }
            ast::Expr::IfExpr(choice) => {
                all.extend(&choice.false_expr);
                all.extend([&choice.true_expr, &choice.test_expr]);
            }
            ast::Expr::Filter(call) => {
                let filter = filter(call.name).map_err(|error| refused(expr, &error))?;
                check_arguments(expr, &filter.signature, &call.args, &mut all)?;
                all.extend(&call.expr);
            }
            ast::Expr::Test(call) => {
                let test = test(call.name).map_err(|error| refused(expr, &error))?;
                check_arguments(expr, &test.signature, &call.args, &mut all)?;
                all.push(&call.expr);
            }
            ast::Expr::GetAttr(field) => all.push(&field.expr),
            ast::Expr::GetItem(item) => all.extend([&item.subscript_expr, &item.expr]),
            ast::Expr::Call(_) => return refuse(NO_FUNCTIONS),
            ast::Expr::List(_) | ast::Expr::Tuple(_) | ast::Expr::Map(_) => {
                return refuse(NO_LITERALS);
            }
        }
    }
    Ok(())
}

fn check_arguments<'t, 's>(
    call: &ast::Expr<'_>,
    signature: &Signature,
    arguments: &'t [ast::CallArg<'s>],
    all: &mut Vec<&'t ast::Expr<'s>>,
) -> Result<(), TemplateError> {
    let mut positional = 0;
    for argument in arguments {
        match argument {
            ast::CallArg::Pos(value) => {
                positional += 1;
                all.push(value);
            }
            ast::CallArg::Kwarg(name, value) if signature.named == Some(name) => all.push(value),
            ast::CallArg::Kwarg(name, _) => {
                let detail = format!("`{}` takes no `{name}`", signature.name);
                return Err(refused(call, &detail));
            }
            _ => return Err(refused(call, NO_LITERALS)),
        }
    }
    if !signature.takes.contains(&positional) {
        let (least, most) = (signature.takes.start(), signature.takes.end());
        let range = if least == most {
            least.to_string()
        } else {
            format!("{least} to {most}")
        };
        let detail = format!(
            "`{}` takes {range} values, not {positional}",
            signature.name
        );
        return Err(refused(call, &detail));
    }
    Ok(())
}

fn refused(expression: &ast::Expr<'_>, detail: &str) -> TemplateError {
    TemplateError::new(Some(expression.span().start_line.into()), detail)
}
