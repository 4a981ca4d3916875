use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::number;

/// A whole number as a caller writes it: `15`, `15.0` or `1.5e1`. What is something else is kept
/// until [`Whole::within`] says so, so that everything wrong is told at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Whole(Value);

impl Whole {
    /// The number, if it is a whole one in this range.
    ///
    /// # Errors
    ///
    /// With the range and what was found instead.
    pub fn within<N>(&self, range: RangeInclusive<N>) -> Result<N, String>
    where
        N: Copy + Into<u64> + TryFrom<u64>,
    {
        let (least, most) = range.into_inner();
        let (least, most) = (least.into(), most.into());
        let whole = match &self.0 {
            Value::Number(number) => whole(number),
            _ => None,
        };
        whole
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| N::try_from(number).ok())
            .ok_or_else(|| {
                let found = match &self.0 {
                    Value::Number(number) => number.to_string(),
                    Value::String(text) => format!("the text {text:?}"),
                    Value::Null => "null".to_owned(),
                    Value::Bool(value) => value.to_string(),
                    Value::Array(_) => "a list".to_owned(),
                    Value::Object(_) => "an object".to_owned(),
                };
                let found: String = found.chars().take(60).collect();
                format!("is a whole number from {least} to {most}, not {found}")
            })
    }
}

impl From<u32> for Whole {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

fn whole(found: &Number) -> Option<u64> {
    let rounded = found.as_f64()? as u64;
    number::compare(found, &rounded.into())
        .is_eq()
        .then_some(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_whole_numbers_however_they_are_written() {
        let read = |json: &str| {
            serde_json::from_str::<Whole>(json)
                .unwrap()
                .within(1..=30_u32)
        };
        for json in ["15", "15.0", "1.5e1", "150E-1"] {
            assert_eq!(read(json), Ok(15), "{json}");
        }
        for (json, found) in [
            ("0", "not 0"),
            ("31", "not 31"),
            ("-1", "not -1"),
            ("15.5", "not 15.5"),
            ("1e99", "not 1e+99"),
            ("15.0000000000000000000000001", "not 15.0"),
            ("\"15\"", "not the text \"15\""),
            ("true", "not true"),
            ("[15]", "not a list"),
        ] {
            let refused = read(json).unwrap_err();
            assert!(
                refused.starts_with("is a whole number from 1 to 30, "),
                "{refused}"
            );
            assert!(refused.contains(found), "{refused}");
        }
    }
}
