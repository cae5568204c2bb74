//! Every limit of the gateway that no key of the configuration sets, with the reason for its value.

use std::time::Duration;

/// Connections that the kernel holds for a listener until they are accepted. The kernel caps it by its own setting
/// (`net.core.somaxconn`); a burst of clients should meet that one and not ours.
pub(crate) const ACCEPT_BACKLOG: u32 = 4096;

/// Open files besides connections: logs, sockets, what watches files, and what the system needs.
pub(crate) const OTHER_FILES: u64 = 128;

/// Pause after `accept` failed for want of file descriptors or memory. The failed connection stays in the kernel's
/// queue, so that without a pause the loop would spin; descriptors come back within about this time or not at all.
pub(crate) const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// How often the log says that connections are turned away: it goes on for as long as it goes on.
pub(crate) const ENDED_REPORTS: Duration = Duration::from_secs(60);

/// The longest header of the PROXY protocol, in bytes: addresses, and what load balancers say beside them, such as the name
/// of a certificate. The protocol allows 64 KiB, and nobody sends a tenth of that.
pub(crate) const PROXY_HEADER_BYTES: usize = 4096;

/// How much of it is looked at at once, in bytes: whole headers, as most are short.
pub(crate) const PROXY_HEADER_PEEK: usize = 256;

/// The smallest buffer for a request's headers that hyper works with.
pub(crate) const MIN_HEADER_BUFFER: usize = 8 * 1024;

/// Header fields of a request that hyper takes by itself, in place; more of them cost an allocation each time.
pub(crate) const HYPER_HEADERS: usize = 100;

/// Faulty streams of one HTTP/2 connection that the gateway reset, over all its life. hyper's own number; it is for
/// clients that make nothing but faults.
pub(crate) const HTTP2_LOCAL_RESETS: usize = 1024;

/// What is kept of one response for a client of HTTP/2 that has not taken it yet, in bytes: as much as a client may send of one
/// body. Below it a fast client costs more, as its stream has to be woken more often; above it nothing is gained (hyper takes
/// 400 KiB).
pub(crate) const HTTP2_SEND_BUFFER: usize = 256 * 1024;

/// The piece in which a response is handed to its stream of HTTP/2, in bytes. So often is it seen that a client takes
/// something: the slowest line brings that much within [`stream_send_timeout`](loom_config::model::Http2Limits), and smaller
/// pieces cost time.
pub(crate) const HTTP2_PIECE: usize = 64 * 1024;

/// How often a write to a client is tried although the kernel does not say that there is room: it says so late. Often enough to see
/// that a slow client takes something, and a system call for each connection that waits.
pub(crate) const SEND_RETRY: Duration = Duration::from_secs(1);

/// Requests of one HTTP/2 connection that its client may take back before they are answered. With more of them, and more than
/// half of all, it is ended: people who leave a page and calls that have a deadline do not come near it.
pub(crate) const HTTP2_TAKEN_BACK: u64 = 200;

/// How long an unused HTTP/1.1 connection stays open while the gateway shuts down. The client may already have sent its
/// next request; it is answered, with `connection: close`, instead of being reset. A few round trips are enough.
pub(crate) const DRAIN_LINGER: Duration = Duration::from_secs(1);

/// What is read at once of a connection that was upgraded, in bytes; each direction keeps as much room while nothing comes.
pub(crate) const UPGRADE_BUFFER: usize = 8 * 1024;

/// How long connections that were upgraded go on while the gateway shuts down: enough to end what is being said. A protocol
/// that the gateway does not know has no words for "end soon", so that after this it closes.
pub(crate) const UPGRADE_DRAIN: Duration = Duration::from_secs(5);

/// How much of a request's body is read, in bytes, although nobody wants it any more, so that its connection of HTTP/1 can go on.
/// Forms and calls have less; who uploads more than that can connect once more.
pub(crate) const UNREAD_BODY: usize = 1024 * 1024;

/// How long that may take.
pub(crate) const UNREAD_TIME: Duration = Duration::from_secs(5);

/// How long a connection that ends is read, if its client still sends what nobody wants: for it to find the answer instead of a
/// reset (RFC 9112, 9.6).
pub(crate) const LINGER: Duration = Duration::from_secs(2);

/// How long files have to be left alone before a change of them is looked at: an editor or a copy writes in several
/// steps.
pub(crate) const WATCH_QUIET: Duration = Duration::from_millis(100);

/// The longest that a change is put off by further ones: a log beside the configuration is written all the time.
pub(crate) const WATCH_PATIENCE: Duration = Duration::from_secs(2);

/// Links that are followed to a file; the kernel follows no more either.
pub(crate) const WATCH_LINKS: usize = 40;

/// How often a shutdown says how many connections are left: often enough for who watches, seldom enough for a log.
pub(crate) const DRAIN_REPORTS: Duration = Duration::from_secs(5);

/// Unused connections kept per endpoint; more are closed after their response. As many as requests are usually
/// running at one endpoint, so that steady load opens no new ones.
pub(crate) const POOL_IDLE_CONNECTIONS: usize = 1024;

/// How long a kept connection is trusted to be still open. One that was used this lately is hardly closed already; for
/// an older one the gateway looks before it sends, and can repeat the request.
pub(crate) const POOL_TRUSTED: Duration = Duration::from_millis(10);

/// How long the rest of a request's body may take once its response is complete. A server that answers early and does not
/// read would hold the connections of both sides, and some servers do read all of a body that they have refused.
pub(crate) const POOL_SETTLE: Duration = Duration::from_secs(2);

/// Size of a response's headers, in bytes, and of the buffer that an upstream's body is read through.
pub(crate) const UPSTREAM_HEADER_BYTES: u32 = 256 * 1024;

/// What a server may send of one response ahead of its reader over HTTP/2, in bytes: enough for 1 Gbit/s over 4 ms. It is held
/// when the client does not take it, as what is read of HTTP/1.1 is.
pub(crate) const UPSTREAM_STREAM_WINDOW: u32 = 512 * 1024;

/// What a server may send of all responses ahead of their readers on the one connection of HTTP/2 that they share: as much as
/// HTTP/2 allows. With less, a few clients that take nothing of their responses would hold up those of all others.
pub(crate) const UPSTREAM_CONNECTION_WINDOW: u32 = i32::MAX.cast_unsigned();

/// How long a connection to an upstream may be silent before the kernel asks whether the other side is there: a gRPC
/// stream has no other end to its patience. Not a ping of HTTP/2, since many gRPC servers end connections that send one
/// more often than every five minutes.
pub(crate) const UPSTREAM_KEEPALIVE: Duration = Duration::from_secs(30);

/// The body of an answer to a health check of gRPC, in bytes: it is a number, and what later versions may put beside it.
pub(crate) const HEALTH_ANSWER_BYTES: usize = 4096;

/// Characters that logs and the admin listener tell of a server's own words about its health: a sentence or two.
pub(crate) const HEALTH_WORDS: usize = 256;

/// Buckets of one route's `rate_limit` that are kept, by address or header: those that were used last. At about 128 bytes, 8 MB.
pub(crate) const RATE_LIMIT_KEYS: usize = 64 * 1024;

/// Credentials that were verified and need no bcrypt again, of one `basic_auth`: those that were used last.
pub(crate) const KNOWN_CREDENTIALS: usize = 1024;

/// Passwords of one `basic_auth` that are checked or wait for it; more are answered with 503. At 50 ms a check and one core for them,
/// the last one waits for 13 seconds.
pub(crate) const PASSWORD_CHECKS: usize = 256;

/// Lines of the access log that wait to be written; further ones are dropped and counted. At some 400 bytes a line, 6 MB:
/// a second of a very busy gateway.
pub(crate) const ACCESS_LOG_LINES: usize = 16 * 1024;

/// Spans that wait to be sent to the collector; further ones are dropped and counted. At about 1 KiB a span, 16 MB.
pub(crate) const TRACE_SPANS: usize = 16 * 1024;

/// Spans in one message to the collector: the SDK's own default.
pub(crate) const TRACE_BATCH: usize = 512;

/// The longest that a span waits for others to be sent together with: who looks for a trace has not typed its id yet.
pub(crate) const TRACE_DELAY: Duration = Duration::from_secs(2);

/// Callbacks of plugins of which a span is made, for one request: a long body comes in many pieces, and each is a callback.
pub(crate) const TRACE_CALLBACKS: u32 = 64;

/// Time for one message to the collector, repetitions included.
pub(crate) const TRACE_EXPORT: Duration = Duration::from_secs(5);

/// How long the end of the process waits for the last spans to be sent.
pub(crate) const TRACE_FLUSH: Duration = Duration::from_secs(5);

/// The body that the built-in echo upstream shows, in bytes: it has to hold it in memory, two times.
pub(crate) const ECHO_BODY_BYTES: usize = 1024 * 1024;

/// A plugin that is fetched, in bytes: many times what compilers make of one.
pub(crate) const FETCHED_BYTES: u64 = 64 * 1024 * 1024;

/// The pause before a plugin is asked for once more; it doubles.
pub(crate) const FETCH_BACK_OFF: Duration = Duration::from_millis(250);

/// The longest such pause: a server that restarts is back within seconds.
pub(crate) const FETCH_BACK_OFF_MOST: Duration = Duration::from_secs(5);

/// Time for a connection to a server of plugins, so that an address that swallows packets leaves time for another try.
pub(crate) const FETCH_CONNECT: Duration = Duration::from_secs(5);

/// Redirects on the way to a plugin: a release page, its storage, and some.
pub(crate) const FETCH_REDIRECTS: usize = 5;

/// How long a reload waits for names to be looked up and VMs to be started, which requests can do without: a name server that
/// is gone holds it up for no longer.
pub(crate) const WARM_UP: Duration = Duration::from_secs(5);
