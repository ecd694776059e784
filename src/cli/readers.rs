//! `readers`: the readers of the PC/SC service and what is in them.

use clap::Args;
use serde::Serialize;

use super::Context;
use super::exit::{Exit, Failure};
use super::output;

/// List the readers of the PC/SC service
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright readers\n  cardwright verify --reader pcsc:0 --can 123456 --trust csca.cer")]
pub(crate) struct Readers {}

#[derive(Debug, Serialize)]
struct Row {
    /// What `--reader` takes.
    reader: String,
    index: usize,
    /// `empty`, `card`, `in-use`, or `mute`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    atr: Option<String>,
}

impl Readers {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let rows = rows()?;
        if context.json {
            output::json(&rows)?;
        } else if rows.is_empty() {
            eprintln!("the PC/SC service has no reader");
        } else {
            let width = rows.iter().map(|row| row.reader.chars().count()).max().unwrap_or(0);
            let lines: Vec<_> = rows
                .iter()
                .map(|row| {
                    let line =
                        format!("pcsc:{:<3} {:<width$}  {:<7} {}", row.index, row.reader, row.state, row.atr.as_deref().unwrap_or(""));
                    line.trim_end().to_owned()
                })
                .collect();
            output::text(&lines.join("\n"))?;
        }
        Ok(Exit::Success)
    }
}

#[cfg(feature = "pcsc")]
fn rows() -> Result<Vec<Row>, Failure> {
    use cardwright::transport::pcsc::{Presence, list};
    let listed = list().map_err(|error| super::reader::failure(&error))?;
    let rows = listed.into_iter().enumerate().map(|(index, reader)| {
        let (state, atr) = match reader.presence {
            Presence::Empty => ("empty", None),
            Presence::Mute => ("mute", None),
            Presence::Card { atr, in_use } => (if in_use { "in-use" } else { "card" }, Some(hex::encode_upper(atr))),
        };
        Row { reader: format!("pcsc:{}", reader.name), index, state, atr }
    });
    Ok(rows.collect())
}

#[cfg(not(feature = "pcsc"))]
fn rows() -> Result<Vec<Row>, Failure> {
    Err(Failure::new(Exit::Undecided, "this program was built without PC/SC").hint("build it with the feature `pcsc`"))
}
