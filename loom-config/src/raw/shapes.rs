//! Shapes that several keys share: lists, scalars that stand for a list, durations, sizes.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::limits;
use crate::units;

/// A list, each item with its place in the file. An item that was reported as wrong is left out.
#[derive(Debug)]
pub(crate) struct Items<T>(Vec<(usize, T)>);

impl<T> Items<T> {
    /// The items that are left, with their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.0.iter().map(|(index, item)| (*index, item))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<Option<T>>::deserialize(deserializer)?;
        Ok(Self(
            items
                .into_iter()
                .enumerate()
                .filter_map(|(index, item)| Some((index, item?)))
                .collect(),
        ))
    }
}

impl<T: JsonSchema> JsonSchema for Items<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Items_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items })
    }
}

/// A list that a single value may stand for.
#[derive(Debug, Deserialize)]
#[serde(untagged, bound = "T: Deserialize<'de>")]
pub(crate) enum OneOrMany<T> {
    Many(Items<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    /// The values, those of a list with their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Option<usize>, &T)> {
        let (one, many) = match self {
            Self::One(one) => (Some((None, one)), None),
            Self::Many(items) => (
                None,
                Some(items.iter().map(|(index, item)| (Some(index), item))),
            ),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("One_or_many_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        let most = limits::LISTED;
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1, "maxItems": most }] })
    }
}

/// A length of time, as the file writes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DurationText(pub(crate) Duration);

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        units::duration(&text)
            .map(Self)
            .map_err(|_| de::Error::custom("not a duration"))
    }
}

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a duration such as 50ms, 30s or 1m30s",
            "description": "A length of time: whole numbers with the units h, m, s, ms, the longest first.",
            "type": "string",
            "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "minLength": 2,
            "examples": ["50ms", "30s", "1m30s", "2h"],
        })
    }
}

/// A part of a whole, as the file writes it: in hundredths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PercentText(pub(crate) u8);

impl<'de> Deserialize<'de> for PercentText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        units::percentage(&text)
            .map(Self)
            .map_err(|_| de::Error::custom("not a percentage"))
    }
}

impl JsonSchema for PercentText {
    fn schema_name() -> Cow<'static, str> {
        "Percentage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a percentage such as 50%",
            "description": "A part of a whole: a whole number from 0 to 100, and a percent sign.",
            "type": "string",
            "pattern": "^([0-9]{1,2}|100)%$",
            "examples": ["10%", "100%"],
        })
    }
}

/// A part of a whole that may be small, as the file writes it: from 0 to 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FractionText(pub(crate) f64);

impl<'de> Deserialize<'de> for FractionText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        units::fraction(&text)
            .map(Self)
            .map_err(|_| de::Error::custom("not a percentage"))
    }
}

impl JsonSchema for FractionText {
    fn schema_name() -> Cow<'static, str> {
        "Fraction".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a percentage such as 10% or 0.1%",
            "description": "A part of a whole: a number from 0 to 100, with decimals if need be, and a percent sign.",
            "type": "string",
            "pattern": "^([0-9]{1,2}([.][0-9]+)?|100)%$",
            "examples": ["10%", "0.1%"],
        })
    }
}

/// A number of bytes, as the file writes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SizeText(pub(crate) u64);

impl<'de> Deserialize<'de> for SizeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let bytes = match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(bytes),
            Written::Text(text) => units::size(&text),
        };
        bytes.map(Self).map_err(|_| de::Error::custom("not a size"))
    }
}

impl JsonSchema for SizeText {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a size such as 16MB or 64KiB",
            "description": "A number of bytes. 1KB is 1,000 bytes, 1KiB is 1,024; without a unit it is bytes.",
            "type": ["string", "integer"],
            "pattern": "^[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)?$",
            "minimum": 0,
            "examples": ["16MB", "64KiB", 65536],
        })
    }
}
