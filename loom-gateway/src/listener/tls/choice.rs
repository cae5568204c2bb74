//! Which of several certificates is for which name.

use rustc_hash::FxHashMap;

/// The certificates by the names that they are for.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: FxHashMap<Box<str>, Vec<usize>>,
    /// By what follows the star and its dot.
    wildcard: FxHashMap<Box<str>, Vec<usize>>,
}

impl Names {
    /// Of certificates with these names, in their order.
    pub(super) fn new(certificates: impl Iterator<Item = Vec<String>>) -> Self {
        let mut names = Self::default();
        for (index, certificate) in certificates.enumerate() {
            for name in certificate {
                let (all, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut names.wildcard, parent),
                    None => (&mut names.exact, name.as_str()),
                };
                all.entry(name.to_ascii_lowercase().into())
                    .or_default()
                    .push(index);
            }
        }
        names
    }

    /// The certificates for a name: those that have the name itself, or else those with a star in the place of its first
    /// label (RFC 6125, 6.4.3). None when no certificate is for it.
    pub(super) fn find(&self, name: Option<&str>) -> &[usize] {
        let Some(name) = name else {
            return &[];
        };
        let name = name.to_ascii_lowercase();
        let parent = || name.split_once('.').map(|(_, parent)| parent);
        let found = self.exact.get(name.as_str());
        let found = found.or_else(|| self.wildcard.get(parent()?));
        found.map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_itself_a_star_and_nothing() {
        let certificates = [
            &["one.example.com"][..],
            &["*.example.com", "example.com"],
            &["ONE.example.com", "*.test"],
        ];
        let own = |names: &&[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let names = Names::new(certificates.iter().map(own));
        for (name, found) in [
            (Some("one.example.com"), &[0, 2][..]),
            (Some("One.Example.com"), &[0, 2]),
            (Some("two.example.com"), &[1]),
            (Some("example.com"), &[1]),
            (Some("a.b.example.com"), &[]),
            (Some("a.test"), &[2]),
            (Some("test"), &[]),
            (None, &[]),
        ] {
            assert_eq!(names.find(name), found, "{name:?}");
        }
    }
}
