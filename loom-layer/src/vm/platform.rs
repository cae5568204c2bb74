//! What all VMs of one runtime share: the engine and its clock, the host functions, compiled modules, stores, a background
//! thread.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex as StdMutex, PoisonError, Weak};

use parking_lot::Mutex;
use wasmtime::{Engine, EngineWeak};

use super::background::Background;
use super::cache::{Cache, Sha, sha256};
use super::linking::Linking;
use super::module::Compiled;
use crate::error::Error;
use crate::foreign::ForeignFunctions;
use crate::limits;
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
    _ticker: Ticker,
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
            _ticker: Ticker::start(&engine)?,
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

/// The thread that moves the engine's clock.
struct Ticker {
    stop: Arc<(StdMutex<bool>, Condvar)>,
}

impl Ticker {
    fn start(engine: &Engine) -> io::Result<Self> {
        let stop = Arc::new((StdMutex::new(false), Condvar::new()));
        let (engine, seen) = (engine.weak(), Arc::clone(&stop));
        std::thread::Builder::new()
            .name("loom-ticker".to_owned())
            .spawn(move || tick(&engine, &seen))?;
        Ok(Self { stop })
    }
}

fn tick(engine: &EngineWeak, (stopped, changed): &(StdMutex<bool>, Condvar)) {
    let mut stopped = stopped.lock().unwrap_or_else(PoisonError::into_inner);
    while !*stopped {
        stopped = changed
            .wait_timeout(stopped, limits::EPOCH_TICK)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_one();
    }
}
