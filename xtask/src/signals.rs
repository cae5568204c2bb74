//! Signals that ask this process to end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::Error;

/// Becomes true at Ctrl-C or SIGTERM, which from here on do not end this process.
pub(crate) fn stop() -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&stop))
            .map_err(|e| Error::because("cannot listen for Ctrl-C", e))?;
    }
    Ok(stop)
}
