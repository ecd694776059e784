//! EF.CardSecurity (Doc 9303-11 clause 9.2.2, TR-03110-3 A.1.1): the SecurityInfos that the issuer signed, under the same checks as EF.SOD.
//!
//! It proves that its content is of the state; whether the chip has the keys that it names is the question of CAM and Chip Authentication.

use super::signer::Message;
use super::{revocation, unsigned_parts};
use crate::cert::cms::SignedData;
use crate::cert::path::SignerCache;
use crate::cert::trust::TrustStore;
use crate::date::Date;
use crate::oid;
use crate::protocol::finding::{Check, Finding};
use crate::protocol::passive_auth::dates;
use crate::quirk::Quirk;

const SIGNATURE: Check = Check::new("card_security.signature", "Doc 9303-11 4.4.3.5");
const CHAIN: Check = Check::new("card_security.chain", "Doc 9303-12 5");
const VALIDITY: Check = Check::new("card_security.validity", "Doc 9303-12 5");
const REVOCATION: Check = Check::new("card_security.revocation", "Doc 9303-12 7.1.4");

/// What the check of EF.CardSecurity looks at.
#[derive(Clone, Copy, Debug)]
pub struct CardSecurityInput<'a> {
    /// The signed message in the file.
    pub signed: &'a SignedData,
    /// The CSCA certificates that are trusted, with revocation lists.
    pub trust: &'a TrustStore,
    /// Document signers that were verified before.
    pub cache: Option<&'a SignerCache>,
    /// Today.
    pub today: Date,
}

/// The findings `card_security.signature`, `card_security.chain`, `card_security.validity` (today), and `card_security.revocation`, and the
/// tolerances that were used. The content counts if signature and chain passed.
#[must_use]
pub fn card_security(input: &CardSecurityInput<'_>) -> (Vec<Finding>, Vec<Quirk>) {
    let mut quirks = input.signed.quirks.clone();
    let message = Message::verify(input.signed, "EF.CardSecurity", input.trust, input.cache, &mut quirks);
    let content_type = input.signed.content_type();
    let signature = if content_type != oid::SECURITY_OBJECT {
        let text = format!("EF.CardSecurity eContentType: expected id-SecurityObject {}, found {content_type}", oid::SECURITY_OBJECT);
        SIGNATURE.failed("content-type", text)
    } else if let Err((code, text)) = unsigned_parts(input.signed, "EF.CardSecurity") {
        SIGNATURE.failed(code, text)
    } else {
        message.signature(SIGNATURE)
    };
    let findings = vec![
        signature,
        message.chain(CHAIN, input.trust),
        dates::today(VALIDITY, &message, input.today),
        revocation::finding(REVOCATION, &message, input.trust, input.today, &mut quirks),
    ];
    (findings, quirks)
}
