//! Loading a trust store of 1500 certificates, beside a plain read of its file and beside reading the same certificates out of master lists.
//!
//! The certificates are of one key on P-256 with explicit parameters, 1.1 kB each, in three lists that one state signed.

use std::hint::black_box;
use std::path::PathBuf;

use cardwright::trust::import::{self, Options};
use cardwright::trust::{FILE, Store, load};
use eid::cert::cms::build::{Message, NamedBy, sign};
use eid::cert::trust::TrustStore;
use eid::cert::{Time, master_list};
use eid::date::Date;
use eid::oid;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use pki::csca::{self, CscaParameters, EcParameters};
use pki::key::SigningKey;
use pki::profile::Subject;
use pki::software::SoftwareSigner;

use crate::Job;
use crate::subject::P256;

const CERTIFICATES: u16 = 1500;

pub(crate) fn jobs() -> Vec<Job> {
    // both programs run at the same time
    let folder = std::env::temp_dir().join(if cfg!(feature = "fast") { "cardwright-speed-fast" } else { "cardwright-speed-pure" });
    let _ = std::fs::remove_dir_all(&folder);
    let today = Date::new(2026, 11, 21).expect("a date");
    let lists = make(&folder, today);
    let mut store = Store::open(&folder).expect("a store");
    let nobody = TrustStore::new();
    let options = Options { tier: None, signers: &nobody, take_unproved: true, date: today };
    import::import(&mut store.collection, &lists, &options).expect("imported");
    store.commit().expect("written");
    drop(store);
    let file = folder.join(FILE);
    let count = usize::from(CERTIFICATES);
    vec![
        Job::new("load of a trust store of 1500 certificates", move || {
            assert_eq!(load(&folder).expect("a store").anchors().len(), count);
        }),
        Job::new("floor of load of a trust store of 1500 certificates", move || {
            black_box(std::fs::read(&file).expect("the file"));
        }),
        Job::new("load of a trust store of 1500 certificates by reading the lists", move || {
            let (collection, _) = import::collect(&lists, today).expect("lists");
            assert_eq!(collection.trust().anchors().len(), count);
        }),
    ]
}

/// Three master lists in files.
fn make(folder: &std::path::Path, today: Date) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).expect("a folder");
    let subject = Subject {
        country: "UT".into(),
        state_code: "UTO".into(),
        organization: Some("Test".into()),
        organizational_unit: None,
        serial_number: Some("001".into()),
        common_name: "Test CSCA".into(),
        contact_email: None,
    };
    let key = SigningKey::generate(P256.0, P256.1, &mut UnwrapErr(SysRng)).expect("a key");
    let signer = SoftwareSigner::new("CSCA", key, UnwrapErr(SysRng));
    let parameters = CscaParameters { key: P256.0, algorithm: P256.1, ec_parameters: EcParameters::Explicit, ..CscaParameters::default() };
    let one = |n: u16| {
        let [high, low] = n.to_be_bytes();
        csca::create(&subject, &parameters, &signer, &[0x11, high, low], today).expect("a CSCA")
    };
    let all: Vec<_> = (0..CERTIFICATES).map(one).collect();
    let mut files = Vec::new();
    for (n, part) in all.chunks(all.len() / 3).enumerate() {
        let content = master_list::encode(&part.iter().collect::<Vec<_>>());
        let message = Message {
            content_type: oid::CSCA_MASTER_LIST,
            content: &content,
            certificate: &part[0],
            others: &[],
            named_by: NamedBy::KeyId,
            signing_time: Some(Time::midnight(today)),
        };
        let path = folder.join(format!("{n}.ml"));
        std::fs::write(&path, sign(&message, &signer).expect("a list")).expect("written");
        files.push(path);
    }
    files
}
