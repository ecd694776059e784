//! `perso plan`: what a personalization will cost, before a card is touched.

use std::path::PathBuf;

use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::image_file::ImageFile;
use cardwright::perso::plan::{self, ApduForm, Mode, Options, Sizes, reference_images};
use clap::Args;

use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;

/// Count the commands and bytes that an image needs on a card product
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright perso plan images/0001.image\n  cardwright perso plan --sizes images.json --apdu short --json"
)]
pub(crate) struct Plan {
    /// Plan these images, as `perso build` wrote them
    #[arg(value_name = "IMAGE", required_unless_present = "sizes", conflicts_with = "sizes")]
    images: Vec<PathBuf>,
    /// Plan images of which only the lengths are known: {name: {"clear": {DGI: bytes}, "sens": {DGI: bytes}}}
    #[arg(long, value_name = "FILE")]
    sizes: Option<PathBuf>,
    /// Plan only the image of this name
    #[arg(long, value_name = "NAME", requires = "sizes")]
    image: Option<String>,
    /// Write to this card product: the name of a built-in card profile, or a TOML file
    #[arg(long, value_name = "PROFILE", default_value = "eid-gp-scp03")]
    card_profile: String,
    /// Length of APDUs: frame, short, or extN with N bytes of data
    #[arg(long, value_name = "FORM", default_value = "frame")]
    apdu: ApduForm,
    /// Security level of the secure channel, two hexadecimal digits; that of the card profile if not given
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    level: Option<u8>,
    /// Length of MACs in the secure channel: S8 or S16
    #[arg(long, value_name = "MODE", default_value = "S8")]
    mode: Mode,
}

fn level(text: &str) -> Result<u8, String> {
    Some(text)
        .filter(|t| t.len() == 2)
        .and_then(|t| u8::from_str_radix(t, 16).ok())
        .ok_or_else(|| format!("expected two hexadecimal digits, found {text:?}"))
}

impl Plan {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let profile = CardProfile::load(&self.card_profile).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        let options = Options { apdu: self.apdu, level: self.level, mode: self.mode };
        let plans = self
            .sizes(&profile)?
            .iter()
            .map(|(name, sizes)| plan::plan_sizes(name, sizes, &profile, options))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        if context.json {
            output::json(&plans)?;
        } else {
            output::text(&plans.iter().map(text_of).collect::<Vec<_>>().join("\n"))?;
        }
        Ok(Exit::Success)
    }
}

impl Plan {
    /// Names and lengths of what is to be planned.
    fn sizes(&self, profile: &CardProfile) -> Result<Vec<(String, Sizes)>, Failure> {
        let Some(path) = &self.sizes else {
            return self
                .images
                .iter()
                .map(|path| {
                    let file = ImageFile::load(path).map_err(|error| super::build::failure(&error))?;
                    let sizes = Sizes::of(&file.image, profile).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(path))?;
                    Ok((path.display().to_string(), sizes))
                })
                .collect();
        };
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        let mut images = reference_images(&text).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(path))?;
        match &self.image {
            None => Ok(images.into_iter().collect()),
            Some(name) => {
                let known = images.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let unknown = || Failure::usage(format_args!("{}: expected one of the images {known}, found {name}", path.display()));
                images.remove_entry(name).map(|entry| vec![entry]).ok_or_else(unknown)
            }
        }
    }
}

fn text_of(plan: &plan::Plan) -> String {
    let mut out = format!(
        "{} on {}, {} APDUs, level {}, {}\n  {:<52} {:>5} {:>8} {:>8}\n",
        plan.image, plan.profile, plan.apdu, plan.level, plan.mode, "step", "APDUs", "command", "answer"
    );
    for step in &plan.steps {
        let mark = if step.irreversible { " !" } else { "" };
        out.push_str(&format!("  {:<52} {:>5} {:>8} {:>8}{mark}\n", step.label, step.apdus, step.command_bytes, step.response_bytes));
    }
    out.push_str(&format!(
        "  personalization: {} APDUs (at least {}), {} + {} bytes for {} bytes of payload ({:.4} on the wire per byte)",
        plan.plan_apdus, plan.min_apdus, plan.plan_command_bytes, plan.plan_response_bytes, plan.payload_bytes, plan.wire_per_payload
    ));
    out
}
