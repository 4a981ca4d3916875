use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, Error, MapAccess, Visitor,
        value::{self, MapAccessDeserializer},
    },
    forward_to_deserialize_any,
};

/// A struct that is written as an object. To serde, an array of a struct's members in their order
/// would be one, too.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Reads a list of objects, for serde's `deserialize_with`.
///
/// # Errors
///
/// When it is no list, or an item is no object of the shape of `T`.
pub fn objects<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(item)| item).collect())
}

/// As [`objects`], of a list that may be missing or null.
///
/// # Errors
///
/// As [`objects`].
pub fn objects_if_any<'de, T, D>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let objects = Option::<Vec<Object<T>>>::deserialize(deserializer)?;
    Ok(objects.map(|objects| objects.into_iter().map(|Object(item)| item).collect()))
}

/// Reads an object that may be missing or null, for serde's `deserialize_with`.
///
/// # Errors
///
/// When it is no object of the shape of `T`.
pub fn object_if_any<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let object = Option::<Object<T>>::deserialize(deserializer)?;
    Ok(object.map(|Object(object)| object))
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `T` expects is in its error of anything else.
        match T::deserialize(Expected(PhantomData)) {
            Err(expected) => write!(formatter, "{expected}"),
            Ok(_) => formatter.write_str("an object"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// Fails with the words for what is expected.
struct Expected<'a>(PhantomData<&'a ()>);

impl<'de> Deserializer<'de> for Expected<'de> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        Err(value::Error::custom(&visitor as &dyn de::Expected))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}
