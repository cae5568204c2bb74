//! Every default and every bound of `loom.yaml`, each with its reason.
//!
//! What belongs to a plugin's VM and is left out of the file (memory, time) has its default in the host, not here.

use std::ops::RangeInclusive;
use std::time::Duration;

// The file itself. A file is trusted, but a mistake in one must not take the process down.

/// A file's size in bytes. Ten thousand routes take about 2 MiB.
pub(crate) const FILE_BYTES: u64 = 16 << 20;
/// Nodes of the tree after aliases are resolved: what a file of the largest size may come to.
pub(crate) const NODES: usize = 1_000_000;
/// Those of them that aliases bring in: a large configuration of a plugin in each of some hundred places. "Billion laughs" ends
/// here, before it has taken much time and memory.
pub(crate) const ALIASED: usize = 50_000;
/// How many times what the file itself says up to there they may be, where that is more: ten thousand routes that share a dozen
/// values each have three times as many.
pub(crate) const ALIASED_TIMES: usize = 20;
/// Mappings and lists inside each other. The keys of Loom need 6; the rest is for plugins' own configuration.
pub(crate) const DEPTH: usize = 64;
/// Bytes of a file read by `${file:...}`: a secret, not a data set.
pub(crate) const INCLUDED_BYTES: u64 = 1 << 20;
/// Files that `include` may bring in: one for each of ten thousand routes.
pub(crate) const INCLUDES: usize = 10_000;
/// Their bytes together, four times what one file may have.
pub(crate) const INCLUDES_BYTES: u64 = 4 * FILE_BYTES;
/// Files that include each other in a row.
pub(crate) const INCLUDE_DEPTH: usize = 16;
/// Bytes of text that `${...}` may produce in one file.
pub(crate) const EXPANDED_BYTES: usize = 64 << 20;
/// Faults that are reported. Nobody reads further, and each costs a search for similar names.
pub(crate) const FAULTS: usize = 200;
/// Combinations of listener, host and path over all routes: what is compared to find routes that are equal.
pub(crate) const MATCHES: usize = 1_000_000;
/// Bytes of a name, id or key: they end up in log lines and metric labels.
pub(crate) const NAME_BYTES: usize = 128;

/// Worker threads. The bound is far above the cores of any machine and below what exhausts a process's threads.
pub(crate) const WORKERS: RangeInclusive<usize> = 1..=1024;

// Listeners

/// Where the gateway listens when the file does not say: the port that the guide's `curl` uses, on all addresses.
pub(crate) const LISTENER_ADDRESS: ([u8; 4], u16) = ([0, 0, 0, 0], 8080);
/// The name of the listener that exists when the file has none.
pub(crate) const LISTENER_NAME: &str = "default";
/// Open connections of one listener: at the 16 KiB that an idle one may cost, 160 MB.
pub(crate) const CONNECTIONS: usize = 10_000;
/// The bounds of [`CONNECTIONS`]; a million is more than one process has file descriptors for.
pub(crate) const CONNECTIONS_RANGE: RangeInclusive<usize> = 1..=1_000_000;
/// Time for a request's headers to be complete: a mobile client makes it, one that trickles bytes does not.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The bounds of [`HEADER_TIMEOUT`].
pub(crate) const HEADER_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=HOUR;
/// Size of a request's headers: twice what browsers and origins accept in cookies, and Envoy's default is near (60 KiB).
pub(crate) const HEADER_BYTES: u64 = 64 << 10;
/// The bounds of [`HEADER_BYTES`]: hyper reads HTTP/1 heads into a buffer of at least 8 KiB.
pub(crate) const HEADER_BYTES_RANGE: RangeInclusive<u64> = (8 << 10)..=(16 << 20);
/// How long a connection stays open without a request: longer than the 30 s for which clients with a pool keep one, shorter
/// than a page that somebody forgot.
pub(crate) const LISTENER_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may leave what is sent to it: a train in a tunnel comes out within this time, and nginx waits as long.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a body that give back a second of the time for it: less than any network that people use, more than an attacker
/// has to spend for nothing, and what Apache asks for.
pub(crate) const BODY_RATE: u64 = 500;
/// The bounds of [`BODY_RATE`].
pub(crate) const BODY_RATE_RANGE: RangeInclusive<u64> = 1..=(1 << 30);
/// Bounds of the requests of one connection.
pub(crate) const REQUESTS_RANGE: RangeInclusive<u64> = 1..=1_000_000_000;
/// Header fields of a request: browsers send some 20, and Envoy takes as many.
pub(crate) const HEADER_COUNT: usize = 100;
/// The bounds of [`HEADER_COUNT`].
pub(crate) const HEADER_COUNT_RANGE: RangeInclusive<usize> = 1..=10_000;
/// Length of path and query: RFC 9110, 4.1, asks for 8000 bytes at the least, and nginx and Apache take about as many.
pub(crate) const URI_LENGTH: usize = 8192;
/// The bounds of [`URI_LENGTH`]: hyper takes no longer one.
pub(crate) const URI_LENGTH_RANGE: RangeInclusive<usize> = 16..=65_534;
/// Requests that run at the same time on one HTTP/2 connection. What browsers and gRPC clients expect is 100 and more;
/// above that one connection could hold the memory that is meant for many.
pub(crate) const HTTP2_STREAMS: u32 = 128;
/// The bounds of [`HTTP2_STREAMS`].
pub(crate) const HTTP2_STREAMS_RANGE: RangeInclusive<u32> = 1..=100_000;
/// Streams of one HTTP/2 connection that the client reset before they were served. More of them is an attack
/// ("rapid reset"), and the connection ends.
pub(crate) const HTTP2_RESETS: usize = 32;
/// The bounds of [`HTTP2_RESETS`].
pub(crate) const HTTP2_RESETS_RANGE: RangeInclusive<usize> = 1..=100_000;
/// What one HTTP/2 stream may send ahead of the reader, in bytes: enough for 100 Mbit/s over 20 ms.
pub(crate) const HTTP2_STREAM_WINDOW: u32 = 256 << 10;
/// What all streams of one HTTP/2 connection may send ahead of their readers, in bytes.
pub(crate) const HTTP2_CONNECTION_WINDOW: u32 = 1 << 20;
/// The bounds of both: HTTP/2 begins with 64 KiB less a byte, and its numbers end at 2 GiB.
pub(crate) const HTTP2_WINDOW_RANGE: RangeInclusive<u64> = (64 << 10)..=(1 << 30);
/// How often a silent HTTP/2 connection is asked whether it still lives.
pub(crate) const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
/// The bounds of [`HTTP2_PING_INTERVAL`].
pub(crate) const HTTP2_PING_INTERVAL_RANGE: RangeInclusive<Duration> = SECOND..=DAY;
/// How long the answer to that question may take.
pub(crate) const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// The bounds of [`HTTP2_PING_TIMEOUT`].
pub(crate) const HTTP2_PING_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=HOUR;
/// How long a client may take nothing of one HTTP/2 stream: a video that is paused goes on after a call or a coffee, and after
/// more than that browsers ask for the rest of it anew. Envoy waits as long.
pub(crate) const HTTP2_STREAM_SEND_TIMEOUT: Duration = Duration::from_secs(300);
/// Time for the header of the PROXY protocol: a load balancer sends it with its first packet, and one may be lost.
pub(crate) const PROXY_PROTOCOL_TIMEOUT: Duration = Duration::from_secs(5);
/// The bounds of [`PROXY_PROTOCOL_TIMEOUT`].
pub(crate) const PROXY_PROTOCOL_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=MINUTE;

/// Time for a TLS handshake: two turns over a slow line, and what a busy machine computes for it.
pub(crate) const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The bounds of [`TLS_HANDSHAKE_TIMEOUT`]: those of the time for headers.
pub(crate) const TLS_HANDSHAKE_TIMEOUT_RANGE: RangeInclusive<Duration> = HEADER_TIMEOUT_RANGE;
/// Where clients look for HTTPS (RFC 9110, 4.2.2).
pub(crate) const HTTPS_PORT: u16 = 443;
/// Bytes of a file of certificates or a key: the authorities that a whole system trusts take about 200 KiB.
pub(crate) const PEM_BYTES: u64 = 4 << 20;
/// How many days before its end a certificate is worth a warning: programs that renew certificates do so a month before, so that
/// with this many left something has not worked for a while, and there is time to see to it.
pub(crate) const CERTIFICATE_DAYS: i64 = 14;

// Traces

/// What the gateway is called in traces.
pub(crate) const SERVICE_NAME: &str = "loom";

// Plugins

/// Bounds of a VM's memory: one WebAssembly page to the whole 32-bit address space.
pub(crate) const MEMORY_RANGE: RangeInclusive<u64> = (64 << 10)..=(4 << 30);
/// Bounds of one call into a plugin: below a millisecond the clock is not accurate enough.
pub(crate) const PLUGIN_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=MINUTE;
/// Bounds of one step of a plugin's start: whoever starts the gateway has given up on it long before an hour.
pub(crate) const START_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=HOUR;
/// Bounds of a hold: a request that waits for an hour waits for nobody.
pub(crate) const PAUSE_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=HOUR;
/// Bounds of what a plugin holds of one body. Every request that is held costs as much, so 1 GiB is far too much already.
pub(crate) const BUFFERED_BODY_RANGE: RangeInclusive<u64> = (1 << 10)..=(1 << 30);
/// VMs of one plugin: as many as there can be workers, since a worker runs one at a time.
pub(crate) const INSTANCES: RangeInclusive<usize> = WORKERS;

// Routes and upstreams

/// Bounds of a route's timeout. Not set means no limit.
pub(crate) const ROUTE_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=DAY;
/// Bounds of a request's body; 0 means that there may be none. More than 1 TiB is no limit.
pub(crate) const MAX_BODY_RANGE: RangeInclusive<u64> = 0..=(1 << 40);
/// Bounds of what comes into a bucket of tokens, and of what it holds: more than a million is no limit for one gateway.
pub(crate) const RATE_REQUESTS: RangeInclusive<u32> = 1..=1_000_000;
/// Bounds of the time in which tokens come.
pub(crate) const RATE_PER_RANGE: RangeInclusive<Duration> = MILLISECOND..=DAY;
/// The time in which tokens come when the file does not say.
pub(crate) const RATE_PER: Duration = SECOND;
/// The longest time in which a bucket fills: nobody waits longer, and the arithmetic has room for it.
pub(crate) const RATE_FILL: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Bounds of what a browser may keep: more than a day is more than any browser does.
pub(crate) const CORS_MAX_AGE_RANGE: RangeInclusive<Duration> = Duration::ZERO..=DAY;
/// What a password is for when the file does not say.
pub(crate) const REALM: &str = "restricted";
/// What bcrypt may cost: 4 is the least that there is, and with 16 one check takes some seconds of a core.
pub(crate) const BCRYPT_COST: RangeInclusive<u32> = 4..=16;
/// How far the clocks of an issuer and of the gateway may be apart: what other gateways allow, too.
pub(crate) const LEEWAY: Duration = MINUTE;
/// The bounds of [`LEEWAY`]: a clock that is an hour off is broken.
pub(crate) const LEEWAY_RANGE: RangeInclusive<Duration> = Duration::ZERO..=HOUR;
/// Keys of one set: an issuer has two or three, and without an id each may be tried.
pub(crate) const JWT_KEYS: usize = 100;
/// The size below which compression gains nothing: such a response is one packet either way.
pub(crate) const COMPRESSION_MIN_SIZE: u64 = 1 << 10;
/// The bounds of [`COMPRESSION_MIN_SIZE`].
pub(crate) const COMPRESSION_MIN_SIZE_RANGE: RangeInclusive<u64> = 0..=(1 << 30);
/// Hosts, paths, listeners or endpoints in one list. More of them belong into a wildcard, a prefix or DNS.
pub(crate) const LISTED: u64 = 1024;
/// Weights of endpoints: enough for one in a thousand.
pub(crate) const WEIGHTS: RangeInclusive<u32> = 1..=1000;
/// How often names are looked up: what Kubernetes and most resolvers keep an answer for.
pub(crate) const RESOLVE_INTERVAL: Duration = Duration::from_secs(30);
/// The bounds of [`RESOLVE_INTERVAL`]: a look-up per second is the most that a shared resolver should bear.
pub(crate) const RESOLVE_INTERVAL_RANGE: RangeInclusive<Duration> = SECOND..=DAY;
/// The greatest weight of an upstream in a split: a thousandth of a per cent can be said, and sums stay small.
pub(crate) const SHARE_WEIGHT: u32 = 1_000_000;
/// Segments of a path with parameters. The look-up walks down them.
pub(crate) const TEMPLATE_SEGMENTS: usize = 64;
/// Memory of one compiled regular expression, and of what it computes with: enough for some hundred characters.
pub(crate) const PATTERN_BYTES: usize = 256 << 10;
/// Time for a connection to an endpoint: a lost SYN is repeated after 1 s and again after 3 s, so two may be lost.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The bounds of [`CONNECT_TIMEOUT`].
pub(crate) const CONNECT_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=HOUR;
/// How long an unused connection is kept: less than the 60 s and more after which common origins and load balancers
/// close it, so that a request seldom meets a connection that is just being closed.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The bounds of [`IDLE_TIMEOUT`].
pub(crate) const IDLE_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=DAY;

/// The bounds of the time for one try: those of a route's timeout.
pub(crate) const PER_TRY_RANGE: RangeInclusive<Duration> = ROUTE_TIMEOUT_RANGE;
/// Time between two health checks: a server that died is noticed within half a minute.
pub(crate) const HEALTH_INTERVAL: Duration = Duration::from_secs(10);
/// The bounds of [`HEALTH_INTERVAL`]: more than ten a second are load and no check.
pub(crate) const HEALTH_INTERVAL_RANGE: RangeInclusive<Duration> = TENTH..=HOUR;
/// Time of one health check: a server that needs longer for it does not serve users either.
pub(crate) const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// The bounds of [`HEALTH_TIMEOUT`].
pub(crate) const HEALTH_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=MINUTE;
/// Checks in a row: one that succeeds may be luck.
pub(crate) const HEALTHY_THRESHOLD: u32 = 2;
/// Checks in a row: one or two that fail may be a lost packet or a pause.
pub(crate) const UNHEALTHY_THRESHOLD: u32 = 3;
/// Bounds of what is counted in a row.
pub(crate) const THRESHOLDS: RangeInclusive<u32> = 1..=1000;
/// Failures in a row after which a server is left out.
pub(crate) const CONSECUTIVE_ERRORS: u32 = 5;
/// How long a server is left out the first time: about what a restart takes.
pub(crate) const BASE_EJECTION: Duration = Duration::from_secs(30);
/// The bounds of [`BASE_EJECTION`].
pub(crate) const BASE_EJECTION_RANGE: RangeInclusive<Duration> = TENTH..=HOUR;
/// Servers that may be left out at the same time, in hundredths: the other half can hardly bear more.
pub(crate) const MAX_EJECTED: u8 = 50;
/// The part of the servers below which all are used, in hundredths: with ten servers or fewer, when none is left.
pub(crate) const PANIC_THRESHOLD: u8 = 10;
/// Requests that wait for a connection: at most a few megabytes of heads.
pub(crate) const PENDING: usize = 1000;
/// The bounds of [`PENDING`]; 0 means that nothing waits.
pub(crate) const PENDING_RANGE: RangeInclusive<usize> = 0..=1_000_000;

/// How often a request is sent: twice is a retry, and ten times is an attack on one's own servers.
pub(crate) const ATTEMPTS: RangeInclusive<u32> = 1..=10;
/// A second server is enough to get round one that is down.
pub(crate) const ATTEMPTS_DEFAULT: u32 = 2;
/// The pause before the second time: longer than a hiccup of a process, shorter than a user's patience.
pub(crate) const BACK_OFF: Duration = Duration::from_millis(25);
/// The bounds of [`BACK_OFF`].
pub(crate) const BACK_OFF_RANGE: RangeInclusive<Duration> = Duration::ZERO..=MINUTE;
/// Repetitions among the requests that are under way, in hundredths: what an upstream bears that is busy already.
pub(crate) const RETRY_BUDGET: u8 = 20;
/// What is kept of a body: most forms and calls of an API fit in.
pub(crate) const REPLAYED_BODY: u64 = 64 << 10;
/// The bounds of [`REPLAYED_BODY`]: every request that is under way may cost as much.
pub(crate) const REPLAYED_BODY_RANGE: RangeInclusive<u64> = 0..=(16 << 20);

// Plugins

/// Time for a plugin to be fetched: a few tries at a server that restarts, and no start that hangs.
pub(crate) const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// The bounds of [`FETCH_TIMEOUT`].
pub(crate) const FETCH_TIMEOUT_RANGE: RangeInclusive<Duration> = MILLISECOND..=HOUR;

// The process

/// Bytes of the token of `admin`: fewer can be guessed, more is no token.
pub(crate) const TOKEN_BYTES: RangeInclusive<usize> = 16..=1024;

/// How long running requests get at the end: what Kubernetes waits by default before it kills.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// The bounds of [`DRAIN_TIMEOUT`]; 0s means not to wait.
pub(crate) const DRAIN_TIMEOUT_RANGE: RangeInclusive<Duration> = Duration::ZERO..=HOUR;
/// Bounds of the time before a drain; load balancers ask every few seconds, and 0s is for those who have none.
pub(crate) const SHUTDOWN_DELAY_RANGE: RangeInclusive<Duration> = Duration::ZERO..=HOUR;

const TENTH: Duration = Duration::from_millis(100);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
