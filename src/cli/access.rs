//! What opens a card: CAN, MRZ, PIN, and PUK, the same options for every command that reads one.

use std::path::PathBuf;

use clap::Args;
use eid::mrz::{self, Mrz, MrzDate};
use eid::protocol::bac::mrz_seed;
use eid::protocol::pace::Password;
use eid::secret::Secret;

use super::exit::{Exit, Failure};
use super::secret::secret_file;

/// The passwords of a card.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct AccessArgs {
    /// Open the card with the card access number, as printed on it
    #[arg(long, value_name = "DIGITS")]
    can: Option<String>,
    /// Open the card with its MRZ: the lines in one, or "NUMBER YYMMDD YYMMDD" (number, birth, expiry)
    #[arg(long, value_name = "LINES")]
    mrz: Option<String>,
    /// Take the MRZ from FILE
    #[arg(long, value_name = "FILE", conflicts_with = "mrz")]
    mrz_file: Option<PathBuf>,
    /// Open the card with the PIN in FILE (first line); with --can a suspended PIN is resumed
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// Open the card with the PUK in FILE (first line)
    #[arg(long, value_name = "FILE")]
    puk_file: Option<PathBuf>,
}

impl AccessArgs {
    /// Whether any password was given.
    pub(crate) const fn is_given(&self) -> bool {
        self.can.is_some() || self.mrz.is_some() || self.mrz_file.is_some() || self.pin_file.is_some() || self.puk_file.is_some()
    }

    /// The MRZ as it is printed, where all of it was given, and not its three fields alone.
    pub(crate) fn printed(&self) -> Result<Option<String>, Failure> {
        let text = match (&self.mrz, &self.mrz_file) {
            (Some(text), _) => Some(text.clone()),
            (None, Some(path)) => Some(std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?),
            (None, None) => None,
        };
        Ok(text.filter(|text| Mrz::read(text).is_ok()))
    }

    /// The passwords given, the one for PACE first: PIN or PUK, CAN, MRZ.
    pub(crate) fn passwords(&self) -> Result<Vec<Password>, Failure> {
        let mut passwords = Vec::new();
        if let Some(path) = &self.pin_file {
            passwords.push(Password::Pin(secret_file(path)?));
        }
        if let Some(path) = &self.puk_file {
            passwords.push(Password::Puk(secret_file(path)?));
        }
        if let Some(can) = &self.can {
            if can.is_empty() || !can.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Failure::usage(format_args!(
                    "--can: expected digits only, found {} characters with others among them",
                    can.chars().count()
                ))
                .hint("the CAN has six digits; on a Vietnamese card they are the last six of the personal number"));
            }
            passwords.push(Password::Can(Secret::from(can.as_bytes())));
        }
        if let Some(path) = &self.mrz_file {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
            passwords.push(mrz_password(&text)?);
        }
        if let Some(text) = &self.mrz {
            passwords.push(mrz_password(text)?);
        }
        Ok(passwords)
    }
}

/// A whole MRZ, or its three fields that matter.
fn mrz_password(text: &str) -> Result<Password, Failure> {
    const HINT: &str = "give the lines of the MRZ in one, or three words: document number, date of birth, date of expiry (YYMMDD)";
    let wrong = |error: mrz::MrzError| Failure::from_error(Exit::Usage, &error).hint(HINT);
    let words: Vec<_> = text.split_whitespace().collect();
    if let [number, birth, expiry] = words[..]
        && birth.len() == 6
        && expiry.len() == 6
    {
        let date = |text| MrzDate::parse(text).map_err(wrong);
        let information = mrz::information(&number.to_ascii_uppercase(), date(birth)?, date(expiry)?).map_err(wrong)?;
        return Ok(Password::Mrz(mrz_seed(&information)));
    }
    let (mrz, deviations) = Mrz::read(text).map_err(wrong)?;
    // what was printed decides, right or wrong: the chip was made from it
    for deviation in deviations {
        tracing::warn!("MRZ: {deviation}");
    }
    Ok(Password::Mrz(mrz_seed(&mrz.information())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Doc 9303-11 appendix D.2: the three fields and the whole zone give the same seed.
    #[test]
    fn three_words_or_the_whole_zone_open_the_same_card() {
        let zone = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
        let whole = mrz_password(zone).expect("a zone");
        assert_eq!(mrz_password("L898902C3 740812 120415").expect("three words"), whole);
        assert_eq!(mrz_password(&format!("{}\n{}\n", &zone[..44], &zone[44..])).expect("two lines"), whole);
    }

    #[test]
    fn a_mistyped_zone_is_a_usage_error() {
        for text in ["", "L898902C3", "L898902C3 74081 120415", "P<UTO", "L898902C3 7408xx 120415"] {
            assert_eq!(mrz_password(text).expect_err(text).exit, Exit::Usage, "{text}");
        }
    }
}
