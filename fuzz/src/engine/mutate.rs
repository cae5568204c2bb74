//! Inputs from other inputs.

use fastrand::Rng;
use mutatis::Session;

use crate::targets::Target;

/// The most changes that are made to one input.
const CHANGES: u32 = 8;

/// Makes inputs.
#[derive(Debug)]
pub struct Mutator {
    seed: u64,
    corpus: Vec<Vec<u8>>,
    words: &'static [&'static str],
    longest: usize,
}

impl Mutator {
    /// From the seeds of a target.
    #[must_use]
    pub fn new(target: &Target, seed: u64) -> Self {
        let mut corpus = (target.seeds)();
        if corpus.is_empty() {
            corpus.push(Vec::new());
        }
        Self {
            seed,
            corpus,
            words: target.words,
            longest: target.longest,
        }
    }

    /// The input of this number: the corpus itself in the beginning, and then what becomes of it.
    #[must_use]
    pub fn input(&self, number: u64) -> Vec<u8> {
        let known = usize::try_from(number).ok();
        if let Some(known) = known.and_then(|number| self.corpus.get(number)) {
            return known.clone();
        }
        // Neighbouring numbers should not look alike.
        let mut random = Rng::with_seed(self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut input = self.pick(&mut random).to_vec();
        // Half of the inputs are changed once, a quarter twice, and so on.
        let changes = 1 + random.u32(..).trailing_ones().min(CHANGES - 1);
        for _ in 0..changes {
            self.change(&mut input, &mut random);
        }
        input.truncate(self.longest);
        input
    }

    fn pick(&self, random: &mut Rng) -> &[u8] {
        &self.corpus[random.usize(..self.corpus.len())]
    }

    fn change(&self, input: &mut Vec<u8>, random: &mut Rng) {
        match random.u8(..8) {
            0 | 1 if !self.words.is_empty() => {
                let word = self.words[random.usize(..self.words.len())];
                let at = random.usize(..=input.len());
                let replaced = random.usize(..=word.len()).min(input.len() - at);
                input.splice(at..at + replaced, word.bytes());
            }
            2 => {
                // A piece of another input, or of this one.
                let other = self.pick(random);
                let from = part(other.len(), random);
                let at = random.usize(..=input.len());
                input.splice(at..at, other[from].iter().copied());
            }
            3 => {
                let away = part(input.len(), random);
                input.drain(away);
            }
            4 => {
                let again = input[part(input.len(), random)].to_vec();
                let at = random.usize(..=input.len());
                input.splice(at..at, again);
            }
            // It fails only when there is nothing that it could change.
            _ => drop(Session::new().seed(random.u64(..)).mutate(input)),
        }
    }
}

/// A piece of so many bytes; mostly a short one.
fn part(length: usize, random: &mut Rng) -> std::ops::Range<usize> {
    let from = random.usize(..=length);
    let most = (length - from).min(1 << random.u32(..10));
    from..from + random.usize(..=most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::ALL;

    #[test]
    fn an_input_is_a_function_of_seed_and_number() {
        for target in ALL {
            let (one, other) = (Mutator::new(target, 1), Mutator::new(target, 2));
            let again = Mutator::new(target, 1);
            let behind = u64::try_from(one.corpus.len()).unwrap();
            let inputs = |from: &Mutator| -> Vec<_> {
                (behind..behind + 20)
                    .map(|number| from.input(number))
                    .collect()
            };
            assert_eq!(inputs(&one), inputs(&again), "{}", target.name);
            assert_ne!(inputs(&one), inputs(&other), "{}", target.name);
            let longest = inputs(&one).iter().map(Vec::len).max();
            assert!(longest <= Some(target.longest), "{}", target.name);
            assert_eq!(one.input(0), one.corpus[0], "{}", target.name);
        }
    }
}
