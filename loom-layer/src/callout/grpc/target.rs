//! Whom a gRPC call is for: an upstream's name, or Envoy's `GrpcService` (config.core.v3) in serialized form.

use super::super::{Upstream, Upstreams};
use super::protobuf::{Fields, Value};
use bytes::Bytes;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct GrpcTarget {
    pub(crate) upstream: Upstream,
    /// What to call it, if not by its name.
    pub(super) authority: Option<Bytes>,
    /// Metadata for each of its calls.
    pub(super) metadata: Vec<(Bytes, Bytes)>,
    /// The largest message that it may send, if it is less than ours.
    pub(super) max_message: Option<u64>,
}

/// Why there is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTarget {
    /// This is no upstream's name, and no `GrpcService`.
    Unknown,
    /// The `GrpcService` names no upstream that is there.
    NotThere,
}

impl GrpcTarget {
    /// The target of these bytes. No upstream has a name that is a `GrpcService`, so that names come first.
    pub(crate) fn find(upstreams: &Upstreams, bytes: &[u8]) -> Result<Self, NoTarget> {
        if let Some(upstream) = upstreams.get(bytes) {
            return Ok(Self {
                upstream,
                authority: None,
                metadata: Vec::new(),
                max_message: None,
            });
        }
        let mut message = None;
        let mut metadata = Vec::new();
        for field in Fields(bytes) {
            match field? {
                (1, Value::Bytes(envoy_grpc)) => message = Some(envoy_grpc),
                (5, Value::Bytes(entry)) => metadata.push(header_value(entry)?),
                _ => {}
            }
        }
        let target = envoy_grpc(upstreams, message.ok_or(NoTarget::Unknown)?)?;
        Ok(Self { metadata, ..target })
    }
}

/// `EnvoyGrpc`: `cluster_name`, `authority` and `max_receive_message_length`.
fn envoy_grpc(upstreams: &Upstreams, message: &[u8]) -> Result<GrpcTarget, NoTarget> {
    let (mut name, mut authority, mut max_message) = (&b""[..], None, None);
    for field in Fields(message) {
        match field? {
            (1, Value::Bytes(text)) => name = text,
            (2, Value::Bytes(text)) => authority = Some(Bytes::copy_from_slice(text)),
            (4, Value::Bytes(message)) => max_message = Some(uint32_value(message)?),
            _ => {}
        }
    }
    Ok(GrpcTarget {
        upstream: upstreams.get(name).ok_or(NoTarget::NotThere)?,
        authority: authority.filter(|authority| !authority.is_empty()),
        metadata: Vec::new(),
        max_message,
    })
}

/// `google.protobuf.UInt32Value`
fn uint32_value(message: &[u8]) -> Result<u64, NoTarget> {
    let mut value = 0;
    for field in Fields(message) {
        if let (1, Value::Number(number)) = field? {
            value = number;
        }
    }
    Ok(value)
}

/// `HeaderValue`: `key`, and `value` or `raw_value`.
fn header_value(message: &[u8]) -> Result<(Bytes, Bytes), NoTarget> {
    let (mut key, mut value) = (&b""[..], &b""[..]);
    for field in Fields(message) {
        match field? {
            (1, Value::Bytes(text)) => key = text,
            (2 | 3, Value::Bytes(text)) => value = text,
            _ => {}
        }
    }
    Ok((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams() -> Upstreams {
        let mut upstreams = Upstreams::default();
        for name in ["grpc", "a"] {
            upstreams.insert(Upstream::url(name, "http://a:1").expect("a URL"));
        }
        upstreams
    }

    fn find(bytes: &[u8]) -> Result<GrpcTarget, NoTarget> {
        GrpcTarget::find(&upstreams(), bytes)
    }

    #[test]
    fn a_name_or_a_message() {
        assert_eq!(find(b"grpc").expect("it is there").upstream.name(), "grpc");
        // The bytes that Envoy 1.40 took in the same way.
        let whole = find(b"\x0a\x0e\x0a\x04grpc\x12\x06me.com\x2a\x08\x0a\x03x-z\x12\x01y");
        let whole = whole.expect("it is there");
        assert_eq!(whole.upstream.name(), "grpc");
        assert_eq!(whole.authority.as_deref(), Some(&b"me.com"[..]));
        assert_eq!(whole.metadata, [(Bytes::from("x-z"), Bytes::from("y"))]);
        assert_eq!(whole.max_message, None);
        let limited = find(b"\x0a\x0a\x0a\x04grpc\x22\x02\x08\x07").expect("it is there");
        assert_eq!(limited.max_message, Some(7));
    }

    #[test]
    fn neither() {
        for (bytes, why) in [
            (&b"nobody"[..], NoTarget::Unknown),
            (b"", NoTarget::Unknown),
            // google_grpc
            (b"\x12\x06\x0a\x04grpc", NoTarget::Unknown),
            (b"\x0a\x06\x0a\x04gone", NoTarget::NotThere),
            (b"\x0a\x06\x0a\x04gon", NoTarget::Unknown),
        ] {
            assert_eq!(find(bytes).err(), Some(why), "{bytes:?}");
        }
    }
}
