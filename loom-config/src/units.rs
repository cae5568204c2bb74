//! Sizes and durations, which the file writes as text: `16MB`, `64KiB`, `50ms`, `1m30s`.

use std::time::Duration;

const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// From the longest: a duration names each unit once, in this order.
const DURATIONS: &[(&str, u64)] = &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not what was wanted: the text that was probably meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) meant: Option<String>,
}

/// A number of bytes: a whole number, and a unit if need be.
pub(crate) fn size(text: &str) -> Result<u64, Unreadable> {
    bytes(text).ok_or_else(|| Unreadable {
        meant: size_meant(text),
    })
}

/// A length of time: whole numbers, each with a unit, the longest first.
pub(crate) fn duration(text: &str) -> Result<Duration, Unreadable> {
    let unreadable = || Unreadable {
        meant: duration_meant(text),
    };
    let mut rest = text;
    let mut units = DURATIONS;
    let mut total = 0_u64;
    while !rest.is_empty() || total == 0 && units.len() == DURATIONS.len() {
        let (number, tail) = split_number(rest);
        let length = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(length);
        let place = units
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(unreadable)?;
        let part = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(units[place].1));
        total = part
            .and_then(|part| total.checked_add(part))
            .ok_or_else(unreadable)?;
        units = &units[place + 1..];
        rest = tail;
    }
    Ok(Duration::from_millis(total))
}

/// A part of a whole: a whole number up to 100, and a percent sign.
pub(crate) fn percentage(text: &str) -> Result<u8, Unreadable> {
    let (number, sign) = split_number(text);
    let percent = number.parse::<u8>().ok().filter(|percent| *percent <= 100);
    match (percent, sign) {
        (Some(percent), "%") => Ok(percent),
        (Some(percent), sign) if sign.trim() == "%" || sign.is_empty() => Err(Unreadable {
            meant: Some(format!("{percent}%")),
        }),
        _ => Err(Unreadable { meant: None }),
    }
}

/// A part of a whole that may be small, from 0 to 1: a number up to 100, with decimals if need be, and a percent sign.
pub(crate) fn fraction(text: &str) -> Result<f64, Unreadable> {
    let (number, sign) = text
        .split_at_checked(text.len().saturating_sub(1))
        .unwrap_or((text, ""));
    let is_plain = |c: char| c.is_ascii_digit() || c == '.';
    let percent = |text: &str| {
        let plain = text.chars().all(is_plain) && text.starts_with(|c: char| c.is_ascii_digit());
        let percent = text.parse::<f64>().ok().filter(|_| plain);
        percent.filter(|percent| *percent <= 100.0)
    };
    match percent(number) {
        Some(percent) if sign == "%" => Ok(percent / 100.0),
        _ => Err(Unreadable {
            meant: percent(text.trim_end_matches('%').trim_end())
                .map(|percent| format!("{percent}%")),
        }),
    }
}

/// A size as this file would write it.
pub(crate) fn show_size(bytes: u64) -> String {
    let fitting = SIZES
        .iter()
        .filter(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    let unit = fitting.max_by_key(|(_, factor)| *factor);
    unit.map_or_else(
        || format!("{bytes}B"),
        |(name, factor)| format!("{}{name}", bytes / factor),
    )
}

/// A duration as this file would write it.
pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let unit = DURATIONS.iter().find(|(_, factor)| {
        millis >= u128::from(*factor) && millis.is_multiple_of(u128::from(*factor))
    });
    unit.map_or_else(
        || "0s".to_owned(),
        |(name, factor)| format!("{}{name}", millis / u128::from(*factor)),
    )
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text);
    let factor = if unit.is_empty() {
        Some(1)
    } else {
        lookup(SIZES, unit)
    };
    number.parse::<u64>().ok()?.checked_mul(factor?)
}

fn split_number(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

fn lookup(units: &[(&str, u64)], name: &str) -> Option<u64> {
    units
        .iter()
        .find(|(unit, _)| *unit == name)
        .map(|(_, factor)| *factor)
}

fn size_meant(text: &str) -> Option<String> {
    let (number, unit) = split_number(text);
    if number.is_empty() {
        return None;
    }
    let unit = unit.trim().to_ascii_lowercase();
    let unit = match unit.as_str() {
        "b" | "bytes" => "B",
        "k" | "kb" => "KB",
        "m" | "mb" => "MB",
        "g" | "gb" => "GB",
        "ki" | "kib" => "KiB",
        "mi" | "mib" => "MiB",
        "gi" | "gib" => "GiB",
        _ => return None,
    };
    let meant = format!("{number}{unit}");
    bytes(&meant).is_some().then_some(meant)
}

fn duration_meant(text: &str) -> Option<String> {
    let (number, unit) = split_number(text);
    if number.is_empty() {
        return None;
    }
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "ms" | "msec" | "millis" | "milliseconds" => "ms",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hour" | "hours" => "h",
        "d" | "day" | "days" => {
            return number
                .parse::<u64>()
                .ok()?
                .checked_mul(24)
                .map(|hours| format!("{hours}h"));
        }
        _ => return None,
    };
    let meant = format!("{number}{unit}");
    (meant != text).then_some(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("65536", 65_536),
            ("7B", 7),
            ("2KB", 2_000),
            ("16MB", 16_000_000),
            ("1GB", 1_000_000_000),
            ("64KiB", 65_536),
            ("16MiB", 1 << 24),
            ("4GiB", 1 << 32),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn not_sizes() {
        for (text, meant) in [
            ("16mb", Some("16MB")),
            ("16M", Some("16MB")),
            ("16Mi", Some("16MiB")),
            ("16 MB", Some("16MB")),
            ("1.5MB", None),
            ("MB", None),
            ("", None),
            ("-1", None),
            ("16XB", None),
            ("99999999999999999999", None),
            ("99999999999999999GB", None),
        ] {
            assert_eq!(
                size(text),
                Err(Unreadable {
                    meant: meant.map(str::to_owned)
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn durations() {
        for (text, millis) in [
            ("50ms", 50),
            ("30s", 30_000),
            ("1m", 60_000),
            ("2h", 7_200_000),
            ("1m30s", 90_000),
            ("1h1m1s1ms", 3_661_001),
            ("0s", 0),
            ("90s", 90_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn not_durations() {
        for (text, meant) in [
            ("30", Some("30s")),
            ("30 s", Some("30s")),
            ("30sec", Some("30s")),
            ("50MS", Some("50ms")),
            ("2d", Some("48h")),
            ("1.5s", None),
            ("30s1m", None),
            ("1s1s", None),
            ("-1s", None),
            ("s", None),
            ("", None),
            ("soon", None),
            ("99999999999999999999s", None),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(
                duration(text),
                Err(Unreadable {
                    meant: meant.map(str::to_owned)
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn percentages() {
        assert_eq!(percentage("0%"), Ok(0));
        assert_eq!(percentage("100%"), Ok(100));
        for (text, meant) in [
            ("50", Some("50%")),
            ("50 %", Some("50%")),
            ("101%", None),
            ("0.5", None),
            ("", None),
        ] {
            let meant = meant.map(str::to_owned);
            assert_eq!(percentage(text), Err(Unreadable { meant }), "{text}");
        }
    }

    #[test]
    fn fractions() {
        assert_eq!(fraction("100%"), Ok(1.0));
        assert_eq!(fraction("0%"), Ok(0.0));
        assert_eq!(fraction("0.1%"), Ok(0.001));
        for (text, meant) in [
            ("10", Some("10%")),
            ("0.5 %", Some("0.5%")),
            ("100.1%", None),
            ("-1%", None),
            ("nan%", None),
            ("1e1%", None),
            ("%", None),
            ("", None),
            ("1\u{e9}", None),
        ] {
            let meant = meant.map(str::to_owned);
            assert_eq!(fraction(text), Err(Unreadable { meant }), "{text}");
        }
    }

    #[test]
    fn shown_as_written() {
        for text in ["7B", "16MB", "64KiB", "4GiB", "1KB", "1500B"] {
            assert_eq!(size(text).map(show_size).as_deref(), Ok(text));
        }
        for text in ["50ms", "30s", "1m", "2h", "90s", "0s"] {
            assert_eq!(duration(text).map(show_duration).as_deref(), Ok(text));
        }
    }
}
