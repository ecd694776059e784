//! Cards behind a GlobalPlatform security domain that take data groupings: the driver `gp-dgi`.

use eid::apdu::{Command, Response, Sw};
use eid::dgi;
use eid::gp::{self, Aid, Install, StoreData};
use eid::image::{CardImage, LifeCycle};
use eid::scp03::host::{HostSession, InitializeUpdateAnswer, Opening};
use eid::scp03::{self, ScpError, SecurityLevel, StaticKeys, put_key};
use eid::tlv;
use eid::transport::Transport;
use rand_core::CryptoRng;

use super::{Change, Job, Journal, Nonce, Status, Tell, WriteError, Writer, Written};
use crate::perso::card_profile::{EncryptedBlocks, GpDgi};
use crate::perso::plan::{self, Wire, dgi as groupings};

/// GET DATA of the key diversification data (GPCS clause H.2: tag CF).
const KEY_DIVERSIFICATION_DATA: u16 = 0x00CF;

/// One card under work.
pub(super) struct Work<'a> {
    writer: &'a Writer<'a>,
    product: &'a GpDgi,
    card: &'a mut dyn Transport,
    rng: &'a mut dyn CryptoRng,
    journal: &'a mut dyn Journal,
    touched: &'a mut bool,
    serial: Vec<u8>,
    apdus: usize,
    command_bytes: usize,
    response_bytes: usize,
}

/// An open session, and what the card said about itself.
struct Open {
    session: HostSession,
    mode: scp03::Mode,
    status: Status,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        writer: &'a Writer<'a>,
        product: &'a GpDgi,
        card: &'a mut dyn Transport,
        rng: &'a mut dyn CryptoRng,
        journal: &'a mut dyn Journal,
        touched: &'a mut bool,
    ) -> Self {
        Self { writer, product, card, rng, journal, touched, serial: Vec::new(), apdus: 0, command_bytes: 0, response_bytes: 0 }
    }

    pub(super) fn personalize(mut self, job: Job<'_>, tell: Tell<'_>) -> Result<Written, WriteError> {
        let profile = self.writer.profile;
        let digest = job.image.digest();
        // Everything that the product lacks is found before the card is touched.
        let files = groupings::files(job.image, profile)?;
        let secrets = groupings::secrets(job.image, profile, self.product)?;
        let trust_points = groupings::trust_points(job.image, profile, self.product)?;
        let options = plan::Options { apdu: self.writer.apdu, level: Some(self.product.level), mode: scp03::Mode::S8 };
        let total = plan::plan("", job.image, profile, options)?.plan_apdus;
        let mut report = |work: &Self, step: &str| tell(work.apdus.min(total), total, step);

        report(&self, "authenticate");
        let mut open = self.open_for(job.nonce)?;
        let resumed = open.status.state != LifeCycle::Initialized;
        if matches!(open.status.state, LifeCycle::Initialized | LifeCycle::PersoOpen) {
            self.plain("INSTALL [for personalization]", &mut open.session, &install(&self.product.target_aid))?;
            let done = |dgi: u16| open.status.done.contains(&dgi);
            let mut clear = Vec::new();
            dgi::push(&mut clear, self.product.nonce_dgi, &job.nonce)?;
            // Where a file is complete: there the work may end.
            let mut ends = Vec::new();
            for (file, bytes) in files.iter().filter(|(file, _)| !done(file.dgi())) {
                dgi::push(&mut clear, file.dgi(), bytes)?;
                ends.push(clear.len());
            }
            if let Some((dgi, value)) = trust_points.iter().find(|(dgi, _)| !done(*dgi)) {
                dgi::push(&mut clear, *dgi, value)?;
            }
            let mut encrypted = Vec::new();
            for (dgi, value) in secrets.iter().filter(|(dgi, _)| !done(*dgi)) {
                let mut grouping = Vec::new();
                dgi::push(&mut grouping, *dgi, &open.session.encrypt_sensitive(value.expose())?)?;
                encrypted.push(grouping);
            }
            let mut commit = [&job.nonce[..], &digest].concat();
            let count = 1 + files.len() + trust_points.iter().len() + secrets.len();
            commit.push(u8::try_from(count).map_err(|_| WriteError::Command(format!("{count} groupings, at most 255 can be counted")))?);
            self.before(Change::Store)?;
            let capacity = self.capacity(open.mode);
            let mut number = 0;
            let mut sent = 0;
            for (n, block) in clear.chunks(capacity).enumerate() {
                self.store(&mut open.session, &mut number, StoreData::dgi(false, false, 0, block))?;
                let before = sent;
                sent += block.len();
                if ends.iter().any(|end| (before + 1..=sent).contains(end)) && self.journal.stop() {
                    return Err(WriteError::Stopped);
                }
                if n % 4 == 0 {
                    report(&self, "files");
                }
            }
            for block in encrypted_blocks(encrypted, capacity, self.product.encrypted_blocks) {
                self.store(&mut open.session, &mut number, StoreData::dgi(false, true, 0, block))?;
            }
            if self.journal.stop() {
                return Err(WriteError::Stopped);
            }
            self.after(Change::Store)?;
            report(&self, "commit");
            self.before(Change::Commit)?;
            let mut last = Vec::new();
            dgi::push(&mut last, self.product.commit_dgi, &commit)?;
            self.store(&mut open.session, &mut number, StoreData::dgi(true, false, 0, last))?;
        }
        report(&self, "check");
        let status = self.status(&mut open.session)?;
        self.confirm(&status, job.image, job.nonce)?;
        self.after(Change::Commit)?;
        report(&self, "written");
        Ok(Written {
            serial: self.serial,
            digest,
            apdus: self.apdus,
            command_bytes: self.command_bytes,
            response_bytes: self.response_bytes,
            resumed,
        })
    }

    /// Serial and status; nothing is changed.
    pub(super) fn examine(mut self) -> (Option<Vec<u8>>, Result<Status, WriteError>) {
        let status = self.examined();
        (Some(self.serial).filter(|serial| !serial.is_empty()), status)
    }

    fn examined(&mut self) -> Result<Status, WriteError> {
        let clear = self.identify()?;
        if let Some(status) = clear.as_ref().filter(|status| status.state == LifeCycle::Terminated) {
            // No keys are left in it, but it still tells its key diversification data.
            self.expect("SELECT security domain", &gp::select(&self.product.sd_aid))?;
            let answer = self.transmit("GET DATA key diversification data", &gp::get_data(KEY_DIVERSIFICATION_DATA))?;
            let kdd = tlv::single(&answer.data, u32::from(KEY_DIVERSIFICATION_DATA)).ok().filter(|_| answer.sw.is_ok());
            self.serial = kdd.map(|kdd| kdd.value.to_vec()).unwrap_or_default();
            return Ok(status.clone());
        }
        let mut open = self.open_as(clear)?;
        self.status(&mut open.session)
    }

    pub(super) fn activate(mut self, digest: [u8; 32]) -> Result<(), WriteError> {
        let mut open = self.open()?;
        let found = open.status.digest.map_or_else(|| "none".to_owned(), hex::encode);
        match open.status.state {
            LifeCycle::Personalized | LifeCycle::Operational if open.status.digest == Some(digest) => {}
            LifeCycle::Personalized | LifeCycle::Operational => {
                return Err(WriteError::OtherImage { expected: hex::encode(digest), found });
            }
            found => return Err(WriteError::State { expected: "personalized", found }),
        }
        self.single(&mut open.session, Change::Activate, self.product.activate_dgi, &digest)?;
        match self.status(&mut open.session)?.state {
            LifeCycle::Operational => self.after(Change::Activate),
            found => Err(WriteError::State { expected: "operational", found }),
        }
    }

    pub(super) fn terminate(mut self, nonce: Nonce) -> Result<(), WriteError> {
        let mut open = self.open()?;
        if let Some(found) = open.status.nonce.filter(|found| *found != nonce) {
            return Err(WriteError::OtherJob { found: hex::encode(found) });
        }
        let nonce = open.status.nonce.unwrap_or_default();
        self.single(&mut open.session, Change::Terminate, self.product.terminate_dgi, &nonce)?;
        match self.identify()? {
            Some(Status { state: LifeCycle::Terminated, .. }) => self.after(Change::Terminate),
            other => Err(WriteError::State { expected: "terminated", found: other.map_or(LifeCycle::Operational, |status| status.state) }),
        }
    }

    /// A session in which the job may write: transport keys are replaced on the way, if the profile says so.
    fn open_for(&mut self, nonce: Nonce) -> Result<Open, WriteError> {
        let mut open = self.open()?;
        match open.status.state {
            LifeCycle::Terminated => {
                return Err(WriteError::State { expected: "blank, or opened by this job", found: LifeCycle::Terminated });
            }
            LifeCycle::Initialized => {}
            _ if open.status.nonce == Some(nonce) => {}
            _ => return Err(WriteError::OtherJob { found: open.status.nonce.map_or_else(|| "none".to_owned(), hex::encode) }),
        }
        if self.product.replace_keys && open.session.key_version() == self.product.kvn_transport {
            let keys = self.keys(&self.product.master_production, open.session.kdd())?;
            self.before(Change::ReplaceKeys)?;
            let command = open.session.put_key(self.product.kvn_transport, self.product.kvn_production, &keys);
            let answer = self.plain("PUT KEY", &mut open.session, &command)?;
            put_key::check_answer(&answer.data, self.product.kvn_production, &keys)?;
            self.after(Change::ReplaceKeys)?;
            open = self.open()?;
        }
        Ok(open)
    }

    /// Identifies the card, opens a session under the keys that it has, and asks for its status.
    fn open(&mut self) -> Result<Open, WriteError> {
        let clear = self.identify()?;
        self.open_as(clear)
    }

    /// A session with a card that said `clear` of itself.
    fn open_as(&mut self, clear: Option<Status>) -> Result<Open, WriteError> {
        let key_version = clear.as_ref().and_then(|status| status.key_version).unwrap_or(self.product.kvn_production);
        let master = match key_version {
            version if version == self.product.kvn_transport => &self.product.master_transport,
            version if version == self.product.kvn_production => &self.product.master_production,
            version => {
                let expected = format!("{:02X} or {:02X}", self.product.kvn_transport, self.product.kvn_production);
                return Err(self.other("key version", expected, format!("{version:02X}")));
            }
        };
        let select = gp::select(&self.product.sd_aid);
        self.expect("SELECT security domain", &select)?;
        let (opening, answer) = self.initialize_update(key_version)?;
        if !self.product.i.contains(&answer.implementation.byte()) {
            let expected = self.product.i.iter().map(|i| format!("{i:02X}")).collect::<Vec<_>>().join(" or ");
            return Err(self.other("parameter i", expected, format!("{:02X}", answer.implementation.byte())));
        }
        self.serial = answer.kdd.to_vec();
        let keys = self.keys(master, answer.kdd)?;
        if keys.len() * 8 != self.product.key_bits {
            return Err(self.other("key length", format!("{} bits", self.product.key_bits), format!("{} bits", keys.len() * 8)));
        }
        let mode = answer.implementation.mode();
        let mut session = self.authenticate(opening, &answer, &keys)?;
        let status = match clear {
            Some(status) => status,
            None => self.status(&mut session)?,
        };
        Ok(Open { session, mode, status })
    }

    /// The keys of the card with this KDD, by the product's rule.
    fn keys(&self, master: &str, kdd: [u8; 10]) -> Result<StaticKeys, WriteError> {
        Ok(self.product.diversification.derive(&StaticKeys::same(self.writer.masters.get(master)?)?, kdd)?)
    }

    /// ATR and SELECT; the status where the card gives it in clear. Nothing is changed.
    fn identify(&mut self) -> Result<Option<Status>, WriteError> {
        let matching = &self.writer.profile.matching;
        let atr = self.card.atr().map_err(|source| WriteError::Transport { step: "ATR".to_owned(), source })?;
        let fits = |(value, mask): &(Vec<u8>, Vec<u8>)| {
            value.len() == atr.len() && value.iter().zip(mask).zip(&atr).all(|((value, mask), found)| value & mask == found & mask)
        };
        if !matching.atr.is_empty() && !matching.atr.iter().any(fits) {
            let expected = matching.atr.iter().map(|(value, _)| hex::encode_upper(value)).collect::<Vec<_>>().join(" or ");
            return Err(self.other("ATR", expected, hex::encode_upper(&atr)));
        }
        let select = Command::new(0x00, 0xA4, 0x04, 0x00).with_data(matching.aid.clone()).with_le(256);
        let answer = self.transmit("SELECT application", &select)?;
        if answer.sw == Sw(0x6285) {
            let answer = self.expect("GET DATA status", &gp::get_data(self.product.status_object))?;
            return Ok(Some(Status::parse(&answer.data, self.product.status_object)?));
        }
        if !matching.select_sw.contains(&answer.sw.0) {
            let expected = matching.select_sw.iter().map(|sw| format!("{sw:04X}")).collect::<Vec<_>>().join(" or ");
            return Err(self.other("SELECT application", expected, answer.sw.to_string()));
        }
        Ok(Status::in_fci(&answer.data, self.product.status_object)?)
    }

    /// S8 first; a card that refuses the length is asked once in S16, if the profile knows such cards.
    fn initialize_update(&mut self, key_version: u8) -> Result<(Opening, InitializeUpdateAnswer), WriteError> {
        let parse = |data: &[u8]| InitializeUpdateAnswer::parse(data).map_err(channel("INITIALIZE UPDATE"));
        let (command, opening) = Opening::start(key_version, scp03::Mode::S8, self.rng);
        let answer = self.transmit("INITIALIZE UPDATE", &command)?;
        if answer.sw == Sw(0x6700) && self.product.i.iter().any(|i| i & 0x01 != 0) {
            let (command, opening) = Opening::start(key_version, scp03::Mode::S16, self.rng);
            return Ok((opening, parse(&self.expect("INITIALIZE UPDATE", &command)?.data)?));
        }
        Ok((opening, parse(&checked("INITIALIZE UPDATE", answer)?.data)?))
    }

    fn authenticate(&mut self, opening: Opening, answer: &InitializeUpdateAnswer, keys: &StaticKeys) -> Result<HostSession, WriteError> {
        let level = SecurityLevel::from_byte(self.product.level).map_err(channel("EXTERNAL AUTHENTICATE"))?;
        let aid = Some(self.product.sd_aid.as_bytes());
        let opened = opening.authenticate(answer, keys, level, self.product.channel, aid).map_err(|error| match error {
            ScpError::CardCryptogram | ScpError::CardChallenge => WriteError::WrongKeys(error),
            source => WriteError::Channel { step: "EXTERNAL AUTHENTICATE".to_owned(), source },
        });
        let (command, session) = opened?;
        self.expect("EXTERNAL AUTHENTICATE", &command)?;
        Ok(session)
    }

    /// A change that is one grouping, in an INSTALL [for personalization] of its own.
    fn single(&mut self, session: &mut HostSession, change: Change, grouping: u16, value: &[u8]) -> Result<(), WriteError> {
        self.plain("INSTALL [for personalization]", session, &install(&self.product.target_aid))?;
        let mut block = Vec::new();
        dgi::push(&mut block, grouping, value)?;
        self.before(change)?;
        self.store(session, &mut 0, StoreData::dgi(true, false, 0, block))
    }

    /// The next block of a sequence, which gets its number here.
    fn store(&mut self, session: &mut HostSession, number: &mut usize, mut block: StoreData) -> Result<(), WriteError> {
        let limit = self.product.block_limit;
        let next = u8::try_from(*number).ok().filter(|_| *number < limit);
        block.number = next.ok_or(plan::PlanError::TooManyBlocks { found: *number + 1, max: limit })?;
        *number += 1;
        self.plain(&format!("STORE DATA block {}", block.number), session, &block.command()).map(drop)
    }

    fn status(&mut self, session: &mut HostSession) -> Result<Status, WriteError> {
        let answer = self.plain("GET DATA status", session, &gp::get_data(self.product.status_object))?;
        Ok(Status::parse(&answer.data, self.product.status_object)?)
    }

    /// The card holds the committed image of this job.
    fn confirm(&self, status: &Status, image: &CardImage, nonce: Nonce) -> Result<(), WriteError> {
        if !matches!(status.state, LifeCycle::Personalized | LifeCycle::Operational) {
            return Err(WriteError::State { expected: "personalized", found: status.state });
        }
        if status.nonce != Some(nonce) {
            return Err(WriteError::OtherJob { found: status.nonce.map_or_else(|| "none".to_owned(), hex::encode) });
        }
        let expected = image.digest();
        if self.product.status_digest && status.digest != Some(expected) {
            let found = status.digest.map_or_else(|| "none".to_owned(), hex::encode);
            return Err(WriteError::OtherImage { expected: hex::encode(expected), found });
        }
        Ok(())
    }

    fn capacity(&self, mode: scp03::Mode) -> usize {
        let apdu = &self.writer.profile.apdu;
        let max_data = self.writer.apdu.max_data(apdu.fit_frame, apdu.max_command_data);
        Wire { level: self.product.level, mode, max_data }.capacity().max(1)
    }

    fn before(&mut self, change: Change) -> Result<(), WriteError> {
        self.journal.before(&self.serial, change).map_err(WriteError::Journal)?;
        *self.touched = true;
        Ok(())
    }

    fn after(&mut self, change: Change) -> Result<(), WriteError> {
        self.journal.after(&self.serial, change).map_err(WriteError::Journal)
    }

    /// A command through the secure channel that must succeed.
    fn plain(&mut self, step: &str, session: &mut HostSession, command: &Command) -> Result<Response, WriteError> {
        let wrapped = session.wrap(command).map_err(channel(step))?;
        let answer = self.transmit(step, &wrapped)?;
        checked(step, session.unwrap(&answer).map_err(channel(step))?)
    }

    /// A command in clear that must succeed.
    fn expect(&mut self, step: &str, command: &Command) -> Result<Response, WriteError> {
        checked(step, self.transmit(step, command)?)
    }

    fn transmit(&mut self, step: &str, command: &Command) -> Result<Response, WriteError> {
        let bytes = command.encode()?;
        self.apdus += 1;
        self.command_bytes += bytes.len();
        let answer = self.card.transmit(&bytes).map_err(|source| WriteError::Transport { step: step.to_owned(), source })?;
        self.response_bytes += answer.len();
        Ok(Response::parse(&answer)?)
    }

    fn other(&self, what: &'static str, expected: String, found: String) -> WriteError {
        WriteError::NotThisProduct { profile: self.writer.profile.id.clone(), what, expected, found }
    }
}

fn install(target: &Aid) -> Command {
    Install::Personalization { application: target.clone() }.command()
}

fn checked(step: &str, answer: Response) -> Result<Response, WriteError> {
    if answer.sw.is_ok() { Ok(answer) } else { Err(WriteError::Card { step: step.to_owned(), sw: answer.sw }) }
}

fn channel(step: &str) -> impl Fn(ScpError) -> WriteError {
    move |source| WriteError::Channel { step: step.to_owned(), source }
}

fn encrypted_blocks(groupings: Vec<Vec<u8>>, capacity: usize, packing: EncryptedBlocks) -> Vec<Vec<u8>> {
    let cut = |stream: &[u8]| stream.chunks(capacity).map(<[u8]>::to_vec).collect::<Vec<_>>();
    match packing {
        EncryptedBlocks::Packed => cut(&groupings.concat()),
        EncryptedBlocks::OneGroupingEach => groupings.iter().flat_map(|grouping| cut(grouping)).collect(),
    }
}
