//! The card that is measured: a state with keys on P-256, and the data groups of one person, signed.

use std::collections::BTreeMap;

use cardwright::perso::build::{self, ChipKeys, Signing};
use cardwright::perso::profile::DocumentProfile;
use cardwright::perso::record::Record;
use eid::cert::trust::TrustStore;
use eid::cert::x509::Certificate;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::lds::sod;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use pki::csca::{self, CscaParameters};
use pki::ds::{self, DsParameters};
use pki::key::{KeyParameters, SigningKey};
use pki::profile::Subject;
use pki::software::SoftwareSigner;

pub(crate) type Rng = UnwrapErr<SysRng>;

pub(crate) const P256: (KeyParameters, Algorithm) = (KeyParameters::Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256));

/// A state: the root, and a document signer with its key.
pub(crate) struct State {
    pub(crate) csca: Certificate,
    #[cfg(feature = "pkcs11")]
    pub(crate) csca_key: SigningKey,
    pub(crate) ds: Certificate,
    pub(crate) ds_key: SigningKey,
    pub(crate) signer: SoftwareSigner<Rng>,
    pub(crate) today: Date,
}

impl State {
    pub(crate) fn new() -> Self {
        let today = Date::new(2026, 11, 21).expect("a date");
        let mut rng = UnwrapErr(SysRng);
        let key = |rng: &mut Rng| SigningKey::generate(P256.0, P256.1, rng).expect("a key");
        let subject = Subject {
            country: "VN".into(),
            state_code: "VNM".into(),
            organization: Some("Test".into()),
            organizational_unit: None,
            serial_number: Some("001".into()),
            common_name: "Test CSCA".into(),
            contact_email: Some("csca@test.example".into()),
        };
        let csca_key = key(&mut rng);
        let root = SoftwareSigner::new("CSCA", csca_key.clone(), UnwrapErr(SysRng));
        let parameters = CscaParameters { key: P256.0, algorithm: P256.1, document_years: 25, ..CscaParameters::default() };
        let csca = csca::create(&subject, &parameters, &root, &[0x11, 0x22, 0x33, 0x44], today).expect("a CSCA");
        let ds_key = key(&mut rng);
        // the longest validity of a Vietnamese card is that between two of the ages 14, 25, 40, and 60
        let documents = DsParameters { document_years: 25, ..DsParameters::default() };
        let name = subject.name_with("Document Signer 1");
        let ds = ds::issue(&csca, &root, &name, &documents, &ds_key.public(), &[0x55, 0x66, 0x77], today).expect("a document signer");
        let signer = SoftwareSigner::new("DS", ds_key.clone(), UnwrapErr(SysRng));
        Self {
            csca,
            #[cfg(feature = "pkcs11")]
            csca_key,
            ds,
            ds_key,
            signer,
            today,
        }
    }

    pub(crate) fn trust(&self) -> TrustStore {
        TrustStore::from_bytes(self.csca.der()).expect("the root is a trust anchor")
    }
}

/// A synthetic citizen, as the demo makes them.
pub(crate) fn record(profile: &DocumentProfile, today: Date) -> Record {
    let citizen = cardwright::people::citizen(1, 1, today);
    Record::new(&citizen.input, profile, today, &mut |name| citizen.load(name)).expect("a record")
}

/// The data groups of that citizen's card, by number.
pub(crate) fn data_groups(state: &State) -> BTreeMap<u8, Vec<u8>> {
    let profile = DocumentProfile::load("cccd-2021").expect("built in");
    let keys = ChipKeys::generate(&profile, &mut UnwrapErr(SysRng)).expect("keys");
    let signing = Signing { signer: &state.signer, certificate: state.ds.der(), today: state.today };
    let image = build::build(&record(&profile, state.today), &profile, &keys, signing).expect("an image");
    image.files.into_iter().filter_map(|(file, bytes)| Some((file.dg_number()?, bytes))).collect()
}

/// Hashes of the data groups, and EF.SOD over them.
pub(crate) fn sign(state: &State, files: &BTreeMap<u8, Vec<u8>>) -> Vec<u8> {
    let hashes = files.iter().map(|(number, file)| (*number, Hash::Sha256.digest(&[file]))).collect();
    sod::build(&hashes, Hash::Sha256, None, &state.signer, &state.ds, None).expect("an EF.SOD")
}
