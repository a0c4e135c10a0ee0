//! A connection to a host of several addresses.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::watchdog;

/// Connects to the first address that answers. Each has its share of the time until `deadline`: one that swallows packets does
/// not use up what the others need.
///
/// # Errors
/// What the last one failed with; [`io::ErrorKind::TimedOut`] if it kept silent, [`io::ErrorKind::NotFound`] if there is none.
pub async fn connect(addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match watchdog::waiting(timeout(share, TcpStream::connect(address))).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::Error::new(io::ErrorKind::TimedOut, "no answer in time"),
        }
    }
    Err(failure)
}
