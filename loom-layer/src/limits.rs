//! Every limit: its default and the reason for it. What a user may change is named by its builder method.

use std::time::Duration;

/// `memory_limit`: linear memory of one VM, in bytes. Enough for a large rule set (a WAF takes some 100 MB), and small
/// enough that a leaking plugin fails by itself before the process is killed for it.
pub(crate) const MEMORY: u64 = 256 << 20;

/// The smallest `memory_limit`: one page of WebAssembly.
pub(crate) const MEMORY_MIN: u64 = 64 << 10;

/// `timeout`: one call into a plugin, in CPU time. A header callback takes microseconds; a rewrite of a large body takes
/// milliseconds.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_millis(100);

/// How many times `timeout` a call may take by the clock on the wall, since a thread that is not scheduled is not at fault.
pub(crate) const WALL_CLOCK_FACTOR: u32 = 10;

/// `start_timeout`: start functions, `proxy_on_vm_start` and `proxy_on_configure`, each. Compiling a large rule set takes
/// seconds.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(10);

/// `pause_timeout`: how long a plugin may hold a stream before the client is answered with 504.
pub(crate) const PAUSE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the engine's clock ticks: how exact `timeout` is.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(5);

/// For how many ticks the clock goes on after a guest call, before it sleeps: a tenth of a second. A process that serves
/// nothing then wakes up for nothing.
pub(crate) const CLOCK_AWAKE_TICKS: usize = 20;

/// Elements of one table: a Go plugin has some thousands.
pub(crate) const TABLE_ELEMENTS: usize = 200_000;

/// The stack of one guest call, in bytes. Go runs its scheduler inside every export, so wasmtime's 512 KiB are tight;
/// a thread that calls plugins needs as much besides its own use (tokio's workers have 2 MiB).
pub(crate) const WASM_STACK: usize = 1 << 20;

/// What the calling thread's stack must have left before a guest is entered: the guest's own, and some for host calls.
/// wasmtime bounds the guest's part, but a thread whose stack is smaller than that would end the process.
pub(crate) const STACK_LEFT: usize = WASM_STACK + (128 << 10);

/// The largest module, in bytes: larger ones are a mistake, and compiling them takes minutes.
pub(crate) const MODULE_BYTES: u64 = 256 << 20;

/// Bytes of a header map that a guest sends (as in Envoy's host), or makes larger.
pub(crate) const PAIRS_BYTES: usize = 1 << 20;

/// Entries of a header map that a guest sends (as in Envoy's host), or makes larger.
pub(crate) const PAIRS_COUNT: usize = 1024;

/// Bytes that a guest may put into the body that it has in hand during one callback: `memory_limit` does not cover what it
/// leaves with the host.
pub(crate) const BODY_EDITS: usize = 64 << 20;

/// Bytes of a path, value or key that a guest sends in one argument.
pub(crate) const ARGUMENT_BYTES: usize = 16 << 20;

/// Lines that one guest call may log; later ones are counted and dropped.
pub(crate) const LOG_LINES: usize = 256;

/// Bytes that one guest call may log; a line that would pass it is cut.
pub(crate) const LOG_BYTES: usize = 64 << 10;

/// Bytes that `random_get` gives at once (as in Envoy's host).
pub(crate) const RANDOM_BYTES: u32 = 64 << 10;

/// The wait before a failed shard is built again, from its second failure in a row on (the first time it is built at once);
/// it doubles with each further one.
pub(crate) const REBUILD_FIRST: Duration = Duration::from_millis(100);

/// A shard that lived as long as this was healthy: the next failure counts as the first one. Short enough that one bad
/// request now and then never adds up to a crash loop.
pub(crate) const REBUILD_FORGET: Duration = Duration::from_secs(10);

/// Failures in a row that are a crash loop and open the breaker: building again would only cost CPU time and log lines.
pub(crate) const BREAKER_FAILURES: u32 = 6;

/// How long a shard stays down while the breaker is open, before it is tried again.
pub(crate) const BREAKER_OPEN: Duration = Duration::from_secs(30);

/// How long one stream waits for another stream that runs in another VM, when a guest reaches for it by
/// `proxy_set_effective_context`.
pub(crate) const REMOTE_STREAM_WAIT: Duration = Duration::from_millis(10);

/// Bytes that the plugins of one stream may store with `proxy_set_property`.
pub(crate) const PROPERTY_BYTES: usize = 256 << 10;

/// `max_buffered_body`: bytes of a body that a plugin may hold, in each direction (as in Envoy).
pub(crate) const BUFFERED_BODY: usize = 1 << 20;

/// The shortest time between two ticks of a root context; a shorter one is lengthened to it. One thread serves the ticks of
/// all VMs, so a plugin that wants to look more often waits for an event instead.
pub(crate) const TICK_SHORTEST: Duration = Duration::from_millis(10);

/// Bytes of a key of shared data, of a queue's name and of a metric's name. Some plugins write all labels into the names of
/// their metrics, which makes them one or two thousand long.
pub(crate) const SHARED_NAME_BYTES: usize = 4 << 10;

/// Bytes of one value of shared data: it is copied into the guest at once.
pub(crate) const SHARED_VALUE_BYTES: usize = 1 << 20;

/// Keys of shared data of one vm_id: a plugin that keeps a value per client has many, and one that keeps a value per
/// request must not take the process down.
pub(crate) const SHARED_KEYS: usize = 250_000;

/// Bytes of the shared data of one vm_id, keys and what an entry costs included.
pub(crate) const SHARED_BYTES: usize = 64 << 20;

/// Queues of one vm_id: plugins have one or a few.
pub(crate) const QUEUES: usize = 1_000;

/// Items that wait in one queue: more mean that its reader does not keep up.
pub(crate) const QUEUE_ITEMS: usize = 10_000;

/// HTTP calls, gRPC calls and gRPC streams that the guests of one VM may have open.
pub(crate) const CALLS: usize = 1024;

/// The timeout of a call to another service whose plugin gives none (0). Envoy then waits for ever; here an answer that never
/// comes must not take one of the places above for ever.
pub(crate) const CALL_TIME: Duration = Duration::from_secs(300);

/// Bytes of the body that answers an HTTP call (as in Envoy).
pub(crate) const CALL_RESPONSE_BYTES: usize = 1 << 20;

/// Bytes of one message that answers a gRPC call or stream: what clients of gRPC usually take.
pub(crate) const GRPC_MESSAGE_BYTES: usize = 4 << 20;

/// gRPC streams of one VM that the server has ended and the plugin not: it may still close or cancel them, as in Envoy.
/// Older ones are forgotten.
pub(crate) const ENDED_STREAMS: usize = 1024;

/// Time to connect to an upstream that was given by its URL, TLS included: two lost packets fit into it.
pub(crate) const CALL_CONNECT: Duration = Duration::from_secs(5);

/// How long an unused connection to such an upstream is kept: less than servers usually do.
pub(crate) const CALL_IDLE: Duration = Duration::from_secs(30);

/// How long a connection to such an upstream may be silent before the kernel asks whether the other side is there. Not a
/// ping of HTTP/2: many gRPC servers end connections that send one more often than every five minutes.
pub(crate) const CALL_KEEPALIVE: Duration = Duration::from_secs(30);

/// Bytes of a response's body that pass the plugins before its head goes out, if they are at hand: as much as a handler makes
/// in memory without a thought.
pub(crate) const BODY_AT_HAND: u64 = 64 << 10;

/// Bytes of the items in all queues of one vm_id, what an item costs included.
pub(crate) const QUEUE_BYTES: usize = 64 << 20;

/// Metrics of one runtime. A histogram has 29 numbers, so this is far more than what a collector wants of one process.
pub(crate) const METRICS: usize = 10_000;

/// Bytes that the foreign functions `compress` and `uncompress` take and give: some 100 ms of work, which the plugin's
/// `timeout` cannot stop.
pub(crate) const ZLIB_BYTES: usize = 4 << 20;

/// Bytes of the bodies and messages of all calls that the guests of one VM have open, until they are sent.
pub(crate) const CALL_REQUEST_BYTES: usize = 32 << 20;
