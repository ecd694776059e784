//! Serves a virtual card to a PC/SC reader: the card's half of the vpcd protocol, over TCP to the port that pcscd's driver opens.
//!
//! Every message is `length 2 ‖ body`. Bodies of one byte control: 00 power off, 01 power on, 02 reset (none is answered), 04 asks
//! for the ATR; longer bodies are command APDUs.
//!
//! Two habits of that driver decide the code. It sends length and body in two writes with Nagle's algorithm on, so the length must
//! be acknowledged at once or every command takes 40 ms. And it swaps in a card silently that comes back within 400 ms of leaving,
//! so a second passes before a link is made again.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eid::transport::TransportError;

use crate::card::Card;
use crate::clock::Waits;

/// A card as a link sees it: one that is ours alone, or one that others look at between two commands.
pub(crate) trait Served {
    /// Power went and came.
    fn power_cycle(&mut self);
    /// Answer to reset.
    fn atr(&self) -> Vec<u8>;
    /// One command.
    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError>;
    /// How long the answer waits, where finding it took `used`.
    fn take_delay(&mut self, used: Duration) -> Duration;
    /// Whether a fault took it away, so that it comes back.
    fn left_the_field(&self) -> bool;
}

impl Served for Card {
    fn power_cycle(&mut self) {
        Self::power_cycle(self);
    }

    fn atr(&self) -> Vec<u8> {
        self.product().atr.clone()
    }

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        Self::exchange(self, command)
    }

    fn take_delay(&mut self, used: Duration) -> Duration {
        let delay = Self::take_delay(self);
        // a model says what all of it takes
        if matches!(self.timing(), Some((_, Waits::Real))) { delay.saturating_sub(used) } else { delay }
    }

    fn left_the_field(&self) -> bool {
        Self::left_the_field(self)
    }
}

/// Pause before a lost link is made again.
pub const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// How often a waiting card looks whether it shall stop.
const POLL: Duration = Duration::from_millis(100);

/// Why a card cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum VpcdError {
    /// Nobody listens there, or the address is none.
    #[error("vpcd at {address}: {source}")]
    Connect {
        /// Where the driver should listen.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The card lost its power for good.
    #[error("{0}")]
    Card(#[from] TransportError),
}

/// Why a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    /// The reader closed it, or it broke.
    ReaderGone,
    /// `stop` was set.
    Stopped,
    /// The card left the reader, by a fault that it was given.
    CardLeft,
}

/// Puts `card` into the reader at `address` (`HOST:PORT`) and keeps it there until `stop` is set. A link that ends is made again
/// after [`RECONNECT_PAUSE`].
///
/// # Errors
/// The first link cannot be made, or the card fell silent.
pub fn serve(card: &mut Card, address: &str, stop: &AtomicBool) -> Result<(), VpcdError> {
    let mut stream = Some(connect(address)?);
    while !stop.load(Ordering::Relaxed) {
        match stream.take().map_or_else(|| connect(address), Ok) {
            Ok(mut link) => {
                tracing::debug!(address, "card inserted");
                let end = serve_link(card, &mut link, stop)?;
                tracing::debug!(address, ?end, "card removed");
            }
            Err(error) => tracing::debug!(%error, "no reader"),
        }
        wait(RECONNECT_PAUSE, stop);
    }
    Ok(())
}

pub(crate) fn connect(address: &str) -> Result<TcpStream, VpcdError> {
    let error = |source| VpcdError::Connect { address: address.to_owned(), source };
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "no such address");
    for candidate in address.to_socket_addrs().map_err(error)? {
        match TcpStream::connect_timeout(&candidate, Duration::from_secs(5)) {
            Ok(stream) => return stream.set_nodelay(true).map(|()| stream).map_err(error),
            Err(e) => last = e,
        }
    }
    Err(error(last))
}

/// Serves one link until the reader closes it or `stop` is set.
///
/// # Errors
/// The card fell silent: its memory lost power.
pub fn serve_link(card: &mut Card, link: &mut TcpStream, stop: &AtomicBool) -> Result<LinkEnd, VpcdError> {
    serve_any(card, link, stop)
}

pub(crate) fn serve_any(card: &mut impl Served, link: &mut TcpStream, stop: &AtomicBool) -> Result<LinkEnd, VpcdError> {
    card.power_cycle();
    let end = exchange(card, link, stop);
    card.power_cycle();
    match end {
        Ok(never) => match never {},
        Err(End::Io(_)) if stop.load(Ordering::Relaxed) => Ok(LinkEnd::Stopped),
        Err(End::Io(error)) => {
            tracing::debug!(%error, "link ended");
            Ok(LinkEnd::ReaderGone)
        }
        // a fault took it out of the field; it comes back
        Err(End::Card(_)) if card.left_the_field() => Ok(LinkEnd::CardLeft),
        Err(End::Card(error)) => Err(error.into()),
    }
}

enum End {
    Io(io::Error),
    Card(TransportError),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn exchange(card: &mut impl Served, link: &mut TcpStream, stop: &AtomicBool) -> Result<std::convert::Infallible, End> {
    link.set_read_timeout(Some(POLL))?;
    let mut body = vec![0; usize::from(u16::MAX)];
    let mut message = Vec::new();
    loop {
        let mut length = [0; 2];
        read_exact(link, &mut length, stop)?;
        acknowledge_now(link)?;
        let body = body.get_mut(..usize::from(u16::from_be_bytes(length))).unwrap_or_default();
        read_exact(link, body, stop)?;
        let asked = Instant::now();
        let answer = match *body {
            [] => continue,
            [0x00..=0x02] => {
                card.power_cycle();
                continue;
            }
            [0x04] => card.atr(),
            // Nothing else of one byte is defined; a reader that waits for an answer would wait for ever.
            [_] => vec![0x67, 0x00],
            _ => card.exchange(body).map_err(End::Card)?,
        };
        wait(card.take_delay(asked.elapsed()), stop);
        // One write: in two pieces the second would wait for the reader's delayed acknowledgement.
        message.clear();
        message.extend(u16::try_from(answer.len()).unwrap_or(u16::MAX).to_be_bytes());
        message.extend_from_slice(&answer);
        link.write_all(&message)?;
    }
}

/// The flag does not stick: it is set anew after every length prefix.
#[cfg(target_os = "linux")]
fn acknowledge_now(link: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(link).set_tcp_quickack(true)
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
const fn acknowledge_now(_link: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// Fills `buffer`, looking at `stop` while nothing comes.
fn read_exact(link: &mut TcpStream, buffer: &mut [u8], stop: &AtomicBool) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match link.read(rest) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted) => {
                if stop.load(Ordering::Relaxed) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

pub(crate) fn wait(time: Duration, stop: &AtomicBool) {
    let end = Instant::now() + time;
    while !stop.load(Ordering::Relaxed) {
        let rest = end.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return;
        }
        std::thread::sleep(rest.min(POLL));
    }
}
