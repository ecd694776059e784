//! Signers of master lists and of deviation lists (Doc 9303-12 clause 7.1, columns master list signer and deviation list signer).

use eid::cert::x509::Certificate;
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::date::Date;
use eid::oid;
use eid::signer::Signer;
use eid::tlv;

use crate::certificate::{self, Fields, IssueError};
use crate::csca::{self, EcParameters};
use crate::key::KeyParameters;
use crate::lint;
use crate::profile;

/// Days by which the certificate outlives its key: the last list that it signed stays good until the next has reached everybody.
const MARGIN_DAYS: i64 = 90;

/// Which lists a signer signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// CSCA master lists.
    Master,
    /// Deviation lists.
    Deviation,
}

impl ListKind {
    /// The role in `pki.toml` and in the register: `mls`, `dls`.
    #[must_use]
    pub const fn role(self) -> &'static str {
        match self {
            Self::Master => "mls",
            Self::Deviation => "dls",
        }
    }

    /// What extKeyUsage says.
    const fn usage(self) -> &'static str {
        match self {
            Self::Master => oid::CSCA_MASTER_LIST_SIGNING_KEY,
            Self::Deviation => oid::DEVIATION_LIST_SIGNING_KEY,
        }
    }
}

/// What a list signer is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSignerParameters {
    /// Which lists it signs.
    pub list: ListKind,
    /// Its key.
    pub key: KeyParameters,
    /// The algorithm of its signatures.
    pub algorithm: Algorithm,
    /// How EC parameters are written.
    pub ec_parameters: EcParameters,
    /// commonName of the certificate.
    pub common_name: String,
    /// Days in which the private key signs. The certificate lives 90 days longer.
    pub key_use_days: u16,
}

/// Makes the certificate of a list signer: `csca` is the issuer's certificate, `signer` holds its key, `name` is the subject in DER,
/// `key` the list signer's public key, `serial` are content octets from the register.
///
/// # Errors
/// The period is not inside of the CSCA's, the signer refuses, or what was made does not verify.
pub fn issue(
    csca: &Certificate,
    signer: &dyn Signer,
    name: &[u8],
    parameters: &ListSignerParameters,
    key: &PublicKey,
    serial: &[u8],
    today: Date,
) -> Result<Certificate, IssueError> {
    let key_use = (today, today.plus_days(parameters.key_use_days.into()));
    let validity = (today, key_use.1.plus_days(MARGIN_DAYS));
    csca::check_key_use(csca, today)?;
    profile::inside("validity of the list signer", validity, (csca.not_before().date, csca.not_after().date))?;
    let spki = csca::encode_key(key, parameters.ec_parameters);
    let mut extensions = certificate::of_signer(csca, &spki, key_use)?;
    let usage = tlv::encode(0x06u32, &oid::encode(parameters.list.usage()));
    extensions.push((oid::EXT_KEY_USAGE, tlv::encode(0x30u32, &usage)));
    let rules = lint::Context {
        kind: Some(match parameters.list {
            ListKind::Master => lint::Kind::MasterListSigner,
            ListKind::Deviation => lint::Kind::DeviationListSigner,
        }),
        issuer: Some(csca.der()),
        waived: certificate::waived(parameters.ec_parameters),
        ..lint::Context::default()
    };
    let fields = Fields { serial, issuer: csca.subject(), subject: name, validity, spki: &spki, extensions, rules };
    certificate::make(&fields, &profile::LIST_SIGNER, signer, csca.spki())
}
