//! `trace`: a recorded exchange, made readable.

use std::path::PathBuf;

use clap::Args;
use eid::apdu::{Command, Response};
use serde::Serialize;

use super::Context;
use super::exit::{Exit, Failure};
use super::output;

/// Explain a recorded exchange
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright read --reader pcsc:0 --can 123456 --trace card.trace\n  cardwright trace card.trace")]
pub(crate) struct Trace {
    /// The file that --trace wrote
    file: PathBuf,
}

#[derive(Debug, Serialize)]
struct Row {
    line: usize,
    /// `command`, `answer`, or `event`.
    kind: &'static str,
    text: String,
    explanation: String,
}

impl Trace {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let text = std::fs::read_to_string(&self.file).map_err(|error| Failure::file(&self.file, &error))?;
        let first = text.lines().next().unwrap_or_default();
        if first != "cardwright-trace 1" {
            let found: String = first.chars().take(40).collect();
            return Err(Failure::usage(format_args!("{} line 1: expected \"cardwright-trace 1\", found {found:?}", self.file.display())));
        }
        let rows: Vec<Row> = text.lines().enumerate().skip(1).filter_map(|(n, line)| row(n + 1, line.trim_end())).collect();
        if context.json {
            output::json(&rows)?;
        } else {
            let mut out = String::new();
            for row in &rows {
                let sign = match row.kind {
                    "command" => ">",
                    "answer" => "<",
                    _ => "-",
                };
                out.push_str(&format!("{:>5} {sign} {:<44} {}\n", row.line, shorten(&row.text), row.explanation));
            }
            output::text(out.trim_end())?;
        }
        Ok(Exit::Success)
    }
}

/// At most 44 characters, with the length where something is left out.
fn shorten(text: &str) -> String {
    if text.len() <= 44 { text.to_owned() } else { format!("{}... ({} bytes)", text.chars().take(28).collect::<String>(), text.len() / 2) }
}

fn row(line: usize, text: &str) -> Option<Row> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.to_owned();
    match word {
        "" | "#" => None,
        ">" => Some(Row { line, kind: "command", explanation: explain_command(&rest), text: rest }),
        "<" => Some(Row { line, kind: "answer", explanation: explain_answer(&rest), text: rest }),
        _ => Some(Row { line, kind: "event", text: text.to_owned(), explanation: String::new() }),
    }
}

fn explain_answer(text: &str) -> String {
    let bytes = hex::decode(text).unwrap_or_default();
    Response::parse(&bytes)
        .map_or_else(|_| String::new(), |answer| format!("{:04X} {}, {} bytes", answer.sw.0, answer.sw.meaning(), answer.data.len()))
}

/// A command APDU in hexadecimal digits, by the names of its standard.
pub(super) fn explain_command(text: &str) -> String {
    // where the recorder left data out, the header is all there is
    let header = text.split('[').next().unwrap_or_default();
    let bytes = hex::decode(header).unwrap_or_default();
    let [cla, ins, p1, p2, ..] = bytes[..] else { return String::new() };
    let mut name = instruction(cla, ins).to_owned();
    match ins {
        0xB0 if p1 & 0x80 != 0 => name.push_str(&format!(" SFI {:02X} offset {p2}", p1 & 0x1F)),
        0xB0 => name.push_str(&format!(" offset {}", u16::from_be_bytes([p1, p2]))),
        0xA4 => {
            if let Ok(command) = Command::parse(&bytes)
                && cla & 0x0C == 0
            {
                name.push(' ');
                name.push_str(&hex::encode_upper(&command.data));
            }
        }
        _ => {}
    }
    if cla & 0x0C == 0x0C && cla & 0x80 == 0 {
        name.push_str(", secure messaging");
    } else if cla & 0x84 == 0x84 {
        name.push_str(", SCP03");
    }
    if cla & 0x10 != 0 && cla & 0x80 == 0 {
        name.push_str(", more follows");
    }
    name
}

/// Names of ISO/IEC 7816-4 and GlobalPlatform for an instruction byte.
const fn instruction(cla: u8, ins: u8) -> &'static str {
    match (cla & 0x80 != 0, ins) {
        (_, 0xA4) => "SELECT",
        (_, 0xB0 | 0xB1) => "READ BINARY",
        (_, 0xC0) => "GET RESPONSE",
        (_, 0x82) => "EXTERNAL AUTHENTICATE",
        (_, 0xCA | 0xCB) => "GET DATA",
        (false, 0x84) => "GET CHALLENGE",
        (false, 0x86) => "GENERAL AUTHENTICATE",
        (false, 0x88) => "INTERNAL AUTHENTICATE",
        (false, 0x22) => "MANAGE SECURITY ENVIRONMENT",
        (false, 0x20) => "VERIFY",
        (false, 0x2A) => "PERFORM SECURITY OPERATION",
        (true, 0x50) => "INITIALIZE UPDATE",
        (true, 0xD8) => "PUT KEY",
        (true, 0xE2) => "STORE DATA",
        (true, 0xE6) => "INSTALL",
        (true, 0xF0) => "SET STATUS",
        (true, 0xF2) => "GET STATUS",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_named_as_in_the_standards() {
        for (text, expected) in [
            ("00A4040C07A0000002471001", "SELECT A0000002471001"),
            ("00B09C0000", "READ BINARY SFI 1C offset 0"),
            ("0CB0010000000D970100", "READ BINARY offset 256, secure messaging"),
            ("1086000002 7C0000", ""),
            ("10860000027C0000", "GENERAL AUTHENTICATE, more follows"),
            ("84E2080010[16]", "STORE DATA, SCP03"),
            ("00", ""),
        ] {
            assert_eq!(explain_command(text), expected, "{text}");
        }
        assert_eq!(explain_answer("6982").split(',').next(), Some("6982 security status not satisfied"));
    }
}
