//! The eID application of a document profile (TR-03110-4): which data groups a card has, and what of them stands on every card alike.
//!
//! Refused: DG14, for which records have no picture; an application on a chip that does not do Terminal and Chip Authentication version 2,
//! without which nobody could read it; constant texts that the data group cannot hold.

use eid::lds::eid::{Comment, EidGroup, Value};
use serde::Deserialize;

use super::DocumentProfile;

/// The data groups that are made.
const BUILDABLE: [u8; 21] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21, 22];

/// The eID application.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EidRules {
    /// Numbers of the data groups, rising. From the record come 2 to 5, 8 to 11, 13, 15, and 17; the others are alike on every card.
    pub data_groups: Vec<u8>,
    /// DG1: two letters.
    #[serde(default = "document_type")]
    pub document_type: String,
    /// DG6.
    #[serde(default)]
    pub nom_de_plume: String,
    /// DG7.
    #[serde(default)]
    pub academic_title: String,
    /// DG18: hexadecimal digits.
    #[serde(default)]
    pub municipality: String,
    /// DG19.
    #[serde(default)]
    pub residence_permit_1: String,
    /// DG20.
    #[serde(default)]
    pub residence_permit_2: String,
    /// DG21: a tel URI.
    #[serde(default)]
    pub phone_number: String,
    /// DG22.
    #[serde(default)]
    pub email_address: String,
    /// Whether the chip does Restricted Identification, on the curve of chip_authentication: key 1 for terminals with the right, key 2 for
    /// every authentication terminal.
    #[serde(default)]
    pub restricted_identification: bool,
}

fn document_type() -> String {
    "ID".to_owned()
}

/// Field, what it should be, what it is.
type Wrong = (&'static str, &'static str, String);

impl EidRules {
    /// The data group, where it is alike on every card; `None` where it is not, or the text is none for it.
    pub(in crate::perso) fn constant(&self, number: u8) -> Option<EidGroup> {
        let text = |text: &str| Value::Text(text.to_owned());
        let comment = |text: &str| Value::Comment(Comment::Plain(text.to_owned()));
        let value = match number {
            1 => text(&self.document_type),
            6 => text(&self.nom_de_plume),
            7 => text(&self.academic_title),
            12 => Value::Optional(Vec::new()),
            16 => Value::Octets(Vec::new()),
            18 => Value::Octets(hex::decode(&self.municipality).ok()?),
            19 => comment(&self.residence_permit_1),
            20 => comment(&self.residence_permit_2),
            21 => text(&self.phone_number),
            22 => text(&self.email_address),
            _ => return None,
        };
        EidGroup::new(number, value)
    }

    pub(super) fn check(&self, profile: &DocumentProfile) -> Result<(), Wrong> {
        let groups = &self.data_groups;
        if groups.is_empty() || !groups.is_sorted_by(|a, b| a < b) || !groups.iter().all(|number| BUILDABLE.contains(number)) {
            return Err(("eid.data_groups", "some of 1 to 22 without 14, in rising order", format!("{groups:?}")));
        }
        let versions = (profile.terminal_authentication.map(|ta| ta.version), profile.chip_authentication.map(|ca| ca.version));
        if versions != (Some(2), Some(2)) {
            let expected = "terminal_authentication and chip_authentication of version 2, after which it opens";
            return Err(("eid", expected, format!("{versions:?}")));
        }
        let of_record = [2, 3, 4, 5, 8, 9, 10, 11, 13, 15, 17];
        match groups.iter().find(|number| !of_record.contains(number) && self.constant(**number).is_none()) {
            Some(number) => Err(("eid", "constant texts that their data groups can hold", format!("another one for DG{number}"))),
            None => Ok(()),
        }
    }
}
