//! The record of a ceremony: one line of JSON for each step, in order, and one signature by the new key over the file as it is.
//!
//! ```text
//! {"v":1,"step":1,"time":"2026-11-22T09:00:00Z","who":["ana","ben","cho"],"what":"…","files":{}}
//! {"v":1,"step":2,…,"files":{"csca.key":"<SHA-256>","csca.cer":"<SHA-256>"}}
//! ```
//!
//! The signature lies beside it in the form of X.509, so that anybody's program can check it with the certificate alone:
//! `openssl dgst -sha384 -verify key.pem -signature csca.ceremony.sig csca.ceremony.jsonl`.
//!
//! What it proves: that the key was there when the last line was written, and that no line was changed since. Who sat at the table is the
//! word of those who signed for it on paper.

use std::collections::BTreeMap;

use eid::cert::CertError;
use eid::cert::x509::Certificate;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{self, SignatureError};
use eid::signer::{Signer, SignerError};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;
const MAX_STEPS: usize = 1000;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    v: u32,
    /// From 1.
    pub step: usize,
    /// When: RFC 3339, as the machine's clock said.
    pub time: String,
    /// The officers who took part.
    pub who: Vec<String>,
    /// What was done.
    pub what: String,
    /// SHA-256 of the files that it made, by name.
    pub files: BTreeMap<String, String>,
    /// The head of the register at that moment, `COUNT:HASH`, where the step tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
}

/// Why a protocol does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A line that is no step, or steps out of order.
    #[error("protocol, line {line}: {detail}")]
    Format {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// The certificate has a key or algorithm that is not known.
    #[error("protocol: certificate: {0}")]
    Certificate(CertError),
    /// The signature is not that of the certificate's key over these bytes.
    #[error("protocol: {0}")]
    Signature(SignatureError),
}

/// A protocol that is being written.
#[derive(Clone, Debug, Default)]
pub struct Protocol {
    steps: Vec<Step>,
}

impl Protocol {
    /// Goes on with a protocol that was interrupted, from its file.
    ///
    /// # Errors
    /// The file is no protocol.
    pub fn resume(text: &[u8]) -> Result<Self, ProtocolError> {
        read(text).map(|steps| Self { steps })
    }

    /// Adds a step; `files` are names with their bytes, `register` is the head of the register.
    pub fn step(&mut self, time: &str, who: &[&str], what: &str, files: &[(&str, &[u8])], register: Option<String>) {
        self.steps.push(Step {
            v: VERSION,
            step: self.steps.len() + 1,
            time: time.to_owned(),
            who: who.iter().map(|&name| name.to_owned()).collect(),
            what: what.to_owned(),
            files: files.iter().map(|(name, bytes)| ((*name).to_owned(), hash(bytes))).collect(),
            register,
        });
    }

    /// The steps so far.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The file.
    #[must_use]
    pub fn text(&self) -> String {
        self.steps.iter().filter_map(|step| serde_json::to_string(step).ok()).flat_map(|line| [line, "\n".to_owned()]).collect()
    }

    /// The signature over the file, in the form of X.509.
    ///
    /// # Errors
    /// The signer refuses.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Vec<u8>, SignerError> {
        Ok(signer.sign(self.text().as_bytes())?.to_der())
    }
}

/// The steps of a protocol whose signature is that of the key in `certificate`, which is self-signed: it names the algorithm.
///
/// # Errors
/// The signature is wrong, or what it covers is no protocol.
pub fn verify(certificate: &Certificate, text: &[u8], signature: &[u8]) -> Result<Vec<Step>, ProtocolError> {
    let key = certificate.key().map_err(|error| ProtocolError::Certificate(error.clone()))?;
    let algorithm = certificate.signature_algorithm().map_err(|error| ProtocolError::Certificate(error.clone()))?;
    let algorithm = algorithm.algorithm(None).map_err(ProtocolError::Certificate)?;
    signature::verify_der(algorithm, &key.key, text, signature).map_err(ProtocolError::Signature)?;
    read(text)
}

/// SHA-256 in hexadecimal digits, as it stands in a step.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Hash::Sha256.digest(&[bytes]))
}

fn read(text: &[u8]) -> Result<Vec<Step>, ProtocolError> {
    let mut steps = Vec::new();
    for (index, line) in text.split(|&b| b == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let wrong = |detail: String| ProtocolError::Format { line: index + 1, detail };
        let step: Step = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
        if step.v != VERSION {
            return Err(wrong(format!("expected version {VERSION}, found {}", step.v)));
        }
        if step.step != steps.len() + 1 || steps.len() >= MAX_STEPS {
            return Err(wrong(format!("expected step {}, found {}", steps.len() + 1, step.step)));
        }
        steps.push(step);
    }
    if steps.is_empty() {
        return Err(ProtocolError::Format { line: 1, detail: "expected a step, found none".to_owned() });
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use eid::date::Date;
    use rand_core::UnwrapErr;

    use super::*;
    use crate::csca::{self, CscaParameters};
    use crate::key::{KeyParameters, SigningKey, default_algorithm};
    use crate::profile::Subject;
    use crate::software::SoftwareSigner;

    fn root(key: KeyParameters) -> (Certificate, SoftwareSigner<UnwrapErr<getrandom::SysRng>>) {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let algorithm = default_algorithm(key);
        let signer = SoftwareSigner::new("csca", SigningKey::generate(key, algorithm, &mut rng).expect("key"), rng);
        let subject = Subject {
            country: "UT".to_owned(),
            state_code: "UTO".to_owned(),
            organization: None,
            organizational_unit: None,
            serial_number: None,
            common_name: "CSCA".to_owned(),
            contact_email: None,
        };
        let parameters = CscaParameters { key, algorithm, ..CscaParameters::default() };
        let today = Date::new(2026, 11, 22).expect("a day");
        (csca::create(&subject, &parameters, &signer, &[0x41, 1, 2, 3, 4, 5, 6, 7], today).expect("root"), signer)
    }

    fn protocol() -> Protocol {
        let mut protocol = Protocol::default();
        protocol.step("2026-11-22T09:00:00Z", &["ana", "ben"], "the officers are here", &[], Some("3:aa".to_owned()));
        protocol.step("2026-11-22T09:05:00Z", &[], "the key was made", &[("csca.key", b"key"), ("csca.cer", b"certificate")], None);
        protocol
    }

    #[test]
    fn a_signed_protocol_reads_back_and_a_changed_byte_is_found() {
        for key in [KeyParameters::Ec(eid::crypto::curve::Curve::P384), KeyParameters::Rsa(3072)] {
            let (certificate, signer) = root(key);
            let (protocol, other) = (protocol(), root(KeyParameters::Ec(eid::crypto::curve::Curve::P384)).0);
            let text = protocol.text().into_bytes();
            let signature = protocol.sign(&signer).expect("signed");
            assert_eq!(verify(&certificate, &text, &signature).as_deref(), Ok(protocol.steps()));
            for at in (0..text.len()).step_by(7) {
                let mut changed = text.clone();
                changed[at] ^= 1;
                assert!(matches!(verify(&certificate, &changed, &signature), Err(ProtocolError::Signature(_))), "byte {at}");
            }
            assert!(matches!(verify(&other, &text, &signature), Err(ProtocolError::Signature(_))));
        }
    }

    #[test]
    fn a_signature_over_something_else_makes_no_protocol() {
        let (certificate, signer) = root(KeyParameters::Ec(eid::crypto::curve::Curve::P256));
        let text = protocol().text();
        let second = text.lines().nth(1).expect("two lines").to_owned() + "\n";
        for (wrong, line) in [(String::new(), 1), ("{}\n".to_owned(), 1), (second.clone(), 1), (text + &second, 3)] {
            let signature = signer.sign(wrong.as_bytes()).expect("signed").to_der();
            let error = verify(&certificate, wrong.as_bytes(), &signature).expect_err("no protocol");
            assert!(matches!(error, ProtocolError::Format { line: found, .. } if found == line), "{error}");
        }
    }

    #[test]
    fn a_step_names_the_hash_that_sha256sum_prints() {
        // printf key | sha256sum
        assert_eq!(hash(b"key"), "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683");
    }
}
