//! "Did you mean": the known word that a mistyped one is closest to.

/// The word of `known` that `word` was probably meant to be.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = simplified(word);
    let longest = wanted.chars().count();
    // Names that are much longer are not compared: the time is the product of the lengths.
    if longest > 64 {
        return None;
    }
    let allowed = (longest / 3).max(1);
    known
        .into_iter()
        .filter(|known| known.len() <= 128)
        .map(|known| {
            (
                strsim::damerau_levenshtein(&wanted, &simplified(known)),
                known,
            )
        })
        .filter(|(distance, known)| *distance <= allowed && *distance < known.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Case and the kind of dash are what people get wrong first.
fn simplified(word: &str) -> String {
    word.chars()
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds_what_was_meant() {
        let known = ["memory_limit", "timeout", "path", "priority"];
        for (word, meant) in [
            ("memoryLimit", Some("memory_limit")),
            ("memory-limit", Some("memory_limit")),
            ("prioritty", Some("priority")),
            ("pth", Some("path")),
            ("Timeout", Some("timeout")),
            ("retries", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest(word, known), meant, "{word}");
        }
    }
}
