//! Header maps.

use std::borrow::Cow;

use wasmtime::Linker;

use super::memory::{give, give_with, two};
use super::{Call, Outcome, answer, bytes, with_exchange, write_u32};
use crate::abi::{AbiVersion, MapType, Status, pairs};
use crate::log::LogLevel;
use crate::policy::HeaderValues;
use crate::stream::{Exchange, Map, MapMut};
use crate::vm::hints::Access;
use crate::vm::host::Host;

pub(super) fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_size",
        |mut call: Call<'_>, map: u32, out: u32| answer(&mut call, |call| size(call, map, out)),
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |mut call: Call<'_>, map: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| get_pairs(call, map, (ptr, len)))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_header_map_pairs",
        |mut call: Call<'_>, map: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| set_pairs(call, map, (ptr, len)))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |mut call: Call<'_>, map: u32, key: u32, key_len: u32, ptr: u32, len: u32| {
            answer(&mut call, |call| {
                get_value(call, map, (key, key_len), (ptr, len))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_add_header_map_value",
        |mut call: Call<'_>, map: u32, key: u32, key_len: u32, value: u32, value_len: u32| {
            answer(&mut call, |call| {
                set_value(call, map, (key, key_len), (value, value_len), Edit::Add)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_replace_header_map_value",
        |mut call: Call<'_>, map: u32, key: u32, key_len: u32, value: u32, value_len: u32| {
            answer(&mut call, |call| {
                set_value(call, map, (key, key_len), (value, value_len), Edit::Replace)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |mut call: Call<'_>, map: u32, key: u32, key_len: u32| {
            answer(&mut call, |call| {
                set_value(call, map, (key, key_len), (0, 0), Edit::Remove)
            })
        },
    )?;
    Ok(())
}

/// What a host call does to one name of a map.
#[derive(Debug, Clone, Copy)]
enum Edit {
    Add,
    Replace,
    Remove,
}

/// The bytes of all keys and values. As in Envoy, those of a call's answer are not told.
fn size(call: &mut Call<'_>, map: u32, out: u32) -> Outcome {
    let kind = MapType::try_from(map)?;
    if matches!(
        kind,
        MapType::CallResponseHeaders | MapType::CallResponseTrailers
    ) {
        return Err(Status::BadArgument.into());
    }
    with_map(call, kind, |call, map| {
        let map = map.ok_or(Status::BadArgument)?;
        let text = match as_text(call, map) {
            None => map.size().1,
            Some(pairs) => pairs
                .iter()
                .map(|(key, value)| key.len() + value.len())
                .sum(),
        };
        write_u32(
            call,
            out,
            u32::try_from(text).map_err(|_| Status::InternalFailure)?,
        )
    })
}

/// A map that is not there reads as empty, as in Envoy.
fn get_pairs(call: &mut Call<'_>, map: u32, out: (u32, u32)) -> Outcome {
    let kind = MapType::try_from(map)?;
    with_map(call, kind, |call, map| {
        let Some(map) = map else {
            return give(call, out, &[]);
        };
        match as_text(call, map) {
            None => give_pairs(call, out, map.size(), map.pairs()),
            Some(pairs) => {
                let text = pairs
                    .iter()
                    .map(|(key, value)| key.len() + value.len())
                    .sum();
                let each = pairs.iter().map(|(key, value)| (*key, &**value));
                give_pairs(call, out, (pairs.len(), text), each)
            }
        }
    })
}

fn give_pairs<'a>(
    call: &mut Call<'_>,
    out: (u32, u32),
    (count, text): (usize, usize),
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Outcome {
    if count == 0 {
        return give(call, out, &[]);
    }
    let len = pairs::encoded_len(count, text).ok_or(Status::InternalFailure)?;
    give_with(call, out, len, |place| {
        pairs::encode_into(place, count, pairs)
    })
}

/// Whether a plugin reads only text. Where it is to refuse what is none, it has been refused before; what another plugin
/// wrote since then, or an HTTP call brought, is shown as text.
fn reads_text(call: &Call<'_>) -> bool {
    let root = call.data().root();
    root.is_some_and(|root| root.terms.header_values != HeaderValues::Bytes)
}

/// A name, and a value as text.
type TextPair<'a> = (&'a [u8], Cow<'a, [u8]>);

/// A map as a plugin sees it that reads only text; `None` when it sees the map as it is.
fn as_text<'a>(call: &Call<'_>, map: Map<'a>) -> Option<Vec<TextPair<'a>>> {
    if !reads_text(call) || map.first_unreadable().is_none() {
        return None;
    }
    Some(map.pairs().map(|(key, value)| (key, text(value))).collect())
}

/// A value with U+FFFD in the place of what is no UTF-8.
fn text(value: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(value) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn set_pairs(call: &mut Call<'_>, map: u32, (ptr, len): (u32, u32)) -> Outcome {
    let kind = MapType::try_from(map)?;
    let refused = with_exchange(call, |call, exchange| {
        let mut map = map_mut(call, exchange, kind)?;
        // What is malformed reads as the empty list, as in Envoy.
        let pairs = pairs::decode(bytes(call, ptr, len)?).unwrap_or_default();
        Ok(map.replace_all(&pairs))
    })?;
    if refused > 0 {
        let message = format!(
            "proxy_set_header_map_pairs: {refused} entries with an invalid name or value were left out"
        );
        call.data_mut().log(LogLevel::Warn, message.as_bytes());
    }
    Ok(())
}

fn get_value(
    call: &mut Call<'_>,
    map: u32,
    (key, key_len): (u32, u32),
    out: (u32, u32),
) -> Outcome {
    let kind = MapType::try_from(map)?;
    with_map(call, kind, |call, map| {
        // In the log, as in Envoy, a map that is not there has nothing in it.
        if map.is_none() && !call.data().logging {
            return Err(Status::BadArgument.into());
        }
        let key = bytes(call, key, key_len)?;
        match map.as_ref().and_then(|map| map.get(key)) {
            Some(value) if reads_text(call) => give(call, out, &text(value)),
            Some(value) => give(call, out, value),
            // Version 0.1.0 does not tell a missing header from an empty one.
            None if call.data().abi == AbiVersion::V0_1_0 => give(call, out, &[]),
            None => Err(Status::NotFound.into()),
        }
    })
}

fn set_value(
    call: &mut Call<'_>,
    map: u32,
    key: (u32, u32),
    value: (u32, u32),
    edit: Edit,
) -> Outcome {
    let kind = MapType::try_from(map)?;
    with_exchange(call, |call, exchange| {
        let mut map = map_mut(call, exchange, kind)?;
        let (key, value) = two(call, key, value)?;
        match edit {
            Edit::Add => map.add(key, value)?,
            Edit::Replace => map.replace(key, value)?,
            Edit::Remove => map.remove(key),
        }
        Ok(())
    })
}

/// A map for writing. Where it is not there, or went on already, the plugin is told once.
fn map_mut<'a>(
    call: &mut Call<'_>,
    exchange: Option<&'a mut Exchange>,
    kind: MapType,
) -> Outcome<MapMut<'a>> {
    let has_stream = exchange.is_some();
    let map = exchange.and_then(|exchange| exchange.map_mut(kind).ok());
    map.ok_or_else(|| {
        call.data_mut().hint_map(kind, Access::Write, has_stream);
        Status::BadArgument.into()
    })
}

/// Runs `f` with a map for reading; `None` where it is not there. The maps of a call's answer are there whatever context is
/// the effective one.
fn with_map<R>(
    call: &mut Call<'_>,
    kind: MapType,
    f: impl FnOnce(&mut Call<'_>, Option<Map<'_>>) -> Outcome<R>,
) -> Outcome<R> {
    if matches!(
        kind,
        MapType::RequestHeaders
            | MapType::RequestTrailers
            | MapType::ResponseHeaders
            | MapType::ResponseTrailers
    ) {
        return with_exchange(call, |call, exchange| {
            let has_stream = exchange.is_some();
            let map = exchange.and_then(|exchange| exchange.map(kind).ok());
            if map.is_none() {
                call.data_mut().hint_map(kind, Access::Read, has_stream);
            }
            f(call, map)
        });
    }
    let event = call.data().calls.event();
    if event.is_none() {
        call.data_mut().hint_map(kind, Access::Read, true);
    }
    f(call, event.as_deref().and_then(|event| event.map(kind)))
}
