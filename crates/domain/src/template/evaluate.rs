//! Renders a template: runs its statements and evaluates their expressions.
//!
//! Every statement and every part of an expression costs a step, and whatever looks at a text or
//! list costs by its length (`cost`). Expressions recurse only where brackets nest: the operators
//! of a chain are applied in a loop.

use std::cmp::Ordering;
use std::rc::Rc;

use minijinja::Value as Constant;
use minijinja::machinery::ast::{
    BinOpKind, CallArg, CompareOpKind, Expr, ForLoop, IfCond, IfExpr, Stmt, UnaryOpKind,
};
use minijinja::value::ValueKind;

use super::cost::{Fault, Meter, wrong};
use super::syntax::{elif, targets};
use super::value::{Members, Value, within_bounds};
use super::vocabulary::{self, Arguments, double, is_in};
use super::{MAX_DETAIL_BYTES, MAX_OUTPUT_BYTES, TemplateError};

/// A part of the body: where it begins, and the statement that wrote it.
pub(super) struct Part<'t> {
    pub(super) start: usize,
    pub(super) statement: &'t Stmt<'t>,
}

/// One render.
pub(super) struct Renderer<'t> {
    meter: &'t Meter,
    event: Value,
    /// The names that `set` and `for` gave values to, the innermost last.
    names: Vec<(&'t str, Value)>,
    /// Where in `names` those of the innermost loop begin.
    scope: usize,
    /// How far each loop is, and how far it goes.
    loops: Vec<(usize, usize)>,
    /// The body, and the blocks of `set` within each other.
    outputs: Vec<String>,
    parts: Vec<Part<'t>>,
}

impl<'t> Renderer<'t> {
    pub(super) fn new(event: Value, meter: &'t Meter) -> Self {
        Self {
            meter,
            event,
            names: Vec::new(),
            scope: 0,
            loops: Vec::new(),
            outputs: vec![String::new()],
            parts: Vec::new(),
        }
    }

    /// The body and its parts.
    pub(super) fn finish(mut self) -> (String, Vec<Part<'t>>) {
        (self.outputs.swap_remove(0), self.parts)
    }

    pub(super) fn run(&mut self, statements: &'t [Stmt<'t>]) -> Result<(), TemplateError> {
        for statement in statements {
            match statement {
                Stmt::EmitRaw(text) => {
                    self.begin_part(statement);
                    let written = self.write(text.raw);
                    written.map_err(|fault| at(text.span().start_line, fault))?;
                }
                Stmt::EmitExpr(print) => {
                    let value = self.evaluate(&print.expr)?;
                    self.begin_part(statement);
                    self.print(&value).map_err(|fault| on(&print.expr, fault))?;
                }
                Stmt::Set(set) => {
                    let value = self.evaluate(&set.expr)?;
                    self.assign(&set.target, value)?;
                }
                Stmt::SetBlock(set) => {
                    self.outputs.push(String::new());
                    self.run(&set.body)?;
                    let text = Value::text(self.outputs.pop().unwrap_or_default());
                    let value = match &set.filter {
                        Some(filter) => self.evaluate_with(filter, text)?,
                        None => text,
                    };
                    self.assign(&set.target, value)?;
                }
                Stmt::ForLoop(each) => self.run_loop(each)?,
                Stmt::IfCond(condition) => self.run_if(condition)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn begin_part(&mut self, statement: &'t Stmt<'t>) {
        if let [body] = self.outputs.as_slice() {
            self.parts.push(Part {
                start: body.len(),
                statement,
            });
        }
    }

    fn run_if(&mut self, condition: &'t IfCond<'t>) -> Result<(), TemplateError> {
        let mut condition = condition;
        loop {
            if self.is_true(&condition.expr)? {
                return self.run(&condition.true_body);
            }
            match elif(condition) {
                Some(next) => condition = next,
                None => return self.run(&condition.false_body),
            }
        }
    }

    fn run_loop(&mut self, each: &'t ForLoop<'t>) -> Result<(), TemplateError> {
        let value = self.evaluate(&each.iter)?;
        let all = self
            .elements(&value)
            .map_err(|fault| on(&each.iter, fault))?;
        let outer = std::mem::replace(&mut self.scope, self.names.len());
        let scope = self.scope;
        let mut kept = Vec::new();
        for item in all {
            if let Some(condition) = &each.filter_expr {
                self.assign(&each.target, item.clone())?;
                let is_kept = self.is_true(condition)?;
                self.names.truncate(scope);
                if !is_kept {
                    continue;
                }
            }
            kept.push(item);
        }
        let count = kept.len();
        for (index, item) in kept.into_iter().enumerate() {
            self.assign(&each.target, item)?;
            self.loops.push((index, count));
            self.run(&each.body)?;
            self.loops.pop();
            self.names.truncate(scope);
        }
        self.scope = outer;
        if count == 0 {
            self.run(&each.else_body)?;
        }
        Ok(())
    }

    /// What a loop goes over: a list's elements, an object's names, a text's characters.
    fn elements(&self, value: &Value) -> Result<Vec<Value>, Fault> {
        match value.defined()? {
            Value::List(items) => {
                self.meter.charge(items.len())?;
                Ok(items.to_vec())
            }
            Value::Object(members) => {
                self.meter.charge(members.len())?;
                Ok(members.keys().cloned().map(Value::Text).collect())
            }
            Value::Text(text) => {
                self.meter.charge(text.len())?;
                let characters = text.chars().map(|one| Value::text(one.to_string()));
                Ok(characters.collect())
            }
            Value::Null => Ok(Vec::new()),
            other => Err(wrong(format!(
                "a list, object or text is needed, not {}",
                other.kind()
            ))),
        }
    }

    /// Gives a value to a name, or the elements of a list to several.
    fn assign(&mut self, target: &'t Expr<'t>, value: Value) -> Result<(), TemplateError> {
        let names = targets(target).unwrap_or_default();
        let assigned = match (target, &value) {
            (Expr::Var(name), _) => self.set(name.id, value),
            (_, Value::List(items)) if items.len() == names.len() => {
                let mut pairs = names.into_iter().zip(items.iter());
                pairs.try_for_each(|(name, item)| self.set(name, item.clone()))
            }
            (_, other) => {
                let (count, kind) = (names.len(), other.kind());
                Err(wrong(format!(
                    "a list of {count} elements is needed, not {kind}"
                )))
            }
        };
        assigned.map_err(|fault| on(target, fault))
    }

    fn set(&mut self, name: &'t str, value: Value) -> Result<(), Fault> {
        let here = &mut self.names[self.scope..];
        self.meter.charge(1 + here.len() / 16)?;
        self.meter.charge_text(name.len())?;
        match here.iter_mut().find(|(present, _)| *present == name) {
            Some(present) => present.1 = value,
            None => self.names.push((name, value)),
        }
        Ok(())
    }

    fn print(&mut self, value: &Value) -> Result<(), Fault> {
        if let Value::Text(text) = value {
            return self.write(text);
        }
        let mut text = String::new();
        value.print(&mut text, self.meter)?;
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<(), Fault> {
        self.meter.charge(1)?;
        self.meter.charge_text(text.len())?;
        let what = if self.outputs.len() == 1 {
            "the body"
        } else {
            "a text"
        };
        if let Some(output) = self.outputs.last_mut() {
            if output.len() + text.len() > MAX_OUTPUT_BYTES {
                let most = MAX_OUTPUT_BYTES;
                return Err(wrong(format!("{what} is longer than {most} bytes")));
            }
            output.push_str(text);
        }
        Ok(())
    }

    fn is_true(&mut self, expression: &'t Expr<'t>) -> Result<bool, TemplateError> {
        let value = self.evaluate(expression)?;
        self.truth(expression, &value)
    }

    /// The value of an expression.
    fn evaluate(&mut self, expression: &'t Expr<'t>) -> Result<Value, TemplateError> {
        self.evaluate_with(expression, Value::Nothing)
    }

    /// The value of an expression, or of filters that are applied to `input`.
    fn evaluate_with(
        &mut self,
        expression: &'t Expr<'t>,
        input: Value,
    ) -> Result<Value, TemplateError> {
        let mut outer = Vec::new();
        let mut innermost = expression;
        while let Some(operand) = operand(innermost) {
            outer.push(innermost);
            innermost = operand;
        }
        let mut value = match innermost {
            Expr::IfExpr(choice) => self.choose(choice)?,
            Expr::Filter(_) => {
                outer.push(innermost);
                input
            }
            leaf => self.leaf(leaf).map_err(|fault| on(leaf, fault))?,
        };
        for operation in outer.into_iter().rev() {
            value = self.apply(operation, value)?;
        }
        Ok(value)
    }

    /// The value of `… if … else …`.
    fn choose(&mut self, choice: &'t IfExpr<'t>) -> Result<Value, TemplateError> {
        let mut choice = choice;
        loop {
            let chosen = if self.is_true(&choice.test_expr)? {
                Some(&choice.true_expr)
            } else {
                choice.false_expr.as_ref()
            };
            match chosen {
                Some(Expr::IfExpr(next)) => choice = next,
                Some(chosen) => return self.evaluate(chosen),
                None => return Ok(Value::Nothing),
            }
        }
    }

    /// The value of a name or of what is written in the template.
    fn leaf(&self, expression: &'t Expr<'t>) -> Result<Value, Fault> {
        self.meter.charge(1)?;
        match expression {
            Expr::Const(constant) => self.constant(&constant.value),
            Expr::Var(name) => {
                let found = self
                    .names
                    .iter()
                    .rposition(|(present, _)| *present == name.id);
                let looked_at = self.names.len() - found.unwrap_or(0);
                self.meter.charge(looked_at / 16)?;
                self.meter.charge_text(name.id.len())?;
                if let Some(found) = found {
                    return Ok(self.names[found].1.clone());
                }
                if let ("loop", Some((index, count))) = (name.id, self.loops.last()) {
                    self.meter.charge(8)?;
                    return Ok(position(*index, *count));
                }
                let member = self.event.member(name.id, self.meter)?.cloned();
                Ok(member.unwrap_or_else(|| Value::Undefined(path(expression))))
            }
            _ => Err(wrong("this is not part of the language")),
        }
    }

    fn constant(&self, constant: &Constant) -> Result<Value, Fault> {
        Ok(match (constant.kind(), constant.as_str()) {
            (_, Some(text)) => {
                self.meter.charge_text(text.len())?;
                Value::text(text)
            }
            (ValueKind::None, _) => Value::Null,
            (ValueKind::Bool, _) => Value::Bool(constant.is_true()),
            (_, _) if constant.is_integer() => Value::Number(constant.to_string().into()),
            _ => {
                let float = f64::try_from(constant.clone());
                Value::float(float.map_err(|error| wrong(error.to_string()))?)?
            }
        })
    }

    /// Applies an operator, filter, test or access to the value of its (left) operand.
    fn apply(&mut self, operation: &'t Expr<'t>, value: Value) -> Result<Value, TemplateError> {
        self.meter.charge(1).map_err(|fault| on(operation, fault))?;
        let applied = match operation {
            Expr::GetAttr(field) => self.member(operation, &value, field.name),
            Expr::GetItem(item) => {
                let key = self.evaluate(&item.subscript_expr)?;
                self.item(operation, &value, &key)
            }
            Expr::Slice(slice) => {
                let mut bound = |bound: &'t Option<Expr<'t>>| {
                    let value = bound.as_ref().map(|bound| self.evaluate(bound));
                    value.transpose()
                };
                let (start, stop) = (bound(&slice.start)?, bound(&slice.stop)?);
                self.slice(&value, start.as_ref(), stop.as_ref())
            }
            Expr::UnaryOp(unary) => match unary.op {
                UnaryOpKind::Not => value.is_true(self.meter).map(|truth| Value::Bool(!truth)),
                UnaryOpKind::Neg => self.negate(&value),
            },
            Expr::BinOp(binary) => {
                let is_left_enough = match binary.op {
                    BinOpKind::ScAnd => !self.truth(&binary.left, &value)?,
                    BinOpKind::ScOr => self.truth(&binary.left, &value)?,
                    _ => false,
                };
                if is_left_enough {
                    return Ok(value);
                }
                let right = self.evaluate(&binary.right)?;
                self.binary(binary.op, &value, right)
            }
            Expr::Compare(chain) => {
                let mut left = value;
                for part in &chain.ops {
                    let right = self.evaluate(&part.expr)?;
                    let holds = self.compare(comparison(part.op), &left, &right);
                    let holds = holds.map_err(|fault| on(operation, fault))?;
                    if holds == matches!(part.op, CompareOpKind::NotIn) {
                        return Ok(Value::Bool(false));
                    }
                    left = right;
                }
                Ok(Value::Bool(true))
            }
            Expr::Filter(call) => {
                let arguments = self.arguments(&call.args)?;
                let filter = vocabulary::filter(call.name).map_err(Fault::Wrong);
                filter.and_then(|filter| (filter.run)(&value, &arguments, self.meter))
            }
            Expr::Test(call) => {
                let arguments = self.arguments(&call.args)?;
                let test = vocabulary::test(call.name).map_err(Fault::Wrong);
                let answer = test.and_then(|test| (test.run)(&value, &arguments, self.meter));
                answer.map(Value::Bool)
            }
            _ => Err(wrong("this is not part of the language")),
        };
        applied.map_err(|fault| on(operation, fault))
    }

    fn truth(&self, operand: &Expr<'_>, value: &Value) -> Result<bool, TemplateError> {
        let truth = value.is_true(self.meter);
        truth.map_err(|fault| on(operand, fault))
    }

    fn arguments(&mut self, written: &'t [CallArg<'t>]) -> Result<Arguments, TemplateError> {
        let mut arguments = Arguments::default();
        for argument in written {
            match argument {
                CallArg::Pos(value) => arguments.positional.push(self.evaluate(value)?),
                CallArg::Kwarg(_, value) => arguments.named = Some(self.evaluate(value)?),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {}
            }
        }
        Ok(arguments)
    }

    fn member(&self, access: &Expr<'_>, value: &Value, name: &str) -> Result<Value, Fault> {
        let member = value.defined()?.member(name, self.meter)?;
        Ok(member.map_or_else(|| Value::Undefined(path(access)), Clone::clone))
    }

    fn item(&self, access: &Expr<'_>, value: &Value, key: &Value) -> Result<Value, Fault> {
        let found = match (value.defined()?, key.defined()?) {
            (Value::Object(_), Value::Text(name)) => return self.member(access, value, name),
            (Value::List(items), Value::Number(_)) => {
                let index = self.bound(key)?;
                let index = from_start(index, items.len());
                index.and_then(|index| items.get(index).cloned())
            }
            (Value::Text(text), Value::Number(_)) => {
                let index = self.bound(key)?;
                self.meter.charge_characters(text.len())?;
                let character = match usize::try_from(index) {
                    Ok(index) => text.chars().nth(index),
                    Err(_) => usize::try_from(-(index + 1))
                        .ok()
                        .and_then(|index| text.chars().nth_back(index)),
                };
                character.map(|one| Value::text(one.to_string()))
            }
            _ => None,
        };
        Ok(found.unwrap_or_else(|| Value::Undefined(path(access))))
    }

    /// The part of a text or list from one position to another, which is left out.
    fn slice(
        &self,
        value: &Value,
        start: Option<&Value>,
        stop: Option<&Value>,
    ) -> Result<Value, Fault> {
        let start = start.map_or(Ok(0), |start| self.bound(start))?;
        let stop = stop.map(|stop| self.bound(stop)).transpose()?;
        let range = |length: usize| {
            let position = |bound| match from_start(bound, length) {
                Some(position) => position.min(length),
                None => 0,
            };
            let stop = stop.map_or(length, position);
            position(start).min(stop)..stop
        };
        match value.defined()? {
            Value::Text(text) => {
                self.meter.charge_characters(text.len())?;
                let range = range(text.chars().count());
                let offset = |text: &str, characters: usize| {
                    let found = text.char_indices().nth(characters);
                    found.map_or(text.len(), |(offset, _)| offset)
                };
                let from = &text[offset(text, range.start)..];
                Ok(Value::text(&from[..offset(from, range.len())]))
            }
            Value::List(items) => {
                let range = range(items.len());
                self.meter.charge(range.len())?;
                Ok(Value::List(items[range].into()))
            }
            other => Err(wrong(format!(
                "a text or list is needed, not {}",
                other.kind()
            ))),
        }
    }

    /// A position in a text or list.
    fn bound(&self, value: &Value) -> Result<i64, Fault> {
        let number = vocabulary::number(value, self.meter)?;
        let position = number.parse();
        position.map_err(|_| wrong(format!("a whole number is needed, not {number}")))
    }

    fn negate(&self, value: &Value) -> Result<Value, Fault> {
        let number = vocabulary::number(value, self.meter)?;
        match number.parse::<i128>() {
            Ok(integer) => {
                let negated = integer.checked_neg();
                let negated = negated.ok_or_else(|| wrong("the number is too large"))?;
                Ok(Value::integer(negated))
            }
            Err(_) => Value::float(-double(number)),
        }
    }

    fn binary(&self, operator: BinOpKind, left: &Value, right: Value) -> Result<Value, Fault> {
        match operator {
            BinOpKind::ScAnd | BinOpKind::ScOr => Ok(right),
            BinOpKind::Concat => {
                let mut text = String::new();
                left.print(&mut text, self.meter)?;
                right.print(&mut text, self.meter)?;
                within_bounds(text.len())?;
                Ok(Value::text(text))
            }
            BinOpKind::Sub | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem => {
                let left = vocabulary::number(left, self.meter)?;
                arithmetic(operator, left, vocabulary::number(&right, self.meter)?)
            }
            comparison => self.compare(comparison, left, &right).map(Value::Bool),
        }
    }

    fn compare(&self, operator: BinOpKind, left: &Value, right: &Value) -> Result<bool, Fault> {
        let (left, right) = (left.defined()?, right.defined()?);
        match operator {
            BinOpKind::Eq => return left.equals(right, self.meter),
            BinOpKind::Ne => return Ok(!left.equals(right, self.meter)?),
            BinOpKind::In => return is_in(left, std::slice::from_ref(right), self.meter),
            _ => {}
        }
        let order = match (left, right) {
            (Value::Number(left), Value::Number(right)) => {
                self.meter.charge_characters(left.len() + right.len())?;
                crate::number::compare_text(left, right)
            }
            (Value::Text(left), Value::Text(right)) => {
                self.meter.charge_text(left.len().min(right.len()))?;
                left.cmp(right)
            }
            _ => {
                let (left, right) = (left.kind(), right.kind());
                return Err(wrong(format!("{left} cannot be compared with {right}")));
            }
        };
        Ok(match operator {
            BinOpKind::Lt => order == Ordering::Less,
            BinOpKind::Lte => order != Ordering::Greater,
            BinOpKind::Gt => order == Ordering::Greater,
            _ => order != Ordering::Less,
        })
    }
}

/// The operand on the left of an operation.
fn operand<'t>(operation: &'t Expr<'t>) -> Option<&'t Expr<'t>> {
    match operation {
        Expr::Slice(slice) => Some(&slice.expr),
        Expr::UnaryOp(unary) => Some(&unary.expr),
        Expr::BinOp(binary) => Some(&binary.left),
        Expr::Compare(chain) => Some(&chain.expr),
        Expr::Filter(call) => call.expr.as_ref(),
        Expr::Test(call) => Some(&call.expr),
        Expr::GetAttr(field) => Some(&field.expr),
        Expr::GetItem(item) => Some(&item.expr),
        _ => None,
    }
}

fn comparison(operator: CompareOpKind) -> BinOpKind {
    match operator {
        CompareOpKind::Eq => BinOpKind::Eq,
        CompareOpKind::Ne => BinOpKind::Ne,
        CompareOpKind::Lt => BinOpKind::Lt,
        CompareOpKind::Lte => BinOpKind::Lte,
        CompareOpKind::Gt => BinOpKind::Gt,
        CompareOpKind::Gte => BinOpKind::Gte,
        CompareOpKind::In | CompareOpKind::NotIn => BinOpKind::In,
    }
}

/// Whole numbers are calculated exactly, others as doubles.
fn arithmetic(operator: BinOpKind, left: &str, right: &str) -> Result<Value, Fault> {
    let sign = match operator {
        BinOpKind::Sub => "-",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        _ => "%",
    };
    let impossible = || wrong(format!("unable to calculate {left} {sign} {right}"));
    if !matches!(operator, BinOpKind::Div)
        && let (Ok(left), Ok(right)) = (left.parse::<i128>(), right.parse::<i128>())
    {
        // Rounds down, so that the remainder has the sign of the divisor.
        let down = |left: i128, right: i128| {
            let remainder = left.checked_rem(right)?;
            let is_between = remainder != 0 && (remainder < 0) != (right < 0);
            left.checked_div(right)?.checked_sub(is_between.into())
        };
        let result = match operator {
            BinOpKind::Sub => left.checked_sub(right),
            BinOpKind::FloorDiv => down(left, right),
            _ => down(left, right)
                .and_then(|times| times.checked_mul(right))
                .and_then(|multiple| left.checked_sub(multiple)),
        };
        return result.map(Value::integer).ok_or_else(impossible);
    }
    let (left, right) = (double(left), double(right));
    let result = match operator {
        BinOpKind::Sub => left - right,
        BinOpKind::Div => left / right,
        BinOpKind::FloorDiv => (left / right).floor(),
        _ => left - right * (left / right).floor(),
    };
    Value::float(result).map_err(|_| impossible())
}

/// A position that may count from the end, counted from the start.
fn from_start(position: i64, length: usize) -> Option<usize> {
    match usize::try_from(position) {
        Ok(position) => Some(position),
        Err(_) => length.checked_sub(usize::try_from(position.unsigned_abs()).ok()?),
    }
}

/// `loop`, in the body of a loop.
fn position(index: usize, count: usize) -> Value {
    let members = [
        ("index", Value::count(index + 1)),
        ("index0", Value::count(index)),
        ("revindex", Value::count(count - index)),
        ("revindex0", Value::count(count - index - 1)),
        ("first", Value::Bool(index == 0)),
        ("last", Value::Bool(index + 1 == count)),
        ("length", Value::count(count)),
    ];
    let members = members.map(|(name, value)| (name.into(), value));
    Value::Object(Rc::new(Members::from_iter(members)))
}

/// What an expression of names and positions is called in errors.
fn path(expression: &Expr<'_>) -> Option<Rc<str>> {
    let mut parts = Vec::new();
    let mut rest = expression;
    loop {
        let part = match rest {
            Expr::Var(name) => {
                parts.push(name.id.to_owned());
                break;
            }
            Expr::GetAttr(field) => format!(".{}", field.name),
            Expr::GetItem(item) => match &item.subscript_expr {
                Expr::Const(key) => match key.value.as_str() {
                    Some(name) => format!("[{name:?}]"),
                    None => format!("[{}]", key.value),
                },
                _ => "[…]".to_owned(),
            },
            _ => return None,
        };
        parts.push(part);
        rest = operand(rest)?;
    }
    parts.reverse();
    let mut path = parts.concat();
    path.truncate(path.floor_char_boundary(MAX_DETAIL_BYTES));
    Some(path.into())
}

fn on(expression: &Expr<'_>, fault: Fault) -> TemplateError {
    at(expression.span().start_line, fault)
}

fn at(line: u16, fault: Fault) -> TemplateError {
    let line = Some(line.into());
    match fault {
        Fault::Wrong(detail) => TemplateError::new(line, detail),
        Fault::TooExpensive => TemplateError::too_expensive(line),
    }
}
