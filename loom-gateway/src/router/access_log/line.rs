//! A line of the access log, as JSON or as `key=value` pairs. What is not known is left out.

use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use loom_config::model::LogFormat;

/// A line that is being written.
pub(super) struct Line {
    format: LogFormat,
    text: Vec<u8>,
}

impl Line {
    pub(super) fn new(format: LogFormat) -> Self {
        let mut text = Vec::with_capacity(512);
        if format == LogFormat::Json {
            text.push(b'{');
        }
        Self { format, text }
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        if self.format == LogFormat::Text && !value.is_empty() && value.chars().all(is_plain) {
            self.text.extend_from_slice(value.as_bytes());
            return;
        }
        // A vector takes everything.
        let _ = serde_json::to_writer(&mut self.text, value);
    }

    /// A number, or true and false.
    pub(super) fn bare(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        let _ = write!(self.text, "{value}");
    }

    /// The line with its end.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.format == LogFormat::Json {
            self.text.push(b'}');
        }
        self.text.push(b'\n');
        self.text
    }

    fn key(&mut self, key: &str) {
        let is_json = self.format == LogFormat::Json;
        if self.text.len() > usize::from(is_json) {
            self.text.push(if is_json { b',' } else { b' ' });
        }
        let quote: &[u8] = if is_json { b"\"" } else { b"" };
        self.text.extend_from_slice(quote);
        self.text.extend_from_slice(key.as_bytes());
        self.text.extend_from_slice(quote);
        self.text.push(if is_json { b':' } else { b'=' });
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\')
}

/// A time as RFC 3339 writes it, in UTC, with milliseconds.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Years that begin in March have the leap day at their end (H. Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        since.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat) -> String {
        let mut line = Line::new(format);
        line.text("path", "/a");
        line.bare("status", 200);
        line.text("user_agent", "a \"b\"\n=c");
        line.text("empty", "");
        String::from_utf8(line.finish()).expect("UTF-8")
    }

    #[test]
    fn both_formats_keep_a_line_a_line() {
        assert_eq!(
            line(LogFormat::Json),
            "{\"path\":\"/a\",\"status\":200,\"user_agent\":\"a \\\"b\\\"\\n=c\",\"empty\":\"\"}\n"
        );
        assert_eq!(
            line(LogFormat::Text),
            "path=/a status=200 user_agent=\"a \\\"b\\\"\\n=c\" empty=\"\"\n"
        );
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(rfc3339(time), expected);
        }
        let time = UNIX_EPOCH + Duration::from_millis(1_234);
        assert_eq!(rfc3339(time), "1970-01-01T00:00:01.234Z");
    }
}
