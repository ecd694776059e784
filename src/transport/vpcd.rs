//! The reader's half of vpcd's protocol: we listen, a card simulator connects, and we play reader and driver.
//!
//! Each message, both ways, is a 16-bit big-endian length and a body. A body of one byte from us is a control: 00 power off,
//! 01 power on, 02 reset, 04 give the ATR; only the last is answered. A longer body is a command APDU and its answer is the
//! response APDU. An empty message, a closed connection, and silence each end the connection: what the card did is unknown.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use eid::transport::{Limits, Transport, TransportError};

use super::{atr, check_command};

const POWER_OFF: u8 = 0x00;
const POWER_ON: u8 = 0x01;
const GET_ATR: u8 = 0x04;

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a card to connect.
    pub card: Duration,
    /// For the answer to one APDU.
    pub answer: Duration,
}

impl Default for Timeouts {
    /// 10 seconds for a card, a minute for an answer (a key generated on a card takes its time).
    fn default() -> Self {
        Self { card: Duration::from_secs(10), answer: Duration::from_secs(60) }
    }
}

/// A reader of ours with at most one card in it.
#[derive(Debug)]
pub struct VpcdReader {
    listener: TcpListener,
    name: String,
    timeouts: Timeouts,
    card: Option<Inserted>,
}

#[derive(Debug)]
struct Inserted {
    stream: TcpStream,
    atr: Vec<u8>,
}

impl VpcdReader {
    /// Listens on the loopback address. Port 0 takes a free one, see [`port`](Self::port). No card is waited for yet.
    ///
    /// # Errors
    /// [`TransportError::Service`] if the port is taken.
    pub fn listen(port: u16, timeouts: Timeouts) -> Result<Self, TransportError> {
        let service = |what: &str, e: std::io::Error| TransportError::Service { detail: format!("{what} 127.0.0.1:{port}: {e}") };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|e| service("cannot listen on", e))?;
        listener.set_nonblocking(true).map_err(|e| service("cannot poll", e))?;
        let port = listener.local_addr().map_or(port, |address: SocketAddr| address.port());
        Ok(Self { listener, name: format!("vpcd:{port}"), timeouts, card: None })
    }

    /// The port that a card connects to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listener.local_addr().map_or(0, |address| address.port())
    }

    /// Waits for a card and powers it up; nothing happens if one is in.
    ///
    /// # Errors
    /// [`TransportError::NoCard`] after the time-out, or the card is mute.
    pub fn insert(&mut self) -> Result<(), TransportError> {
        if self.card.is_some() {
            return Ok(());
        }
        let deadline = Instant::now() + self.timeouts.card;
        let stream = loop {
            match self.listener.accept() {
                Ok((stream, _)) => break stream,
                Err(e) if e.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Err(TransportError::NoCard { reader: self.name.clone() }),
                Err(e) => return Err(TransportError::Service { detail: format!("{}: {e}", self.name) }),
            }
        };
        let prepared = stream
            .set_nonblocking(false)
            .and_then(|()| stream.set_nodelay(true))
            .and_then(|()| stream.set_read_timeout(Some(self.timeouts.answer)))
            .and_then(|()| stream.set_write_timeout(Some(self.timeouts.answer)));
        prepared.map_err(|e| TransportError::Service { detail: format!("{}: {e}", self.name) })?;
        self.card = Some(Inserted { stream, atr: Vec::new() });
        self.power_up(&[POWER_ON])
    }

    /// Sends `controls`, then asks for the ATR.
    fn power_up(&mut self, controls: &[u8]) -> Result<(), TransportError> {
        let answer = controls.iter().try_for_each(|&control| self.send(&[control])).and_then(|()| self.exchange(&[GET_ATR]))?;
        if !(2..=33).contains(&answer.len()) {
            self.card = None;
            let detail = format!("expected an ATR of 2 to 33 bytes, found {}", answer.len());
            return Err(TransportError::Unresponsive { reader: self.name.clone(), detail });
        }
        if let Some(card) = &mut self.card {
            card.atr = answer;
        }
        Ok(())
    }

    /// Gives up the connection and says why.
    fn gone(&mut self, e: &std::io::Error) -> TransportError {
        self.card = None;
        let reader = self.name.clone();
        match e.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                TransportError::Unresponsive { reader, detail: format!("no answer within {} s", self.timeouts.answer.as_secs_f32()) }
            }
            ErrorKind::UnexpectedEof => TransportError::CardGone { reader, detail: "connection closed".to_owned() },
            _ => TransportError::CardGone { reader, detail: e.to_string() },
        }
    }

    fn send(&mut self, body: &[u8]) -> Result<(), TransportError> {
        let Some(card) = &mut self.card else { return Err(TransportError::NoCard { reader: self.name.clone() }) };
        let len = u16::try_from(body.len())
            .map_err(|_| TransportError::Protocol { detail: format!("expected a message of at most 65535 bytes, found {}", body.len()) })?;
        // One write: two would meet the delayed acknowledgement of the other side (44 ms an APDU).
        let mut message = Vec::with_capacity(body.len() + 2);
        message.extend(len.to_be_bytes());
        message.extend(body);
        let sent = card.stream.write_all(&message);
        sent.map_err(|e| self.gone(&e))
    }

    fn exchange(&mut self, body: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.send(body)?;
        let Some(card) = &mut self.card else { return Err(TransportError::NoCard { reader: self.name.clone() }) };
        let mut len = [0; 2];
        let received = card.stream.read_exact(&mut len).and_then(|()| {
            let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
            card.stream.read_exact(&mut answer).map(|()| answer)
        });
        let answer = received.map_err(|e| self.gone(&e))?;
        if answer.len() < 2 {
            self.card = None;
            let detail = format!("expected an answer of at least 2 bytes, found {}", answer.len());
            return Err(TransportError::CardGone { reader: self.name.clone(), detail });
        }
        Ok(answer)
    }
}

impl Transport for VpcdReader {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.insert()?;
        self.card.as_ref().map(|card| card.atr.clone()).ok_or_else(|| TransportError::NoCard { reader: self.name.clone() })
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        check_command(command)?;
        self.exchange(command)
    }

    /// Power off and on; waits for a card if there is none.
    fn reset(&mut self) -> Result<(), TransportError> {
        if self.card.is_some() { self.power_up(&[POWER_OFF, POWER_ON]) } else { self.insert() }
    }

    fn limits(&self) -> Limits {
        self.card.as_ref().map_or(Limits::SHORT, |card| atr::limits(&card.atr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A card made of a function: `None` closes the connection. Returns the control bytes it saw.
    fn card(port: u16, mut answer: impl FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
        thread::spawn(move || {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the reader listens");
            let mut controls = Vec::new();
            loop {
                let mut len = [0; 2];
                if stream.read_exact(&mut len).is_err() {
                    return controls;
                }
                let mut body = vec![0; usize::from(u16::from_be_bytes(len))];
                stream.read_exact(&mut body).expect("body");
                if let [control] = body[..] {
                    controls.push(control);
                    if control != GET_ATR {
                        continue;
                    }
                }
                let Some(answer) = answer(&body) else { return controls };
                let mut message = u16::try_from(answer.len()).expect("short").to_be_bytes().to_vec();
                message.extend(answer);
                stream.write_all(&message).expect("write");
            }
        })
    }

    fn reader(answer_ms: u64) -> VpcdReader {
        let timeouts = Timeouts { card: Duration::from_secs(5), answer: Duration::from_millis(answer_ms) };
        VpcdReader::listen(0, timeouts).expect("a free port")
    }

    #[test]
    fn a_card_is_powered_up_and_answers() {
        let mut reader = reader(5000);
        let card = card(reader.port(), |body| Some(if body == [GET_ATR] { vec![0x3B, 0x00] } else { [body, &[0x90, 0]].concat() }));
        assert_eq!(reader.atr(), Ok(vec![0x3B, 0x00]));
        assert_eq!(reader.transmit(&[0, 0xA4, 0, 0x0C]), Ok(vec![0, 0xA4, 0, 0x0C, 0x90, 0]));
        reader.reset().expect("cold reset");
        drop(reader);
        assert_eq!(card.join().expect("card"), [POWER_ON, GET_ATR, POWER_OFF, POWER_ON, GET_ATR]);
    }

    #[test]
    fn a_card_that_hangs_up_inside_an_apdu_is_gone_and_the_next_one_is_taken_by_reset() {
        let mut reader = reader(5000);
        let hangs_up = card(reader.port(), |body| (body == [GET_ATR]).then(|| vec![0x3B, 0x00]));
        reader.atr().expect("atr");
        assert!(matches!(reader.transmit(&[0, 0xA4, 0, 0x0C]), Err(TransportError::CardGone { .. })));
        assert!(matches!(reader.transmit(&[0, 0xA4, 0, 0x0C]), Err(TransportError::NoCard { .. })));
        hangs_up.join().expect("card");
        let second = card(reader.port(), |body| Some(if body == [GET_ATR] { vec![0x3B, 0x80, 0x01] } else { vec![0x6D, 0] }));
        reader.reset().expect("second card");
        assert_eq!(reader.atr(), Ok(vec![0x3B, 0x80, 0x01]));
        drop(reader);
        second.join().expect("card");
    }

    #[test]
    fn empty_answers_silence_and_bad_atrs_have_their_own_classes() {
        let mut empty = reader(5000);
        let handle = card(empty.port(), |body| Some(if body == [GET_ATR] { vec![0x3B, 0x00] } else { vec![] }));
        empty.atr().expect("atr");
        assert!(matches!(empty.transmit(&[0, 0xA4, 0, 0x0C]), Err(TransportError::CardGone { .. })));
        drop(empty);
        handle.join().expect("card");

        let mut slow = reader(100);
        let handle = card(slow.port(), |body| {
            if body != [GET_ATR] {
                thread::sleep(Duration::from_millis(400));
            }
            (body == [GET_ATR]).then(|| vec![0x3B, 0x00])
        });
        slow.atr().expect("atr");
        assert!(matches!(slow.transmit(&[0, 0xA4, 0, 0x0C]), Err(TransportError::Unresponsive { .. })));
        drop(slow);
        handle.join().expect("card");

        let mut long = reader(5000);
        let handle = card(long.port(), |_| Some(vec![0x3B; 34]));
        assert!(matches!(long.atr(), Err(TransportError::Unresponsive { .. })));
        drop(long);
        handle.join().expect("card");
    }

    #[test]
    fn no_card_and_a_taken_port_are_told_apart() {
        let timeouts = Timeouts { card: Duration::from_millis(20), answer: Duration::from_millis(20) };
        let mut reader = VpcdReader::listen(0, timeouts).expect("a free port");
        assert!(matches!(reader.atr(), Err(TransportError::NoCard { .. })));
        assert!(matches!(VpcdReader::listen(reader.port(), timeouts), Err(TransportError::Service { .. })));
    }
}
