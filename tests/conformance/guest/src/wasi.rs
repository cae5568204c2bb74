//! The functions of WASI preview 1, called as they are: what the standard library makes of them is not what a host says.

use crate::memory::Slot;
use crate::plugin::MARK;
use crate::words::{number, show};

/// Declares imports, and [`raw`] over all of them.
macro_rules! imports {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        #[link(wasm_import_module = "wasi_snapshot_preview1")]
        unsafe extern "C" {
            $(safe fn $name($($argument: $kind),*) -> u32;)*
        }

        /// Calls a function by name. Arguments that are missing are 0.
        fn raw(name: &str, arguments: &[u64]) -> Option<u32> {
            let mut arguments = arguments.iter().copied();
            match name {
                $(stringify!($name) => {
                    $(let $argument = arguments.next().unwrap_or(0) as $kind;)*
                    Some($name($($argument),*))
                })*
                _ => None,
            }
        }
    };
}

// Without `path_link` and `path_symlink`: Envoy has them with one argument too few, so that no module can import them there.
imports! {
    args_get(list: u32, text: u32);
    args_sizes_get(count: u32, size: u32);
    environ_get(list: u32, text: u32);
    environ_sizes_get(count: u32, size: u32);
    clock_res_get(clock: u32, time: u32);
    clock_time_get(clock: u32, precision: u64, time: u32);
    random_get(data: u32, size: u32);
    sched_yield();
    poll_oneoff(subscriptions: u32, events: u32, count: u32, done: u32);
    fd_advise(fd: u32, offset: u64, length: u64, advice: u32);
    fd_allocate(fd: u32, offset: u64, length: u64);
    fd_close(fd: u32);
    fd_datasync(fd: u32);
    fd_fdstat_get(fd: u32, stat: u32);
    fd_fdstat_set_flags(fd: u32, flags: u32);
    fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
    fd_filestat_get(fd: u32, stat: u32);
    fd_filestat_set_size(fd: u32, size: u64);
    fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32);
    fd_pread(fd: u32, parts: u32, count: u32, offset: u64, size: u32);
    fd_prestat_dir_name(fd: u32, path: u32, size: u32);
    fd_prestat_get(fd: u32, stat: u32);
    fd_pwrite(fd: u32, parts: u32, count: u32, offset: u64, size: u32);
    fd_read(fd: u32, parts: u32, count: u32, size: u32);
    fd_readdir(fd: u32, data: u32, size: u32, cookie: u64, used: u32);
    fd_renumber(from: u32, to: u32);
    fd_seek(fd: u32, offset: u64, whence: u32, position: u32);
    fd_sync(fd: u32);
    fd_tell(fd: u32, position: u32);
    fd_write(fd: u32, parts: u32, count: u32, size: u32);
    path_create_directory(fd: u32, path: u32, size: u32);
    path_filestat_get(fd: u32, flags: u32, path: u32, size: u32, stat: u32);
    path_filestat_set_times(fd: u32, flags: u32, path: u32, size: u32, accessed: u64, modified: u64, which: u32);
    path_open(fd: u32, lookup: u32, path: u32, size: u32, open: u32, base: u64, inheriting: u64, flags: u32, opened: u32);
    path_readlink(fd: u32, path: u32, size: u32, data: u32, room: u32, used: u32);
    path_remove_directory(fd: u32, path: u32, size: u32);
    path_rename(fd: u32, path: u32, size: u32, to_fd: u32, to: u32, to_size: u32);
    path_unlink_file(fd: u32, path: u32, size: u32);
    sock_accept(fd: u32, flags: u32, opened: u32);
    sock_recv(fd: u32, parts: u32, count: u32, flags: u32, size: u32, out: u32);
    sock_send(fd: u32, parts: u32, count: u32, flags: u32, size: u32);
    sock_shutdown(fd: u32, how: u32);
}

/// Runs a step about WASI. An argument `@` is an address with room for whatever is written there.
pub(crate) fn step(name: &str, words: &[Vec<u8>]) -> Option<String> {
    Some(match name {
        "wasi" => {
            let room = [0u64; 64];
            let argument = |word: &Vec<u8>| match &word[..] {
                b"@" => room.as_ptr() as u64,
                word => number(word),
            };
            let arguments: Vec<_> = words[1..].iter().map(argument).collect();
            let name = String::from_utf8_lossy(&words[0]);
            raw(&name, &arguments).map_or_else(|| "no such function".to_owned(), errno)
        }
        "wasi_clock" => {
            let mut time = Slot::<u64>::default();
            let code = clock_time_get(number(&words[0]) as u32, 1, time.at());
            let when = match time.get() {
                0 => "never",
                // 2020 in nanoseconds: only the clock on the wall has come so far.
                1_577_836_800_000_000_000.. => "after 2020",
                _ => "since something",
            };
            format!("{} {when}", errno(code))
        }
        "wasi_random" => {
            let mut bytes = vec![0u8; number(&words[0]) as usize];
            let code = random_get(bytes.as_mut_ptr() as u32, bytes.len() as u32);
            let filled = bytes.iter().any(|byte| *byte != 0);
            format!("{} {}", errno(code), if filled { "filled" } else { "zero" })
        }
        "wasi_environ" => texts(environ_sizes_get, environ_get),
        "wasi_args" => texts(args_sizes_get, args_get),
        "wasi_write" => {
            // wasi_write FD TEXT...
            let mut parts = words[1..].to_vec();
            if let Some(first) = parts.first_mut() {
                first.splice(0..0, MARK.bytes());
            }
            let parts: Vec<[u32; 2]> = parts
                .iter()
                .map(|part| [part.as_ptr() as u32, part.len() as u32])
                .collect();
            let mut size = Slot::<u32>::default();
            let (list, count) = (parts.as_ptr() as u32, parts.len() as u32);
            let code = fd_write(number(&words[0]) as u32, list, count, size.at());
            format!("{} {} written", errno(code), size.get())
        }
        _ => return None,
    })
}

fn errno(code: u32) -> String {
    match code {
        0 => "success".to_owned(),
        code => format!("errno {code}"),
    }
}

/// A list of texts that end in NUL. Their order is the host's.
fn texts(sizes: extern "C" fn(u32, u32) -> u32, get: extern "C" fn(u32, u32) -> u32) -> String {
    let (mut count, mut size) = (Slot::<u32>::default(), Slot::<u32>::default());
    let code = sizes(count.at(), size.at());
    let mut list = vec![0u32; count.get() as usize];
    let mut text = vec![0u8; size.get() as usize];
    let got = get(list.as_mut_ptr() as u32, text.as_mut_ptr() as u32);
    let mut texts: Vec<_> = text.split_inclusive(|byte| *byte == 0).map(show).collect();
    texts.sort();
    let starts = list.iter().filter(|start| **start != 0).count();
    format!(
        "{} {} {starts} of {} in {}: {}",
        errno(code),
        errno(got),
        count.get(),
        size.get(),
        texts.join(" ")
    )
}
