//! Proves lists and CRLs by the anchors that are there or came along.

use std::sync::Arc;

use eid::cert::crl::Crl;
use eid::cert::list_signer::{self, ListError, Purpose};
use eid::cert::master_list::MasterList;
use eid::cert::trust::{Tier, TrustStore};
use eid::cert::x509::Certificate;
use eid::crypto::signature::SignatureError;
use sha2::{Digest as _, Sha256};

use super::{ImportError, Importer, NoticeKind, Pending};
use crate::trust::collection::{HeldCrl, HeldDeviationList, Standing};

impl Importer<'_> {
    /// Proves master lists by the anchors that are there, then by those of the lists that were proved, until nothing changes.
    pub(super) fn prove_lists(&mut self) -> Result<(), ImportError> {
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

    pub(super) fn prove_deviation_lists(&mut self) -> Result<(), ImportError> {
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
    pub(super) fn prove_crls(&mut self) -> Result<(), ImportError> {
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
