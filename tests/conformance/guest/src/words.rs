//! The words of scripts and lines: what numbers of the ABI are called, and how bytes look.

use std::fmt::Write;

pub(crate) const MAPS: &[&str] = &[
    "request",
    "request_trailers",
    "response",
    "response_trailers",
    "grpc_initial",
    "grpc_trailing",
    "call",
    "call_trailers",
];
pub(crate) const BUFFERS: &[&str] = &[
    "request_body",
    "response_body",
    "downstream",
    "upstream",
    "call_body",
    "grpc_message",
    "vm_config",
    "plugin_config",
    "foreign_arguments",
];
#[cfg(not(feature = "abi_0_1_0"))]
pub(crate) const STREAMS: &[&str] = &["request", "response", "downstream", "upstream"];
pub(crate) const METRICS: &[&str] = &["counter", "gauge", "histogram"];
pub(crate) const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "critical"];
const STATUSES: &[&str] = &[
    "ok",
    "NOT_FOUND",
    "BAD_ARGUMENT",
    "SERIALIZATION_FAILURE",
    "PARSE_FAILURE",
    "BAD_EXPRESSION",
    "INVALID_MEMORY_ACCESS",
    "EMPTY",
    "CAS_MISMATCH",
    "RESULT_MISMATCH",
    "INTERNAL_FAILURE",
    "BROKEN_CONNECTION",
    "UNIMPLEMENTED",
];

/// The number of a word in a list, or the number that it is.
pub(crate) fn number_in(list: &[&str], word: &[u8]) -> u32 {
    let named = list.iter().position(|name| name.as_bytes() == word);
    named.map_or_else(|| number(word) as u32, |position| position as u32)
}

/// A decimal number, which may be negative, or one that begins with `0x`.
pub(crate) fn number(word: &[u8]) -> u64 {
    let text = std::str::from_utf8(word).unwrap_or_default();
    let parsed = match (text.strip_prefix("0x"), text.strip_prefix('-')) {
        (Some(hex), _) => u64::from_str_radix(hex, 16).ok(),
        (_, Some(positive)) => positive.parse().ok().map(u64::wrapping_neg),
        _ => text.parse().ok(),
    };
    parsed.unwrap_or_else(|| panic!("{text} is not a number"))
}

pub(crate) fn status(code: u32) -> String {
    STATUSES
        .get(code as usize)
        .map_or_else(|| code.to_string(), |name| (*name).to_owned())
}

/// Beyond this, bytes are told by their length, a hash and their beginning.
const LONG: usize = 300;

/// Bytes as one quoted word.
pub(crate) fn show(bytes: &[u8]) -> String {
    if bytes.len() > LONG {
        return format!(
            "{} bytes {:08x} {}...",
            bytes.len(),
            hash(bytes),
            show(&bytes[..16])
        );
    }
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(byte as char);
            }
            0x20..0x7f => text.push(byte as char),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push('"');
    text
}

/// FNV-1a: enough to tell two long bodies from each other.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
