//! What commands print.

use std::io::{self, ErrorKind, Write};

/// Prints a text. Who stops reading in the middle, such as `head`, has seen enough.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Rows below each other, each column as wide as it has to be.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            let gap = width + 2 - cell.chars().count();
            line.extend(std::iter::repeat_n(' ', gap));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How wide a text is at the most, where its words let it be.
pub(super) const WIDTH: usize = 80;

/// Names and what stands beside them, broken into lines that fit. What has no name goes on with the one above.
pub(super) fn named(rows: &[(String, String)]) -> String {
    let names = rows.iter().map(|(name, _)| name.chars().count());
    let indent = names.max().unwrap_or(0) + 2;
    let mut text = String::new();
    for (name, value) in rows {
        let mut name = name.as_str();
        for line in wrapped(value, WIDTH.saturating_sub(indent)) {
            let line = format!("{name:indent$}{line}");
            text.push_str(line.trim_end());
            text.push('\n');
            name = "";
        }
    }
    text
}

/// Lines of at most this width, broken between words; further ones stand a little to the right. A word that is longer is a line.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let is_first = line.trim().is_empty();
        if !is_first && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, "  ".to_owned()));
        } else if !is_first {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [vec!["é", "b"], vec!["long", "x"], vec!["only"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(columns(&rows), "é     b\nlong  x\nonly\n");
    }

    #[test]
    fn lines_break_between_words() {
        for (text, lines) in [
            ("", &[""][..]),
            ("aa bb cc", &["aa bb", "  cc"]),
            ("aaaaaaaa b", &["aaaaaaaa", "  b"]),
            ("a bbbbbb c", &["a", "  bbbbbb", "  c"]),
        ] {
            assert_eq!(wrapped(text, 5), lines, "{text}");
        }
        let rows = [("name", "x"), ("", "y")];
        let rows = rows.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(named(&rows), "name  x\n      y\n");
    }
}
