use applets::rng::SeededRng;
use eid::crypto::curve::Curve;
use eid::secret::Secret;
use pki::key::KeyParameters;
use pki::{Authority, Hierarchy, Issuing, KeyStore as _, SoftwareKeys};

use super::super::site::ALGORITHM;
use super::super::state::JobState;
use super::super::store::BatchId;
use super::*;
use crate::people;

const TODAY: &str = "2026-11-22";

/// A state with a document signer, and the folder for images.
struct Fixture {
    folder: tempfile::TempDir,
    profile: DocumentProfile,
    signer: Box<dyn Signer + Send + Sync>,
    certificate: Vec<u8>,
    seal: Seal,
    pseudonyms: Pseudonyms,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let today = TODAY.parse().expect("a day");
        let pki = folder.path().join("pki");
        let mut hierarchy = Hierarchy::new("VN", "VNM", "http://csca.example/csca.crl");
        hierarchy.authority.document_validity = 25;
        Authority::declare(&pki, &hierarchy).expect("declared");
        let (mut authority, _) = Authority::open(&pki, today).expect("opens");
        let mut rng = SeededRng::new(b"prepare");
        let keys = SoftwareKeys::new(&pki, Secret::from(&b"test"[..]), SeededRng::new(b"keys"));
        authority.issue_csca(&keys, "test", &mut rng, today).expect("a CSCA");
        let (root, _) = authority.signer("csca", &keys).expect("a key");
        let issuing = Issuing { signer: root.as_ref(), by: "test", today };
        authority.issue_ds("ds", &hierarchy.ds_parameters(1).expect("parameters"), &keys, &issuing, &mut rng).expect("a signer");
        let (signer, certificate) = authority.signer("ds", &keys).expect("a key");
        std::fs::create_dir(folder.path().join("images")).expect("a folder");
        Self {
            profile: DocumentProfile::load("cccd-2021").expect("built in"),
            signer,
            certificate: certificate.der().to_vec(),
            seal: Seal::new(Secret::new(vec![1; 32])).expect("a key"),
            pseudonyms: Pseudonyms::new(Secret::new(vec![2; 32])).expect("a key"),
            folder,
        }
    }

    fn images(&self) -> PathBuf {
        self.folder.path().join("images")
    }

    fn orders(&self, count: u32) -> Vec<Order> {
        let order = |number| {
            let today = TODAY.parse().expect("a day");
            let citizen = people::citizen(7, number, today);
            let record = Record::new(&citizen.input, &self.profile, today, &mut |name| citizen.load(name)).expect("valid");
            Order { record, replaces: None }
        };
        (1..=count).map(order).collect()
    }

    fn prepare(&self, batch: &str, orders: Vec<Order>, workers: usize, live: bool) -> Result<Prepared, PrepareError> {
        let images = self.images();
        let with = Preparation {
            batch,
            profile: &self.profile,
            trust: None,
            signer: self.signer.as_ref(),
            certificate: &self.certificate,
            today: TODAY.parse().expect("a day"),
            seal: &self.seal,
            pseudonyms: &self.pseudonyms,
            images: &images,
            workers,
        };
        prepare(&with, &mut orders.into_iter().map(Ok), live, &mut SeededRng::new(b"images"), &|_| {})
    }
}

/// As a store gives it back.
fn stored(prepared: &Prepared, key: &dyn Signer) -> (Batch, Vec<Job>) {
    let mut header = NewBatch {
        name: "first".to_owned(),
        document_profile: "cccd-2021".to_owned(),
        card_profile: "eid-gp-scp03".to_owned(),
        profile_digest: [9; 32],
        live: false,
        merkle_root: prepared.root,
        signature: Vec::new(),
    };
    let jobs = u64::try_from(prepared.jobs.len()).expect("few");
    sign(&mut header, jobs, key).expect("signed");
    let batch = Batch { id: BatchId(1), header, jobs, stored: 0, released_by: None, closed_by: None, stopped: None };
    let job = |order: &NewJob| Job {
        id: JobId(i64::from(order.sequence)),
        batch: BatchId(1),
        order: order.clone(),
        state: JobState::Prepared,
        epoch: 0,
        serial: None,
        station: None,
        lease_until: None,
    };
    (batch, prepared.jobs.iter().map(job).collect())
}

#[test]
fn a_batch_is_prepared_in_order_by_several_workers_and_every_change_to_it_is_found() {
    let fixture = Fixture::new();
    let orders = fixture.orders(5);
    let expected: Vec<_> = orders.iter().map(|order| fixture.pseudonyms.of_record(&order.record, fixture.profile.mrz.number)).collect();
    let prepared = fixture.prepare("first", orders, 3, false).expect("prepared");
    assert_eq!(prepared.jobs.iter().map(|job| (job.person, job.number)).collect::<Vec<_>>(), expected);
    assert_eq!(prepared.jobs.iter().map(|job| job.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(prepared.jobs.iter().map(|job| job.document_type.as_str()).collect::<Vec<_>>(), ["ID"; 5]);

    let keys = SoftwareKeys::new(fixture.folder.path(), Secret::from(&b"test"[..]), SeededRng::new(b"header"));
    let key = keys.generate("preparation", KeyParameters::Ec(Curve::P256), ALGORITHM, &mut SeededRng::new(b"key")).expect("a key");
    let signer = keys.open("preparation", ALGORITHM).expect("a key");
    let (batch, jobs) = stored(&prepared, signer.as_ref());
    let images_folder = fixture.images();
    let images = Images { folder: &images_folder, seal: &fixture.seal };
    let judge = |batch: &Batch, jobs: &[Job]| check(batch, &mut jobs.iter().cloned(), &key, &images);
    assert_eq!(judge(&batch, &jobs), Ok(()));

    let refused = |batch: &Batch, jobs: &[Job], what: &str| {
        let error = judge(batch, jobs).expect_err(what);
        assert!(error.contains(what), "{what}: {error}");
    };
    let mut other = batch.clone();
    other.header.live = true;
    refused(&other, &jobs, "signed with the preparation key");
    let mut other = batch.clone();
    other.jobs = 4;
    refused(&other, &jobs, "signed with the preparation key");
    refused(&batch, &jobs[..4], "found 4 others");
    let mut swapped = jobs.clone();
    swapped.swap(0, 1);
    refused(&batch, &swapped, "Merkle root");
    let mut person = jobs.clone();
    person[2].order.person = jobs[3].order.person;
    refused(&batch, &person, "Merkle root");
    let mut path = jobs.clone();
    path[2].order.image_file = "../first/000003.sealed".to_owned();
    refused(&batch, &path, "expected its sealed image");
    let mut digest = jobs.clone();
    digest[2].order.image_digest = [0; 32];
    refused(&batch, &digest, "expected an image with digest");
    let file = images_folder.join("first/000004.sealed");
    let mut bytes = std::fs::read(&file).expect("there");
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    refused(&batch, &jobs, "000004.sealed: expected SHA-256");
    std::fs::remove_file(&file).expect("removed");
    refused(&batch, &jobs, "000004.sealed: No such file");

    // the folder of a batch is never used again
    assert!(matches!(fixture.prepare("first", fixture.orders(1), 1, false), Err(PrepareError::Io { .. })));
}

#[test]
fn what_makes_no_batch_is_refused() {
    let fixture = Fixture::new();
    let error = |batch: &str, orders, live| fixture.prepare(batch, orders, 2, live).expect_err("refused").to_string();
    assert_eq!(error("../first", fixture.orders(1), false), r#"batch: expected 1 to 64 characters a-z, 0-9, and hyphen, found "../first""#);
    assert_eq!(error("empty", Vec::new(), false), "batch: expected 1 to 100000 records, found none");
    assert_eq!(error("live", fixture.orders(2), true), "job 1: expected a record for persons, found one for tests");
    let mut fixture = fixture;
    fixture.certificate = vec![0x30, 0x00];
    let found = fixture.prepare("signer", fixture.orders(40), 2, false).expect_err("refused").to_string();
    assert!(found.starts_with("job ") && found.contains("certificate of the document signer"), "{found}");
}
