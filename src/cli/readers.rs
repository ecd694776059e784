//! `readers`: the readers of the PC/SC service and what is in them, and what was learned of card types.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Context;
use super::exit::{Exit, Failure};
use super::{output, reading};

/// List the readers of the PC/SC service
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright readers\n  cardwright readers memory show cards.json\n  cardwright verify --reader pcsc:0 --can 123456 --trust csca.cer"
)]
pub(crate) struct Readers {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show or join what --memory learned of card types
    #[command(
        subcommand,
        before_long_help = "Example:\n  cardwright readers memory show cards.json\n  cardwright readers memory merge cards.json theirs.json"
    )]
    Memory(Memory),
}

#[derive(Debug, Subcommand)]
enum Memory {
    /// Show the card types that FILE knows, and their habits
    Show {
        /// A file that --memory wrote
        file: PathBuf,
    },
    /// Take into FILE what the OTHERS know of card types that FILE does not know
    Merge {
        /// A file that --memory wrote, or will write
        file: PathBuf,
        /// Files that --memory wrote elsewhere
        #[arg(required = true)]
        others: Vec<PathBuf>,
    },
}

impl Memory {
    fn run(self, context: Context) -> Result<Exit, Failure> {
        let memory = match self {
            Self::Show { file } => {
                if !file.exists() {
                    return Err(Failure::file(&file, &std::io::ErrorKind::NotFound.into()));
                }
                reading::load(&file)?
            }
            Self::Merge { file, others } => {
                let mut memory = reading::load(&file)?;
                for other in others {
                    memory.merge(&reading::load(&other)?);
                }
                reading::save(&file, &memory)?;
                memory
            }
        };
        if context.json {
            output::json(&memory.to_json())?;
            return Ok(Exit::Success);
        }
        let mut lines = Vec::new();
        for (atr, habits) in memory.cards() {
            let habits = serde_json::to_value(habits).map_err(|error| Failure::new(Exit::Bug, error))?;
            let habits: Vec<_> = habits.as_object().into_iter().flatten().map(|(name, value)| format!("{name} {value}")).collect();
            lines.push(format!("{}  {}", hex::encode_upper(atr), habits.join(", ")));
        }
        output::text(&lines.join("\n"))?;
        Ok(Exit::Success)
    }
}

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
        if let Some(Command::Memory(memory)) = self.command {
            return memory.run(context);
        }
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
