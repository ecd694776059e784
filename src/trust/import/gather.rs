//! Reads what the files hold: what counts by itself is taken at once, what has a signature of its own waits to be proved.

use std::fs::File;
use std::io::{BufReader, Read as _};

use eid::cert::bundle::{self, Bundle, Kind};
use eid::cert::crl::Crl;
use eid::cert::deviation_list::DeviationList;
use eid::cert::master_list::MasterList;
use eid::cert::trust::{Entry, Tier, signs_certificates};
use eid::cert::x509::Certificate;
use eid::cert::{CertError, pem};
use eid::tlv::Reader;

use super::files;
use super::{ImportError, Importer, NoticeKind, Pending};
use crate::trust::collection::{ImportKind, Role};
use crate::trust::ldif::{self, LdifError, Record, Records};

const MAX_FILE: u64 = 1 << 27;
const MAX_NOTE: usize = 1000;

impl Importer<'_> {
    pub(super) fn file(&mut self, file: &files::Source) -> Result<(), ImportError> {
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
    pub(super) fn certificate(&mut self, certificate: Certificate, file: &str, import: usize, tier: Tier) {
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
