//! Chip Authentication and Active Authentication: does the chip hold the private key whose public half DG14 or DG15 carries?

use eid::apdu::{Command, EXTENDED_LE_MAX, Response, SHORT_LE_MAX};
use eid::cert::spki;
use eid::crypto::curve::{Point, PrivateKey};
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::signature::PublicKey;
use eid::lds::Elementary as _;
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::lds::security_info::{Agreement, ChipAuthProtocol, SecurityInfos};
use eid::protocol::active_auth::{self, ActiveAuthError, CHALLENGE_LEN};
use eid::protocol::chip_auth;
use eid::protocol::finding::{Check, Finding};
use eid::quirk::Quirk;
use eid::transport::Transport;

use super::super::access::AccessError;
use super::super::evidence::{ActiveAuth, ChipAuth};
use super::super::read::{self, ReadError};
use super::{Run, dg};
use crate::session::SessionError;

const CA: Check = Check::new("ca", "Doc 9303-11 §6.2");
const AA: Check = Check::new("aa", "Doc 9303-11 §6.1");

/// A key of DG14 that can be used here, with the protocol that goes with it.
struct Choice {
    protocol: ChipAuthProtocol,
    key: Point,
    /// Named to the chip where DG14 has several keys.
    key_id: Option<u32>,
}

impl<T: Transport> Run<'_, '_, T> {
    /// Chip Authentication with the strongest suite that DG14 offers. Passed only after an answer under the new keys.
    pub(super) fn chip_authentication(&mut self, dg14: Option<&Dg14>) -> Result<Finding, AccessError> {
        let Some(dg14) = dg14 else {
            return Ok(CA.not_attempted("not-offered", "there is no DG14 that could be read"));
        };
        if dg14.infos.chip_auth_public_keys().next().is_none() {
            return Ok(CA.not_attempted("not-offered", "DG14 has no key for Chip Authentication"));
        }
        if self.broken {
            return Ok(CA.not_attempted("channel-broken", "the secure channel broke before"));
        }
        let choice = match choose(&dg14.infos, &mut self.log.quirks) {
            Ok(choice) => choice,
            Err(why) => return Ok(CA.not_supported("protocol-unknown", why)),
        };
        let evidence =
            |finding: Finding| finding.with("protocol", eid::oid::describe(choice.protocol.oid())).with("curve", choice.key.curve().name());
        let (commands, terminal) = match chip_auth::Terminal::start(choice.protocol, choice.key_id, &choice.key, self.rng) {
            Ok(started) => started,
            Err(error) => return Ok(evidence(CA.not_supported("protocol-unknown", error.to_string()))),
        };
        let mut last = Vec::new();
        for command in commands {
            let answer = match self.session.transmit(&command) {
                Ok(answer) => answer,
                Err(SessionError::Transport(error)) => return Err(SessionError::Transport(error).into()),
                Err(error) => {
                    self.reopen(false)?;
                    return Ok(evidence(CA.failed("channel-broken", error.to_string())));
                }
            };
            if !answer.sw.is_ok() {
                // The old channel stays (TR-03110-3 B.1).
                let text = format!("{command:?}: expected 9000, found {} {}", answer.sw, answer.sw.meaning());
                return Ok(evidence(CA.failed("refused", text.trim_end())));
            }
            last = answer.data;
        }
        let ephemeral = terminal.ephemeral().clone();
        match terminal.finish(&last) {
            Ok(channel) => self.session.secure_recorded(channel),
            Err(error) => {
                self.reopen(false)?;
                return Ok(evidence(CA.failed("malformed", error.to_string())));
            }
        }
        // Nothing is proven before the first answer under the new keys.
        let selected = read::select(self.session, dg(14));
        self.log.transcript.chip_auth = self.session.take_recorded().map(|exchange| ChipAuth {
            protocol: choice.protocol.oid().to_owned(),
            key_id: choice.key_id,
            ephemeral,
            command: exchange.command,
            answer: exchange.answer,
        });
        match selected {
            Err(ReadError::Session { source: SessionError::Transport(error), .. }) => Err(SessionError::Transport(error).into()),
            Err(ReadError::Session { source, .. }) => {
                self.reopen(false)?;
                Ok(evidence(CA.failed("key-not-proven", not_proven(&source))))
            }
            Ok(()) | Err(_) => Ok(evidence(CA.passed())),
        }
    }

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
        let mut challenge = [0; CHALLENGE_LEN];
        self.rng.fill_bytes(&mut challenge);
        let signature = match self.signature(challenge)? {
            Ok(signature) => signature,
            Err(finding) => return Ok(finding),
        };
        self.log.transcript.active_auth = Some(ActiveAuth { challenge: challenge.to_vec(), signature: signature.clone() });
        Ok(active_auth_verdict(&key, hash, challenge, &signature, &mut self.log.quirks))
    }

    /// INTERNAL AUTHENTICATE. Some chips answer only to an Le that covers the protected signature, others refuse Le 0000: what the
    /// card announced goes first, then the other.
    fn signature(&mut self, challenge: [u8; CHALLENGE_LEN]) -> Result<Result<Vec<u8>, Finding>, AccessError> {
        let announced = self.session.is_extended();
        let mut refused = eid::apdu::Sw::OK;
        for le in if announced { [EXTENDED_LE_MAX, SHORT_LE_MAX] } else { [SHORT_LE_MAX, EXTENDED_LE_MAX] } {
            if le == EXTENDED_LE_MAX {
                self.session.use_extended_apdus();
            }
            let answer = self.session.transmit(&active_auth::internal_authenticate(challenge, le));
            if !announced {
                self.session.use_short_apdus();
            }
            let answer = match answer {
                Ok(answer) => answer,
                Err(SessionError::Transport(error)) => return Err(SessionError::Transport(error).into()),
                Err(error) => {
                    self.reopen(false)?;
                    return Ok(Err(AA.failed("channel-broken", error.to_string())));
                }
            };
            if answer.sw.is_ok() && !answer.data.is_empty() {
                if !refused.is_ok() {
                    self.log.quirks.push(Quirk::new("aa.le", format!("INTERNAL AUTHENTICATE with Le {le}, after {refused}")));
                }
                return Ok(Ok(answer.data));
            }
            refused = answer.sw;
            if !matches!(refused.0, 0x6700 | 0x6C00..=0x6CFF | 0x9000) {
                break;
            }
        }
        let text = format!("INTERNAL AUTHENTICATE: expected a signature and 9000, found {refused} {}", refused.meaning());
        Ok(Err(AA.failed("refused", text.trim_end())))
    }
}

fn not_proven(why: &dyn std::fmt::Display) -> String {
    format!("the chip does not hold the private key of DG14: {why}")
}

/// Chip Authentication from its record: agrees again with the key of DG14 and opens the first exchange under the keys that follow.
pub(in crate::terminal) fn chip_auth_again(dg14: &Dg14, record: &ChipAuth) -> Finding {
    let choice = match choose(&dg14.infos, &mut Vec::new()) {
        Ok(choice) if choice.protocol.oid() == record.protocol && choice.key_id == record.key_id => choice,
        Ok(_) => return CA.failed("record-differs", "the record is of another protocol or key than the strongest that DG14 offers"),
        Err(why) => return CA.not_supported("protocol-unknown", why),
    };
    let finding =
        |finding: Finding| finding.with("protocol", eid::oid::describe(choice.protocol.oid())).with("curve", choice.key.curve().name());
    let wrong = |error: &dyn std::fmt::Display| CA.failed("record-malformed", format!("record of Chip Authentication: {error}"));
    let ephemeral = match PrivateKey::from_bytes(choice.key.curve(), record.ephemeral.expose()) {
        Ok(key) => key,
        Err(error) => return finding(wrong(&error)),
    };
    let mut channel = match chip_auth::Terminal::start_with(choice.protocol, choice.key_id, &choice.key, ephemeral) {
        Ok((_, terminal)) => terminal.into_channel(),
        Err(error) => return finding(wrong(&error)),
    };
    let command = Command::parse(&record.command).map_err(|error| error.to_string());
    let answer = Response::parse(&record.answer).map_err(|error| error.to_string());
    let (command, answer) = match (command, answer) {
        (Ok(command), Ok(answer)) => (command, answer),
        (Err(error), _) | (_, Err(error)) => return finding(wrong(&error)),
    };
    // The command is ours: one that does not open was not sent under these keys.
    if let Err(error) = channel.unprotect_command(&command) {
        return finding(wrong(&error));
    }
    finding(match channel.unprotect_response(&answer) {
        Ok(_) => CA.passed(),
        Err(error) => CA.failed("key-not-proven", not_proven(&SessionError::SecureMessaging(error))),
    })
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
    let verified = match (key, hash) {
        (PublicKey::Rsa(key), _) => active_auth::verify_rsa(key, challenge, signature),
        (PublicKey::Ec(point), Some(hash)) => active_auth::verify_ecdsa(hash, point, challenge, signature),
        (PublicKey::Ec(_), None) => return AA.not_supported("algorithm-not-named", "no ActiveAuthenticationInfo"),
    };
    let finding = match verified {
        Ok(verified) => {
            for quirk in &verified.quirks {
                let rule = match quirk {
                    active_auth::Quirk::DerSignature => "aa.der-signature",
                    active_auth::Quirk::SmallerRoot => "aa.smaller-root",
                };
                quirks.push(Quirk::new(rule, "answer to INTERNAL AUTHENTICATE"));
            }
            AA.passed().with("hash", verified.hash.name())
        }
        Err(ActiveAuthError::Signature(error)) => AA.not_supported("key-unusable", error.to_string()),
        Err(error) => AA.failed("signature-wrong", error.to_string()),
    };
    // Challenge and signature let anybody repeat the check against DG15.
    finding.with("key", spki::describe(key)).with("challenge", hex::encode_upper(challenge)).with("signature", hex::encode_upper(signature))
}

/// The key with the strongest suite. A key without a ChipAuthenticationInfo is used with 3DES, which older chips leave unsaid.
fn choose(infos: &SecurityInfos, quirks: &mut Vec<Quirk>) -> Result<Choice, String> {
    let several = infos.chip_auth_public_keys().count() > 1;
    let mut best: Option<Choice> = None;
    let mut problem = "DG14 has no ECDH key for Chip Authentication".to_owned();
    for key in infos.chip_auth_public_keys().filter(|key| key.agreement == Agreement::Ecdh) {
        let point = match spki::parse(&key.spki) {
            Ok(info) => match info.key {
                PublicKey::Ec(point) => point,
                PublicKey::Rsa(_) => {
                    problem = "DG14: the key for Chip Authentication is an RSA key".to_owned();
                    continue;
                }
            },
            Err(error) => {
                problem = format!("DG14: the key for Chip Authentication: {error}");
                continue;
            }
        };
        let mut offered: Vec<_> = infos
            .chip_auth()
            .filter(|info| info.protocol.agreement == Agreement::Ecdh && (info.key_id == key.key_id || !several))
            .map(|info| info.protocol)
            .collect();
        if offered.is_empty() {
            quirks.push(Quirk::new("ca.no-info", "DG14 has a key for Chip Authentication and no ChipAuthenticationInfo"));
            offered.push(ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::TripleDes });
        }
        for protocol in offered {
            if best.as_ref().is_none_or(|best| best.protocol.suite < protocol.suite) {
                best = Some(Choice { protocol, key: point.clone(), key_id: key.key_id.filter(|_| several) });
            }
        }
    }
    best.ok_or(problem)
}
