//! What a load balancer says before the first byte of a connection.

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "proxy-header",
    about: "headers of the PROXY protocol, both versions",
    run,
    seeds,
    words: &[
        "PROXY ",
        "TCP4 ",
        "TCP6 ",
        "UNKNOWN",
        "\r\n",
        "192.0.2.7 ",
        "2001:db8::7 ",
        "65535",
        "\r\n\r\n\0\r\nQUIT\n",
        "!\u{11}\0\u{c}",
        "!!\0$",
    ],
    longest: 4200,
    short_run: 100_000,
};

/// A header is whole or it is not, and the bytes behind it change nothing about that.
///
/// # Panics
///
/// When that does not hold.
pub fn run(data: &[u8]) {
    loom_gateway::fuzzing::proxy_header(data);
}

fn seeds() -> Vec<Vec<u8>> {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    let ipv4 = [&b"\x21\x11\0\x0c"[..], &[1; 12]].concat();
    let ipv6 = [&b"\x21\x21\0\x24"[..], &[2; 36]].concat();
    let unix = [&b"\x21\x31\0\xd8"[..], &[3; 216]].concat();
    let more = [&b"\x21\x11\0\x11"[..], &[4; 12], &b"\x04\0\x02ab"[..]].concat();
    let binary = [ipv4, ipv6, unix, more, b"\x20\0\0\0".to_vec()];
    let mut all: Vec<_> = binary
        .iter()
        .map(|rest| [SIGNATURE, rest, b"GET / HTTP/1.1\r\n"].concat())
        .collect();
    let lines = [
        "PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\nGET /",
        "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n",
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN anything at all\r\n",
    ];
    all.extend(lines.map(|line| line.as_bytes().to_vec()));
    all
}
