//! What EF.SOD says, for people. Nothing here is verified.

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
    for signer in &sod.signed.signers {
        fields.push(field("signer", sod.signed.signer_text(signer)));
        let algorithm = SignedData::algorithm(signer).map_or_else(|error| error.to_string(), algorithm::describe);
        fields.push(field("signature algorithm", algorithm));
        if let Some(time) = sod.signed.signing_time(signer) {
            fields.push(field("signing time", time.date.to_string()));
        }
    }
    for der in sod.signed.certificates() {
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
