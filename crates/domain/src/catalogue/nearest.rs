//! Which keys somebody may have meant who wrote one that there is not.

use std::cmp::Ordering;

/// Up to three of `keys` that someone who wrote `key` may have meant, the likeliest first; none when
/// nothing is near.
pub fn nearest_among<'k>(key: &str, keys: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    // Comparing costs the product of both lengths, and `key` comes from outside.
    if key.len() > MAX_COMPARED_LENGTH {
        return Vec::new();
    }
    let meant = words(key);
    let mut scored: Vec<(f64, &str)> = keys
        .into_iter()
        .map(|candidate| (likeness(&meant, &words(candidate)), candidate))
        .filter(|(score, _)| *score >= NEAR)
        .collect();
    // The sort is stable: equally near keys stay in the order they came in.
    scored.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal));
    scored.truncate(3);
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Longer than any sensible key, custom ones included.
const MAX_COMPARED_LENGTH: usize = 128;
/// The likeness, between 0 and 1, from which a key is worth suggesting. Two keys that share only
/// the long word "participant" stay below it.
const NEAR: f64 = 0.65;
/// The likeness from which two single words count as the same ("canceled", "cancelled").
const SAME_WORD: f64 = 0.8;

/// Lower-case words; dots, dashes, underscores, spaces and the like only separate them.
fn words(key: &str) -> Vec<String> {
    key.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// How alike two keys are: by their letters, by their letters after the first word
/// ("contact.replied", "confirmed"), or by the words they share ("cancelled participant").
fn likeness(a: &[String], b: &[String]) -> f64 {
    let letters = |a: &[String], b: &[String]| {
        strsim::normalized_damerau_levenshtein(&a.join(" "), &b.join(" "))
    };
    let (whole, after_first) = match (a, b) {
        ([_], [_, b_rest @ ..]) => (letters(a, b), letters(a, b_rest)),
        ([_, a_rest @ ..], [_, b_rest @ ..]) => (letters(a, b), letters(a_rest, b_rest)),
        _ => return letters(a, b),
    };
    let same_words = a
        .iter()
        .filter(|word| {
            b.iter()
                .any(|other| strsim::normalized_damerau_levenshtein(word, other) >= SAME_WORD)
        })
        .count();
    let shared_words = 2.0 * same_words as f64 / (a.len() + b.len()) as f64;
    // The first word of most keys is long and shared by many, so over the whole key alone
    // "participant.cancelled" would be nearest to "participant.confirmed".
    f64::midpoint(whole, after_first)
        .max(after_first * 0.9)
        .max(shared_words * 0.95)
}
