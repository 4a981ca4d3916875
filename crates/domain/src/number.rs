//! Exact comparison of JSON numbers, of any size.

use std::{cmp::Ordering, iter};

/// Compares two JSON numbers by their exact value: `1.0` equals `1` and `10e-1`.
pub fn compare(left: &serde_json::Number, right: &serde_json::Number) -> Ordering {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => compare_text(left.as_str(), right.as_str()),
    }
}

/// Compares two numbers as JSON writes them, by their exact value.
pub fn compare_text(left: &str, right: &str) -> Ordering {
    let (left, right) = (Decimal::of(left), Decimal::of(right));
    match (left.sign(), right.sign()) {
        (1, 1) => left.compare_magnitude(&right),
        (-1, -1) => right.compare_magnitude(&left),
        (left, right) => left.cmp(&right),
    }
}

/// Whether a number as JSON writes it is zero.
pub fn is_zero(text: &str) -> bool {
    Decimal::of(text).sign() == 0
}

/// The same text for every way to write the same value: for `1` and `1.0`, for `120` and `1.2e2`.
pub fn canonical(text: &str) -> String {
    let number = Decimal::of(text);
    let sign = match number.sign() {
        0 => return "0".to_owned(),
        1 => "",
        _ => "-",
    };
    let Decimal {
        whole,
        fraction,
        exponent,
        ..
    } = number;
    format!("{sign}0.{whole}{fraction}e{exponent}")
}

/// Whether a double can hold the number, if not with every digit. Most readers of JSON have no other
/// numbers: to them one beyond is an infinity or an error.
pub fn fits_a_double(text: &str) -> bool {
    text.parse().is_ok_and(f64::is_finite)
}

/// A number taken apart: `0.whole fraction × 10^exponent`, without zeros at either end.
struct Decimal<'t> {
    is_negative: bool,
    whole: &'t str,
    fraction: &'t str,
    exponent: i64,
}

impl<'t> Decimal<'t> {
    fn of(text: &'t str) -> Self {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (digits, power) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut number = Self {
            is_negative: unsigned.len() < text.len(),
            whole: whole.trim_start_matches('0'),
            fraction: fraction.trim_end_matches('0'),
            exponent: saturating(power),
        };
        let places = if number.whole.is_empty() {
            let significant = number.fraction.trim_start_matches('0');
            let zeros = number.fraction.len() - significant.len();
            number.fraction = significant;
            -length(zeros)
        } else {
            length(number.whole.len())
        };
        number.exponent = number.exponent.saturating_add(places);
        if number.fraction.is_empty() {
            number.whole = number.whole.trim_end_matches('0');
        }
        number
    }

    fn sign(&self) -> i8 {
        match (self.whole.len() + self.fraction.len(), self.is_negative) {
            (0, _) => 0,
            (_, false) => 1,
            (_, true) => -1,
        }
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        let digits = |number: &Self| iter::chain(number.whole.bytes(), number.fraction.bytes());
        let by_size = self.exponent.cmp(&other.exponent);
        by_size.then_with(|| digits(self).cmp(digits(other)))
    }
}

/// The power of ten that a number ends with. One with more digits than fit is as large as can be.
fn saturating(power: &str) -> i64 {
    let limit = if power.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    power.parse().unwrap_or(limit)
}

fn length(digits: usize) -> i64 {
    i64::try_from(digits).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn compares_by_exact_value() {
        // Ascending; numbers on one line are equal.
        let rows: &[&[&str]] = &[
            &["-1e400"],
            &["-123456789012345678901234567891"],
            &[
                "-123456789012345678901234567890",
                "-12345678901234567890123456789e1",
            ],
            &["-1.5", "-15e-1"],
            &["0", "-0", "0.0", "-0.0e5", "0e-9"],
            &["1e-400"],
            &["0.001", "1E-3", "1.0e-3", "0.0010"],
            &["0.1", "100e-3"],
            &["0.1000000000000000055511151231257827"],
            &["1", "1.0", "1e0", "0.1e1", "10e-1", "1.00E+0"],
            &["9007199254740992"],
            &["9007199254740993", "9007199254740993.0"],
            &["100000000000000000001"],
            &["100000000000000000002"],
            &["1e400", "10e399", "0.1E+401"],
            &["1e99999999999999999999"],
        ];
        let all = rows
            .iter()
            .enumerate()
            .flat_map(|(rank, row)| row.iter().map(move |text| (rank, *text)));
        let all: Vec<_> = all.collect();
        for (left_rank, left) in &all {
            for (right_rank, right) in &all {
                let expected = left_rank.cmp(right_rank);
                assert_eq!(compare_text(left, right), expected, "{left} {right}");
                let is_same = canonical(left) == canonical(right);
                assert_eq!(is_same, expected.is_eq(), "{left} {right}");
            }
            assert_eq!(is_zero(left), *left_rank == 4, "{left}");
        }
        let number = |text: &str| serde_json::from_str::<serde_json::Number>(text).unwrap();
        assert_eq!(compare(&number("1.0"), &number("1")), Ordering::Equal);
    }

    #[test]
    fn says_what_a_double_can_hold() {
        for fits in [
            "0",
            "-0",
            "1e308",
            "123456789012345678901234567890",
            "1e-999",
        ] {
            assert!(fits_a_double(fits), "{fits}");
        }
        for beyond in ["1e400", "-1e400", "1e309", "1e999999999999999999999"] {
            assert!(!fits_a_double(beyond), "{beyond}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_integers(a: i128, b: i128, zeros in 1_usize..5) {
            let written = format!("{b}.{}", "0".repeat(zeros));
            prop_assert_eq!(compare_text(&a.to_string(), &written), a.cmp(&b));
            prop_assert_eq!(canonical(&b.to_string()), canonical(&written));
        }

        #[test]
        fn agrees_with_doubles(a in any::<f64>(), b in any::<f64>()) {
            // Each has a shortest decimal of its own, in the same order.
            if let (true, Some(expected)) = (a.is_finite() && b.is_finite(), a.partial_cmp(&b)) {
                prop_assert_eq!(compare_text(&a.to_string(), &format!("{b:e}")), expected);
            }
        }
    }
}
