//! Traces: what went over the wire, as lines of text that a person can read and a program can play back.
//!
//! ```text
//! cardwright-trace 1
//! limits 65535 65535
//! atr 3B8A80018031F873F741E082900075
//! > 00A4040C07A0000002471001
//! < 9000
//! reset
//! ! card-gone connection closed
//! # a comment
//! ```
//!
//! A trace holds bytes of the wire, never a CAN, MRZ, PIN, or key: command data in the clear that carry one (VERIFY, CHANGE
//! REFERENCE DATA, RESET RETRY COUNTER, and STORE DATA or PUT KEY while the GlobalPlatform channel does not encrypt) are
//! replaced by their length, `00200001[6]`. What is left is still personal: files read without secure messaging are there, and
//! the nonces of a BAC session allow its MRZ to be guessed offline. [`Detail::Headers`] keeps headers, lengths, and status words only.
//!
//! Playing back answers the recorded commands in order and refuses any other: with the same randomness a whole inspection
//! replays, without it only what does not depend on randomness.

use std::io::Write;

use eid::transport::{Limits, Transport, TransportError};

use super::check_command;

/// First line of every trace: format name and version.
const HEADER: &str = "cardwright-trace 1";

/// How much a trace tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Every byte except secrets in the clear: can be played back.
    #[default]
    Full,
    /// Command headers, lengths, and status words: shows the course of a session and nothing of the holder.
    Headers,
}

/// Writes a trace of everything that passes.
#[derive(Debug)]
pub struct Recorder<T, W> {
    inner: T,
    out: W,
    detail: Detail,
    /// Whether the GlobalPlatform channel encrypts command data, as the last EXTERNAL AUTHENTICATE asked for.
    encrypts: bool,
}

impl<T: Transport, W: Write> Recorder<T, W> {
    /// Starts a trace on `out` with the card's limits.
    ///
    /// # Errors
    /// [`TransportError::Protocol`] if `out` cannot be written.
    pub fn new(inner: T, out: W, detail: Detail) -> Result<Self, TransportError> {
        let limits = inner.limits();
        let mut recorder = Self { inner, out, detail, encrypts: false };
        recorder.line(format_args!("{HEADER}"))?;
        recorder.line(format_args!("limits {} {}", limits.max_command, limits.max_response))?;
        Ok(recorder)
    }

    /// The transport and the writer.
    pub fn into_inner(self) -> (T, W) {
        (self.inner, self.out)
    }

    /// A trace that cannot be written is an error of the exchange: a record with silent holes is worse than none.
    fn line(&mut self, text: std::fmt::Arguments<'_>) -> Result<(), TransportError> {
        writeln!(self.out, "{text}")
            .and_then(|()| self.out.flush())
            .map_err(|e| TransportError::Protocol { detail: format!("trace cannot be written: {e}") })
    }

    fn failure(&mut self, error: TransportError) -> TransportError {
        let (class, detail) = describe(&error);
        match self.line(format_args!("! {class} {}", detail.replace(['\n', '\r'], " "))) {
            Ok(()) => error,
            Err(unwritten) => unwritten,
        }
    }
}

impl<T: Transport, W: Write> Transport for Recorder<T, W> {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        let atr = self.inner.atr().map_err(|e| self.failure(e))?;
        self.line(format_args!("atr {}", hex::encode_upper(&atr)))?;
        Ok(atr)
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let shown = show_command(command, self.detail, self.encrypts);
        self.line(format_args!("> {shown}"))?;
        let answer = self.inner.transmit(command).map_err(|e| self.failure(e))?;
        if answer.ends_with(&[0x90, 0x00]) {
            match *command {
                // EXTERNAL AUTHENTICATE of GlobalPlatform: P1 is the security level, bit 2 encrypts command data.
                [0x84, 0x82, level, ..] => self.encrypts = level & 0x02 != 0,
                [_, 0xA4, 0x04, ..] => self.encrypts = false,
                _ => {}
            }
        }
        match (self.detail, answer.split_last_chunk::<2>()) {
            (Detail::Headers, Some((data, sw))) if !data.is_empty() => {
                self.line(format_args!("< [{}]{}", data.len(), hex::encode_upper(sw)))?
            }
            _ => self.line(format_args!("< {}", hex::encode_upper(&answer)))?,
        }
        Ok(answer)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.encrypts = false;
        self.inner.reset().map_err(|e| self.failure(e))?;
        self.line(format_args!("reset"))
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }
}

/// A command as a line shows it: hex, or header and `[length of the rest]`.
fn show_command(command: &[u8], detail: Detail, encrypts: bool) -> String {
    let Some((header @ &[cla, ins, ..], body)) = command.split_first_chunk::<4>() else { return hex::encode_upper(command) };
    let secret = match ins {
        // VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER: protected only by interindustry secure messaging.
        0x20 | 0x21 | 0x24 | 0x2C => cla & 0x0C != 0x0C,
        // PUT KEY, STORE DATA: protected only while the channel encrypts.
        0xD8 | 0xE2 => cla & 0x80 != 0 && !(cla & 0x04 != 0 && encrypts),
        _ => false,
    };
    if (secret || detail == Detail::Headers) && body.len() > 1 {
        format!("{}[{}]", hex::encode_upper(header), body.len())
    } else {
        hex::encode_upper(command)
    }
}

/// The stable word for an error, and what it said.
fn describe(error: &TransportError) -> (&'static str, String) {
    match error {
        TransportError::NoCard { .. } => ("no-card", String::new()),
        TransportError::CardGone { detail, .. } => ("card-gone", detail.clone()),
        TransportError::ResetByOther { .. } => ("reset-by-other", String::new()),
        TransportError::InUse { .. } => ("in-use", String::new()),
        TransportError::UnknownReader { .. } => ("unknown-reader", String::new()),
        TransportError::Service { detail } => ("service", detail.clone()),
        TransportError::Unresponsive { detail, .. } => ("unresponsive", detail.clone()),
        TransportError::Protocol { detail } => ("protocol", detail.clone()),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    Atr(Vec<u8>),
    /// As written: hex, or header and length where data were left out.
    Command(String),
    Answer(Vec<u8>),
    Reset,
    Failure(TransportError),
}

/// Plays a trace back.
#[derive(Debug)]
pub struct Replay {
    name: String,
    events: std::collections::VecDeque<(usize, Event)>,
    limits: Limits,
    atr: Option<Vec<u8>>,
    encrypts: bool,
}

impl Replay {
    /// Reads the text of a trace. `name` stands in errors.
    ///
    /// # Errors
    /// [`TransportError::Protocol`] with the line that is not understood, or that a trace of [`Detail::Headers`] has no answers.
    pub fn parse(name: &str, text: &str) -> Result<Self, TransportError> {
        let bad = |line: usize, detail: &str| TransportError::Protocol { detail: format!("{name} line {line}: {detail}") };
        let mut lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim_end()));
        let (_, first) = lines.next().ok_or_else(|| bad(1, "empty"))?;
        if first != HEADER {
            return Err(bad(1, &format!("expected {HEADER:?}, found {:?}", first.chars().take(40).collect::<String>())));
        }
        let mut replay =
            Self { name: name.to_owned(), events: std::collections::VecDeque::new(), limits: Limits::SHORT, atr: None, encrypts: false };
        for (n, line) in lines {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let bytes = |rest: &str| hex::decode(rest).map_err(|_| bad(n, "expected hex digits"));
            let event = match word {
                "" | "#" => continue,
                "limits" => {
                    let mut numbers = rest.split(' ').map(str::parse);
                    let (Some(Ok(max_command)), Some(Ok(max_response)), None) = (numbers.next(), numbers.next(), numbers.next()) else {
                        return Err(bad(n, "expected two numbers"));
                    };
                    replay.limits = Limits { max_command, max_response };
                    continue;
                }
                "atr" => Event::Atr(bytes(rest)?),
                ">" => Event::Command(rest.to_owned()),
                "<" if rest.starts_with('[') => return Err(bad(n, "the trace holds headers only and cannot be played back")),
                "<" => Event::Answer(bytes(rest)?),
                "reset" => Event::Reset,
                "!" => {
                    let (class, detail) = rest.split_once(' ').unwrap_or((rest, ""));
                    Event::Failure(failure(class, name, detail.to_owned()).ok_or_else(|| bad(n, "unknown class of failure"))?)
                }
                _ => return Err(bad(n, "expected limits, atr, reset, or a line that starts with > < ! #")),
            };
            replay.events.push_back((n, event));
        }
        Ok(replay)
    }

    /// Reads a trace file.
    ///
    /// # Errors
    /// [`TransportError::UnknownReader`] if the file cannot be read, and those of [`parse`](Self::parse).
    pub fn open(path: &std::path::Path) -> Result<Self, TransportError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| TransportError::UnknownReader { reader: format!("trace:{name} ({e})"), known: Vec::new() })?;
        Self::parse(&name, &text)
    }

    /// Whether everything was played.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.events.is_empty()
    }

    fn mismatch(&self, line: Option<usize>, expected: &str, found: &str) -> TransportError {
        let at = line.map_or_else(|| "end".to_owned(), |n| format!("line {n}"));
        TransportError::Protocol { detail: format!("trace {} {at}: expected {expected}, found {found}", self.name) }
    }

    fn next(&mut self, found: &str) -> Result<(usize, Event), TransportError> {
        self.events.pop_front().ok_or_else(|| self.mismatch(None, "nothing more", found))
    }
}

/// The error of a `!` line.
fn failure(class: &str, reader: &str, detail: String) -> Option<TransportError> {
    let reader = reader.to_owned();
    Some(match class {
        "no-card" => TransportError::NoCard { reader },
        "card-gone" => TransportError::CardGone { reader, detail },
        "reset-by-other" => TransportError::ResetByOther { reader },
        "in-use" => TransportError::InUse { reader },
        "unknown-reader" => TransportError::UnknownReader { reader, known: Vec::new() },
        "service" => TransportError::Service { detail },
        "unresponsive" => TransportError::Unresponsive { reader, detail },
        "protocol" => TransportError::Protocol { detail },
        _ => return None,
    })
}

impl Transport for Replay {
    /// Asking again for an ATR that was read once is not an event.
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        match self.events.front() {
            Some((_, Event::Atr(_) | Event::Failure(_))) => match self.next("atr")? {
                (_, Event::Atr(atr)) => {
                    self.atr = Some(atr.clone());
                    Ok(atr)
                }
                (_, Event::Failure(error)) => Err(error),
                (n, _) => Err(self.mismatch(Some(n), "atr", "another event")),
            },
            front => {
                let line = front.map(|&(n, _)| n);
                self.atr.clone().ok_or_else(|| self.mismatch(line, "another event", "a question for the ATR"))
            }
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        check_command(command)?;
        let shown = show_command(command, Detail::Full, self.encrypts);
        match self.next("a command")? {
            (_, Event::Command(expected)) if expected == shown => {}
            (n, Event::Command(expected)) => return Err(self.mismatch(Some(n), &format!("command {expected}"), &shown)),
            (n, _) => return Err(self.mismatch(Some(n), "another event", "a command")),
        }
        match self.next("an answer")? {
            (_, Event::Answer(answer)) => {
                if let ([0x84, 0x82, level, ..], true) = (command, answer.ends_with(&[0x90, 0x00])) {
                    self.encrypts = level & 0x02 != 0;
                }
                Ok(answer)
            }
            (_, Event::Failure(error)) => Err(error),
            (n, _) => Err(self.mismatch(Some(n), "an answer", "another event")),
        }
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.encrypts = false;
        match self.next("a reset")? {
            (_, Event::Reset) => Ok(()),
            (_, Event::Failure(error)) => Err(error),
            (n, _) => Err(self.mismatch(Some(n), "another event", "a reset")),
        }
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers 9000 to everything, and `CardGone` to INS 40.
    struct Yes;

    impl Transport for Yes {
        fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
            Ok(vec![0x3B, 0x00])
        }
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
            match command[1] {
                0x40 => Err(TransportError::CardGone { reader: "fake".to_owned(), detail: "pulled".to_owned() }),
                0xB0 => Ok(vec![0x60, 0x01, 0x02, 0x90, 0x00]),
                _ => Ok(vec![0x90, 0x00]),
            }
        }
        fn reset(&mut self) -> Result<(), TransportError> {
            Ok(())
        }
        fn limits(&self) -> Limits {
            Limits::SHORT
        }
    }

    fn run(card: &mut dyn Transport) -> Vec<Result<Vec<u8>, TransportError>> {
        let commands = ["00A4040C07A0000002471001", "00B0000003", "002000010631323334353600", "80400000"];
        let mut seen = vec![card.atr()];
        seen.extend(commands.map(|text| card.transmit(&hex::decode(text).expect("hex"))));
        seen.push(card.reset().map(|()| Vec::new()));
        seen
    }

    fn record(detail: Detail) -> (String, Vec<Result<Vec<u8>, TransportError>>) {
        let mut recorder = Recorder::new(Yes, Vec::new(), detail).expect("a vector takes everything");
        let seen = run(&mut recorder);
        (String::from_utf8(recorder.into_inner().1).expect("text"), seen)
    }

    #[test]
    fn a_trace_is_readable_and_holds_no_pin() {
        let (text, _) = record(Detail::Full);
        insta::assert_snapshot!(text, @"
        cardwright-trace 1
        limits 261 258
        atr 3B00
        > 00A4040C07A0000002471001
        < 9000
        > 00B0000003
        < 6001029000
        > 00200001[8]
        < 9000
        > 80400000
        ! card-gone pulled
        reset
        ");
        assert!(!text.contains("3132"), "digits of the PIN");
    }

    #[test]
    fn a_trace_plays_back_what_was_recorded_and_nothing_else() {
        let (text, seen) = record(Detail::Full);
        let mut replay = Replay::parse("fake", &text).expect("a trace");
        assert_eq!(run(&mut replay), seen);
        assert!(replay.is_finished());
        let mut other = Replay::parse("fake", &text).expect("a trace");
        let error = other.transmit(&[0, 0xA4, 0, 0x0C]).expect_err("the ATR comes first");
        assert_eq!(error, TransportError::Protocol { detail: "trace fake line 3: expected another event, found a command".to_owned() });
        let error = other.transmit(&[0, 0xA4, 0, 0x0C]).expect_err("another command");
        assert_eq!(
            error,
            TransportError::Protocol { detail: "trace fake line 4: expected command 00A4040C07A0000002471001, found 00A4000C".to_owned() }
        );
    }

    #[test]
    fn headers_show_the_course_and_cannot_be_played() {
        let (text, _) = record(Detail::Headers);
        assert!(text.contains("> 00A4040C[8]\n< 9000\n> 00B0000003\n< [3]9000\n"), "{text}");
        assert!(
            matches!(Replay::parse("fake", &text), Err(TransportError::Protocol { detail }) if detail.contains("line 7: the trace holds headers only"))
        );
    }

    #[test]
    fn store_data_is_shown_only_while_the_channel_encrypts_it() {
        let mut recorder = Recorder::new(Yes, Vec::new(), Detail::Full).expect("vector");
        let send = |r: &mut Recorder<Yes, Vec<u8>>, text: &str| r.transmit(&hex::decode(text).expect("hex")).expect("answer");
        send(&mut recorder, "8482010010000102030405060708090A0B0C0D0E0F");
        send(&mut recorder, "84E2000002AABB");
        send(&mut recorder, "8482130010000102030405060708090A0B0C0D0E0F");
        send(&mut recorder, "84E2000002CCDD");
        send(&mut recorder, "80E2000002EEFF");
        let text = String::from_utf8(recorder.into_inner().1).expect("text");
        assert!(text.contains("84E20000[3]") && text.contains("84E2000002CCDD") && text.contains("80E20000[3]"), "{text}");
    }

    #[test]
    fn lines_that_mean_nothing_are_refused_with_their_number() {
        for (text, line) in [
            ("", 1),
            ("cardwright-trace 2", 1),
            ("cardwright-trace 1\nlimits 1", 2),
            ("cardwright-trace 1\n\n< 9", 3),
            ("cardwright-trace 1\nfoo", 2),
            ("cardwright-trace 1\n! boom", 2),
        ] {
            let found = Replay::parse("t", text).expect_err(text);
            assert!(found.to_string().starts_with(&format!("t line {line}: ")), "{found}");
        }
    }
}
