//! `apdu`: commands as they are, answers as they come.

use cardwright::session::Session;
use clap::Args;
use eid::apdu::Command;
use serde::Serialize;

use super::Context;
use super::exit::{Exit, Failure};
use super::output;
use super::reader::{self, ReaderArgs};

/// Send command APDUs to a card and print its answers
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright apdu --reader pcsc:0 00A4040C07A0000002471001 00B09C0000")]
pub(crate) struct Apdu {
    #[command(flatten)]
    reader: ReaderArgs,
    /// Command APDUs in hexadecimal digits, sent in this order
    #[arg(required = true, value_name = "APDU")]
    commands: Vec<String>,
    /// Go on after an answer that is not 9000
    #[arg(long)]
    keep_going: bool,
}

#[derive(Debug, Serialize)]
struct Exchange {
    command: String,
    data: String,
    sw: String,
    meaning: &'static str,
}

impl Apdu {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let commands = self.commands.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
        let mut session = Session::new(self.reader.open()?);
        session.atr().map_err(|error| reader::session_failure(&error))?;
        let mut exchanges = Vec::new();
        let mut all_ok = true;
        for (text, command) in self.commands.iter().zip(&commands) {
            let answer = session.transmit(command).map_err(|error| reader::session_failure(&error))?;
            let exchange = Exchange {
                command: text.to_ascii_uppercase(),
                data: hex::encode_upper(&answer.data),
                sw: format!("{:04X}", answer.sw.0),
                meaning: answer.sw.meaning(),
            };
            if !context.json {
                let space = if exchange.data.is_empty() { "" } else { " " };
                output::text(&format!("> {}\n< {}{space}{}  {}", exchange.command, exchange.data, exchange.sw, exchange.meaning))?;
            }
            all_ok &= answer.sw.is_ok();
            exchanges.push(exchange);
            if !all_ok && !self.keep_going {
                break;
            }
        }
        if context.json {
            output::json(&exchanges)?;
        }
        Ok(if all_ok { Exit::Success } else { Exit::CheckFailed })
    }
}

fn parse(text: &str) -> Result<Command, Failure> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
    let bytes = hex::decode(&digits).map_err(|_| Failure::usage(format_args!("expected hexadecimal digits, found {text:?}")))?;
    Command::parse(&bytes)
        .map_err(|error| Failure::from_error(Exit::Usage, &error).hint("an APDU is CLA INS P1 P2, then Lc and data, then Le"))
}
