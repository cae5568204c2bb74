//! What a plugin costs without its host: the module's own code and wasmtime's way into it.

use wasmtime::{Config, Engine, Instance, Linker, Module, OptLevel, Store, TypedFunc};

use crate::header_plugin;

/// The context that a plugin as such has.
const ROOT: u32 = 1;

/// The guide's plugin alone in wasmtime, with the engine's settings of Loom, where every host call answers OK and does
/// nothing: no host can be faster. It is called as for a request with a response that has a body.
pub struct GuestAlone {
    store: Store<()>,
    create: TypedFunc<(u32, u32), ()>,
    headers: [TypedFunc<(u32, u32, u32), u32>; 2],
    body: TypedFunc<(u32, u32, u32), u32>,
    log: TypedFunc<u32, ()>,
    done: TypedFunc<u32, u32>,
    delete: TypedFunc<u32, ()>,
    last: u32,
}

impl GuestAlone {
    /// Loads the plugin and starts it.
    ///
    /// # Errors
    ///
    /// When the module does not have the callbacks that Rust's SDK exports.
    pub fn load() -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config
            .epoch_interruption(true)
            .cranelift_opt_level(OptLevel::Speed);
        let engine = Engine::new(&config)?;
        let module = Module::from_file(&engine, header_plugin())?;
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1);
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_default_values(&mut store, &module)?;
        let instance = linker.instantiate(&mut store, &module)?;
        let mut alone = Self::find(store, &instance)?;
        let initialize = instance.get_typed_func::<(), ()>(&mut alone.store, "_initialize")?;
        initialize.call(&mut alone.store, ())?;
        alone.create.call(&mut alone.store, (ROOT, 0))?;
        Ok(alone)
    }

    fn find(mut store: Store<()>, instance: &Instance) -> wasmtime::Result<Self> {
        Ok(Self {
            create: instance.get_typed_func(&mut store, "proxy_on_context_create")?,
            headers: [
                instance.get_typed_func(&mut store, "proxy_on_request_headers")?,
                instance.get_typed_func(&mut store, "proxy_on_response_headers")?,
            ],
            body: instance.get_typed_func(&mut store, "proxy_on_response_body")?,
            log: instance.get_typed_func(&mut store, "proxy_on_log")?,
            done: instance.get_typed_func(&mut store, "proxy_on_done")?,
            delete: instance.get_typed_func(&mut store, "proxy_on_delete")?,
            last: ROOT,
            store,
        })
    }

    /// The callbacks of one request.
    ///
    /// # Errors
    ///
    /// When the plugin traps.
    pub fn request(&mut self) -> wasmtime::Result<()> {
        self.last = self.last.checked_add(1).unwrap_or(ROOT + 1);
        let id = self.last;
        let store = &mut self.store;
        self.create.call(&mut *store, (id, ROOT))?;
        for headers in &self.headers {
            headers.call(&mut *store, (id, 6, 0))?;
        }
        self.body.call(&mut *store, (id, 5, 1))?;
        self.log.call(&mut *store, id)?;
        self.done.call(&mut *store, id)?;
        self.delete.call(&mut *store, id)
    }
}
