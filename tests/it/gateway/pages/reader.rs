//! Somebody who does what a page says, in an empty folder.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::expected::{fits, line_fits};
use super::markdown::{Block, blocks};
use crate::gateway::support::program;

/// Where the pages say that the gateway listens.
const ADDRESS: &str = "localhost:8080";

/// Ends a test that hangs; nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Reader {
    page: &'static str,
    folder: tempfile::TempDir,
    /// Where the next command runs.
    place: PathBuf,
    gateway: Option<Gateway>,
}

/// A gateway in the background.
struct Gateway {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    address: String,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Reader {
    pub(super) fn new(page: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        let place = folder.path().join("home");
        fs::create_dir_all(&bin).expect("a folder");
        fs::create_dir_all(&place).expect("a folder");
        symlink(program(), bin.join("loom")).expect("a link");
        install_tinygo(&bin);
        Self {
            page,
            folder,
            place,
            gateway: None,
        }
    }

    /// Does everything, and panics where something is not as the page says.
    pub(super) fn follow(mut self) {
        let text = read(self.page);
        for block in blocks(&text) {
            if let Err(why) = self.obey(&block) {
                panic!("{}:{}: {why}\n{}", self.page, block.line, block.text);
            }
        }
    }

    fn obey(&mut self, block: &Block) -> Result<(), String> {
        let (word, rest) = block
            .comment
            .split_once(' ')
            .unwrap_or((&block.comment, ""));
        match (word, block.kind.as_str()) {
            ("not", _) => rest
                .starts_with("run: ")
                .then_some(())
                .ok_or("no reason".into()),
            ("file", _) => self.write(rest, &block.text),
            ("excerpt", _) => {
                let source = rest.strip_prefix("of ").ok_or("excerpt of what?")?;
                excerpt(&read(source), &block.text).ok_or(format!("it is not in {source}"))
            }
            ("log", _) => self.look_for(&block.text),
            ("needs", "console") if !self.has(rest) => {
                // Past the capture of the test harness: what is left out must not look like what passed.
                let line = format!("\nSKIPPED {}:{}: it needs {rest}\n", self.page, block.line);
                let _ = std::io::stderr().write_all(line.as_bytes());
                Ok(())
            }
            ("" | "needs", "console") => self.run_all(&block.text, true),
            ("fails", "console") => self.run_all(&block.text, false),
            _ => Err("nothing says what becomes of this block".to_owned()),
        }
    }

    fn write(&self, what: &str, text: &str) -> Result<(), String> {
        let (name, source) = what.split_once(" from ").unwrap_or((what, ""));
        let path = self.place.join(name);
        let folder = path.parent().expect("it is below the reader's folder");
        fs::create_dir_all(folder).expect("a folder");
        if !source.is_empty() && read(source) != text {
            return Err(format!("it is not the same as {source}"));
        }
        let mut text = text.to_owned();
        if name.ends_with(".yaml") && !text.contains("listeners:") {
            // Whatever else runs here may use the port of the page.
            text.push_str("listeners: ['127.0.0.1:0']\n");
        }
        fs::write(&path, text).expect("written");
        if name == "Cargo.toml" {
            // The versions that are known to work, and what was compiled of them before.
            let lock = xtask::root().join(source).with_file_name("Cargo.lock");
            fs::copy(lock, folder.join("Cargo.lock")).expect("a lock file beside it");
            let compiled = xtask::root().join("target/plugins-build");
            fs::create_dir_all(&compiled).expect("a folder");
            symlink(compiled, folder.join("target")).expect("a link");
        }
        Ok(())
    }

    fn run_all(&mut self, text: &str, succeeds: bool) -> Result<(), String> {
        let mut rest = text.strip_prefix("$ ").ok_or("no command")?;
        while !rest.is_empty() {
            let (step, next) = rest.split_once("\n$ ").unwrap_or((rest, ""));
            let (command, expected) = step.split_once('\n').unwrap_or((step, ""));
            if command.starts_with("loom -config") {
                self.start(command)?;
            } else {
                self.run(command, expected, succeeds)?;
            }
            rest = next;
        }
        Ok(())
    }

    /// A shell in the reader's place, with the gateway's program on the path.
    fn shell(&self, command: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.folder.path().join("bin");
        let mut shell = Command::new("bash");
        shell.args(["-ec", command]).current_dir(&self.place);
        shell.env("PATH", format!("{}:{path}", bin.display()));
        // What cargo tells a test about the workspace is none of the plugin's business.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO")) {
            if name != "CARGO_HOME" {
                shell.env_remove(name);
            }
        }
        shell.env_remove("RUSTUP_TOOLCHAIN").stdin(Stdio::null());
        shell
    }

    fn run(&mut self, command: &str, expected: &str, succeeds: bool) -> Result<(), String> {
        let after = self.folder.path().join("place");
        let address = self
            .gateway
            .as_ref()
            .map_or(ADDRESS, |it| it.address.as_str());
        let line = command.replace(ADDRESS, address);
        // A reader's curl draws no progress, since it writes to a terminal.
        let line = format!(
            "exec 2>&1; curl() {{ command curl --silent \"$@\"; }}; {line}\npwd > '{}'",
            after.display()
        );
        let output = self.shell(&line).output().expect("bash runs");
        let said = String::from_utf8_lossy(&output.stdout).replace(address, ADDRESS);
        if output.status.success() != succeeds {
            return Err(format!("`{command}` ended with {}:\n{said}", output.status));
        }
        if !expected.is_empty() && !fits(expected, &said) {
            return Err(format!("`{command}` said:\n{said}"));
        }
        if let Ok(place) = fs::read_to_string(after) {
            self.place = PathBuf::from(place.trim_end());
        }
        Ok(())
    }

    /// Starts a gateway in the place of the one that runs.
    fn start(&mut self, command: &str) -> Result<(), String> {
        self.gateway = None;
        let mut child = self
            .shell(&format!("exec {command}"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("bash runs");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let writer = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                writer.lock().expect("no panic").push(line);
            }
        });
        let mut gateway = Gateway {
            child,
            log,
            address: String::new(),
        };
        let line = gateway.wait_for(|line| line.contains("listening"))?;
        let (_, address) = line.split_once("address=").ok_or("no address")?;
        address.trim().clone_into(&mut gateway.address);
        TcpStream::connect(&gateway.address).map_err(|error| error.to_string())?;
        self.gateway = Some(gateway);
        Ok(())
    }

    /// Finds each of these lines in the gateway's log.
    fn look_for(&mut self, text: &str) -> Result<(), String> {
        let gateway = self.gateway.as_mut().ok_or("no gateway runs")?;
        for expected in text.lines() {
            gateway.wait_for(|line| line_fits(expected, line))?;
        }
        Ok(())
    }

    fn has(&self, program: &str) -> bool {
        let found = self.shell(&format!("command -v {program}")).output();
        found.expect("bash runs").status.success()
    }
}

impl Gateway {
    /// The first line of the log that this is true of, once it is there.
    fn wait_for(&mut self, fits: impl Fn(&str) -> bool) -> Result<String, String> {
        let begin = Instant::now();
        loop {
            let ended = self.child.try_wait().expect("a child");
            let log = self.log.lock().expect("no panic");
            if let Some(line) = log.iter().find(|line| fits(line)) {
                return Ok(line.clone());
            }
            if ended.is_some() || begin.elapsed() > PATIENCE {
                return Err(format!("the gateway's log is\n{}", log.join("\n")));
            }
            drop(log);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Finds a text among the lines of a file, whatever its indentation there.
fn excerpt(file: &str, text: &str) -> Option<()> {
    let wanted: Vec<_> = text.lines().collect();
    let lines: Vec<_> = file.lines().collect();
    let stands_at = |window: &[&str]| {
        let indent = window[0].len() - window[0].trim_start().len();
        let indent = &window[0][..indent];
        window
            .iter()
            .zip(&wanted)
            .all(|(line, wanted)| line.strip_prefix(indent).unwrap_or(line.trim_start()) == *wanted)
    };
    lines.windows(wanted.len()).any(stands_at).then_some(())
}

/// Puts the TinyGo that the project built, if it did, where the reader finds it. Its target for this system's packages has
/// another name than the one that TinyGo itself comes with.
fn install_tinygo(bin: &Path) {
    let tools = xtask::root().join("target/tools/tinygo-0.39.0");
    if !tools.is_dir() {
        return;
    }
    let script = format!(
        "#!/usr/bin/env bash\nexport TINYGOROOT='{0}/root' GOTOOLCHAIN=go1.25.5\n\
         exec '{0}/bin/tinygo' \"${{@/wasip1/wasip1-debian}}\"\n",
        tools.display()
    );
    let file = bin.join("tinygo");
    fs::write(&file, script).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(file, mode).expect("its mode is set");
}

fn read(path: &str) -> String {
    fs::read_to_string(xtask::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
