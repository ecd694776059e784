//! `sim people`: synthetic people as a population database would hand them over, with defects planted on purpose.

use std::path::PathBuf;

use cardwright::people::sheet::{self, SheetError, SheetOptions};
use clap::Args;
use eid::date::Date;
use serde_json::json;

use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::{Context, clock, output};

/// Make synthetic people: a CSV file, portraits, fingers, and planted defects
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright sim people D --count 200 --defects 12\n  cardwright line intake D/people.csv",
    after_long_help = "DIR/people.csv has one person a row, DIR/defects.json says which row breaks which rule of intake (docs/intake.md). With --faces, portraits come more than once: intake takes them with --warn duplicate-portrait."
)]
pub(super) struct People {
    /// The folder, new or empty
    dir: PathBuf,
    /// How many people
    #[arg(long, value_name = "N", default_value_t = 200)]
    count: u32,
    /// How many of them with a defect
    #[arg(long, value_name = "N", default_value_t = 0)]
    defects: u32,
    /// Make the people of seed N
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draw the portraits and fingers of N people only, and let the others share them
    #[arg(long, value_name = "N")]
    faces: Option<u32>,
    /// Day of issue (YYYY-MM-DD); today if not given
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
}

impl People {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let today = self.date.unwrap_or_else(clock::today);
        let options = SheetOptions { count: self.count, defects: self.defects, seed: self.seed, faces: self.faces, today };
        let progress = Progress::new("drawing", u64::from(self.count), context.json);
        let defects = sheet::write(&self.dir, &options, &mut |row| progress.set(u64::from(row))).map_err(|error| match &error {
            SheetError::Option { .. } => Failure::new(Exit::Usage, &error),
            SheetError::Io { path, source } => Failure::file(path, source),
        })?;
        drop(progress);
        let table = self.dir.join("people.csv");
        if context.json {
            output::json(&json!({ "version": 1, "people": self.count, "table": table, "defects": defects }))?;
        } else {
            let rows: String =
                defects.iter().map(|defect| format!("  row {:>6}  {:<20} {}\n", defect.row, defect.rule, defect.defect)).collect();
            output::text(&format!("{}: {} people, {} with a defect\n{rows}", table.display(), self.count, defects.len()))?;
        }
        Ok(Exit::Success)
    }
}
