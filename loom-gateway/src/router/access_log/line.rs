//! A line of the access log, as JSON or as `key=value` pairs. What is not known is left out.

use std::io::Write as _;

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
}
