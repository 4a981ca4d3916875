//! Ids of everything that has one: a prefix that says what it is, and a ULID that sorts by time.
//!
//! Source: the [ULID specification](https://github.com/ulid/spec): 48 bits of milliseconds, 80
//! bits of randomness, 26 characters of Crockford's base32.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use ulid::{ULID_LEN, Ulid};

use crate::time::Timestamp;

/// The text is no id of the kind that was looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an id of the form {prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV")]
pub struct InvalidId {
    prefix: &'static str,
}

/// The characters of a ULID that carry randomness, at its end: 80 bits, 5 a character.
const RANDOM_CHARACTERS: usize = 80 / 5;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id for something that happens `now`; 80 bits of `entropy` are used.
            pub fn new(now: Timestamp, entropy: u128) -> Self {
                // A ULID begins in 1970.
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                Self(Ulid::from_parts(millis, entropy))
            }

            /// The smallest id that something created at `time` can have: where a listing by
            /// time starts.
            pub fn first_at(time: Timestamp) -> Self {
                Self::new(time, 0)
            }

            /// Parses an id.
            ///
            /// # Errors
            ///
            /// When the prefix is another, or what follows is no ULID in its one canonical form.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix)
                    .and_then(|rest| {
                        let ulid = Ulid::from_string(rest).ok()?;
                        // The decoder takes lower case and overflowing values; one thing has
                        // one name here.
                        let canonical = *ulid.array_to_str(&mut [0; ULID_LEN]) == *rest;
                        canonical.then_some(Self(ulid))
                    })
                    .ok_or(InvalidId { prefix: $prefix })
            }

            /// The id that stands for this one in another place, always the same one: with the
            /// time of this one, so that the order stays, and a random part that follows from the
            /// two.
            #[must_use]
            pub fn derived(self, place: &str) -> Self {
                let digest = Sha256::new()
                    .chain_update(b"derived id")
                    .chain_update([0])
                    .chain_update(place)
                    .chain_update([0])
                    .chain_update(self.to_string())
                    .finalize();
                let entropy = digest.iter().take(80 / 8);
                let entropy = entropy.fold(0, |bits, byte| bits << 8 | u128::from(*byte));
                Self(Ulid::from_parts(self.0.timestamp_ms(), entropy))
            }

            /// The last 64 bits of the random part.
            pub fn random(self) -> u64 {
                u64::try_from(self.0.random() & u128::from(u64::MAX)).expect("64 bits")
            }

            /// The random part: 16 characters that are evenly spread over all ids.
            pub fn random_part(&self) -> String {
                let text = self.0.to_string();
                text[text.len() - RANDOM_CHARACTERS..].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let Text(text) = Text::deserialize(deserializer)?;
                Self::parse(&text).map_err(|e| D::Error::custom(format!("{text:?} {e}")))
            }
        }
    )*};
}

ids! {
    /// A trigger's id, `trg_…`.
    TriggerId = "trg_";
    /// An action's id, `act_…`.
    ActionId = "act_";
    /// An event's id, `evt_…`.
    EventId = "evt_";
    /// A delivery's id, `dlv_…`: the `webhook-id` of each of its attempts.
    DeliveryId = "dlv_";
    /// An API key's id, `key_…`.
    ApiKeyId = "key_";
}

/// Text that is borrowed where it stands without escapes, as an id does.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether this is an id of any kind.
pub fn is_one(text: &str) -> bool {
    TriggerId::parse(text).is_ok()
        || ActionId::parse(text).is_ok()
        || EventId::parse(text).is_ok()
        || DeliveryId::parse(text).is_ok()
        || ApiKeyId::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = EventId::new(Timestamp::from_millis(1_795_446_245_000), 7 << 70 | 3);
        assert_eq!(EventId::parse(&id.to_string()), Ok(id));
        assert!(id.to_string().starts_with("evt_01"));
        assert_eq!(id.random_part().len(), 16);
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let at = |ms, entropy| EventId::new(Timestamp::from_millis(ms), entropy).to_string();
        assert!(at(1_000, u128::MAX) < at(1_001, 0));
        let first = EventId::first_at(Timestamp::from_millis(1_001)).to_string();
        assert!(at(1_000, u128::MAX) < first && first <= at(1_001, 0));
    }

    #[test]
    fn a_derived_id_is_the_same_every_time_and_another_in_every_place() {
        let id = TriggerId::new(Timestamp::from_millis(1_000), 7);
        let derived = id.derived("acme");
        assert_eq!(derived, id.derived("acme"));
        assert_eq!(TriggerId::parse(&derived.to_string()), Ok(derived));
        assert_eq!(derived.0.timestamp_ms(), 1_000);
        let other = TriggerId::new(Timestamp::from_millis(1_000), 8);
        let all = [id, derived, id.derived("acme2"), other.derived("acme")];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{all:?}");
        }
    }

    #[test]
    fn another_kind_and_every_other_spelling_are_refused() {
        let good = ActionId::new(Timestamp::from_millis(1), u128::MAX / 3).to_string();
        for bad in [
            "",
            "act_",
            &good.to_lowercase(),
            &good.replace("act_", "trg_"),
            &format!("{good}0"),
            &good[..good.len() - 1],
            "act_8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "act_0000000000000000000000000!",
        ] {
            assert!(ActionId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
