//! The plugin's modules: one per version of the ABI, and copies that export less.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::case::{Abi, Plugin};

/// The section of a module that names its exports.
const EXPORTS: u8 = 7;

/// Where modules are, and which copies were made.
pub(crate) struct Modules {
    directory: PathBuf,
    copies: HashMap<(Abi, Vec<String>), PathBuf>,
    made: tempfile::TempDir,
}

impl Modules {
    /// `directory` holds `conformance_guest_0_2_1.wasm` and its kind.
    pub(crate) fn new(directory: PathBuf) -> Result<Self, Error> {
        Ok(Self {
            directory,
            copies: HashMap::new(),
            made: tempfile::tempdir()?,
        })
    }

    /// The module for a plugin.
    pub(crate) fn of(&mut self, plugin: &Plugin) -> Result<PathBuf, Error> {
        let version = match plugin.abi {
            Abi::V0_1_0 => "0_1_0",
            Abi::V0_2_0 => "0_2_0",
            Abi::V0_2_1 => "0_2_1",
        };
        let whole = self
            .directory
            .join(format!("conformance_guest_{version}.wasm"));
        if plugin.without.is_empty() {
            return Ok(whole);
        }
        let key = (plugin.abi, plugin.without.clone());
        if let Some(copy) = self.copies.get(&key) {
            return Ok(copy.clone());
        }
        let copy = self.made.path().join(format!("{}.wasm", self.copies.len()));
        fs::write(&copy, without(&read(&whole)?, &plugin.without)?)?;
        self.copies.insert(key, copy.clone());
        Ok(copy)
    }
}

fn read(module: &Path) -> Result<Vec<u8>, Error> {
    fs::read(module).map_err(|error| format!("cannot read {}: {error}", module.display()).into())
}

/// The module with fewer exports.
fn without(module: &[u8], names: &[String]) -> Result<Vec<u8>, Error> {
    let mut out = module.get(..8).ok_or("no module")?.to_vec();
    let mut rest = Reader(&module[8..]);
    while !rest.0.is_empty() {
        let id = rest.bytes(1)?[0];
        let size = rest.number()?;
        let content = rest.bytes(size)?;
        let content = match id {
            EXPORTS => exports_without(content, names)?,
            _ => content.to_vec(),
        };
        out.push(id);
        write_number(&mut out, content.len());
        out.extend(content);
    }
    Ok(out)
}

fn exports_without(section: &[u8], names: &[String]) -> Result<Vec<u8>, Error> {
    let mut rest = Reader(section);
    let (mut kept, mut count, mut dropped) = (Vec::new(), 0, 0);
    for _ in 0..rest.number()? {
        let before = rest.0;
        let length = rest.number()?;
        let name = rest.bytes(length)?;
        rest.bytes(1)?;
        rest.number()?;
        if names.iter().any(|unwanted| unwanted.as_bytes() == name) {
            dropped += 1;
        } else {
            kept.extend_from_slice(&before[..before.len() - rest.0.len()]);
            count += 1;
        }
    }
    if dropped != names.len() {
        return Err(format!("the module does not export all of {names:?}").into());
    }
    let mut out = Vec::new();
    write_number(&mut out, count);
    out.extend(kept);
    Ok(out)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self
            .0
            .split_at_checked(count)
            .ok_or("the module breaks off")?;
        self.0 = rest;
        Ok(bytes)
    }

    /// An unsigned LEB128 number.
    fn number(&mut self) -> Result<usize, Error> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.bytes(1)?[0];
            number |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return Ok(number);
            }
        }
    }
}

fn write_number(out: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_taken_out_and_the_rest_stays() {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([EXPORTS, 9, 2, 1, b'a', 0, 0, 1, b'b', 0, 1]);
        module.extend([0, 2, 1, b'x']);
        let mut expected = b"\0asm\x01\0\0\0".to_vec();
        expected.extend([EXPORTS, 5, 1, 1, b'b', 0, 1]);
        expected.extend([0, 2, 1, b'x']);
        assert_eq!(
            without(&module, &["a".to_owned()]).expect("a module"),
            expected
        );
        assert!(without(&module, &["c".to_owned()]).is_err());
    }
}
