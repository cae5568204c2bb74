//! `loom.yaml`.

use loom_config::Loader;

use super::{Target, seeds};

pub(super) const TARGET: Target = Target {
    name: "config",
    about: "loom.yaml, from its bytes to the checked model",
    run,
    seeds: files,
    words: &[
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "\n",
        "\n  ",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "#",
        "${A}",
        "${A:-b}",
        "${file:x}",
        "$$",
        "~",
        "null",
        "true",
        "0x10",
        "1e9",
        ".inf",
        "-1",
        "18446744073709551616",
        "10s",
        "1ms",
        "64KiB",
        "50%",
        "/*",
        "/{a}",
        "{regex: '(a*)*'}",
        "x-",
        "routes:",
        "upstreams:",
        "plugins:",
        "listeners:",
        "defaults:",
        "include:",
        "upstream: e",
        "path: /",
        "host: '*.a'",
        "endpoints: ",
        "address: ",
        "\u{feff}",
        "---\n",
        "...\n",
        "? ",
        "\t",
    ],
    longest: 16 * 1024,
    short_run: 5_000,
};

/// Any bytes are a model, or faults that stand somewhere in them; and always the same ones.
///
/// # Panics
///
/// When that does not hold.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let loader = Loader::new([("A".to_owned(), "1".to_owned())]);
    match loader.parse("loom.yaml", &text) {
        Ok(config) => {
            let again = loader.parse("loom.yaml", &text);
            assert_eq!(
                again.ok().map(|again| format!("{again:?}")),
                Some(format!("{config:?}")),
                "the same text, another model"
            );
        }
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty(), "no reason");
            assert!(
                error.faults().next().is_some(),
                "refused without a fault: {message}"
            );
            let again = loader.parse("loom.yaml", &text).err();
            assert_eq!(
                again.map(|again| again.to_string()),
                Some(message),
                "the same text, other faults"
            );
        }
    }
}

fn files() -> Vec<Vec<u8>> {
    let mut all = seeds::files(&["loom-config/tests/bad", "examples"], "yaml");
    all.retain(|file| file.len() <= TARGET.longest);
    all.push(loom_config::MINIMAL.into());
    all
}
