//! Master lists and deviation lists: those that a verifier has beside a document, and those that are wrong themselves.

use eid::cert::deviation_list::{Description, Deviation, Documents, Kind, SignerId};
use eid::cert::x509::Certificate;
use eid::cert::{Time, master_list};
use eid::crypto::hash::Hash;
use eid::oid;
use pki::csca::EcParameters;
use pki::key::{KeyParameters, SigningKey};
use pki::list_signer::{self, ListKind, ListSignerParameters};
use pki::{deviation_list, master_list as issue};

use applets::rng::SeededRng;
use eid::crypto::curve::Curve;
use eid::crypto::signature::Algorithm;

use super::authority::{Authority, Key, failed};
use super::issue::{Base, FaultyError, numbered};
use super::message::{Message, resigned};
use super::plan::{Plan, wrong};

/// The state that publishes lists about others.
const NEIGHBOUR: (&str, &str) = ("UT", "UTO");

/// A master list with its defect, and what its verifier has.
#[derive(Clone, Debug)]
pub struct FaultyList {
    /// The list, DER.
    pub list: Vec<u8>,
    /// A newer list of the same signer that the verifier took before, DER.
    pub before: Option<Vec<u8>>,
    /// Certificates of CSCAs that the verifier trusts, DER.
    pub anchors: Vec<Vec<u8>>,
}

impl FaultyList {
    /// What the verifier trusts, as files of one folder: `csca-1.cer`, counted from 1.
    pub fn trust_files(&self) -> impl Iterator<Item = (String, &[u8])> {
        numbered("csca", "cer", &self.anchors)
    }
}

/// A list signer of `authority`: its certificate and key.
fn signer(base: &Base<'_>, authority: &Authority, list: ListKind, seed: &[u8]) -> Result<(Certificate, Key), FaultyError> {
    let parameters = ListSignerParameters {
        list,
        key: KeyParameters::Ec(Curve::P256),
        algorithm: Algorithm::Ecdsa(Hash::Sha256),
        ec_parameters: EcParameters::Named,
        common_name: "List Signer 1".to_owned(),
        key_use_days: 365,
    };
    let rng = |purpose: &str| SeededRng::new(&[seed, list.role().as_bytes(), purpose.as_bytes()].concat());
    let key = SigningKey::generate(parameters.key, parameters.algorithm, &mut rng("")).map_err(|e| failed(&e))?;
    let name = authority.subject.name_with(&parameters.common_name);
    let issued = base.today.plus_days(-20);
    let certificate = list_signer::issue(&authority.csca, &authority.csca_key, &name, &parameters, &key.public(), &[0x44], issued);
    Ok((certificate.map_err(|e| failed(&e))?, Key::new(list.role(), key, rng(" signs"))))
}

/// The master list of a state with `csca` in it, and the CSCA of that state.
pub(super) fn of_another_state(base: &Base<'_>, csca: &Certificate, seed: &[u8]) -> Result<(Vec<u8>, Vec<u8>), FaultyError> {
    let base = &Base { country: NEIGHBOUR, ..*base };
    let authority = Authority::new(base, &Plan::default(), &[seed, b"neighbour"].concat())?;
    let (certificate, key) = signer(base, &authority, ListKind::Master, seed)?;
    let by = issue::ListSigner { certificate: &certificate, csca: &authority.csca, signer: &key };
    let list = issue::issue(&[&authority.csca, csca], &by, Time::midnight(base.today.plus_days(-1))).map_err(|e| failed(&e))?;
    Ok((authority.csca.der().to_vec(), list.signed.der().to_vec()))
}

/// The deviation list of `authority` about the documents of its signer: `dg-hash N`, `sod-signature`, `com`, or `mrz`.
pub(super) fn deviations(base: &Base<'_>, authority: &Authority, kind: &str, seed: &[u8]) -> Result<Vec<u8>, FaultyError> {
    let expected = || wrong("deviation", "dg-hash N, sod-signature, com, or mrz", kind);
    let kind = match kind.split_once(' ').unwrap_or((kind, "")) {
        ("dg-hash", number) => Kind::DgHashWrong(Some(number.parse().map_err(|_| expected())?)),
        ("sod-signature", "") => Kind::SodSignatureWrong,
        ("com", "") => Kind::ComInconsistent,
        ("mrz", "") => Kind::Mrz,
        _ => return Err(expected().into()),
    };
    let (certificate, key) = signer(base, authority, ListKind::Deviation, seed)?;
    let by = deviation_list::ListSigner { certificate: &certificate, csca: &authority.csca, signer: &key };
    let value = Hash::Sha256.digest(&[&authority.ds]);
    let documents = Documents { signer: Some(SignerId::Digest { hash: Hash::Sha256, value }), ..Documents::default() };
    let descriptions = vec![Description { text: Some("as published".to_owned()), kind, national_use: None }];
    let entry = Deviation { state: Some(base.country.0.to_owned()), documents, descriptions };
    let list = deviation_list::issue(&[entry], Hash::Sha256, &by, Time::midnight(base.today.plus_days(-1))).map_err(|e| failed(&e))?;
    Ok(list.signed.der().to_vec())
}

/// A master list with the defects of `injection`, whose edits are of `LIST` (CscaMasterList), `ATTRS`, `SIGNED`, and `TBS`, the signer's
/// certificate, and whose words are `trust other`, `another signer` (a document signer among the CSCAs), and `another list` (the verifier took a newer
/// list before); the same `seed` gives the same keys.
///
/// # Errors
/// Any [`FaultyError`].
pub fn make_list(base: &Base<'_>, injection: &str, seed: u64) -> Result<FaultyList, FaultyError> {
    let plan = Plan::new(injection)?;
    let seed = seed.to_be_bytes();
    let authority = Authority::new(base, &Plan::default(), &seed)?;
    let other = Authority::new(&Base { country: NEIGHBOUR, ..*base }, &Plan::default(), &[&seed[..], b"neighbour"].concat())?;
    let (certificate, key) = signer(base, &authority, ListKind::Master, &seed)?;
    let mut entries = vec![&authority.csca, &other.csca];
    if plan.word("another") == Some("signer") {
        entries.push(&authority.plain.0);
    }
    let content = plan.stage("LIST", master_list::encode(&entries))?;
    let tbs = plan.stage("TBS", certificate.der().to_vec())?;
    let tbs = if plan.names("TBS") { resigned(&tbs, &authority.csca_key)? } else { tbs };
    let mut certificates = vec![tbs, authority.csca.der().to_vec()];
    certificates.sort();
    let made = |content: &[u8], days: i64, plan: Option<&Plan>| {
        let message = Message {
            kind: oid::CSCA_MASTER_LIST,
            content,
            signer: &key,
            certificates: &certificates,
            by_key_id: certificate.subject_key_id(),
            fallback: &[],
            time: Time::midnight(base.today.plus_days(days)),
        };
        message.sign(plan)
    };
    let list = plan.stage("SIGNED", made(&content, -10, Some(&plan))?)?;
    let before = match plan.word("another") {
        None | Some("signer") => None,
        Some("list") => Some(made(&master_list::encode(&[&authority.csca]), -1, None)?),
        Some(found) => return Err(wrong("another", "list or signer", found).into()),
    };
    let anchors = match plan.word("trust") {
        None => vec![authority.csca.der().to_vec()],
        Some("other") => vec![other.csca.der().to_vec()],
        Some(found) => return Err(wrong("trust", "other", found).into()),
    };
    Ok(FaultyList { list, before, anchors })
}
