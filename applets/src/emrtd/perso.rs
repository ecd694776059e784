//! STORE DATA into the eID application: DGIs are joined across blocks, staged, and published by one commit (applet design 4.3, 4.4).
//!
//! Refused: a sequence that does not begin with the job's nonce, blocks out of order, a value that straddles from clear to
//! encrypted blocks, keys in clear, a wrong check value, more than the memory holds (before anything is written).

use eid::apdu::Command;
use eid::dgi::{self, Event, Stream};
use eid::gp::StoreData;
use eid::gp::transfer::{Encryption, Structure};
use eid::image::{FileId, LifeCycle};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::secrets;
use super::terminal_auth::{MAX_TRUST_POINTS, TRUST_POINTS};
use crate::card::Card;
use crate::status::{self, Answer, Refusal, done, refuse};
use crate::store::renewable::USUAL_PAGES;
use crate::store::{Meta, Staging};

/// DGI of the job's nonce.
const NONCE: u16 = 0x0001;
/// DGI of the commit.
const COMMIT: u16 = 0x00C0;
/// DGI of the activation.
const ACTIVATE: u16 = 0x00FD;
/// DGI of the termination.
const TERMINATE: u16 = 0x00FE;
/// Longest encrypted value: an RSA-4096 key fits.
const MAX_ENCRYPTED: usize = 4096;

/// A run of STORE DATA commands.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    /// Number of the block that must come; `None` after block FF.
    next: Option<u8>,
    encrypted: bool,
    /// DGI 0001 was given, and is the nonce of the job.
    opened: bool,
    stream: Stream,
    value: Option<Value>,
}

/// The value that is arriving.
#[derive(Debug)]
enum Value {
    /// Goes into the memory as it comes.
    File(Staging),
    /// Is looked at as a whole.
    Buffer(Zeroizing<Vec<u8>>),
}

impl Card {
    /// One STORE DATA command. The caller forgets the sequence after a refusal.
    pub(crate) fn personalize(&mut self, command: &Command) -> Answer {
        let block = StoreData::parse(command).map_err(|error| Refusal::Status(error.status().0))?;
        let (last, encrypted) = match (block.structure, block.encryption, block.answered) {
            (Structure::Dgi, Encryption::None, false) => (block.last, false),
            (Structure::Dgi, Encryption::All, false) => (block.last, true),
            _ => return refuse(status::WRONG_P1P2),
        };
        let mut sequence = match self.ram.sequence.take() {
            Some(sequence) if command.p2 != 0 && sequence.next == Some(command.p2) => sequence,
            _ if command.p2 == 0 => Sequence::default(),
            _ => return refuse(status::WRONG_P1P2),
        };
        sequence.next = command.p2.checked_add(1);
        if !sequence.stream.is_between() && sequence.encrypted != encrypted {
            return refuse(status::WRONG_DATA);
        }
        sequence.encrypted = encrypted;
        self.take_block(&mut sequence, &command.data, last)?;
        if last {
            sequence.stream.finish().or(refuse(status::WRONG_DATA))?;
        } else {
            self.ram.sequence = Some(sequence);
        }
        done()
    }

    fn take_block(&mut self, sequence: &mut Sequence, block: &[u8], last: bool) -> Result<(), Refusal> {
        let mut stream = std::mem::take(&mut sequence.stream);
        let mut control = None;
        for event in stream.block(block) {
            if control.is_some() {
                return refuse(status::WRONG_DATA);
            }
            match (event, sequence.value.take()) {
                (Event::Begin { id, len }, _) => sequence.value = Some(self.admit(sequence, id, len)?),
                (Event::Data(data), Some(Value::File(mut staging))) => {
                    self.store.append(&mut staging, data)?;
                    sequence.value = Some(Value::File(staging));
                }
                (Event::Data(data), Some(Value::Buffer(mut buffer))) => {
                    buffer.extend_from_slice(data);
                    sequence.value = Some(Value::Buffer(buffer));
                }
                (Event::End { id }, Some(Value::File(staging))) => self.store.finish(staging, id)?,
                (Event::End { id: NONCE }, Some(Value::Buffer(bytes))) => self.open_job(sequence, &bytes)?,
                (Event::End { id: id @ (COMMIT | ACTIVATE | TERMINATE) }, Some(Value::Buffer(bytes))) => control = Some((id, bytes)),
                (Event::End { id: TRUST_POINTS }, Some(Value::Buffer(bytes))) => self.take_trust_points(&bytes)?,
                (Event::End { id }, Some(Value::Buffer(bytes))) => self.take_secret(id, bytes)?,
                (_, None) => return refuse(status::NO_DIAGNOSIS),
            }
        }
        // These change the state: they come last and alone decide whether the command succeeds.
        let ends_here = last && stream.is_between();
        sequence.stream = stream;
        match control {
            None => Ok(()),
            Some(_) if !ends_here => refuse(status::WRONG_DATA),
            Some((COMMIT, bytes)) => self.commit(&bytes),
            Some((ACTIVATE, bytes)) => self.activate(&bytes),
            Some((_, bytes)) => self.terminate(&bytes),
        }
    }

    /// Decides by the header alone whether the state allows this DGI and the memory holds it.
    fn admit(&self, sequence: &Sequence, dgi: u16, len: usize) -> Result<Value, Refusal> {
        let state = self.store.meta().state;
        let buffer = || Ok(Value::Buffer(Zeroizing::new(Vec::with_capacity(len))));
        let secret = matches!(dgi, 0x8000..=0x8FFF);
        if secret != sequence.encrypted {
            return refuse(status::WRONG_DATA);
        }
        match dgi {
            NONCE if state > LifeCycle::PersoOpen => refuse(status::CONDITIONS),
            COMMIT if matches!(state, LifeCycle::Initialized | LifeCycle::Terminated) => refuse(status::CONDITIONS),
            ACTIVATE if !matches!(state, LifeCycle::Personalized | LifeCycle::Operational) => refuse(status::CONDITIONS),
            NONCE | COMMIT | ACTIVATE | TERMINATE => {
                let expected = match dgi {
                    COMMIT => 49,
                    ACTIVATE => 32,
                    _ => 16,
                };
                if len == expected { buffer() } else { refuse(status::WRONG_DATA) }
            }
            _ if state != LifeCycle::PersoOpen || !sequence.opened => refuse(status::CONDITIONS),
            TRUST_POINTS if (1..=MAX_TRUST_POINTS).contains(&len) => buffer(),
            TRUST_POINTS => refuse(status::WRONG_DATA),
            secrets::PASSWORDS | secrets::ACTIVE_AUTH | secrets::CHIP_AUTH | secrets::RESTRICTED_ID => {
                if len == 0 || !len.is_multiple_of(16) || len > MAX_ENCRYPTED {
                    return refuse(status::WRONG_DATA);
                }
                self.store.begin(len)?;
                buffer()
            }
            _ if FileId::from_dgi(dgi).is_none() => refuse(status::NO_REFERENCE),
            _ if len == 0 => refuse(status::WRONG_DATA),
            _ => Ok(Value::File(self.store.begin(len)?)),
        }
    }

    /// 0001: the first one opens the personalization, any other must be equal.
    fn open_job(&mut self, sequence: &mut Sequence, bytes: &[u8]) -> Result<(), Refusal> {
        let nonce: [u8; 16] = bytes.try_into().or(refuse(status::WRONG_DATA))?;
        let meta = self.store.meta();
        match meta.nonce {
            None => self.store.set_meta(Meta { state: LifeCycle::PersoOpen, nonce: Some(nonce), ..meta.clone() })?,
            Some(job) if job == nonce => {}
            Some(_) => return refuse(status::WRONG_DATA),
        }
        sequence.opened = true;
        Ok(())
    }

    /// 8002 to 8005: deciphered under the Key-DEK of the session, checked, then stored.
    fn take_secret(&mut self, id: u16, mut bytes: Zeroizing<Vec<u8>>) -> Result<(), Refusal> {
        let dek = self.ram.dek.as_ref().ok_or(Refusal::Status(status::SECURITY_STATUS))?;
        dek.decrypt_cbc(&[0; 16], &mut bytes).or(refuse(status::NO_DIAGNOSIS))?;
        // 6982: the Key-DEK was another one, or the ciphertext was changed on its way.
        let objects = dgi::open(&bytes).or(refuse(status::SECURITY_STATUS))?;
        secrets::validate(id, objects)?;
        if id == secrets::PASSWORDS && secrets::passwords(objects)?.pin_rules.is_some() {
            return Ok(self.store.store_renewable(id, objects, USUAL_PAGES)?);
        }
        let mut staging = self.store.begin(objects.len())?;
        self.store.append(&mut staging, objects)?;
        Ok(self.store.finish(staging, id)?)
    }

    /// 00C0: nonce 16 ‖ image digest 32 ‖ number of DGIs 1, against what reads back from the memory.
    fn commit(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let (nonce, rest) = bytes.split_at_checked(16).ok_or(Refusal::Status(status::WRONG_DATA))?;
        let (digest, count) = rest.split_at_checked(32).ok_or(Refusal::Status(status::WRONG_DATA))?;
        let meta = self.store.meta().clone();
        if meta.state != LifeCycle::PersoOpen {
            // The host repeats what it had no answer to.
            return if meta.digest.is_some_and(|known| known == digest) { Ok(()) } else { refuse(status::CONDITIONS) };
        }
        // DGI 0001 counts, though it lies in the meta record.
        let done = u8::try_from(self.store.done().len() + 1).or(refuse(status::WRONG_DATA))?;
        if meta.nonce.is_none_or(|known| known != nonce) || count != [done] {
            return refuse(status::WRONG_DATA);
        }
        let found = self.store.image_digest()?;
        if found != digest {
            return refuse(status::WRONG_DATA);
        }
        Ok(self.store.set_meta(Meta { state: LifeCycle::Personalized, digest: Some(found), ..meta })?)
    }

    /// 00FD: image digest 32.
    fn activate(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let meta = self.store.meta().clone();
        let same = meta.digest.is_some_and(|known| known == bytes);
        match (meta.state, same) {
            (LifeCycle::Personalized, true) => Ok(self.store.set_meta(Meta { state: LifeCycle::Operational, ..meta })?),
            (LifeCycle::Personalized, false) => refuse(status::WRONG_DATA),
            (_, true) => Ok(()),
            (_, false) => refuse(status::CONDITIONS),
        }
    }

    /// 00FE: the nonce of the job, or zeros where there was none.
    fn terminate(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let meta = self.store.meta();
        let known = meta.nonce.unwrap_or_default();
        if meta.state != LifeCycle::Terminated && !bool::from(known.ct_eq(bytes)) {
            return refuse(status::WRONG_DATA);
        }
        Ok(self.store.terminate()?)
    }
}
