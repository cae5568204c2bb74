//! Header maps as guests and host hand them to each other.

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "pairs",
    about: "header maps on the wire between host and guest",
    run,
    seeds,
    words: &[
        "\0\0\0\0",
        "\u{1}\0\0\0",
        "\u{2}\0\0\0",
        ":path\0",
        "\0\u{4}\0\0",
        "\u{7f}\u{7f}\u{7f}\u{7f}",
    ],
    longest: 4096,
    short_run: 300_000,
};

/// What can be read is written again as it was, and what is written can be read.
///
/// # Panics
///
/// When that does not hold.
pub fn run(data: &[u8]) {
    loom_layer::fuzzing::pairs(data);
}

fn seeds() -> Vec<Vec<u8>> {
    let maps: [&[(&str, &str)]; 5] = [
        &[],
        &[("", "")],
        &[("a", "1"), ("b", "22")],
        &[
            (":method", "GET"),
            (":path", "/"),
            (":authority", "example.com"),
        ],
        &[("x-a", ""), ("", "x"), ("set-cookie", "a=b; path=/")],
    ];
    let mut all: Vec<_> = maps.iter().map(|map| encoded(map)).collect();
    all.extend([Vec::new(), vec![0]]);
    all
}

fn encoded(map: &[(&str, &str)]) -> Vec<u8> {
    let length = |text: usize| u32::try_from(text).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = length(map.len()).to_vec();
    for (name, value) in map {
        bytes.extend(length(name.len()));
        bytes.extend(length(value.len()));
    }
    for (name, value) in map {
        for part in [name, value] {
            bytes.extend(part.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}
