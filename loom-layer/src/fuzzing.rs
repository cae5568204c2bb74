//! What fuzz targets need from inside. No part of the interface: it changes without notice.

use crate::abi::pairs;
use crate::stream::simulation;

/// Reads a header map as a guest would send it. What can be read is written again as it was.
///
/// # Panics
///
/// When it is not.
pub fn pairs(bytes: &[u8]) {
    let Some(pairs) = pairs::decode(bytes) else {
        return;
    };
    let text = pairs.iter().map(|(key, value)| key.len() + value.len());
    let length = pairs::encoded_len(pairs.len(), text.sum()).expect("no longer than what was read");
    let mut written = vec![0xAA; usize::try_from(length).expect("no longer than what was read")];
    let whole = pairs::encode_into(&mut written, pairs.len(), pairs.iter().copied());
    assert!(whole, "{pairs:?} does not fit into {length} bytes");
    if pairs.is_empty() {
        // There are three ways to say nothing, of which this one is written.
        assert_eq!(written, [0; 4]);
    } else {
        assert_eq!(written, bytes);
    }
}

/// Plays a run of the state machine, in which each byte is a decision. The rule that it breaks, if it breaks one, and
/// what happened.
#[must_use]
pub fn chain(bytes: &[u8]) -> Option<String> {
    simulation::play_record(bytes)
}
