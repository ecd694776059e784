//! `perso`: the issuer's desk. Build an image from a record, plan its commands, write it to a card.

use clap::{Args, Subcommand};

use super::Context;
use super::exit::{Exit, Failure};

mod build;
mod plan;
mod write;

/// Personalize cards: build an image, plan its commands, write it
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Perso {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Build(build::Build),
    Plan(plan::Plan),
    Write(write::Write),
}

impl Perso {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        match self.step {
            Step::Build(step) => step.run(context),
            Step::Plan(step) => step.run(context),
            Step::Write(step) => step.run(context),
        }
    }
}
