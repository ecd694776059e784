//! Preparation: accepted records become sealed images and the jobs of a batch, by as many workers as the machine has.
//!
//! ```text
//! record -> chip keys -> data groups -> EF.SOD -> image -> sealed file, on the disk -> job
//! jobs, in their order -> Merkle root -> signed header -> store
//! ```
//!
//! Nothing is in the store before every image is on the disk. A preparation that is cut off leaves files that no job names; the folder
//! of a batch is made new, and an old one is refused. No image, no key, and no name of a person stays in memory when its job is made.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use chacha20::ChaCha20Rng;
use eid::cert::cvc::TrustPoints;
use eid::crypto::signature::{PublicKey, verify_plain};
use eid::date::Date;
use eid::image::CardImage;
use eid::signer::{Signer, SignerError};
use pki::file::{self, Readers};
use rand_core::{CryptoRng, SeedableRng as _};
use sha2::{Digest as _, Sha256};

use super::merkle::{self, Root};
use super::pseudonym::Pseudonyms;
use super::seal::{Seal, SealError};
use super::store::{Batch, Job, JobId, NewBatch, NewJob};
use crate::perso::build::{self, BuildError, ChipKeys, Signing};
use crate::perso::image_file::ImageFile;
use crate::perso::profile::DocumentProfile;
use crate::perso::record::Record;

/// Jobs of a batch, at most: their orders are in memory until the batch is stored.
pub const MOST_JOBS: u32 = 100_000;
/// Records that wait for each worker.
const AHEAD: usize = 4;

/// What images are made with.
pub struct Preparation<'a> {
    /// Name of the batch, 1 to 64 characters a-z, 0-9, and hyphen.
    pub batch: &'a str,
    /// The document profile.
    pub profile: &'a DocumentProfile,
    /// What chips shall know of terminals, if they check any.
    pub trust: Option<&'a TrustPoints>,
    /// The document signer's key.
    pub signer: &'a (dyn Signer + Sync),
    /// Its certificate, DER.
    pub certificate: &'a [u8],
    /// Day of the signatures.
    pub today: Date,
    /// Seals the images.
    pub seal: &'a Seal,
    /// Names persons and documents.
    pub pseudonyms: &'a Pseudonyms,
    /// The folder of all images; that of the batch is made in it.
    pub images: &'a Path,
    /// How many workers, at least one.
    pub workers: usize,
}

impl fmt::Debug for Preparation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Preparation({}, {} workers)", self.batch, self.workers)
    }
}

/// A record on its way: what it becomes, and which job's document it replaces.
#[derive(Debug)]
pub struct Order {
    /// The person.
    pub record: Record,
    /// The issued job whose document this one replaces.
    pub replaces: Option<JobId>,
}

/// Why a batch is not prepared. Nothing is in the store then.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A name that cannot be a folder's.
    #[error("batch: expected 1 to 64 characters a-z, 0-9, and hyphen, found {0:?}")]
    Name(String),
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A record has no image.
    #[error("job {sequence}: {source}")]
    Build {
        /// Its place in the batch.
        sequence: u32,
        /// Why.
        source: BuildError,
    },
    /// A record that the site does not take.
    #[error("job {sequence}: expected a record for {expected}, found one for {found}")]
    Live {
        /// Its place in the batch.
        sequence: u32,
        /// What the site makes.
        expected: &'static str,
        /// What the record is for.
        found: &'static str,
    },
    /// Where the records come from ended early.
    #[error("{0}")]
    Source(String),
    /// No record, or more than [`MOST_JOBS`].
    #[error("batch: expected 1 to {MOST_JOBS} records, found {found}")]
    Count {
        /// How many there are.
        found: String,
    },
    /// The header was not signed.
    #[error("header of the batch: {0}")]
    Signer(#[from] SignerError),
}

/// The jobs of a batch, their images on the disk.
#[derive(Debug)]
pub struct Prepared {
    /// In the order of the records.
    pub jobs: Vec<NewJob>,
    /// The Merkle root over them.
    pub root: [u8; 32],
    /// Bytes of all files of all images.
    pub bytes: u64,
}

/// Makes the images of a batch. `tell` hears how many are done, from several threads; `live` is whether the site makes cards for persons.
///
/// # Errors
/// Any [`PrepareError`]; the first one ends it.
pub fn prepare(
    with: &Preparation<'_>,
    records: &mut dyn Iterator<Item = Result<Order, String>>,
    live: bool,
    rng: &mut dyn CryptoRng,
    tell: &(dyn Fn(u64) + Sync),
) -> Result<Prepared, PrepareError> {
    if !is_name(with.batch) {
        return Err(PrepareError::Name(with.batch.chars().take(80).collect()));
    }
    let folder = with.images.join(with.batch);
    std::fs::create_dir(&folder).map_err(|source| PrepareError::Io { path: folder.clone(), source })?;
    let shared = Shared { with, folder: &folder, state: Mutex::default(), tell };
    let (send, receive) = sync_channel(with.workers.max(1) * AHEAD);
    let receive = Mutex::new(receive);
    let fed = std::thread::scope(|scope| {
        for _ in 0..with.workers.max(1) {
            scope.spawn(|| shared.work(&receive));
        }
        // the channel ends with this closure, and the workers with the channel
        let send = send;
        let mut sequence = 0;
        for order in records {
            sequence += 1;
            let order = order.map_err(PrepareError::Source)?;
            if sequence > MOST_JOBS {
                return Err(PrepareError::Count { found: "more".to_owned() });
            }
            let name = |live| if live { "persons" } else { "tests" };
            if order.record.live() != live {
                return Err(PrepareError::Live { sequence, expected: name(live), found: name(order.record.live()) });
            }
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            if shared.failed() || send.send((sequence, order, seed)).is_err() {
                break;
            }
        }
        Ok(sequence)
    });
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let count = fed?;
    if let Some(error) = state.error {
        return Err(error);
    }
    if count == 0 {
        return Err(PrepareError::Count { found: "none".to_owned() });
    }
    file::sync_directory(&folder).map_err(|source| PrepareError::Io { path: folder, source })?;
    let jobs: Vec<NewJob> = state.jobs.into_values().collect();
    let mut root = Root::default();
    jobs.iter().for_each(|job| root.push(merkle::leaf(job)));
    Ok(Prepared { root: root.finish(), jobs, bytes: state.bytes })
}

/// Whether this is the name of a batch.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What all workers share.
struct Shared<'a> {
    with: &'a Preparation<'a>,
    folder: &'a Path,
    state: Mutex<State>,
    tell: &'a (dyn Fn(u64) + Sync),
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<u32, NewJob>,
    bytes: u64,
    error: Option<PrepareError>,
}

type Work = (u32, Order, [u8; 32]);

impl Shared<'_> {
    fn failed(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).error.is_some()
    }

    fn work(&self, receive: &Mutex<Receiver<Work>>) {
        loop {
            let next = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((sequence, order, seed)) = next else { break };
            if self.failed() {
                // the rest of the channel is emptied, so that whoever fills it does not wait for ever
                continue;
            }
            let made = self.make(sequence, &order, seed);
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match made {
                Ok((job, bytes)) => {
                    state.jobs.insert(sequence, job);
                    state.bytes += bytes;
                    let done = u64::try_from(state.jobs.len()).unwrap_or(u64::MAX);
                    drop(state);
                    (self.tell)(done);
                }
                Err(error) => {
                    state.error.get_or_insert(error);
                }
            }
        }
    }

    fn make(&self, sequence: u32, order: &Order, seed: [u8; 32]) -> Result<(NewJob, u64), PrepareError> {
        let with = self.with;
        let mut rng = ChaCha20Rng::from_seed(seed);
        let wrong = |source| PrepareError::Build { sequence, source };
        let keys = ChipKeys::generate(with.profile, &mut rng).map_err(wrong)?;
        let signing = Signing { signer: with.signer, certificate: with.certificate, today: with.today };
        let mut image = build::build(&order.record, with.profile, &keys, signing).map_err(wrong)?;
        if let Some(trust) = with.trust {
            build::guard(&mut image, trust.clone());
        }
        let image_digest = image.digest();
        let bytes = image.files.values().map(|file| u64::try_from(file.len()).unwrap_or(u64::MAX)).sum();
        let image = ImageFile { profile: with.profile.id.clone(), live: order.record.live(), image };
        let sealed = with.seal.seal(&image, with.batch, sequence, &mut rng);
        let name = format!("{sequence:06}.sealed");
        let path = self.folder.join(&name);
        file::write(&path, &sealed, Readers::Owner, false).map_err(|source| PrepareError::Io { path, source })?;
        let (person, number) = with.pseudonyms.of_record(&order.record, with.profile.mrz.number);
        let job = NewJob {
            sequence,
            person,
            document_type: order.record.mrz().content().document_code.clone(),
            number,
            image_digest,
            image_file: format!("{}/{name}", with.batch),
            sealed_digest: Sha256::digest(&sealed).into(),
            replaces: order.replaces,
        };
        Ok((job, bytes))
    }
}

/// The bytes of a header that its signature is over: all of it but the signature, texts preceded by their length in four bytes.
#[must_use]
pub fn to_be_signed(batch: &NewBatch, jobs: u64) -> Vec<u8> {
    let mut out = b"cardwright batch 1\0".to_vec();
    for text in [&batch.name, &batch.document_profile, &batch.card_profile] {
        out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(text.as_bytes());
    }
    out.extend(batch.profile_digest);
    out.push(u8::from(batch.live));
    out.extend(batch.merkle_root);
    out.extend(jobs.to_be_bytes());
    out
}

/// Signs the header of a batch in place: ECDSA as r and s, each as long as the order.
///
/// # Errors
/// The key refuses.
pub fn sign(batch: &mut NewBatch, jobs: u64, key: &dyn Signer) -> Result<(), PrepareError> {
    batch.signature = key.sign(&to_be_signed(batch, jobs))?.to_plain();
    Ok(())
}

/// What is wrong with a stored batch, or nothing: the signature of its header, the Merkle root over its jobs, and that every sealed image
/// is there and opens to the image that its job names. Whoever releases a batch has this checked first.
///
/// # Errors
/// What was expected and what was found, in words.
pub fn check(batch: &Batch, jobs: &mut dyn Iterator<Item = Job>, key: &PublicKey, images: &Images<'_>) -> Result<(), String> {
    let header = to_be_signed(&batch.header, batch.jobs);
    let verified = verify_plain(super::site::ALGORITHM, key, &header, &batch.header.signature).is_ok();
    if !verified {
        return Err(format!("batch {}: expected a header signed with the preparation key, found another signature", batch.header.name));
    }
    let mut root = Root::default();
    let mut count = 0;
    for job in jobs {
        root.push(merkle::leaf(&job.order));
        images.open(&job)?;
        count += 1;
    }
    if (root.finish(), count) != (batch.header.merkle_root, batch.jobs) {
        return Err(format!(
            "batch {}: expected {} jobs under the Merkle root of its header, found {count} others",
            batch.header.name, batch.jobs
        ));
    }
    Ok(())
}

/// The sealed images of a site.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// The folder of all images.
    pub folder: &'a Path,
    /// Opens them.
    pub seal: &'a Seal,
}

impl Images<'_> {
    /// The image of a job.
    ///
    /// # Errors
    /// The file is not there, is not the one that was prepared, or does not open, in words.
    pub fn open(&self, job: &Job) -> Result<CardImage, String> {
        let sequence = job.order.sequence;
        // the name is from the store, which is not trusted with paths
        let batch = job.order.image_file.strip_suffix(&format!("/{sequence:06}.sealed")).filter(|batch| is_name(batch));
        let batch = batch.ok_or_else(|| {
            format!("job {sequence}: expected its sealed image BATCH/{sequence:06}.sealed, found {:?}", job.order.image_file)
        })?;
        let path = self.folder.join(&job.order.image_file);
        let sealed = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let found: [u8; 32] = Sha256::digest(&sealed).into();
        if found != job.order.sealed_digest {
            let digests = (hex::encode(job.order.sealed_digest), hex::encode(found));
            return Err(format!("{}: expected SHA-256 {}, found {}", path.display(), digests.0, digests.1));
        }
        let opened: Result<ImageFile, SealError> = self.seal.open(&sealed, batch, sequence);
        let image = opened.map_err(|error| format!("{}: {error}", path.display()))?.image;
        let (expected, found) = (job.order.image_digest, image.digest());
        if expected != found {
            return Err(format!(
                "{}: expected an image with digest {}, found {}",
                path.display(),
                hex::encode(expected),
                hex::encode(found)
            ));
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests;
