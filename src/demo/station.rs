//! One worker with one reader: takes a blank card, writes it, makes it live, inspects it, compares, and puts the results away.

use std::path::Path;

use applets::Card;
use chacha20::ChaCha20Rng;
use eid::image::{CardImage, FileId, Home};
use eid::transport::Transport;
use rand_core::{Rng as _, SeedableRng as _};

use super::{CardResult, Event, Job, Shared, Slot};
use crate::perso::blank;
use crate::perso::build::{self, ChipKeys, Signing};
use crate::perso::letter::Letter;
use crate::perso::plan::ApduForm;
use crate::perso::write::{self, Disposition, Failed, Writer};
use crate::terminal;

/// Where a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Keys are made and the image is built and signed.
    Build,
    /// The card is written.
    Write,
    /// The card becomes operational.
    Activate,
    /// The card is inspected and read back.
    Inspect,
}

/// A worker.
pub(super) struct Station<'a> {
    shared: &'a Shared<'a>,
    slot: usize,
    place: &'a Slot,
    /// Since when the reader is empty: its driver must see that before the next card comes.
    #[cfg(feature = "pcsc")]
    emptied: Option<std::time::Instant>,
}

/// What went wrong, and what that means for the batch.
struct Trouble {
    text: String,
    disposition: Option<Disposition>,
}

impl<E: std::fmt::Display> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self { text: error.to_string(), disposition: None }
    }
}

impl<'a> Station<'a> {
    pub(super) const fn new(shared: &'a Shared<'a>, slot: usize, place: &'a Slot) -> Self {
        Self {
            shared,
            slot,
            place,
            #[cfg(feature = "pcsc")]
            emptied: None,
        }
    }

    /// Makes one card.
    pub(super) fn make(&mut self, job: &Job) -> (CardResult, Option<Disposition>) {
        let mut result = CardResult {
            card: job.number,
            name: job.record.full_name(),
            number: job.record.number().map_or_else(String::new, |number| format!("{number:?}")),
            personalized: false,
            verified: false,
            verdict: "none".to_owned(),
            bytes: 0,
            apdus: 0,
            error: None,
        };
        match self.try_make(job, &mut result) {
            Ok(()) => (result, None),
            Err(trouble) => {
                result.error = Some(trouble.text);
                (result, trouble.disposition)
            }
        }
    }

    fn try_make(&mut self, job: &Job, result: &mut CardResult) -> Result<(), Trouble> {
        let shared = self.shared;
        let mut rng = ChaCha20Rng::from_seed(job.seed);
        self.stage(job, Stage::Build);
        let keys = ChipKeys::generate(&shared.document, &mut rng)?;
        let signing = Signing { signer: shared.signer.as_ref(), certificate: &shared.certificate, today: shared.options.today };
        let mut image = build::build(&job.record, &shared.document, &keys, signing)?;
        if let Some(trust) = &shared.options.trust {
            build::guard(&mut image, trust.clone());
        }
        if let Some(profile) = &shared.document.pin {
            let letter = Letter::draw(profile, &mut rng);
            letter.give(&mut image, profile);
            letter.save(&self.path("letters").join(format!("{:04}", job.number)))?;
        }
        result.bytes = image.files.values().map(Vec::len).sum();
        let mut card = self.blank(job, &mut rng)?;
        let outcome = self.in_reader(&mut card, |station, link| station.process(link, job, &image, &mut rng, result));
        drop(card);
        outcome?;
        self.put_away(job, &image)?;
        Ok(())
    }

    /// A blank card from the maker: serial number and transport keys of its own, in a file.
    fn blank(&self, job: &Job, rng: &mut ChaCha20Rng) -> Result<Card, Trouble> {
        let [a, b, c, d] = job.number.to_be_bytes();
        let kdd = [0x00, 0x00, 0x00, b'E', b'I', b'D', a, b, c, d];
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let path = self.path("cards").join(format!("{:04}.card", job.number));
        let chip = Box::new(ChaCha20Rng::from_seed(seed));
        Ok(blank::create(&path, &self.shared.card_profile, &self.shared.masters, kdd, chip)?)
    }

    /// Everything that happens with the card in the reader.
    fn process(
        &self,
        link: &mut dyn Transport,
        job: &Job,
        image: &CardImage,
        rng: &mut ChaCha20Rng,
        result: &mut CardResult,
    ) -> Result<(), Trouble> {
        let shared = self.shared;
        let writer = Writer { profile: &shared.card_profile, masters: &shared.masters, apdu: ApduForm::Frame };
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let order = write::Job { image, nonce, live: job.record.live() };
        let failed = |failed: Failed| Trouble { disposition: Some(failed.disposition), text: failed.to_string() };
        let mut tell = |done, total, _: &str| self.tell(job, Stage::Write, done, total);
        let written = writer.personalize(link, order, rng, &mut (), &mut tell).map_err(failed)?;
        result.apdus = written.apdus;
        self.stage(job, Stage::Activate);
        writer.activate(link, written.digest, rng, &mut ()).map_err(failed)?;
        result.personalized = true;
        self.stage(job, Stage::Inspect);
        link.reset()?;
        let passwords =
            [job.record.can().map(terminal::can), Some(terminal::mrz(job.record.mrz()))].into_iter().flatten().collect::<Vec<_>>();
        let inspection = shared.verifier.inspect(link, &passwords, shared.options.today, rng)?;
        let report = inspection.report.to_json();
        if let Some(verdict) = report.get("verdict").and_then(serde_json::Value::as_str) {
            verdict.clone_into(&mut result.verdict);
        }
        let path = self.path("reports").join(format!("{:04}.json", job.number));
        std::fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")?;
        if inspection.report.verdict != terminal::Verdict::Genuine {
            return Err(format!("the inspection says {}", result.verdict).into());
        }
        // DG3 and DG4 are behind terminal authentication: that they are there and equal, the card confirmed by its digest under R-MAC. EF.CVCA is
        // read by those only who go there, and the chip makes it from its trust points. EF.CardSecurity is read for the chip authentication mapping,
        // which would not have passed without it, and in version 2 for terminal authentication. The eID application opens to authentication terminals.
        for (file, bytes) in image.files.iter().filter(|(file, _)| file.home != Home::Eid) {
            match inspection.files.get(file) {
                Some(read) if read == bytes => {}
                None if matches!(file.dg_number(), Some(3 | 4)) || [FileId::CVCA, FileId::CARD_SECURITY].contains(file) => {}
                Some(read) => {
                    return Err(format!("{file} reads back as {} other bytes than the image's {}", read.len(), bytes.len()).into());
                }
                None => return Err(format!("{file} was not read back").into()),
            }
        }
        result.verified = true;
        Ok(())
    }

    /// The files as issued.
    fn put_away(&self, job: &Job, image: &CardImage) -> Result<(), Trouble> {
        let folder = self.path("lds").join(format!("{:04}", job.number));
        std::fs::create_dir(&folder)?;
        for (file, bytes) in &image.files {
            std::fs::write(folder.join(file.name()), bytes)?;
        }
        Ok(())
    }

    /// Puts the card into this worker's reader, runs `work` over the link to it, and takes it out again.
    fn in_reader(&mut self, card: &mut Card, work: impl FnOnce(&Self, &mut dyn Transport) -> Result<(), Trouble>) -> Result<(), Trouble> {
        match self.place {
            Slot::InProcess => work(self, card),
            #[cfg(feature = "pcsc")]
            Slot::Pcsc { reader, vpcd } => self.over_pcsc(card, reader, vpcd, work),
        }
    }

    fn path(&self, folder: &str) -> std::path::PathBuf {
        Path::new(&self.shared.options.out).join(folder)
    }

    fn stage(&self, job: &Job, stage: Stage) {
        self.tell(job, stage, 0, 0);
    }

    fn tell(&self, job: &Job, stage: Stage, done: usize, total: usize) {
        (self.shared.tell)(Event::Stage { card: job.number, slot: self.slot, stage, done, total });
    }
}

#[cfg(feature = "pcsc")]
mod pcsc {
    //! The same through the PC/SC service: the card is served to the port of the reader's driver, the work goes through the service.

    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use applets::{Card, vpcd};

    use super::{Station, Transport, Trouble};
    use crate::transport::PcscSelector;
    use crate::transport::pcsc::{PcscReader, Sharing};

    /// How long a reader may take to see a card.
    const PATIENCE: Duration = Duration::from_secs(20);

    impl Station<'_> {
        pub(super) fn over_pcsc(
            &mut self,
            card: &mut Card,
            reader: &PcscSelector,
            address: &str,
            work: impl FnOnce(&Self, &mut dyn Transport) -> Result<(), Trouble>,
        ) -> Result<(), Trouble> {
            // A card that comes within 400 ms of the last one's leaving is taken for the last one.
            if let Some(emptied) = self.emptied {
                std::thread::sleep(vpcd::RECONNECT_PAUSE.saturating_sub(emptied.elapsed()));
            }
            let stop = AtomicBool::new(false);
            let outcome = std::thread::scope(|scope| {
                let served = scope.spawn(|| vpcd::serve(card, address, &stop));
                let outcome = PcscReader::open_within(reader, Sharing::Exclusive, PATIENCE)
                    .map_err(Trouble::from)
                    .and_then(|mut link| work(self, &mut link));
                stop.store(true, Ordering::Relaxed);
                match (outcome, served.join()) {
                    (outcome, Ok(Ok(()))) => outcome,
                    // The card's own complaint says more than what the reader saw of it.
                    (_, Ok(Err(error))) => Err(error.into()),
                    (_, Err(_)) => Err("the virtual card broke down".into()),
                }
            });
            self.emptied = Some(Instant::now());
            outcome
        }
    }
}
