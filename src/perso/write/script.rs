//! Cards that are written by a script of plain commands: the driver `mrtd-put-data`. Test cards only, since everything travels in clear.
//!
//! Such a card cannot tell whose data it holds or how far it got: one that was left half-written is scrap.

use eid::apdu::{Command, Response};
use eid::crypto::curve::Curve;
use eid::image::{ActiveAuthKey, CardImage, FileId};
use eid::lds::Elementary as _;
use eid::lds::dg1::Dg1;
use eid::transport::Transport;

use super::{Change, Job, Journal, Tell, WriteError, Written};
use crate::perso::card_profile::{CardProfile, KeyAlgorithm, Name, PutData, ScriptStep};
use crate::perso::plan::{ApduForm, PlanError, dgi};

/// One command of a script; every one must be answered by 9000.
#[derive(Clone, PartialEq, Eq)]
pub struct ScriptCommand {
    /// What it does.
    pub label: String,
    /// The command APDU. Keys are in it in clear.
    pub apdu: Vec<u8>,
    /// Whether it changes the card for ever.
    pub commit: bool,
}

impl std::fmt::Debug for ScriptCommand {
    /// Label and length only: keys and the MRZ are in the command.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.label, self.apdu.len())
    }
}

/// The values of an image that stand for names in templates.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// Document number with its fillers, nine characters; date of birth and of expiry, YYMMDD.
    pub mrz: Option<[String; 3]>,
    /// Modulus and private exponent of an RSA key of Active Authentication, big-endian.
    pub active_auth: Option<(Vec<u8>, eid::secret::Secret)>,
}

impl std::fmt::Debug for Variables {
    /// Which there are, and none of them: the MRZ opens the chip.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Variables(mrz: {}, active_auth: {})", self.mrz.is_some(), self.active_auth.is_some())
    }
}

impl Variables {
    /// The values of an image.
    ///
    /// # Errors
    /// The product cannot hold one of its keys or passwords.
    pub fn of(image: &CardImage, profile: &CardProfile, product: &PutData) -> Result<Self, PlanError> {
        let missing = |what: String| PlanError::Missing { profile: profile.id.clone(), what };
        if let Some(key) = image.chip_auth.first() {
            return Err(missing(format!("a Chip Authentication key on {}", key.key.domain())));
        }
        if image.terminal_auth.is_some() {
            return Err(missing("a place for the trust points of Terminal Authentication".to_owned()));
        }
        let passwords = &image.passwords;
        if let Some((name, _)) =
            [("CAN", &passwords.can), ("PIN", &passwords.pin), ("PUK", &passwords.puk)].iter().find(|(_, p)| p.is_some())
        {
            return Err(missing(format!("a {name}")));
        }
        let active_auth = match &image.active_auth {
            None => None,
            Some(ActiveAuthKey::Ec(key)) => return Err(missing(format!("an Active Authentication key on {}", Curve::name(key.curve())))),
            Some(ActiveAuthKey::Rsa { modulus, private_exponent }) => {
                let fits = KeyAlgorithm::rsa(modulus.len()).is_some_and(|algorithm| product.active_auth_algorithms.contains(&algorithm));
                if !fits {
                    return Err(missing(format!("an RSA key of {} bits for Active Authentication", modulus.len() * 8)));
                }
                Some((modulus.clone(), private_exponent.clone()))
            }
        };
        let mrz = FileId::dg(1).and_then(|dg1| image.files.get(&dg1)).and_then(|bytes| Dg1::parse(bytes).ok()).map(|dg1| {
            let information = dg1.mrz.information();
            [0..9, 10..16, 17..23].map(|range| information.get(range).unwrap_or_default().to_owned())
        });
        Ok(Self { mrz, active_auth })
    }

    fn get(&self, name: Name) -> Option<Vec<u8>> {
        let mrz = |at: usize| self.mrz.as_ref().and_then(|mrz| mrz.get(at)).map(|text| text.as_bytes().to_vec());
        match name {
            Name::DocNumber => mrz(0),
            Name::Birth => mrz(1),
            Name::Expiry => mrz(2),
            Name::Modulus => self.active_auth.as_ref().map(|(modulus, _)| signed(modulus)),
            Name::PrivateExponent => self.active_auth.as_ref().map(|(_, exponent)| signed(exponent.expose())),
            Name::Fid | Name::Size | Name::Offset | Name::Chunk => None,
        }
    }
}

/// As a signed integer: a zero byte in front where the first bit is set.
fn signed(number: &[u8]) -> Vec<u8> {
    let zero = number.first().is_some_and(|first| first & 0x80 != 0);
    std::iter::once(0).filter(|_| zero).chain(number.iter().copied()).collect()
}

/// The commands that write `files` and `variables`, SELECT of the applet first.
///
/// # Errors
/// A template asks for a value that is not there, or a file is too long for its fields.
pub fn script(variables: &Variables, files: &[(FileId, &[u8])], product: &PutData, chunk: usize) -> Result<Vec<ScriptCommand>, PlanError> {
    let select = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(product.aid.clone()).encode();
    let mut out = vec![command("SELECT applet", select.unwrap_or_default())];
    for step in &product.order {
        match step {
            ScriptStep::Password => {
                for template in &product.password {
                    out.push(command("PUT DATA MRZ", template.fill(&|name| variables.get(name))?));
                }
            }
            ScriptStep::ActiveAuth if variables.active_auth.is_none() => {}
            ScriptStep::ActiveAuth => {
                for template in &product.active_auth {
                    out.push(command("PUT DATA Active Authentication", template.fill(&|name| variables.get(name))?));
                }
            }
            ScriptStep::File => {
                for (file, bytes) in files {
                    write_file(&mut out, *file, bytes, product, chunk)?;
                }
            }
            ScriptStep::Commit => out.push(ScriptCommand { commit: true, ..command("lock", product.commit.clone()) }),
        }
    }
    Ok(out)
}

fn command(label: &str, apdu: Vec<u8>) -> ScriptCommand {
    ScriptCommand { label: label.to_owned(), apdu, commit: false }
}

fn write_file(out: &mut Vec<ScriptCommand>, file: FileId, bytes: &[u8], product: &PutData, chunk: usize) -> Result<(), PlanError> {
    let too_long = PlanError::FileTooLong { file, max: 0x7FFF, found: bytes.len() };
    let size = u16::try_from(bytes.len()).ok().filter(|size| *size <= 0x7FFF).ok_or(too_long)?;
    let fields = |offset: u16, part: &[u8]| {
        let part = part.to_vec();
        move |name: Name| match name {
            Name::Fid => Some(file.fid.to_be_bytes().to_vec()),
            Name::Size => Some(size.to_be_bytes().to_vec()),
            Name::Offset => Some(offset.to_be_bytes().to_vec()),
            Name::Chunk => Some(part.clone()),
            _ => None,
        }
    };
    out.push(command(&format!("CREATE FILE {file}"), product.create.fill(&fields(0, &[]))?));
    out.push(command(&format!("SELECT {file}"), product.select.fill(&fields(0, &[]))?));
    let mut offset = 0;
    for part in bytes.chunks(chunk.max(1)) {
        out.push(command(&format!("UPDATE BINARY {file} offset {offset}"), product.write.fill(&fields(offset, part))?));
        offset = offset.saturating_add(u16::try_from(part.len()).unwrap_or(u16::MAX));
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the parts of a work that has no state of its own between two commands")]
pub(super) fn run(
    profile: &CardProfile,
    product: &PutData,
    card: &mut dyn Transport,
    job: Job<'_>,
    apdu: ApduForm,
    journal: &mut dyn Journal,
    touched: &mut bool,
    tell: Tell<'_>,
) -> Result<Written, WriteError> {
    let files = dgi::files(job.image, profile)?;
    let variables = Variables::of(job.image, profile, product)?;
    let chunk = if apdu == ApduForm::Frame { product.chunk } else { profile.apdu.max_command_data };
    let script = script(&variables, &files, product, chunk)?;
    let mut written =
        Written { serial: Vec::new(), digest: job.image.digest(), apdus: 0, command_bytes: 0, response_bytes: 0, resumed: false };
    let mut send = |step: &str, apdu: &[u8]| {
        let answer = card.transmit(apdu).map_err(|source| WriteError::Transport { step: step.to_owned(), source })?;
        written.apdus += 1;
        written.command_bytes += apdu.len();
        written.response_bytes += answer.len();
        Ok::<_, WriteError>(Response::parse(&answer)?)
    };
    for (n, command) in script.iter().enumerate() {
        if n == 1 {
            if let Some(tag) = product.not_status_object {
                let [high, low] = tag.to_be_bytes();
                let probe = Command::new(0x80, 0xCA, high, low).with_le(256).encode()?;
                if send("GET DATA status", &probe)?.sw.is_ok() {
                    return Err(WriteError::NotThisProduct {
                        profile: profile.id.clone(),
                        what: "GET DATA status",
                        expected: "a refusal".to_owned(),
                        found: "a status object: another product with the same AID".to_owned(),
                    });
                }
            }
            journal.before(&[], Change::Store).map_err(WriteError::Journal)?;
            *touched = true;
        }
        if command.commit {
            journal.after(&[], Change::Store).and_then(|()| journal.before(&[], Change::Commit)).map_err(WriteError::Journal)?;
        }
        tell(n, script.len(), &command.label);
        let answer = send(&command.label, &command.apdu)?;
        if n == 0 && !profile.matching.select_sw.contains(&answer.sw.0) {
            return Err(WriteError::NotThisProduct {
                profile: profile.id.clone(),
                what: "SELECT applet",
                expected: profile.matching.select_sw.iter().map(|sw| format!("{sw:04X}")).collect::<Vec<_>>().join(" or "),
                found: answer.sw.to_string(),
            });
        }
        if n > 0 && !answer.sw.is_ok() {
            return Err(WriteError::Card { step: command.label.clone(), sw: answer.sw });
        }
    }
    journal.after(&[], Change::Commit).map_err(WriteError::Journal)?;
    tell(script.len(), script.len(), "written");
    Ok(written)
}
