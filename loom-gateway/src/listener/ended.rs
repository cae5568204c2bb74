//! The one table of why the gateway ends a connection, or does not take it.

/// The table: what happened, and the code that it has.
///
/// The code is what logs and metrics say. People build alerts on it: it is never changed.
macro_rules! ended {
    ($($(#[doc = $doc:literal])* $ended:ident: $code:literal;)*) => {
        /// Why the gateway ended a connection of its own accord, or did not take it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Ended {
            $($(#[doc = $doc])* $ended,)*
        }

        impl Ended {
            pub(crate) const ALL: &[Self] = &[$(Self::$ended),*];

            /// The code.
            pub(crate) fn code(self) -> &'static str {
                match self {
                    $(Self::$ended => $code,)*
                }
            }
        }
    };
}

ended! {
    /// As many connections as `limits.connections` says are open.
    ConnectionLimit: "connection_limit";
    /// As many connections as `limits.connections_per_address` says are open from this address.
    AddressLimit: "address_limit";
    /// It does not begin with a header of the PROXY protocol.
    ProxyProtocol: "proxy_protocol";
    /// The header of the PROXY protocol was not there in time.
    ProxyProtocolTimeout: "proxy_protocol_timeout";
    /// Client and gateway did not agree on TLS, or the client's certificate was refused.
    Tls: "tls_handshake";
    /// The handshake of TLS was not complete after `limits.tls_handshake_timeout`.
    TlsTimeout: "tls_handshake_timeout";
    /// The head of a request was not complete after `limits.header_timeout`.
    HeaderTimeout: "header_timeout";
    /// There was no request for `limits.idle_timeout`.
    Idle: "connection_idle";
    /// The client took nothing of what is sent to it for `limits.send_timeout`.
    SendTimeout: "send_timeout";
    /// It has had as many requests as `limits.requests_per_connection` says.
    Requests: "connection_requests";
    /// The client took back most of its requests before they were answered.
    TakenBack: "requests_taken_back";
    /// The head of a request of HTTP/1 has more bytes or fields than the listener takes. It was answered with 431 or 414.
    HeadTooLarge: "head_too_large";
    /// What came is no HTTP. If it looked like HTTP/1, it was answered with 400.
    InvalidHttp: "invalid_http";
}

impl Ended {
    /// Whether an operator has to hear of it: a limit or a configuration that does not fit. Others happen every day.
    pub(super) fn is_notable(self) -> bool {
        use Ended::{ConnectionLimit, ProxyProtocol, ProxyProtocolTimeout};
        matches!(self, ConnectionLimit | ProxyProtocol | ProxyProtocolTimeout)
    }

    /// How many there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// What an error of hyper says about it; `None` when the client or the network ended the connection.
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let error = error.downcast_ref::<hyper::Error>()?;
        if error.is_parse_too_large() {
            return Some(Self::HeadTooLarge);
        }
        error.is_parse().then_some(Self::InvalidHttp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An operator looks the code up.
    #[test]
    fn every_code_is_documented_and_its_own() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/observability.md");
        let page = std::fs::read_to_string(page).expect("the page");
        for (number, ended) in Ended::ALL.iter().enumerate() {
            let code = ended.code();
            assert!(
                page.contains(&format!("| `{code}` |")),
                "{code} is not in it"
            );
            let mut codes = Ended::ALL.iter().map(|other| other.code());
            assert_eq!(codes.position(|other| other == code), Some(number));
            assert_eq!(*ended as usize, number);
        }
    }
}
