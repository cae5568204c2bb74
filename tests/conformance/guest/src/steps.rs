//! The steps of a script: each is one host call, or says what to return.

use crate::imports::*;
use crate::memory::{self, Bytes, Slot, pass};
use crate::plugin::{MARK, label, say};
use crate::wasi;
use crate::words::{self, number, number_in, show, status};

/// What a step came to.
pub(crate) enum Done {
    /// A host call: its outcome, and lines that tell more.
    Called(String, Vec<String>),
    /// Nothing was called; the callback returns this.
    Return(u32),
}

type Words = [Vec<u8>];

/// Runs one step.
pub(crate) fn run(step: &Words) -> Done {
    let name = std::str::from_utf8(&step[0]).unwrap_or_default();
    let words = &step[1..];
    match name {
        "pause" => return Done::Return(1),
        "continue" => return Done::Return(0),
        "return" => return Done::Return(number(&words[0]) as u32),
        "trap" => std::arch::wasm32::unreachable(),
        "panic" => panic!("as the script wants"),
        "exit" => std::process::exit(number(&words[0]) as i32),
        "pairs" => return pairs(words),
        _ => {}
    }
    let outcome = headers(name, words)
        .or_else(|| buffers(name, words))
        .or_else(|| stream(name, words))
        .or_else(|| calls(name, words))
        .or_else(|| shared(name, words))
        .or_else(|| others(name, words))
        .or_else(|| wasi::step(name, words))
        .or_else(|| version(name, words));
    Done::Called(
        outcome.unwrap_or_else(|| "no such step".to_owned()),
        Vec::new(),
    )
}

/// A status, and what came with it when it is OK.
fn with(code: u32, result: impl FnOnce() -> String) -> String {
    match code {
        0 => format!("ok {}", result()),
        code => status(code),
    }
}

/// The word at `index`; nothing when there are not so many.
fn word(words: &Words, index: usize) -> &[u8] {
    words.get(index).map_or(&[], Vec::as_slice)
}

fn pairs(words: &Words) -> Done {
    let mut bytes = Bytes::default();
    let (data, size) = bytes.at();
    let code = proxy_get_header_map_pairs(number_in(words::MAPS, word(words, 0)), data, size);
    if code != 0 {
        return Done::Called(status(code), Vec::new());
    }
    let bytes = bytes.take();
    let Some(pairs) = memory::decode(&bytes) else {
        return Done::Called(format!("ok malformed {}", show(&bytes)), Vec::new());
    };
    let line = |(name, value): &(&[u8], &[u8])| {
        format!("{}: {}", String::from_utf8_lossy(name), show(value))
    };
    Done::Called("ok".to_owned(), pairs.iter().map(line).collect())
}

/// How many entries a map has by its pairs.
pub(crate) fn count_pairs(map: u32) -> usize {
    let mut bytes = Bytes::default();
    let (data, size) = bytes.at();
    proxy_get_header_map_pairs(map, data, size);
    memory::decode(&bytes.take()).map_or(0, |pairs| pairs.len())
}

fn headers(name: &str, words: &Words) -> Option<String> {
    let map = || number_in(words::MAPS, word(words, 0));
    let (key, key_size) = pass(word(words, 1));
    let (value, value_size) = pass(word(words, 2));
    Some(match name {
        "get" => {
            let mut bytes = Bytes::default();
            let (data, size) = bytes.at();
            let code = proxy_get_header_map_value(map(), key, key_size, data, size);
            with(code, || show(&bytes.take()))
        }
        "size" => {
            let mut size = Slot::<u32>::default();
            let code = proxy_get_header_map_size(map(), size.at());
            with(code, || size.get().to_string())
        }
        "add" => status(proxy_add_header_map_value(
            map(),
            key,
            key_size,
            value,
            value_size,
        )),
        "replace" => status(proxy_replace_header_map_value(
            map(),
            key,
            key_size,
            value,
            value_size,
        )),
        "remove" => status(proxy_remove_header_map_value(map(), key, key_size)),
        "set_pairs" => {
            let encoded = memory::encode(&couples(&words[1..]));
            let (data, size) = pass(&encoded);
            status(proxy_set_header_map_pairs(map(), data, size))
        }
        "set_pairs_raw" => status(proxy_set_header_map_pairs(map(), key, key_size)),
        _ => return None,
    })
}

/// Words two by two.
fn couples(words: &Words) -> Vec<(Vec<u8>, Vec<u8>)> {
    words
        .chunks(2)
        .map(|couple| (couple[0].clone(), word(couple, 1).to_vec()))
        .collect()
}

fn buffers(name: &str, words: &Words) -> Option<String> {
    let buffer = || number_in(words::BUFFERS, word(words, 0));
    Some(match name {
        "buffer" => {
            let (start, max) = match words.len() {
                1 => (0, u32::MAX),
                _ => (number(&words[1]) as u32, number(&words[2]) as u32),
            };
            let mut bytes = Bytes::default();
            let (data, size) = bytes.at();
            let code = proxy_get_buffer_bytes(buffer(), start, max, data, size);
            with(code, || show(&bytes.take()))
        }
        "set_buffer" => {
            let (data, size) = pass(word(words, 3));
            let (start, length) = (number(&words[1]) as u32, number(&words[2]) as u32);
            status(proxy_set_buffer_bytes(buffer(), start, length, data, size))
        }
        "buffer_status" => {
            let (mut size, mut flags) = (Slot::<u32>::default(), Slot::<u32>::default());
            let code = proxy_get_buffer_status(buffer(), size.at(), flags.at());
            with(code, || {
                format!("size={} flags={}", size.get(), flags.get())
            })
        }
        _ => return None,
    })
}

fn stream(name: &str, words: &Words) -> Option<String> {
    Some(match name {
        "reply" => {
            // reply CODE DETAILS BODY GRPC [NAME VALUE]...
            let (details, details_size) = pass(word(words, 1));
            let (body, body_size) = pass(word(words, 2));
            let grpc = words.get(3).map_or(u32::MAX, |word| number(word) as u32);
            let pairs = couples(words.get(4..).unwrap_or_default());
            let encoded = if pairs.is_empty() {
                Vec::new()
            } else {
                memory::encode(&pairs)
            };
            let (headers, headers_size) = pass(&encoded);
            status(proxy_send_local_response(
                number(&words[0]) as u32,
                details,
                details_size,
                body,
                body_size,
                headers,
                headers_size,
                grpc,
            ))
        }
        "effective" => status(proxy_set_effective_context(number(&words[0]) as u32)),
        "done" => status(proxy_done()),
        "status" => {
            let (mut code, mut bytes) = (Slot::<u32>::default(), Bytes::default());
            let (data, size) = bytes.at();
            let result = proxy_get_status(code.at(), data, size);
            with(result, || format!("{} {}", code.get(), show(&bytes.take())))
        }
        _ => return None,
    })
}

/// The words up to the one that is just `--`, and those after it.
fn halves(words: &Words) -> (&Words, &Words) {
    match words.iter().position(|word| word == b"--") {
        Some(position) => (&words[..position], &words[position + 1..]),
        None => (words, &[]),
    }
}

fn calls(name: &str, words: &Words) -> Option<String> {
    let mut id = Slot::<u32>::default();
    Some(match name {
        "call" => {
            // call UPSTREAM TIMEOUT BODY [NAME VALUE]... [-- [TRAILER VALUE]...]
            let (headers, trailers) = halves(&words[3..]);
            let headers = memory::encode(&couples(headers));
            let trailers = if trailers.is_empty() {
                Vec::new()
            } else {
                memory::encode(&couples(trailers))
            };
            let (upstream, upstream_size) = pass(&words[0]);
            let (body, body_size) = pass(&words[2]);
            let ((headers, headers_size), (trailers, trailers_size)) =
                (pass(&headers), pass(&trailers));
            let code = proxy_http_call(
                upstream,
                upstream_size,
                headers,
                headers_size,
                body,
                body_size,
                trailers,
                trailers_size,
                number(&words[1]) as u32,
                id.at(),
            );
            with(code, || label("call", id.get()))
        }
        "grpc_call" => {
            // grpc_call UPSTREAM SERVICE METHOD TIMEOUT MESSAGE [NAME VALUE]...
            let pairs = couples(&words[5..]);
            let encoded = if pairs.is_empty() {
                Vec::new()
            } else {
                memory::encode(&pairs)
            };
            let ((upstream, upstream_size), (service, service_size)) =
                (pass(&words[0]), pass(&words[1]));
            let ((method, method_size), (message, message_size)) =
                (pass(&words[2]), pass(&words[4]));
            let (metadata, metadata_size) = pass(&encoded);
            let code = proxy_grpc_call(
                upstream,
                upstream_size,
                service,
                service_size,
                method,
                method_size,
                metadata,
                metadata_size,
                message,
                message_size,
                number(&words[3]) as u32,
                id.at(),
            );
            with(code, || label("grpc", id.get()))
        }
        "grpc_stream" => {
            // grpc_stream UPSTREAM SERVICE METHOD [NAME VALUE]...
            let pairs = couples(&words[3..]);
            let encoded = if pairs.is_empty() {
                Vec::new()
            } else {
                memory::encode(&pairs)
            };
            let ((upstream, upstream_size), (service, service_size)) =
                (pass(&words[0]), pass(&words[1]));
            let ((method, method_size), (metadata, metadata_size)) =
                (pass(&words[2]), pass(&encoded));
            let code = proxy_grpc_stream(
                upstream,
                upstream_size,
                service,
                service_size,
                method,
                method_size,
                metadata,
                metadata_size,
                id.at(),
            );
            with(code, || label("grpc", id.get()))
        }
        "grpc_send" => {
            let (message, size) = pass(word(words, 1));
            status(proxy_grpc_send(
                number(&words[0]) as u32,
                message,
                size,
                number(&words[2]) as u32,
            ))
        }
        "grpc_cancel" => status(proxy_grpc_cancel(number(&words[0]) as u32)),
        "grpc_close" => status(proxy_grpc_close(number(&words[0]) as u32)),
        _ => return None,
    })
}

fn shared(name: &str, words: &Words) -> Option<String> {
    let (first, first_size) = pass(word(words, 0));
    let (second, second_size) = pass(word(words, 1));
    let mut id = Slot::<u32>::default();
    Some(match name {
        "shared_set" => {
            let stamp = words.get(2).map_or(0, |word| number(word) as u32);
            status(proxy_set_shared_data(
                first,
                first_size,
                second,
                second_size,
                stamp,
            ))
        }
        "shared_get" => {
            let mut bytes = Bytes::default();
            let (data, size) = bytes.at();
            let code = proxy_get_shared_data(first, first_size, data, size, id.at());
            with(code, || {
                format!("{} {}", show(&bytes.take()), label("stamp", id.get()))
            })
        }
        "queue_register" => {
            let code = proxy_register_shared_queue(first, first_size, id.at());
            with(code, || label("queue", id.get()))
        }
        "queue_resolve" => {
            let code = proxy_resolve_shared_queue(first, first_size, second, second_size, id.at());
            with(code, || label("queue", id.get()))
        }
        "enqueue" => status(proxy_enqueue_shared_queue(
            number(&words[0]) as u32,
            second,
            second_size,
        )),
        "dequeue" => {
            let mut bytes = Bytes::default();
            let (data, size) = bytes.at();
            let code = proxy_dequeue_shared_queue(number(&words[0]) as u32, data, size);
            with(code, || show(&bytes.take()))
        }
        "metric" => {
            let code = proxy_define_metric(
                number_in(words::METRICS, &words[0]),
                second,
                second_size,
                id.at(),
            );
            with(code, || label("metric", id.get()))
        }
        "increment" => status(proxy_increment_metric(
            number(&words[0]) as u32,
            number(&words[1]) as i64,
        )),
        "record" => status(proxy_record_metric(
            number(&words[0]) as u32,
            number(&words[1]),
        )),
        "metric_get" => {
            let mut value = Slot::<u64>::default();
            let code = proxy_get_metric(number(&words[0]) as u32, value.at());
            with(code, || value.get().to_string())
        }
        _ => return None,
    })
}

/// The elements of a path, which scripts separate by `|`, as the ABI wants them.
fn path(word: &[u8]) -> Vec<u8> {
    word.iter()
        .map(|byte| if *byte == b'|' { 0 } else { *byte })
        .collect()
}

fn others(name: &str, words: &Words) -> Option<String> {
    Some(match name {
        "log" => {
            let text = [MARK.as_bytes(), word(words, 1)].concat();
            let (data, size) = pass(&text);
            status(proxy_log(number_in(words::LEVELS, &words[0]), data, size))
        }
        "time" => {
            let mut time = Slot::<u64>::default();
            let code = proxy_get_current_time_nanoseconds(time.at());
            // 2020 in nanoseconds: the clock is the wall's.
            with(code, || {
                if time.get() > 1_577_836_800_000_000_000 {
                    "after 2020"
                } else {
                    "long ago"
                }
                .to_owned()
            })
        }
        "tick" => status(proxy_set_tick_period_milliseconds(number(&words[0]) as u32)),
        "property" => {
            let path = path(&words[0]);
            let ((path, path_size), mut bytes) = (pass(&path), Bytes::default());
            let (data, size) = bytes.at();
            let code = proxy_get_property(path, path_size, data, size);
            with(code, || show(&bytes.take()))
        }
        "set_property" => {
            let path = path(&words[0]);
            let ((path, path_size), (value, value_size)) = (pass(&path), pass(word(words, 1)));
            status(proxy_set_property(path, path_size, value, value_size))
        }
        "foreign" => {
            let ((name, name_size), (arguments, size)) = (pass(&words[0]), pass(word(words, 1)));
            let mut bytes = Bytes::default();
            let (data, length) = bytes.at();
            let code = proxy_call_foreign_function(name, name_size, arguments, size, data, length);
            with(code, || show(&bytes.take()))
        }
        "raw" => {
            let numbers: Vec<_> = words[1..].iter().map(|word| number(word)).collect();
            let name = String::from_utf8_lossy(&words[0]);
            raw(&name, &numbers).map_or_else(|| "no such function".to_owned(), status)
        }
        "say" => {
            say(&String::from_utf8_lossy(word(words, 0)));
            "said".to_owned()
        }
        _ => return None,
    })
}

#[cfg(feature = "abi_0_1_0")]
fn version(name: &str, _words: &Words) -> Option<String> {
    Some(match name {
        "continue_request" => status(proxy_continue_request()),
        "continue_response" => status(proxy_continue_response()),
        "clear_route_cache" => status(proxy_clear_route_cache()),
        "configuration" => {
            let mut bytes = Bytes::default();
            let (data, size) = bytes.at();
            let code = proxy_get_configuration(data, size);
            with(code, || format!("{} bytes", bytes.take().len()))
        }
        _ => return None,
    })
}

#[cfg(not(feature = "abi_0_1_0"))]
fn version(name: &str, words: &Words) -> Option<String> {
    Some(match name {
        "resume" => status(proxy_continue_stream(number_in(words::STREAMS, &words[0]))),
        "close" => status(proxy_close_stream(number_in(words::STREAMS, &words[0]))),
        #[cfg(feature = "abi_0_2_1")]
        "log_level" => {
            let mut level = Slot::<u32>::default();
            let code = proxy_get_log_level(level.at());
            with(code, || level.get().to_string())
        }
        _ => return None,
    })
}
