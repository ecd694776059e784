//! Doc 9303-12 clause 7.1 as tables: which extension stands in which certificate, and whether it is critical.
//!
//! The tables drive the writer ([`crate::certificate`]); what a certificate must not have cannot be written.

use eid::cert::x509::name;
use eid::date::Date;
use eid::oid;
use eid::tlv;

/// How an extension stands to a kind of certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Must be there.
    Mandatory,
    /// May be there; written here.
    Optional,
}

/// One row of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Extension, dotted.
    pub extension: &'static str,
    /// Presence.
    pub presence: Presence,
    /// Whether it is critical.
    pub critical: bool,
}

const fn rule(extension: &'static str, presence: Presence, critical: bool) -> Rule {
    Rule { extension, presence, critical }
}

/// The extensions of a self-signed CSCA certificate, in the order they are written. All others are left out.
pub const CSCA: [Rule; 8] = [
    rule(oid::BASIC_CONSTRAINTS, Presence::Mandatory, true),
    rule(oid::KEY_USAGE, Presence::Mandatory, true),
    rule(oid::PRIVATE_KEY_USAGE_PERIOD, Presence::Mandatory, false),
    rule(oid::SUBJECT_KEY_IDENTIFIER, Presence::Mandatory, false),
    rule(oid::AUTHORITY_KEY_IDENTIFIER, Presence::Optional, false),
    rule(oid::SUBJECT_ALT_NAME, Presence::Mandatory, false),
    rule(oid::ISSUER_ALT_NAME, Presence::Mandatory, false),
    rule(oid::CRL_DISTRIBUTION_POINTS, Presence::Mandatory, false),
];

/// The extensions of a link certificate, in the order they are written.
pub const LINK: [Rule; 9] = [
    rule(oid::BASIC_CONSTRAINTS, Presence::Mandatory, true),
    rule(oid::KEY_USAGE, Presence::Mandatory, true),
    rule(oid::PRIVATE_KEY_USAGE_PERIOD, Presence::Mandatory, false),
    rule(oid::SUBJECT_KEY_IDENTIFIER, Presence::Mandatory, false),
    rule(oid::AUTHORITY_KEY_IDENTIFIER, Presence::Mandatory, false),
    rule(oid::SUBJECT_ALT_NAME, Presence::Mandatory, false),
    rule(oid::ISSUER_ALT_NAME, Presence::Mandatory, false),
    rule(oid::CRL_DISTRIBUTION_POINTS, Presence::Mandatory, false),
    // mandatory where the name changes, and only there
    rule(oid::NAME_CHANGE, Presence::Optional, false),
];

/// The extensions of a master list signer's or deviation list signer's certificate, in the order they are written. basicConstraints and
/// documentTypeList must not be there.
pub const LIST_SIGNER: [Rule; 8] = [
    rule(oid::KEY_USAGE, Presence::Mandatory, true),
    rule(oid::EXT_KEY_USAGE, Presence::Mandatory, true),
    rule(oid::PRIVATE_KEY_USAGE_PERIOD, Presence::Optional, false),
    rule(oid::SUBJECT_KEY_IDENTIFIER, Presence::Optional, false),
    rule(oid::AUTHORITY_KEY_IDENTIFIER, Presence::Mandatory, false),
    rule(oid::SUBJECT_ALT_NAME, Presence::Mandatory, false),
    rule(oid::ISSUER_ALT_NAME, Presence::Mandatory, false),
    rule(oid::CRL_DISTRIBUTION_POINTS, Presence::Mandatory, false),
];

/// The extensions of a document signer's certificate, in the order they are written. basicConstraints and extKeyUsage must not be there.
pub const DOCUMENT_SIGNER: [Rule; 8] = [
    rule(oid::KEY_USAGE, Presence::Mandatory, true),
    rule(oid::PRIVATE_KEY_USAGE_PERIOD, Presence::Mandatory, false),
    rule(oid::SUBJECT_KEY_IDENTIFIER, Presence::Optional, false),
    rule(oid::AUTHORITY_KEY_IDENTIFIER, Presence::Mandatory, false),
    rule(oid::SUBJECT_ALT_NAME, Presence::Mandatory, false),
    rule(oid::ISSUER_ALT_NAME, Presence::Mandatory, false),
    rule(oid::CRL_DISTRIBUTION_POINTS, Presence::Mandatory, false),
    rule(oid::DOCUMENT_TYPE_LIST, Presence::Mandatory, false),
];

/// Who a CSCA is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// countryName: two letters of ISO 3166-1, written in upper case.
    pub country: String,
    /// Three-letter code of Doc 9303-3 clause 5, which the alternative names carry as localityName: `VNM`.
    pub state_code: String,
    /// organizationName.
    pub organization: Option<String>,
    /// organizationalUnitName.
    pub organizational_unit: Option<String>,
    /// serialNumber attribute of the name, such as `001`.
    pub serial_number: Option<String>,
    /// commonName.
    pub common_name: String,
    /// Where relying parties can ask, for the alternative names.
    pub contact_email: Option<String>,
}

/// Why a subject or a parameter does not fit the profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A field that breaks a rule.
    #[error("{field}: expected {expected}, found {found:?}")]
    Field {
        /// The field.
        field: &'static str,
        /// The rule.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A period that ends before it starts or outlives its issuer.
    #[error("{what}: {from} to {until} is not inside of {outer_from} to {outer_until}")]
    Period {
        /// Whose period.
        what: &'static str,
        /// From.
        from: Date,
        /// Until.
        until: Date,
        /// Period of the issuer: from.
        outer_from: Date,
        /// Period of the issuer: until.
        outer_until: Date,
    },
    /// An extension that the profile demands has no value.
    #[error("the profile demands the extension {0}, and there is no value for it")]
    Missing(&'static str),
}

impl Subject {
    /// Checks the rules of clause 7.1: country codes of letters, a common name, printable serial number.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), ProfileError> {
        let field = |field, expected, found: &str| Err(ProfileError::Field { field, expected, found: found.chars().take(80).collect() });
        let letters = |text: &str, n| text.len() == n && text.bytes().all(|b| b.is_ascii_alphabetic());
        if !letters(&self.country, 2) {
            return field("country", "two letters", &self.country);
        }
        if !letters(&self.state_code, 3) && self.state_code != "D" {
            return field("state code", "three letters (or D)", &self.state_code);
        }
        if self.common_name.trim().is_empty() || self.common_name.chars().count() > 64 {
            return field("common name", "1 to 64 characters", &self.common_name);
        }
        for (name, value) in [("organization", &self.organization), ("organizational unit", &self.organizational_unit)] {
            if let Some(value) = value.as_ref().filter(|v| v.trim().is_empty() || v.chars().count() > 64) {
                return field(name, "1 to 64 characters", value);
            }
        }
        if let Some(number) = self.serial_number.as_ref().filter(|n| n.is_empty() || !n.bytes().all(printable)) {
            return field("serial number of the name", "characters of PrintableString", number);
        }
        if let Some(email) = self.contact_email.as_ref().filter(|e| !e.is_ascii() || !e.contains('@')) {
            return field("contact e-mail", "an address in ASCII", email);
        }
        Ok(())
    }

    /// The Name of the CSCA in DER.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        self.name_with(&self.common_name)
    }

    /// The Name of another subject of the same state in DER.
    #[must_use]
    pub fn name_with(&self, common_name: &str) -> Vec<u8> {
        let mut attributes = vec![(oid::COUNTRY, self.country.as_str())];
        attributes.extend(self.organization.as_deref().map(|o| (oid::ORGANIZATION, o)));
        attributes.extend(self.organizational_unit.as_deref().map(|o| (oid::ORGANIZATIONAL_UNIT, o)));
        attributes.extend(self.serial_number.as_deref().filter(|_| common_name == self.common_name).map(|n| (oid::SERIAL_NUMBER, n)));
        attributes.push((oid::COMMON_NAME, common_name));
        name::encode(&attributes)
    }

    /// subjectAltName and issuerAltName: a directory name with the state's code as localityName, and the contact.
    #[must_use]
    pub fn alternative_name(&self) -> Vec<u8> {
        let mut names = tlv::encode(0xA4u32, &name::encode(&[(oid::LOCALITY, &self.state_code.to_uppercase())]));
        if let Some(email) = &self.contact_email {
            tlv::push(&mut names, 0x81u32, email.as_bytes());
        }
        tlv::encode(0x30u32, &names)
    }
}

/// Whether PrintableString has the character.
pub(crate) const fn printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'\'' | b'(' | b')' | b'+' | b',' | b'-' | b'.' | b'/' | b':' | b'=' | b'?')
}

/// A period from `from` to `until` that must lie inside of its issuer's.
pub(crate) fn inside(what: &'static str, (from, until): (Date, Date), (outer_from, outer_until): (Date, Date)) -> Result<(), ProfileError> {
    if outer_from <= from && from <= until && until <= outer_until {
        Ok(())
    } else {
        Err(ProfileError::Period { what, from, until, outer_from, outer_until })
    }
}
