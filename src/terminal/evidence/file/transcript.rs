//! The transcripts in an evidence file: what was asked of the chip, and what it answered.

use base64ct::{Base64, Encoding as _};
use eid::crypto::curve::{Curve, Point};
use eid::lds::security_info::KeyId;
use eid::protocol::pace::cam::ChipAuthenticationData;
use eid::protocol::terminal_auth::path::MAX_PATH;
use eid::secret::Secret;
use serde::{Deserialize, Serialize};

use super::super::{ActiveAuth, ChipAuth, TerminalAuth};
use super::{EvidenceError, base64, value};
use crate::session::Exchange;

fn encode(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

fn curve(id: u8) -> Result<Curve, EvidenceError> {
    Curve::from_parameter_id(id).ok_or_else(|| value("curve", "the id of standardized domain parameters, 8 to 18", id.to_string()))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActiveAuthText {
    challenge: String,
    signature: String,
}

impl ActiveAuthText {
    pub(super) fn of(aa: &ActiveAuth) -> Self {
        Self { challenge: encode(&aa.challenge), signature: encode(&aa.signature) }
    }

    pub(super) fn read(&self) -> Result<ActiveAuth, EvidenceError> {
        Ok(ActiveAuth { challenge: base64("challenge", &self.challenge)?, signature: base64("signature", &self.signature)? })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChipAuthText {
    protocol: String,
    version: u8,
    /// The bytes that name the key, in hexadecimal.
    key_id: Option<String>,
    ephemeral: String,
    agreed: String,
    command: String,
    answer: String,
}

impl ChipAuthText {
    pub(super) fn of(ca: &ChipAuth) -> Self {
        Self {
            protocol: ca.protocol.clone(),
            version: ca.version,
            key_id: ca.key_id.map(|id| hex::encode(id.as_reference())),
            ephemeral: encode(ca.ephemeral.expose()),
            agreed: encode(&ca.agreed),
            command: encode(&ca.command),
            answer: encode(&ca.answer),
        }
    }

    pub(super) fn read(&self) -> Result<ChipAuth, EvidenceError> {
        Ok(ChipAuth {
            protocol: self.protocol.clone(),
            version: self.version,
            key_id: self.key_id.as_deref().map(key_id).transpose()?,
            ephemeral: Secret::new(base64("ephemeral", &self.ephemeral)?),
            agreed: base64("agreed", &self.agreed)?,
            command: base64("command", &self.command)?,
            answer: base64("answer", &self.answer)?,
        })
    }
}

fn key_id(text: &str) -> Result<KeyId, EvidenceError> {
    let id = hex::decode(text).ok().and_then(|octets| KeyId::from_reference(&octets));
    id.ok_or_else(|| value("key_id", "1 to 20 bytes in hexadecimal", text))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CamText {
    key_id: u8,
    /// Id of the domain parameters.
    curve: u8,
    mapping_key: String,
    data: Option<String>,
}

impl CamText {
    pub(super) fn of(cam: &ChipAuthenticationData) -> Self {
        Self {
            key_id: cam.key_id(),
            curve: cam.mapping_key().curve().parameter_id(),
            mapping_key: encode(cam.mapping_key().as_bytes()),
            data: cam.data().map(|data| encode(data.expose())),
        }
    }

    pub(super) fn read(&self) -> Result<ChipAuthenticationData, EvidenceError> {
        let key = base64("mapping_key", &self.mapping_key)?;
        let key = Point::from_bytes(curve(self.curve)?, &key);
        let key = key.map_err(|error| value("mapping_key", "a point of the curve", error.to_string()))?;
        let data = self.data.as_deref().map(|text| base64("data", text)).transpose()?;
        Ok(ChipAuthenticationData::from_record(self.key_id, key, data.map(Secret::new)))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TerminalAuthText {
    version: u8,
    certificates: Vec<String>,
    /// Id of the domain parameters of EC keys that state none.
    curve: Option<u8>,
    chip_key: Option<String>,
    challenge: String,
    signature: String,
    accepted: Option<ExchangeText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExchangeText {
    before: u32,
    command: String,
    answer: String,
}

impl TerminalAuthText {
    pub(super) fn of(ta: &TerminalAuth) -> Self {
        Self {
            version: ta.version,
            certificates: ta.certificates.iter().map(|certificate| encode(certificate)).collect(),
            curve: ta.curve.map(Curve::parameter_id),
            chip_key: ta.chip_key.as_deref().map(encode),
            challenge: encode(&ta.challenge),
            signature: encode(&ta.signature),
            accepted: ta.accepted.as_ref().map(|exchange| ExchangeText {
                before: exchange.before,
                command: encode(&exchange.command),
                answer: encode(&exchange.answer),
            }),
        }
    }

    pub(super) fn read(&self) -> Result<TerminalAuth, EvidenceError> {
        if self.certificates.len() > MAX_PATH {
            return Err(value("certificates", "no longer a path than is sent", self.certificates.len().to_string()));
        }
        Ok(TerminalAuth {
            version: self.version,
            certificates: self.certificates.iter().map(|text| base64("certificates", text)).collect::<Result<_, _>>()?,
            curve: self.curve.map(curve).transpose()?,
            chip_key: self.chip_key.as_deref().map(|text| base64("chip_key", text)).transpose()?,
            challenge: base64("challenge", &self.challenge)?,
            signature: base64("signature", &self.signature)?,
            accepted: match &self.accepted {
                None => None,
                Some(text) => Some(Exchange {
                    before: text.before,
                    command: base64("command", &text.command)?,
                    answer: base64("answer", &text.answer)?,
                }),
            },
        })
    }
}
