//! What a page says that somebody will see.

/// Whether a text is what was expected, line by line: `...` is any text of a line, and alone on a line it is any lines.
pub(super) fn fits(expected: &str, actual: &str) -> bool {
    let expected: Vec<_> = expected.lines().map(str::trim_end).collect();
    let actual: Vec<_> = actual.lines().map(str::trim_end).collect();
    lines_fit(&expected, &actual)
}

fn lines_fit(expected: &[&str], actual: &[&str]) -> bool {
    match (expected, actual) {
        ([], []) => true,
        (["...", rest @ ..], _) => {
            (0..=actual.len()).any(|skipped| lines_fit(rest, &actual[skipped..]))
        }
        ([first, expected @ ..], [line, actual @ ..]) => {
            line_fits(first, line) && lines_fit(expected, actual)
        }
        _ => false,
    }
}

/// Whether one line fits.
pub(super) fn line_fits(expected: &str, line: &str) -> bool {
    let Some((start, rest)) = expected.split_once("...") else {
        return expected == line;
    };
    let Some(line) = line.strip_prefix(start) else {
        return false;
    };
    (0..=line.len()).any(|at| line.is_char_boundary(at) && line_fits(rest, &line[at..]))
}

#[test]
fn dots_are_any_text_or_any_lines() {
    assert!(fits("a\nb", "a\nb\n"));
    assert!(!fits("a", "a\nb"));
    assert!(!fits("a\nb", "a"));
    assert!(fits(
        "HTTP/1.1 200 OK\n...\nx: 1\n...",
        "HTTP/1.1 200 OK\r\na: 2\r\nx: 1\r\n\r\nbody"
    ));
    assert!(!fits("...\nx: 1", "x: 2"));
    assert!(fits("{\"a\":...,\"b\":1}", "{\"a\":[1,2],\"b\":1}"));
    assert!(!fits("{\"a\":...,\"b\":1}", "{\"a\":[1,2],\"b\":2}"));
}
