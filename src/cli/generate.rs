//! `completions` and `man`: made from the same table that reads the arguments, so that they cannot differ from it.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::exit::{Exit, Failure};
use super::output;

/// Print the completion script for a shell
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright completions bash > /etc/bash_completion.d/cardwright")]
pub(crate) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "cardwright", &mut script);
        output::bytes(&script)?;
        Ok(Exit::Success)
    }
}

/// Write the manual pages into a folder
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright man /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// The folder; it is made if it does not exist
    dir: PathBuf,
}

impl Man {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        std::fs::create_dir_all(&self.dir).map_err(|error| Failure::file(&self.dir, &error))?;
        clap_mangen::generate_to(super::Cli::command().disable_help_subcommand(true), &self.dir)
            .map_err(|error| Failure::file(&self.dir, &error))?;
        Ok(Exit::Success)
    }
}
