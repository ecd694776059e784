//! Opens every card file of the site and holds it against the store and the images: what lives, for whom, and where.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use applets::Card;
use applets::rng::SeededRng;
use cardwright::line::prepare::Images;
use cardwright::line::site::Site;
use cardwright::line::state::JobState;
use cardwright::line::store::{Job, Serial, Store};
use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::plan::ApduForm;
use cardwright::perso::write::{Masters, Writer};
use eid::image::LifeCycle;

use super::line::Line;

/// How many cards are what.
#[derive(Debug, Default)]
pub(crate) struct Cards {
    /// Documents.
    pub(crate) live: u32,
    /// Terminated, or dead.
    pub(crate) ended: u32,
}

/// All jobs of the only batch, by what is on their cards.
fn jobs(store: &mut dyn Store) -> BTreeMap<[u8; 32], Job> {
    let batches = store.batches().expect("batches");
    let [batch] = batches.as_slice() else { panic!("one batch") };
    assert!(batch.closed_by.is_some());
    let mut jobs = BTreeMap::new();
    let mut persons = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = store.jobs(batch.id, after, 500).expect("jobs");
        let Some(last) = page.last() else { break };
        after = last.order.sequence;
        for job in page {
            assert_eq!(job.state, JobState::Issued, "{job:?}");
            assert!(persons.insert(job.order.person.0, job.id).is_none(), "two jobs for one person: {job:?}");
            assert!(jobs.insert(job.order.image_digest, job.clone()).is_none(), "two jobs with one image: {job:?}");
        }
    }
    assert_eq!(u64::try_from(jobs.len()).expect("few"), batch.jobs);
    jobs
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "card")).collect()
}

/// Every card is in the right place and is what the store says; each job has exactly one live card.
pub(crate) fn every_card(line: &Line, store: &mut dyn Store) -> Cards {
    let site = Site::open(&line.path("line")).expect("the site");
    let seal = site.seal().expect("the sealing key");
    let (folder, profile) = (site.path("images"), CardProfile::load(&site.config().card_profile).expect("the product"));
    let (images, masters) = (Images { folder: &folder, seal: &seal }, Masters::test(&profile));
    let writer = Writer { profile: &profile, masters: &masters, apdu: ApduForm::Frame };
    let mut rng = SeededRng::new(b"judge");
    let mut jobs = jobs(store);
    let blanks = line.path("line/blanks");
    let mut cards = Cards::default();
    for path in files(&blanks.join("good")) {
        let mut card = Card::open(&path, Box::new(SeededRng::new(b"card"))).expect("a card");
        let examined = writer.examine(&mut card, &mut rng);
        let status = examined.status.expect("a status under the keys of the site");
        assert_eq!(status.state, LifeCycle::Operational, "{}", path.display());
        let job = jobs.remove(&status.digest.expect("a digest")).expect("an image of one job, and of no card before");
        assert_eq!(job.serial, examined.serial.as_deref().and_then(Serial::new), "{}", path.display());
        let image = images.open(&job).expect("the image");
        for (file, bytes) in &image.files {
            assert_eq!(card.file(*file).expect("intact"), Some(bytes.as_slice()), "{}: {file}", path.display());
        }
        cards.live += 1;
    }
    assert!(jobs.is_empty(), "issued without a card: {:?}", jobs.values().map(|job| job.id.0).collect::<Vec<_>>());
    for path in files(&line.path("destroyed")) {
        if let Ok(card) = Card::open(&path, Box::new(SeededRng::new(b"card"))) {
            assert_eq!(card.life_cycle(), LifeCycle::Terminated, "{}", path.display());
        }
        cards.ended += 1;
    }
    for path in files(&blanks) {
        let card = Card::open(&path, Box::new(SeededRng::new(b"card"))).expect("a card");
        assert_eq!(card.life_cycle(), LifeCycle::Initialized, "{}", path.display());
    }
    assert_eq!(files(&blanks.join("reject")), Vec::<PathBuf>::new());
    for reader in std::fs::read_dir(blanks.join("reader")).expect("readers") {
        assert_eq!(files(&reader.expect("a reader").path()), Vec::<PathBuf>::new(), "a card is left in a reader");
    }
    cards
}
