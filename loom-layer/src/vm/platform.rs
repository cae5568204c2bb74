//! What all VMs of one runtime share: the engine and its clock, the host functions, compiled modules, stores, a background
//! thread.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wasmtime::Engine;

use super::background::Background;
use super::cache::{Cache, Sha, sha256};
use super::clock::Ticker;
use super::linking::Linking;
use super::module::Compiled;
use crate::error::Error;
use crate::foreign::ForeignFunctions;
use crate::shared::Shared;

/// See the module's text. Dropping the last handle ends its threads.
pub(crate) struct Platform {
    pub(super) engine: Engine,
    linking: Linking,
    cache: Option<Cache>,
    /// By code hash; the inner lock is held while a module is compiled, so that each is compiled once.
    modules: Mutex<HashMap<Sha, Arc<Mutex<Weak<Compiled>>>>>,
    pub(crate) background: Background,
    pub(crate) shared: Arc<Shared>,
    pub(super) foreign: Arc<ForeignFunctions>,
    pub(super) ticker: Ticker,
}

impl Platform {
    pub(crate) fn new(
        cache: Option<Cache>,
        foreign: ForeignFunctions,
    ) -> Result<Arc<Self>, Box<dyn std::error::Error + Send + Sync>> {
        let engine = super::engine::engine().map_err(wasmtime::Error::into_boxed_dyn_error)?;
        Ok(Arc::new(Self {
            linking: Linking::new(&engine).map_err(wasmtime::Error::into_boxed_dyn_error)?,
            cache,
            modules: Mutex::default(),
            background: Background::start()?,
            shared: Arc::default(),
            foreign: Arc::new(foreign),
            ticker: ticker(&engine)?,
            engine,
        }))
    }

    /// The compiled module for these bytes: from memory, from the cache on disk, or compiled now.
    pub(crate) fn compile(&self, plugin: &str, wasm: &[u8]) -> Result<(Sha, Arc<Compiled>), Error> {
        let hash = sha256(wasm);
        let entry = {
            let mut modules = self.modules.lock();
            modules
                .retain(|_, entry| Arc::strong_count(entry) > 1 || entry.lock().strong_count() > 0);
            Arc::clone(modules.entry(hash).or_default())
        };
        let mut slot = entry.lock();
        if let Some(compiled) = slot.upgrade() {
            return Ok((hash, compiled));
        }
        let compiled = Compiled::new(
            &self.engine,
            &self.linking,
            self.cache.as_ref(),
            plugin,
            &hash,
            wasm,
        )?;
        *slot = Arc::downgrade(&compiled);
        Ok((hash, compiled))
    }
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform").finish_non_exhaustive()
    }
}

fn ticker(engine: &Engine) -> std::io::Result<Ticker> {
    let engine = engine.weak();
    Ticker::start(move || match engine.upgrade() {
        Some(engine) => {
            engine.increment_epoch();
            true
        }
        None => false,
    })
}
