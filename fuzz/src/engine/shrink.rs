//! The smallest input that still fails.

/// How often it is tried.
const ATTEMPTS: usize = 4000;

/// Takes pieces away, and makes bytes smaller, for as long as it fails.
pub(super) fn shrink(input: Vec<u8>, mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut smallest = input;
    let mut attempts = 0;
    loop {
        let before = smallest.clone();
        let mut size = smallest.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < smallest.len() && attempts < ATTEMPTS {
                let end = (at + size).min(smallest.len());
                let without = [&smallest[..at], &smallest[end..]].concat();
                attempts += 1;
                if fails(&without) {
                    smallest = without;
                } else {
                    at = end;
                }
            }
            size /= 2;
        }
        if smallest == before || attempts >= ATTEMPTS {
            return smallest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_goes() {
        let input = b"some text, then BAD and BAD again".to_vec();
        let fails = |input: &[u8]| input.windows(3).any(|part| part == b"BAD");
        assert_eq!(shrink(input, fails), b"BAD");
    }
}
