//! A connection with a full handshake for each request, by `clients` of the benches crate.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use super::{Generators, output, said};
use crate::Error;
use crate::bench::results::Latency;

impl Generators {
    /// As many as go through in this time.
    pub(super) fn handshakes(&self, server: SocketAddr, time: Duration) -> Result<u64, Error> {
        let text = said(self.clients(server, time), "clients")?;
        output::clients_requests(&text)
    }

    /// So many a second.
    pub(super) fn handshakes_at_rate(
        &self,
        server: SocketAddr,
        rate: u64,
        time: Duration,
    ) -> Result<Latency, Error> {
        let mut command = self.clients(server, time);
        command.arg(rate.to_string());
        let text = said(command, "clients")?;
        output::clients_requests(&text)?;
        output::latency(&text, rate)
    }

    fn clients(&self, server: SocketAddr, time: Duration) -> Command {
        let mut command = Command::new(&self.clients);
        command
            .arg("handshakes")
            .arg(server.to_string())
            .arg(&self.certificate.chain)
            .arg(time.as_secs().to_string());
        command
    }
}
