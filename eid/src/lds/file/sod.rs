//! What EF.SOD and the signature of EF.CardSecurity say, for people. Nothing here is verified.

use crate::cert::algorithm;
use crate::cert::cms::SignedData;
use crate::cert::x509::Certificate;
use crate::lds::sod::Sod;
use crate::lds::{field, hex};

pub(super) fn fields(sod: &Sod) -> Vec<(String, String)> {
    let mut fields = vec![field("version", sod.version.to_string()), field("hash algorithm", sod.hash.name())];
    for number in sod.data_groups() {
        fields.push(field(format!("hash of DG{number}"), hex(sod.hash_of(number).unwrap_or_default())));
    }
    if let Some(version) = sod.lds_version() {
        fields.push(field("LDS version", version.lds.clone()));
        fields.push(field("Unicode version", version.unicode.clone()));
    }
    fields.extend(signed_fields(&sod.signed));
    fields
}

/// Signers and certificates of a signed message.
pub(super) fn signed_fields(signed: &SignedData) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for signer in &signed.signers {
        fields.push(field("signer", signed.signer_text(signer)));
        let algorithm = SignedData::algorithm(signer).map_or_else(|error| error.to_string(), algorithm::describe);
        fields.push(field("signature algorithm", algorithm));
        if let Some(time) = signed.signing_time(signer) {
            fields.push(field("signing time", time.date.to_string()));
        }
    }
    for der in signed.certificates() {
        match Certificate::from_der(der) {
            Ok(certificate) => {
                fields.push(field("certificate of", certificate.subject_text()));
                fields.push(field("issued by", certificate.issuer_text()));
                fields.push(field("serial number", certificate.serial_hex()));
                fields.push(field("valid", format!("{} to {}", certificate.not_before().date, certificate.not_after().date)));
            }
            Err(error) => fields.push(field("certificate", format!("not read: {error}"))),
        }
    }
    fields
}
