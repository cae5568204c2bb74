//! The time that a client gives a call.

use std::time::Duration;

use http::HeaderMap;

/// More digits than these are no timeout (gRPC over HTTP/2, "Requests").
const MAX_DIGITS: usize = 8;

/// What `grpc-timeout` says; `None` without one, or with one that is none.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let at = value.len().checked_sub(1)?;
    let (digits, unit) = value.split_at_checked(at)?;
    if digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 60 * 60),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parsed(value: &'static str) -> Option<Duration> {
        let value = HeaderValue::from_static(value);
        timeout(&HeaderMap::from_iter([(
            "grpc-timeout".parse().expect("a name"),
            value,
        )]))
    }

    #[test]
    fn every_unit_is_known() {
        for (value, expected) in [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("4S", Duration::from_secs(4)),
            ("5m", Duration::from_millis(5)),
            ("6u", Duration::from_micros(6)),
            ("7n", Duration::from_nanos(7)),
            ("0m", Duration::ZERO),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ] {
            assert_eq!(parsed(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_timeout_is_none() {
        for value in [
            "",
            "5",
            "m",
            "5s",
            "-5m",
            "+5m",
            "5 m",
            "1.5S",
            "123456789n",
            "5mm",
        ] {
            assert_eq!(parsed(value), None, "{value}");
        }
        assert_eq!(timeout(&HeaderMap::new()), None);
    }
}
