//! A small authority with one document signer, and a signed document.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use eid::cert::trust::TrustStore;
use eid::cert::x509::Certificate;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::lds::dg1::Dg1;
use eid::lds::{Elementary as _, sod};
use eid::mrz::{MrzDate, Sex, vietnam};
use eid::secret::Secret;
use pki::{Authority, CscaParameters, DsParameters, Hierarchy, Issuing, KeyParameters, KeyStore, SoftwareKeys, Subject, hierarchy};
use rand_core::{CryptoRng, UnwrapErr};

pub(crate) fn rng() -> impl CryptoRng {
    UnwrapErr(getrandom::SysRng)
}

pub(crate) fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

pub(crate) fn pass_phrase() -> Secret {
    Secret::from(&b"a pass phrase for tests"[..])
}

/// A test state whose CSCA is made with `csca`.
fn hierarchy(csca: &CscaParameters) -> Hierarchy {
    let mut hierarchy = Hierarchy::new("vn", "VNM", "http://csca.example/csca.crl");
    hierarchy.authority.organization = Some("Cardwright Test Authority".to_owned());
    hierarchy.authority.contact = Some("csca@csca.example".to_owned());
    hierarchy.authority.parameters = csca.ec_parameters;
    hierarchy.csca = Some(hierarchy::Csca {
        common_name: "CSCA Thử nghiệm".to_owned(),
        serial_number: Some("001".to_owned()),
        key: csca.key,
        algorithm: Some(csca.algorithm),
        ..hierarchy::Csca::default()
    });
    hierarchy
}

/// Who its CSCA is.
pub(crate) fn subject() -> Subject {
    hierarchy(&CscaParameters::default()).subject()
}

/// The key files of an authority.
pub(crate) fn keys(directory: &Path) -> impl KeyStore + use<> {
    SoftwareKeys::new(directory, pass_phrase(), UnwrapErr(getrandom::SysRng))
}

/// An authority in a directory of its own, with a document signer `ds`.
pub(crate) struct World {
    pub(crate) directory: PathBuf,
    pub(crate) authority: Authority,
    pub(crate) ds: Certificate,
    _keep: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(csca: CscaParameters, ds: DsParameters) -> Self {
        let keep = tempfile::tempdir().expect("directory");
        let directory = keep.path().join("pki");
        Authority::declare(&directory, &hierarchy(&csca)).expect("declared");
        let (mut authority, _) = Authority::open(&directory, today()).expect("opened");
        let keys = keys(&directory);
        authority.issue_csca(&keys, "test", &mut rng(), today()).expect("CSCA");
        let (root, _) = authority.signer("csca", &keys).expect("the key of the CSCA");
        let issuing = Issuing { signer: root.as_ref(), by: "test", today: today() };
        let ds = authority.issue_ds("ds", &ds, &keys, &issuing, &mut rng()).expect("document signer");
        Self { directory, authority, ds, _keep: keep }
    }

    /// One that was made in another way.
    pub(crate) const fn of(directory: PathBuf, authority: Authority, ds: Certificate, keep: tempfile::TempDir) -> Self {
        Self { directory, authority, ds, _keep: keep }
    }

    /// Closes the authority; its folder stays for as long as the answer.
    pub(crate) fn close(self) -> tempfile::TempDir {
        self._keep
    }

    /// P-384 over P-256, the default.
    pub(crate) fn usual() -> Self {
        Self::new(CscaParameters::default(), DsParameters::default())
    }

    pub(crate) fn with(csca: KeyParameters, csca_algorithm: Algorithm, ds: KeyParameters, ds_algorithm: Algorithm) -> Self {
        let csca = CscaParameters { key: csca, algorithm: csca_algorithm, ..CscaParameters::default() };
        Self::new(csca, DsParameters { key: ds, algorithm: ds_algorithm, ..DsParameters::default() })
    }

    pub(crate) fn trust(&self) -> TrustStore {
        TrustStore::from_bytes(self.authority.csca().expect("CSCA").der()).expect("trust store")
    }

    /// EF.SOD over `files`.
    pub(crate) fn sod(&self, files: &BTreeMap<u8, Vec<u8>>, hash: Hash) -> Vec<u8> {
        let (signer, certificate) = self.authority.signer("ds", &keys(&self.directory)).expect("signer");
        let hashes = files.iter().map(|(&n, file)| (n, hash.digest(&[file]))).collect();
        sod::build(&hashes, hash, None, signer.as_ref(), &certificate, None).expect("EF.SOD")
    }

    /// A certificate as a PEM file in the directory.
    pub(crate) fn pem(&self, name: &str, certificate: &Certificate) -> PathBuf {
        let path = self.directory.join(format!("{name}.pem"));
        std::fs::write(&path, pki::authority::to_pem(certificate)).expect("write");
        path
    }
}

/// DG1 with an MRZ, and data groups 2, 13 and 14 with contents that only have to be hashed.
pub(crate) fn files() -> BTreeMap<u8, Vec<u8>> {
    let date = |text| MrzDate::parse(text).expect("a date");
    let mrz = vietnam::identity_card("099505000123", "Phạm Thị Ước Mẫu", Sex::Female, date("050105"), date("300105")).expect("an MRZ");
    let hashed = [(2u8, 0x75u32), (13, 0x6D), (14, 0x6E)].map(|(n, tag)| (n, eid::tlv::encode(tag, &vec![n; 200 * usize::from(n)])));
    [(1, Dg1::new(mrz).encode())].into_iter().chain(hashed).collect()
}

/// `openssl` with `arguments`; `None` where it is not installed.
pub(crate) fn openssl(arguments: &[&str], paths: &[(&str, &Path)]) -> Option<Output> {
    let mut command = Command::new("openssl");
    command.args(arguments);
    for (option, path) in paths {
        if !option.is_empty() {
            command.arg(option);
        }
        command.arg(path);
    }
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: openssl cannot be run: {error}");
            None
        }
    }
}
