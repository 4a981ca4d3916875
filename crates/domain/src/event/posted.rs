//! What one request posts: an event alone, or an array of them that is accepted or refused whole.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{EventInput, NewEvent, cloud_event::CloudEvent};
use crate::{
    catalogue::Catalogue,
    input::{self, FieldError, Unreadable},
};

/// The most events of one request.
pub const MAX_BATCH: usize = 500;

/// What was posted, read but not checked.
#[derive(Debug)]
pub struct Posted {
    items: Vec<Result<Item, FieldError>>,
    array: bool,
}

/// One event, in the form it has.
#[derive(Debug)]
enum Item {
    Plain(EventInput),
    Cloud(CloudEvent),
}

/// The events of a request, all in order.
#[derive(Debug)]
pub struct Events<'c> {
    /// In the order they came in.
    pub list: Vec<NewEvent<'c>>,
    /// For each of them, the place of the earlier one that it repeats, if it does.
    pub repeats: Vec<Option<usize>>,
    /// Whether they came as an array, and are answered as one.
    pub array: bool,
}

impl Posted {
    /// The body of `application/json`: an event, or an array of events.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or of another shape.
    pub fn plain(body: &[u8]) -> Result<Self, Unreadable> {
        let text = input::without_mark(body).trim_ascii_start();
        if text.first() != Some(&b'[') {
            return Ok(Self::one(Item::Plain(input::parse(body)?)));
        }
        let posted = Self::many(body, Item::Plain)?;
        if posted.items.is_empty() {
            let detail = format!("the array is empty; it takes 1 to {MAX_BATCH} events");
            return Err(Unreadable::Shape(FieldError::new("", detail)));
        }
        Ok(posted)
    }

    /// The body of `application/cloudevents+json`: a CloudEvent in structured mode.
    ///
    /// # Errors
    ///
    /// When it is no JSON object.
    pub fn structured(body: &[u8]) -> Result<Self, Unreadable> {
        Ok(Self::one(Item::Cloud(input::parse(body)?)))
    }

    /// The body of `application/cloudevents-batch+json`: an array of CloudEvents, which may be
    /// empty.
    ///
    /// # Errors
    ///
    /// When it is no JSON array, or has too many items.
    pub fn batched(body: &[u8]) -> Result<Self, Unreadable> {
        Self::many(body, Item::Cloud)
    }

    /// A CloudEvent in binary mode: its attributes are headers that start with `ce-`, its data is
    /// the body, which has to be JSON.
    ///
    /// # Errors
    ///
    /// When the body is no JSON.
    pub fn binary<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        body: &[u8],
    ) -> Result<Self, Unreadable> {
        Ok(Self::one(Item::Cloud(CloudEvent::binary(headers, body)?)))
    }

    fn one(item: Item) -> Self {
        Self {
            items: vec![Ok(item)],
            array: false,
        }
    }

    fn many<T: DeserializeOwned>(body: &[u8], form: fn(T) -> Item) -> Result<Self, Unreadable> {
        let Array { items, length } = input::parse(body)?;
        if length > MAX_BATCH {
            let detail = format!("the array has {length} events; it takes {MAX_BATCH} at most");
            return Err(Unreadable::Shape(FieldError::new("", detail)));
        }
        Ok(Self {
            items: items.iter().map(|item| read(item).map(form)).collect(),
            array: true,
        })
    }

    /// The keys of the events' types, as they were written.
    pub fn event_types(&self) -> impl Iterator<Item = &str> {
        self.items.iter().flatten().filter_map(|item| match item {
            Item::Plain(event) => event.event_type(),
            Item::Cloud(event) => event.event_type(),
        })
    }

    /// The events, once everything about them is in order. Awaits `pause` between events.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its JSON pointer; in an array it starts with the item's
    /// place.
    pub async fn check<'c>(
        self,
        catalogue: &'c Catalogue,
        pause: &impl AsyncFn(),
    ) -> Result<Events<'c>, Vec<FieldError>> {
        let mut list = Vec::new();
        let mut errors = Vec::new();
        for (place, item) in self.items.into_iter().enumerate() {
            pause().await;
            let checked = match item {
                Ok(Item::Plain(event)) => event.check(catalogue),
                Ok(Item::Cloud(event)) => event.check(catalogue),
                Err(error) => Err(vec![error]),
            };
            let under = |error: FieldError| match self.array {
                true => error.under(&format!("/{place}")),
                false => error,
            };
            match checked {
                Ok(event) => list.push(event),
                Err(wrong) => errors.extend(wrong.into_iter().map(under)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Events {
            repeats: repeats(&list)?,
            list,
            array: self.array,
        })
    }
}

impl Events<'_> {
    /// The idempotency key of the event at `place` when its request came under `key`.
    ///
    /// The first has the key itself, so that no array is accepted under the key of an event that
    /// came alone, nor the other way round. Those of the others have a space, which no key has.
    pub fn key_at(key: &str, place: usize) -> String {
        match place {
            0 => key.to_owned(),
            _ => format!("{key} {place}"),
        }
    }

    /// SHA-256 of an array of events: under one idempotency key, it tells a repetition from
    /// another array, longer and shorter ones included. An event that came alone has none.
    pub fn digest(&self) -> Option<[u8; 32]> {
        let prints = self.list.iter().map(|event| event.fingerprint);
        let digest = prints.fold(Sha256::new(), Sha256::chain_update);
        self.array.then(|| digest.finalize().into())
    }
}

/// For each event, the earlier one with the same id that it repeats.
fn repeats(list: &[NewEvent<'_>]) -> Result<Vec<Option<usize>>, Vec<FieldError>> {
    let mut first = HashMap::new();
    let mut repeats = Vec::with_capacity(list.len());
    let mut errors = Vec::new();
    for (place, event) in list.iter().enumerate() {
        let id = event.producer_id.as_ref().map(|id| (id, &event.source));
        let earlier = id.map(|id| *first.entry(id).or_insert(place));
        let earlier = earlier.filter(|earlier| *earlier != place);
        if let Some(earlier) = earlier
            && list[earlier].fingerprint != event.fingerprint
        {
            let mut clash = |at: usize, other: usize| {
                let detail = format!("is the id of /{other} too, which is another event");
                errors.push(FieldError::new(format!("/{at}/id"), detail));
            };
            clash(earlier, place);
            clash(place, earlier);
        }
        repeats.push(earlier);
    }
    if errors.is_empty() {
        Ok(repeats)
    } else {
        Err(errors)
    }
}

/// An item of an array, which has to be an object. (To serde, an array with a struct's members in
/// their order would be one, too.)
fn read<T: DeserializeOwned>(item: &RawValue) -> Result<T, FieldError> {
    if !item.get().starts_with('{') {
        return Err(FieldError::new("", "must be an event: a JSON object"));
    }
    input::parse(item.get().as_bytes()).map_err(|error| match error {
        Unreadable::Shape(error) => error,
        Unreadable::Syntax { detail, .. } => {
            FieldError::new("", format!("can't be read: {detail}"))
        }
    })
}

/// The items of a JSON array, as they are written. Those beyond the most that is taken are only
/// counted.
struct Array {
    items: Vec<Box<RawValue>>,
    length: usize,
}

impl<'de> Deserialize<'de> for Array {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ArrayVisitor)
    }
}

struct ArrayVisitor;

impl<'de> Visitor<'de> for ArrayVisitor {
    type Value = Array;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Array, A::Error> {
        let mut items = Vec::new();
        while items.len() < MAX_BATCH
            && let Some(item) = sequence.next_element()?
        {
            items.push(item);
        }
        let mut length = items.len();
        while sequence.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        Ok(Array { items, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::built_in,
        pause::{never, without_waiting},
    };

    fn events(body: &str) -> Result<Events<'static>, Vec<FieldError>> {
        let posted = Posted::plain(body.as_bytes()).unwrap();
        without_waiting(posted.check(built_in(), &never))
    }

    fn refusal(body: &str) -> String {
        match Posted::plain(body.as_bytes()) {
            Err(Unreadable::Shape(error)) if error.pointer.is_empty() => error.detail,
            other => panic!("{other:?}"),
        }
    }

    fn pointers(body: &str) -> Vec<String> {
        let errors = events(body).unwrap_err().into_iter();
        errors.map(|error| error.pointer).collect()
    }

    /// An array of `count` events that differ.
    fn array(count: usize) -> String {
        let events = (0..count).map(|n| format!(r#"{{"type":"message.sent","data":{{"n":{n}}}}}"#));
        format!("[{}]", events.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn an_event_alone_and_an_array_of_one_are_told_apart() {
        let one = events(r#" {"type":"message.sent","data":{}}"#).unwrap();
        assert_eq!((one.list.len(), one.array), (1, false));
        let array = events("\n [{\"type\":\"message.sent\",\"data\":{}}]").unwrap();
        assert_eq!((array.list.len(), array.array), (1, true));
        assert_eq!(one.list[0].fingerprint, array.list[0].fingerprint);
        assert!(one.digest().is_none() && array.digest().is_some());
    }

    #[test]
    fn an_array_keeps_its_order_and_has_1_to_500_events() {
        let most = events(&array(MAX_BATCH)).unwrap();
        let data: Vec<_> = most.list.iter().map(|event| event.data.get()).collect();
        assert_eq!((data.len(), data[499]), (500, r#"{"n":499}"#));
        assert!(refusal(&array(501)).contains("has 501 events"));
        assert!(refusal("[ ]").contains("empty"));
        // The many that are too many are not kept.
        assert!(refusal(&format!("[{}0]", "0,".repeat(500_000))).contains("has 500001 events"));
    }

    #[test]
    fn every_item_that_is_wrong_is_told_with_its_place() {
        let body = r#"[{"type":"message.sent","data":{}}, {"type":"nonsense","data":[]},
            7, ["message.sent",{}], {"type":"message.sent","data":{},"extra":1},
            {"type":"\ud800","data":{}}, {"id":"a b"}]"#;
        assert_eq!(
            pointers(body),
            [
                "/1/type", "/1/data", "/2", "/3", "/4/extra", "/5", "/6/type", "/6/data", "/6/id"
            ]
        );
        for broken in ["[{]", "[{}", "[{}] x", "[{\"type\": oops}]", "[,]"] {
            let read = Posted::plain(broken.as_bytes());
            assert!(matches!(read, Err(Unreadable::Syntax { .. })), "{broken}");
        }
    }

    #[test]
    fn an_id_that_comes_again_with_the_same_event_is_a_repetition() {
        let event = r#"{"type":"message.sent","data":{"n":1},"id":"a"}"#;
        let body = format!(r#"[{event},{{"type":"message.sent","data":{{"n":1}}}},{event}]"#);
        assert_eq!(events(&body).unwrap().repeats, [None, None, Some(0)]);
    }

    #[test]
    fn an_id_that_comes_again_with_another_event_is_refused_at_both_places() {
        let event = |id, n| format!(r#"{{"type":"message.sent","data":{{"n":{n}}},"id":"{id}"}}"#);
        let body = format!("[{},{},{}]", event("b", 1), event("a", 1), event("a", 2));
        let errors = events(&body).unwrap_err();
        let told: Vec<_> = errors
            .iter()
            .map(|error| (error.pointer.as_str(), error.detail.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("/1/id", "is the id of /2 too, which is another event"),
                ("/2/id", "is the id of /1 too, which is another event"),
            ]
        );
    }

    #[test]
    fn the_keys_of_an_array_are_no_keys_that_a_request_can_name() {
        assert_eq!(Events::key_at("k", 0), "k");
        assert!(crate::event::check_key(&Events::key_at("k", 1)).is_err());
        assert_ne!(Events::key_at("k", 1), Events::key_at("k", 11));
    }

    #[test]
    fn the_digest_tells_other_arrays_and_other_orders() {
        let digest = |body: &str| events(body).unwrap().digest();
        let (a, b) = (
            r#"{"type":"message.sent","data":{}}"#,
            r#"{"type":"message.failed","data":{}}"#,
        );
        let base = digest(&format!("[{a},{b}]"));
        assert_eq!(base, digest(&format!("[ {a} , {b} ]")));
        for other in [
            format!("[{b},{a}]"),
            format!("[{a}]"),
            format!("[{a},{b},{b}]"),
        ] {
            assert_ne!(base, digest(&other), "{other}");
        }
    }
}
