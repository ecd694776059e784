//! Imports files of states into a [`Collection`], whatever they are and in whatever order.
//!
//! A file is told by its content, not by its name. Certificates that were handed over become anchors if they are of a CA; document signers
//! and what a directory holds are known, not trusted. Master lists and deviation lists are proved by the anchors that are there or came
//! along, in as many rounds as it takes; certificates inside of a list never prove that list. A CRL must be of a key of its state.
//!
//! Refused as a whole, so that nothing is half imported: a file that is named and cannot be read, a list whose signature is wrong, a list
//! without an anchor behind its signer (a master list can be taken by [`Options::take_unproved`], a deviation list, which excuses what is
//! wrong with documents, cannot). Passed over with a notice: what is inside of folders, lists, and records and cannot be read.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use eid::cert::bundle::{self, Bundle, Kind};
use eid::cert::crl::Crl;
use eid::cert::deviation_list::DeviationList;
use eid::cert::list_signer::{self, ListError, Purpose};
use eid::cert::master_list::MasterList;
use eid::cert::trust::{Entry, Tier, TrustStore, signs_certificates};
use eid::cert::x509::Certificate;
use eid::cert::{CertError, pem};
use eid::crypto::signature::SignatureError;
use eid::date::Date;
use eid::tlv::Reader;
use sha2::{Digest as _, Sha256};

use super::collection::{Collection, HeldCrl, HeldDeviationList, Import, ImportKind, Role, Standing};
use super::ldif::{self, LdifError, Record, Records};

mod files;

const MAX_FILE: u64 = 1 << 27;
const MAX_NOTE: usize = 1000;

/// How to import.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The tier of everything; else each kind has its own: what is handed over is bilateral, a master list national, or of the ICAO if
    /// the United Nations signed it.
    pub tier: Option<Tier>,
    /// Anchors that may stand behind signers of lists in this import, and are not taken by it.
    pub signers: &'a TrustStore,
    /// Take master lists whose signature holds and whose signer has no trusted anchor behind it.
    pub take_unproved: bool,
    /// The day of the import, for its record.
    pub date: Date,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file or folder cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing in a folder is of use.
    #[error("{0}: expected certificates or lists in it, found none")]
    Nothing(PathBuf),
    /// A file that is none of the kinds.
    #[error("{0}: neither a certificate, nor a CRL, a master list, a deviation list, a PKCS#7 bundle, nor records of the PKD")]
    Unknown(PathBuf),
    /// Larger than 128 MiB.
    #[error("{0}: larger than 128 MiB")]
    TooLarge(PathBuf),
    /// Of a kind that is known, and not well formed.
    #[error("{file}: {source}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong.
        source: CertError,
    },
    /// A list that is not believed.
    #[error("{file}: {source}")]
    List {
        /// The file.
        file: String,
        /// Why.
        source: ListError,
    },
    /// A CRL that the key which it names did not sign.
    #[error("{file}: {issuer} is named as issuer of the CRL and did not sign it")]
    Crl {
        /// The file.
        file: String,
        /// Its issuer.
        issuer: String,
    },
}

/// What an import did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// A record for each file and each list, with whether it was there before.
    pub imports: Vec<Import>,
    /// Anchors that are new.
    pub new_anchors: usize,
    /// Certificates that are new and known only.
    pub new_known: usize,
    /// CRLs that are new and of use.
    pub new_crls: usize,
    /// CRLs that newer ones of the same key replaced.
    pub old_crls: usize,
    /// Deviation lists that are new.
    pub new_deviation_lists: usize,
    /// What was passed over, tolerated, or kept without being of use yet.
    pub notices: Vec<Notice>,
}

/// Something that the user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The file.
    pub file: String,
    /// What, and where in it.
    pub detail: String,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something was not taken.
    PassedOver,
    /// A certificate is known and not trusted.
    NoAnchor,
    /// A master list was taken without a trusted anchor behind its signer.
    Unproved,
    /// A CRL whose issuer is not in the store waits for it.
    Waiting,
    /// A rule was broken, and the list counts all the same.
    Tolerated,
}

impl NoticeKind {
    /// `passed-over`, `no-anchor`, `unproved`, `waiting`, `tolerated`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PassedOver => "passed-over",
            Self::NoAnchor => "no-anchor",
            Self::Unproved => "unproved",
            Self::Waiting => "waiting",
            Self::Tolerated => "tolerated",
        }
    }
}

/// Imports files and folders into `collection`.
///
/// # Errors
/// See above; then `collection` is to be thrown away.
pub fn import(collection: &mut Collection, paths: &[PathBuf], options: &Options<'_>) -> Result<Summary, ImportError> {
    let mut trust = collection.trust();
    for signer in options.signers.anchors() {
        trust.insert_anchor(signer.clone(), signer.origins().to_vec());
    }
    let mut importer =
        Importer { collection, options, trust, summary: Summary::default(), lists: Vec::new(), deviations: Vec::new(), crls: Vec::new() };
    for path in paths {
        let (found, whole) = files::list(path)?;
        let mut taken = 0;
        for file in found {
            match importer.file(&file) {
                Ok(()) => taken += 1,
                Err(error @ (ImportError::Unknown(_) | ImportError::Malformed { .. } | ImportError::TooLarge(_))) if whole => {
                    if !matches!(error, ImportError::Unknown(_)) {
                        importer.notice(NoticeKind::PassedOver, &file.name, "passed over", &error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if taken == 0 {
            return Err(ImportError::Nothing(path.clone()));
        }
    }
    importer.prove_lists()?;
    importer.prove_deviation_lists()?;
    importer.prove_crls()?;
    Ok(importer.summary)
}

struct Importer<'a> {
    collection: &'a mut Collection,
    options: &'a Options<'a>,
    /// Who may stand behind signers.
    trust: TrustStore,
    summary: Summary,
    lists: Vec<Pending<MasterList>>,
    deviations: Vec<Pending<DeviationList>>,
    crls: Vec<Pending<Crl>>,
}

/// Something that must be proved before it counts.
struct Pending<T> {
    record: Import,
    bytes: Vec<u8>,
    value: T,
    /// Whether it was one of many: then it is passed over where a file that was named would be refused.
    one_of_many: bool,
}

impl Importer<'_> {
    fn notice(&mut self, kind: NoticeKind, file: &str, what: &str, why: &dyn std::fmt::Display) {
        self.summary.notices.push(Notice { kind, file: file.to_owned(), detail: format!("{what}: {why}") });
    }

    fn record(&self, file: &str, bytes: &[u8], kind: ImportKind) -> Import {
        Import {
            file: file.to_owned(),
            sha256: Sha256::digest(bytes).into(),
            date: self.options.date,
            kind,
            tier: self.options.tier.unwrap_or(Tier::Bilateral),
            standing: Standing::NotSigned,
            signer: String::new(),
            entries: 1,
            refused: 0,
        }
    }

    /// The place of an import; the same file with the same standing has one record, of its last day.
    fn place(&mut self, record: Import) -> usize {
        let same = |i: &Import| (i.sha256, i.kind, i.tier, i.standing) == (record.sha256, record.kind, record.tier, record.standing);
        let place = self.collection.imports.iter().position(same).unwrap_or(self.collection.imports.len());
        self.summary.imports.push(record.clone());
        match self.collection.imports.get_mut(place) {
            Some(old) => *old = record,
            None => self.collection.imports.push(record),
        }
        place
    }

    fn file(&mut self, file: &files::Source) -> Result<(), ImportError> {
        let io = |source| ImportError::Io { path: file.path.clone(), source };
        let mut open = File::open(&file.path).map_err(io)?;
        let len = open.metadata().map_err(io)?.len();
        let mut bytes = Vec::new();
        (&mut open).take(4096).read_to_end(&mut bytes).map_err(io)?;
        if ldif::is_ldif(&bytes) {
            return self.ldif(file);
        }
        if len > MAX_FILE {
            return Err(ImportError::TooLarge(file.path.clone()));
        }
        open.take(MAX_FILE).read_to_end(&mut bytes).map_err(io)?;
        let malformed = |source| ImportError::Malformed { file: file.name.clone(), source };
        let kinds: Vec<_> = objects(&bytes).map_err(malformed)?;
        let Some((first, _)) = kinds.first() else { return Err(ImportError::Unknown(file.path.clone())) };
        let mut record = self.record(&file.name, &bytes, import_kind(*first));
        record.entries = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
        let mut loose = Vec::new();
        for (kind, object) in kinds {
            match kind {
                Kind::Certificate => loose.push(Certificate::from_der(&object).map_err(malformed)?),
                Kind::Bundle => {
                    let bundle = Bundle::parse(&object).map_err(malformed)?;
                    record.entries = u32::try_from(bundle.certificates.len() + bundle.crls.len()).unwrap_or(u32::MAX);
                    for der in &bundle.certificates {
                        match Certificate::from_der(der) {
                            Ok(certificate) => loose.push(certificate),
                            Err(error) => {
                                record.refused += 1;
                                self.notice(NoticeKind::PassedOver, &file.name, "certificate passed over", &error);
                            }
                        }
                    }
                    for der in bundle.crls {
                        let crl = Crl::from_der(&der).map_err(malformed)?;
                        self.crls.push(Pending {
                            record: self.record(&file.name, &der, ImportKind::Crl),
                            bytes: der,
                            value: crl,
                            one_of_many: true,
                        });
                    }
                }
                // a folder with a list that is not believed is refused as the list alone would be
                other => self.signed(other, &file.name, object, file.one_of_many && other == Kind::Crl).map_err(malformed)?,
            }
        }
        if !loose.is_empty() {
            let (place, tier) = (self.place(record.clone()), record.tier);
            for certificate in loose {
                self.certificate(certificate, &file.name, place, tier);
            }
        }
        Ok(())
    }

    /// What has a signature of its own waits until everything is read.
    fn signed(&mut self, kind: Kind, file: &str, bytes: Vec<u8>, one_of_many: bool) -> Result<(), CertError> {
        let record = self.record(file, &bytes, import_kind(kind));
        match kind {
            Kind::MasterList => {
                let value = MasterList::parse(&bytes)?;
                self.lists.push(Pending { record, bytes, value, one_of_many });
            }
            Kind::DeviationList => {
                let value = DeviationList::parse(&bytes)?;
                self.deviations.push(Pending { record, bytes, value, one_of_many });
            }
            Kind::Crl => {
                let value = Crl::from_der(&bytes)?;
                self.crls.push(Pending { record, bytes, value, one_of_many });
            }
            Kind::Certificate | Kind::Bundle => {}
        }
        Ok(())
    }

    /// A certificate that was handed over: an anchor if it is of a CA.
    fn certificate(&mut self, certificate: Certificate, file: &str, import: usize, tier: Tier) {
        let why_not = why_no_anchor(&certificate);
        if let Some(why) = &why_not {
            let subject = certificate.subject_text();
            self.notice(NoticeKind::NoAnchor, file, &format!("{subject} is no anchor"), why);
        }
        self.take(certificate, if why_not.is_some() { Role::Known } else { Role::Anchor }, (tier, import), why_not);
    }

    fn take(&mut self, certificate: Certificate, role: Role, origin: (Tier, usize), note: Option<String>) {
        let entry = Entry::new(certificate);
        if role == Role::Anchor {
            self.trust.insert_anchor(entry.clone(), []);
        }
        let new = self.collection.take(entry, role, origin, note);
        match role {
            Role::Anchor => self.summary.new_anchors += usize::from(new),
            Role::Known => self.summary.new_known += usize::from(new),
        }
    }

    /// Records of a directory: lists and CRLs prove themselves, certificates are known and not trusted.
    fn ldif(&mut self, file: &files::Source) -> Result<(), ImportError> {
        let io = |source| ImportError::Io { path: file.path.clone(), source };
        let sha256 = files::sha256(&file.path).map_err(io)?;
        let mut record = self.record(&file.name, &[], ImportKind::Ldif);
        record.sha256 = sha256;
        record.tier = self.options.tier.unwrap_or(Tier::IcaoList);
        record.entries = 0;
        let place = self.place(record);
        let (mut entries, mut refused) = (0u32, 0u32);
        for read in Records::new(BufReader::new(File::open(&file.path).map_err(io)?)) {
            match read {
                Ok(record) => {
                    let (taken, bad) = self.ldif_record(file, &record, place);
                    entries = entries.saturating_add(taken + bad);
                    refused = refused.saturating_add(bad);
                }
                Err(LdifError::Io(source)) => return Err(io(source)),
                Err(error) => {
                    refused = refused.saturating_add(1);
                    self.notice(NoticeKind::PassedOver, &file.name, "record passed over", &error);
                }
            }
        }
        for record in self.collection.imports.get_mut(place).into_iter().chain(self.summary.imports.last_mut()) {
            (record.entries, record.refused) = (entries, refused);
        }
        Ok(())
    }

    /// Takes what a record holds, whatever its attributes are called, and says how much was taken and how much refused.
    fn ldif_record(&mut self, file: &files::Source, record: &Record, import: usize) -> (u32, u32) {
        let tier = self.options.tier.unwrap_or(Tier::IcaoList);
        let (mut taken, mut refused) = (0, 0);
        for attribute in &record.attributes {
            let Some(kind) = bundle::kind(&attribute.value) else {
                if attribute.value.first() == Some(&0x30) && attribute.name.to_ascii_lowercase().ends_with(";binary") {
                    refused += 1;
                    self.notice(
                        NoticeKind::PassedOver,
                        &file.name,
                        &format!("line {}", attribute.line),
                        &format_args!("{} is nothing that is known", attribute.name),
                    );
                }
                continue;
            };
            let result = match kind {
                Kind::Certificate => Certificate::from_der(&attribute.value).map(|certificate| {
                    self.take(certificate, Role::Known, (tier, import), conformance(record));
                }),
                kind => self.signed(kind, &format!("{} line {}", file.name, attribute.line), attribute.value.clone(), true),
            };
            match result {
                Ok(()) => taken += 1,
                Err(error) => {
                    refused += 1;
                    self.notice(
                        NoticeKind::PassedOver,
                        &file.name,
                        &format!("line {}, {} passed over", attribute.line, attribute.name),
                        &error,
                    );
                }
            }
        }
        (taken, refused)
    }

    /// Proves master lists by the anchors that are there, then by those of the lists that were proved, until nothing changes.
    fn prove_lists(&mut self) -> Result<(), ImportError> {
        let mut left = std::mem::take(&mut self.lists);
        loop {
            let before = left.len();
            let mut next = Vec::new();
            for pending in left {
                match list_signer::prove(&pending.value.signed, Purpose::MasterList, &self.trust) {
                    Ok(proved) => {
                        for quirk in &proved.quirks {
                            self.notice(NoticeKind::Tolerated, &pending.record.file, "tolerated", quirk);
                        }
                        self.master_list(pending, Standing::Proved, &proved.signer);
                    }
                    Err(error) => next.push((pending, error)),
                }
            }
            if next.is_empty() {
                return Ok(());
            }
            if next.len() == before {
                return self.unproved_lists(next);
            }
            left = next.into_iter().map(|(pending, _)| pending).collect();
        }
    }

    fn unproved_lists(&mut self, lists: Vec<(Pending<MasterList>, ListError)>) -> Result<(), ImportError> {
        for (pending, error) in lists {
            let unproved = matches!(error, ListError::NoAnchor { .. });
            match list_signer::check_signature(&pending.value.signed, Purpose::MasterList) {
                Ok(signed) if unproved && self.options.take_unproved => {
                    self.notice(NoticeKind::Unproved, &pending.record.file, "taken without proof", &error);
                    self.master_list(pending, Standing::Unproved, &signed.signer);
                }
                _ if pending.one_of_many => self.notice(NoticeKind::PassedOver, &pending.record.file, "master list passed over", &error),
                _ => return Err(ImportError::List { file: pending.record.file, source: error }),
            }
        }
        Ok(())
    }

    fn master_list(&mut self, pending: Pending<MasterList>, standing: Standing, signer: &Certificate) {
        let Pending { mut record, value: list, .. } = pending;
        let file = record.file.clone();
        let icao = signer.issuer_country().as_deref() == Some("UN");
        let tier = self.options.tier.unwrap_or(if icao { Tier::IcaoList } else { Tier::NationalList });
        record.tier = tier;
        record.standing = standing;
        record.signer = signer.subject_text();
        record.entries = u32::try_from(list.entries.len()).unwrap_or(u32::MAX);
        record.refused = u32::try_from(list.unreadable().count()).unwrap_or(u32::MAX);
        let import = self.place(record);
        for (at, error) in list.unreadable() {
            self.notice(NoticeKind::PassedOver, &file, &format!("entry at offset {at} passed over"), error);
        }
        for certificate in list.certificates() {
            self.certificate(Certificate::clone(certificate), &file, import, tier);
        }
    }

    fn prove_deviation_lists(&mut self) -> Result<(), ImportError> {
        for pending in std::mem::take(&mut self.deviations) {
            let Pending { mut record, bytes, value: list, one_of_many } = pending;
            match list_signer::prove(&list.signed, Purpose::DeviationList, &self.trust) {
                Ok(proved) => {
                    record.standing = Standing::Proved;
                    record.signer = proved.signer.subject_text();
                    record.entries = u32::try_from(list.deviations.len()).unwrap_or(u32::MAX);
                    let import = self.place(record);
                    let new = self.collection.take_deviation_list(HeldDeviationList { bytes: Arc::new(bytes), list, import });
                    self.summary.new_deviation_lists += usize::from(new);
                }
                Err(error) if one_of_many => self.notice(NoticeKind::PassedOver, &record.file, "deviation list passed over", &error),
                Err(source) => return Err(ImportError::List { file: record.file, source }),
            }
        }
        Ok(())
    }

    /// Finds the key of every CRL, also of those that waited in the store for their issuer.
    fn prove_crls(&mut self) -> Result<(), ImportError> {
        let trust = self.collection.trust();
        for held in &mut self.collection.crls {
            if held.issuer_key.is_none()
                && let Signature::By(key) = signature(&held.crl, &trust)
            {
                held.issuer_key = Some(key);
            }
        }
        for pending in std::mem::take(&mut self.crls) {
            let file = pending.record.file.clone();
            let issuer_key = match signature(&pending.value, &trust) {
                Signature::By(key) => Some(key),
                Signature::Forged if pending.one_of_many => {
                    self.notice(
                        NoticeKind::PassedOver,
                        &file,
                        "CRL passed over",
                        &format_args!("{} did not sign it", pending.value.issuer_text()),
                    );
                    continue;
                }
                Signature::Forged => return Err(ImportError::Crl { file, issuer: pending.value.issuer_text() }),
                Signature::Unknown => {
                    let issuer = pending.value.issuer_text();
                    self.notice(
                        NoticeKind::Waiting,
                        &file,
                        "CRL kept and of no use yet",
                        &format_args!("no anchor of its issuer {issuer}"),
                    );
                    None
                }
            };
            let mut record = pending.record;
            record.signer = pending.value.issuer_text();
            record.standing = if issuer_key.is_some() { Standing::Proved } else { Standing::Unproved };
            record.entries = u32::try_from(pending.value.revoked().len()).unwrap_or(u32::MAX);
            let import = self.place(record);
            let new = self.collection.take_crl(HeldCrl { crl: pending.value, import, issuer_key });
            self.summary.new_crls += usize::from(new);
        }
        self.summary.old_crls = self.collection.drop_old_crls();
        Ok(())
    }
}

/// The objects of a file and what they are: those of a PEM text, or those of DER that stand one after the other.
///
/// # Errors
/// A block of PEM is damaged, or there is something after an object that is none.
pub fn objects(bytes: &[u8]) -> Result<Vec<(Kind, Vec<u8>)>, CertError> {
    if let Some(blocks) = pem::blocks(bytes)? {
        return Ok(blocks.into_iter().filter_map(|block| Some((bundle::kind(&block.der)?, block.der))).collect());
    }
    let mut out = Vec::new();
    match bundle::kind(bytes) {
        Some(Kind::Certificate | Kind::Crl) => {
            let mut reader = Reader::new(bytes);
            while let Some(object) = reader.next()? {
                let other = || CertError::Malformed {
                    what: "file of certificates and CRLs",
                    at: object.at,
                    expected: "a certificate or a CRL",
                    found: hex::encode(object.raw.get(..16).unwrap_or(object.raw)),
                };
                out.push((bundle::kind(object.raw).ok_or_else(other)?, object.raw.to_vec()));
            }
        }
        Some(kind) => out.push((kind, bytes.to_vec())),
        None => {}
    }
    Ok(out)
}

const fn import_kind(kind: Kind) -> ImportKind {
    match kind {
        Kind::Certificate => ImportKind::Certificate,
        Kind::Crl => ImportKind::Crl,
        Kind::MasterList => ImportKind::MasterList,
        Kind::DeviationList => ImportKind::DeviationList,
        Kind::Bundle => ImportKind::Bundle,
    }
}

fn why_no_anchor(certificate: &Certificate) -> Option<String> {
    if !signs_certificates(certificate) {
        return Some("not a CA certificate".to_owned());
    }
    certificate.key().err().map(ToString::to_string)
}

/// pkdConformanceCode and pkdConformanceText of a record.
fn conformance(record: &Record) -> Option<String> {
    let texts: Vec<_> = record.texts("pkdConformanceCode").chain(record.texts("pkdConformanceText")).collect();
    (!texts.is_empty()).then(|| texts.join("; ").chars().take(MAX_NOTE).collect())
}

enum Signature {
    By([u8; 32]),
    Forged,
    Unknown,
}

/// Whose signature a CRL has: every key of its state is tried.
fn signature(crl: &Crl, trust: &TrustStore) -> Signature {
    let mut named = false;
    for certificate in crl.issuer_country().iter().flat_map(|country| trust.certificates_of_state(country)) {
        let Ok(key) = certificate.key() else { continue };
        match crl.verify_signed_by(key) {
            Ok(()) => return Signature::By(Sha256::digest(certificate.spki()).into()),
            Err(SignatureError::Unsupported(_)) => {}
            Err(_) => named |= crl.authority_key_id().is_some() && crl.authority_key_id() == certificate.subject_key_id(),
        }
    }
    if named { Signature::Forged } else { Signature::Unknown }
}

/// What `paths` hold, without a store: for `--trust` and for comparing lists.
///
/// # Errors
/// As [`import`].
pub fn collect(paths: &[PathBuf], date: Date) -> Result<(Collection, Summary), ImportError> {
    let nobody = TrustStore::new();
    let options = Options { tier: None, signers: &nobody, take_unproved: true, date };
    let mut collection = Collection::new();
    let summary = import(&mut collection, paths, &options)?;
    Ok((collection, summary))
}
