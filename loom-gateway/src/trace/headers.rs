//! `traceparent` and `tracestate`, as W3C's Trace Context describes them.
//!
//! The propagator of the SDK takes what the standard calls invalid: ids that are too short, or signs before numbers.

use http::header::{GetAll, HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The span that a request says it belongs to. Without a valid one the request begins a trace of its own, and what stands
/// in `tracestate`, which is then nobody's, is removed.
pub(super) fn take(headers: &mut HeaderMap) -> Option<SpanContext> {
    let parent = parent(&headers.get_all(TRACEPARENT));
    let Some((trace, span, flags)) = parent else {
        headers.remove(TRACESTATE);
        return None;
    };
    let state = state(&headers.get_all(TRACESTATE));
    Some(SpanContext::new(trace, span, flags, true, state))
}

/// Says that this span is the parent of whatever comes of the request. `tracestate` stays as it is.
pub(super) fn put(headers: &mut HeaderMap, span: &SpanContext) {
    let flags = span.trace_flags() & TraceFlags::SAMPLED;
    let text = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(TRACEPARENT, value);
    }
}

/// `00-` 32 digits `-` 16 digits `-` 2 digits. A later version may have more behind it, after a dash.
fn parent(values: &GetAll<'_, HeaderValue>) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut values = values.iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let value = value.to_str().ok()?;
    let mut parts = value.splitn(5, '-');
    let mut hex = |length: usize| parts.next().filter(|part| is_hex(part, length));
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    if version == "ff" || version == "00" && parts.next().is_some() {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    if trace == TraceId::INVALID || span == SpanId::INVALID {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some((trace, span, TraceFlags::new(flags) & TraceFlags::SAMPLED))
}

fn is_hex(part: &str, length: usize) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    part.len() == length && part.bytes().all(is_digit)
}

/// What other systems noted. What cannot be understood is passed on all the same, and only not shown in our spans.
fn state(values: &GetAll<'_, HeaderValue>) -> TraceState {
    let values = values.iter().filter_map(|value| value.to_str().ok());
    let joined = values.collect::<Vec<_>>().join(",");
    joined.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(traceparents: &[&'static str]) -> (Option<SpanContext>, HeaderMap) {
        let mut headers = HeaderMap::new();
        for value in traceparents {
            headers.append(TRACEPARENT, HeaderValue::from_static(value));
        }
        headers.append(TRACESTATE, HeaderValue::from_static("a=1"));
        headers.append(TRACESTATE, HeaderValue::from_static("b=2"));
        (take(&mut headers), headers)
    }

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_parent_is_taken_and_replaced() {
        let (parent, mut headers) = taken(&[VALID]);
        let parent = parent.expect("valid");
        assert!(parent.is_sampled() && parent.is_remote());
        assert_eq!(parent.trace_state().get("b"), Some("2"));
        put(&mut headers, &parent);
        assert_eq!(headers[TRACEPARENT], VALID);
        assert_eq!(headers.get_all(TRACESTATE).iter().count(), 2);
    }

    #[test]
    fn unknown_flags_and_later_versions_are_read_as_far_as_they_are_known() {
        for (value, sampled) in [
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
                false,
            ),
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03",
                true,
            ),
            (
                "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more-of-it",
                true,
            ),
        ] {
            let parent = taken(&[value]).0.expect(value);
            assert_eq!(parent.is_sampled(), sampled, "{value}");
            assert_eq!(parent.trace_flags().to_u8() & !1, 0, "{value}");
        }
    }

    #[test]
    fn an_invalid_parent_is_none_and_takes_the_state_with_it() {
        for value in [
            "",
            "00",
            "00-1-1-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-+1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
        ] {
            let (parent, headers) = taken(&[value]);
            assert_eq!(parent, None, "{value}");
            assert!(!headers.contains_key(TRACESTATE), "{value}");
        }
        assert_eq!(taken(&[VALID, VALID]).0, None, "two are none");
        assert_eq!(taken(&[]).0, None);
    }
}
