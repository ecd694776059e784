//! Active Authentication: does the chip sign a fresh challenge with the private key whose public half DG15 carries?

use eid::apdu::{EXTENDED_LE_MAX, SHORT_LE_MAX};
use eid::cert::spki;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{PublicKey, SignatureError};
use eid::lds::Elementary as _;
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::protocol::active_auth::{self, ActiveAuthError, CHALLENGE_LEN};
use eid::protocol::finding::{Check, Finding};
use eid::quirk::Quirk;
use eid::transport::{Transport, TransportError};

use super::super::access::AccessError;
use super::super::evidence::ActiveAuth;
use super::{Run, dg};
use crate::session::SessionError;

const AA: Check = Check::new("aa", "Doc 9303-11 §6.1");

impl<T: Transport> Run<'_, '_, T> {
    /// Active Authentication over a fresh challenge.
    pub(super) fn active_authentication(&mut self, dg14: Option<&Dg14>) -> Result<Finding, AccessError> {
        let Some(bytes) = self.files.get(&dg(15)) else {
            return Ok(AA.not_attempted("not-offered", "there is no DG15 that could be read"));
        };
        let key = match Dg15::parse(bytes).map(|dg15| dg15.key()) {
            Ok(Ok(info)) => info.key,
            Ok(Err(error)) => return Ok(AA.not_supported("key-unknown", format!("EF.DG15: {error}"))),
            Err(error) => return Ok(AA.failed("malformed", error.to_string())),
        };
        if self.broken {
            return Ok(AA.not_attempted("channel-broken", "the secure channel broke before"));
        }
        let hash = dg14.and_then(|dg14| dg14.infos.active_auth_hash());
        if matches!(key, PublicKey::Ec(_)) && hash.is_none() {
            let text = "DG15 has an EC key, and DG14 has no ActiveAuthenticationInfo that names the signature algorithm";
            return Ok(AA.not_supported("algorithm-not-named", text));
        }
        if dg14.is_some_and(|dg14| dg14.infos.x962_active_auth_hash().is_some()) {
            self.log.quirks.push(Quirk::new("aa.x962-algorithm", "DG14 ActiveAuthenticationInfo"));
        }
        let challenge = self.request.challenge.unwrap_or_else(|| {
            let mut challenge = [0; CHALLENGE_LEN];
            self.rng.fill_bytes(&mut challenge);
            challenge
        });
        let signature = match self.signature(challenge)? {
            Ok(signature) => signature,
            Err(finding) => return Ok(finding),
        };
        self.log.transcript.active_auth = Some(ActiveAuth { challenge: challenge.to_vec(), signature: signature.clone() });
        Ok(active_auth_verdict(&key, hash, challenge, &signature, &mut self.log.quirks))
    }

    /// INTERNAL AUTHENTICATE. Some chips answer only to an Le that covers the protected signature, others refuse Le 0000: what the
    /// card announced goes first, then the other, which is remembered of the card type.
    fn signature(&mut self, challenge: [u8; CHALLENGE_LEN]) -> Result<Result<Vec<u8>, Finding>, AccessError> {
        let announced = self.session.is_extended();
        let mut refused = eid::apdu::Sw::OK;
        let usual = if announced { [EXTENDED_LE_MAX, SHORT_LE_MAX] } else { [SHORT_LE_MAX, EXTENDED_LE_MAX] };
        let known = self.session.habits().internal_authenticate_other_le;
        for le in if known { [usual[1], usual[0]] } else { usual } {
            if le == EXTENDED_LE_MAX {
                self.session.use_extended_apdus();
            }
            let answer = self.session.transmit(&active_auth::internal_authenticate(challenge, le));
            if !announced {
                self.session.use_short_apdus();
            }
            let answer = match answer {
                Ok(answer) => answer,
                // what was remembered was learned over another link, which carries more
                Err(SessionError::Transport(TransportError::Protocol { .. })) if known && !announced && le == EXTENDED_LE_MAX => {
                    self.reopen(false)?;
                    if let Some(dg14) = self.authenticated.clone() {
                        self.chip_and_terminal(Some(&dg14))?;
                    }
                    continue;
                }
                Err(SessionError::Transport(error)) => return Err(SessionError::Transport(error).into()),
                Err(error) => {
                    self.reopen(false)?;
                    return Ok(Err(AA.failed("channel-broken", error.to_string())));
                }
            };
            if answer.sw.is_ok() && !answer.data.is_empty() {
                self.session.habits_mut().internal_authenticate_other_le = le != usual[0];
                if !refused.is_ok() {
                    self.log.quirks.push(Quirk::new("aa.le", format!("INTERNAL AUTHENTICATE with Le {le}, after {refused}")));
                }
                return Ok(Ok(answer.data));
            }
            refused = answer.sw;
            // what was remembered may be wrong, whatever the card says
            let doubtful = known && le == usual[1];
            if !doubtful && !matches!(refused.0, 0x6700 | 0x6C00..=0x6CFF | 0x9000) {
                break;
            }
        }
        let text = format!("INTERNAL AUTHENTICATE: expected a signature and 9000, found {refused} {}", refused.meaning());
        Ok(Err(AA.failed("refused", text.trim_end())))
    }
}

/// Active Authentication from its record.
pub(in crate::terminal) fn active_auth_again(dg14: Option<&Dg14>, dg15: &[u8], record: &ActiveAuth, quirks: &mut Vec<Quirk>) -> Finding {
    let key = match Dg15::parse(dg15).map(|dg15| dg15.key()) {
        Ok(Ok(info)) => info.key,
        Ok(Err(error)) => return AA.not_supported("key-unknown", format!("EF.DG15: {error}")),
        Err(error) => return AA.failed("malformed", error.to_string()),
    };
    let Ok(challenge) = <[u8; CHALLENGE_LEN]>::try_from(record.challenge.as_slice()) else {
        return AA.failed("record-malformed", format!("challenge of {} bytes, expected {CHALLENGE_LEN}", record.challenge.len()));
    };
    active_auth_verdict(&key, dg14.and_then(|dg14| dg14.infos.active_auth_hash()), challenge, &record.signature, quirks)
}

/// What the signature over the challenge shows under the key of DG15: a pure function, so that it can be repeated without the card.
pub(in crate::terminal) fn active_auth_verdict(
    key: &PublicKey,
    hash: Option<Hash>,
    challenge: [u8; CHALLENGE_LEN],
    signature: &[u8],
    quirks: &mut Vec<Quirk>,
) -> Finding {
    if matches!(key, PublicKey::Ec(_)) && hash.is_none() {
        return AA.not_supported("algorithm-not-named", "no ActiveAuthenticationInfo");
    }
    let verified = active_auth::verify(key, hash, challenge, signature);
    let finding = match verified {
        Ok(verified) => {
            quirks.extend(verified.quirks.iter().map(|quirk| Quirk::new(quirk.rule(), "answer to INTERNAL AUTHENTICATE").over(signature)));
            AA.passed().with("hash", verified.hash.name())
        }
        // what is no signature at all proves no more than a wrong one
        Err(error @ ActiveAuthError::Signature(SignatureError::Malformed(_))) => AA.failed("signature-wrong", error.to_string()),
        Err(ActiveAuthError::Signature(error)) => AA.not_supported("key-unusable", error.to_string()),
        Err(error) => AA.failed("signature-wrong", error.to_string()),
    };
    // Challenge and signature let anybody repeat the check against DG15.
    finding.with("key", spki::describe(key)).with("challenge", hex::encode_upper(challenge)).with("signature", hex::encode_upper(signature))
}
