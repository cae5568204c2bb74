//! The files that subjects are given: modules of plugins, and a certificate.

use std::fs;
use std::path::{Path, PathBuf};

use super::cases::{Case, Files};
use super::certificate::Certificate;
use crate::{Error, plugins};

/// Builds and writes what the cases need.
pub(super) fn prepare(root: &Path, folder: &Path, cases: &[Case]) -> Result<Files, Error> {
    let files = Files {
        header: plugins::plugin(root, "add-header")?,
        read_body: assembled(root, folder, "read-body")?,
        callout: assembled(root, folder, "callout")?,
        distinct: folder.join("distinct"),
        certificate: Certificate::of(folder),
    };
    let most = cases.iter().map(|case| case.plugins.distinct()).max();
    copies(&files, most.unwrap_or(0))
        .map_err(|e| Error::because("cannot write copies of the header plugin", e))?;
    if cases.iter().any(|case| case.wire().tls) {
        files.certificate.make()?;
    }
    Ok(files)
}

/// A module of `benches/guests`, from its text.
fn assembled(root: &Path, folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let text = root
        .join("benches")
        .join("guests")
        .join(name)
        .with_extension("wat");
    let wasm = wat::parse_file(&text)
        .map_err(|e| Error::because(format!("cannot assemble {}", text.display()), e))?;
    let file = folder.join(name).with_extension("wasm");
    fs::write(&file, wasm)
        .map_err(|e| Error::because(format!("cannot write {}", file.display()), e))?;
    Ok(file)
}

/// The header plugin as files that differ, by a custom section at the end that nobody reads.
fn copies(files: &Files, count: usize) -> std::io::Result<()> {
    let code = fs::read(&files.header)?;
    fs::create_dir_all(&files.distinct)?;
    for number in 0..count {
        let mut copy = code.clone();
        // Section 0: six bytes, of which one is the length of its name, one the name, and four the number.
        copy.extend_from_slice(&[0, 6, 1, b'n']);
        copy.extend_from_slice(&(number as u32).to_le_bytes());
        fs::write(files.distinct.join(format!("{number}.wasm")), copy)?;
    }
    Ok(())
}
