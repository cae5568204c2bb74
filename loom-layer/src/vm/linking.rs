//! Gives every import of a module a function: the real one, or a stub that answers UNIMPLEMENTED.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use wasmtime::{
    Engine, Extern, ExternType, FuncType, InstancePre, Linker, Module, Store, Val, ValType,
};

use super::host::Host;
use super::module::root_cause;
use super::{hostcalls, wasi};
use crate::abi::{AbiVersion, Status};
use crate::error::{Error, Kind};

/// Both names under which guests import WASI preview 1.
const WASI_MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// Every host function, under every name, for every ABI version.
pub(crate) struct Linking {
    linker: Linker<Host>,
    /// The functions' types, to be held against what a module imports.
    types: HashMap<(String, String), FuncType>,
}

impl Linking {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        hostcalls::define(&mut linker)?;
        for module in WASI_MODULES {
            wasi::define(&mut linker, module)?;
        }
        let probe = Host::new(
            Arc::default(),
            AbiVersion::V0_2_1,
            Arc::default(),
            Arc::default(),
            Arc::default(),
        );
        let mut store = Store::new(engine, probe);
        let functions: Vec<_> = linker
            .iter(&mut store)
            .filter_map(|(module, name, item)| match item {
                Extern::Func(function) => Some((module.to_owned(), name.to_owned(), function)),
                _ => None,
            })
            .collect();
        let types = functions
            .into_iter()
            .map(|(module, name, function)| ((module, name), function.ty(&store)))
            .collect();
        Ok(Self { linker, types })
    }

    /// Links a module as far as that goes without an instance. Also says which of its imports are but stubs.
    pub(super) fn link(
        &self,
        plugin: &str,
        module: &Module,
    ) -> Result<(InstancePre<Host>, Vec<String>), Error> {
        let mut linker = self.linker.clone();
        linker.allow_shadowing(true);
        let mut stubs = BTreeSet::new();
        for import in module.imports() {
            let (from, name) = (import.module(), import.name());
            let ExternType::Func(ty) = import.ty() else {
                return Err(unlinkable(plugin, from, name, "it is not a function"));
            };
            let known = self.types.get(&(from.to_owned(), name.to_owned()));
            if known.is_some_and(|known| FuncType::eq(known, &ty)) {
                continue;
            }
            let defined = if known.is_some() && hostcalls::define_variant(&mut linker, name, &ty) {
                Ok(())
            } else {
                stubs.insert(name.to_owned());
                stub(&mut linker, from, name, ty)
            };
            defined.map_err(|why| unlinkable(plugin, from, name, &why))?;
        }
        let linked = linker.instantiate_pre(module).map_err(|error| {
            Error::new(
                Kind::Abi,
                plugin,
                format!("the module cannot be linked: {}", root_cause(&error)),
                "build it with a Proxy-Wasm SDK for ABI 0.1.0, 0.2.0 or 0.2.1",
            )
            .with_source(error)
        })?;
        Ok((linked, stubs.into_iter().collect()))
    }
}

/// Defines a function that does nothing and answers that it is not implemented.
fn stub(linker: &mut Linker<Host>, module: &str, name: &str, ty: FuncType) -> Result<(), String> {
    let answer = if module == "env" {
        u32::from(Status::Unimplemented).cast_signed()
    } else if WASI_MODULES.contains(&module) {
        wasi::Errno::NoSys.number()
    } else {
        return Err("no such module is known".to_owned());
    };
    let results: Vec<_> = ty.results().collect();
    if !matches!(results.as_slice(), [] | [ValType::I32]) {
        return Err("its result is no status".to_owned());
    }
    linker
        .func_new(module, name, ty, move |_, _, results| {
            if let Some(result) = results.first_mut() {
                *result = Val::I32(answer);
            }
            Ok(())
        })
        .map(|_| ())
        .map_err(|error| error.to_string())
}

fn unlinkable(plugin: &str, module: &str, name: &str, why: &str) -> Error {
    Error::new(
        Kind::Abi,
        plugin,
        format!("the module imports `{name}` from `{module}`, which cannot be linked: {why}"),
        "Proxy-Wasm plugins import functions from `env` and `wasi_snapshot_preview1` only; check the build's target",
    )
}
