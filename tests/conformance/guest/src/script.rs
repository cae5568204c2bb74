//! The form of a script.
//!
//! ```text
//! on request_headers
//!   add request x-a "some text\r\n"
//!   pause
//! on request_body.end        only at the end of the stream
//! on tick#2                  only the second time in its context
//! on request_headers@2       only for the second stream of the plugin
//! ```
//!
//! A line is words: bare ones, or quoted ones with the escapes `\n`, `\r`, `\t`, `\0`, `\"`, `\\` and `\xNN`. What begins
//! with `//` is a comment.

/// A word of a script, after its escapes.
pub(crate) type Word = Vec<u8>;

/// What is to be done in which callback.
#[derive(Default)]
pub(crate) struct Script {
    handlers: Vec<(String, Vec<Vec<Word>>)>,
}

impl Script {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut script = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            let line = words(line);
            match line.as_slice() {
                [] => {}
                [on, name, ..] if on == b"on" => {
                    let name = String::from_utf8_lossy(name).into_owned();
                    script.handlers.push((name, Vec::new()));
                }
                _ => {
                    if let Some((_, steps)) = script.handlers.last_mut() {
                        steps.push(line);
                    }
                }
            }
        }
        script
    }

    /// The steps for a callback: those of the name that says most about it.
    pub(crate) fn steps(
        &self,
        callback: &str,
        time: usize,
        stream: usize,
        end: bool,
    ) -> &[Vec<Word>] {
        let names = [
            (end, format!("{callback}.end")),
            (true, format!("{callback}#{time}")),
            (true, format!("{callback}@{stream}")),
            (true, callback.to_owned()),
        ];
        for (_, name) in names.iter().filter(|(applies, _)| *applies) {
            if let Some((_, steps)) = self.handlers.iter().find(|(handler, _)| handler == name) {
                return steps;
            }
        }
        &[]
    }
}

fn words(line: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = line.iter().copied().peekable();
    while let Some(&byte) = rest.peek() {
        if byte.is_ascii_whitespace() {
            rest.next();
            continue;
        }
        let mut word = Word::new();
        if byte == b'"' {
            rest.next();
            while let Some(byte) = rest.next() {
                match byte {
                    b'"' => break,
                    b'\\' => word.extend(escape(&mut rest)),
                    byte => word.push(byte),
                }
            }
        } else {
            while let Some(byte) = rest.next_if(|byte| !byte.is_ascii_whitespace()) {
                word.push(byte);
            }
            if word.starts_with(b"//") {
                break;
            }
        }
        words.push(word);
    }
    words
}

fn escape(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    Some(match rest.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'0' => 0,
        b'x' => {
            let high = digit(rest.next()?);
            high << 4 | digit(rest.next()?)
        }
        other => other,
    })
}
