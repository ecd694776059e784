//! Values of the protocols that are wrong: keys that are others, nonces that were not sent, signatures of another form.
//!
//! Each function gives back what it got, unless the card errs in this.

use eid::apdu::Response;
use eid::crypto::agreement::AgreementPrivateKey;
use eid::crypto::curve::PrivateKey;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::rsa;
use eid::image::{ActiveAuthKey, ChipAuthKey};
use eid::lds::security_info::PaceProtocol;
use eid::protocol::bac::Answer as BacAnswer;
use eid::protocol::pace::Parameters;
use eid::secret::Secret;
use rand_core::Rng as _;

use super::injection::Value;
use crate::card::Card;
use crate::status::{self, Answer, refuse};

impl Card {
    /// What the answer to EXTERNAL AUTHENTICATE says otherwise.
    pub(crate) fn bac_errors(&self) -> impl FnOnce(&mut BacAnswer) + use<> {
        let [echo, rnd_ic, rnd_ifd, both] =
            [Value::BacKeyEcho, Value::BacRndIc, Value::BacRndIfd, Value::BacEncryption].map(|value| self.errs(value));
        let mut other = self.error_source(b"nonces");
        move |answer| {
            if echo {
                answer.echo_key();
            }
            if rnd_ic || both {
                other.fill_bytes(&mut answer.rnd_ic);
            }
            if rnd_ifd || both {
                other.fill_bytes(&mut answer.rnd_ifd);
            }
        }
    }

    /// The parameters of PACE, with another cipher.
    pub(crate) fn pace_suite(&self, parameters: Parameters) -> Parameters {
        if !self.errs(Value::PaceSuite) {
            return parameters;
        }
        let other = match parameters.suite() {
            Suite::Aes128 => Suite::Aes192,
            Suite::TripleDes | Suite::Aes192 | Suite::Aes256 => Suite::Aes128,
        };
        let protocol = parameters.protocol();
        let protocol = PaceProtocol::new(protocol.mapping(), protocol.agreement(), other);
        protocol.and_then(|protocol| Parameters::new(protocol, parameters.domain().clone()).ok()).unwrap_or(parameters)
    }

    /// The keys of Chip Authentication; others, as a copy of the card has, if it errs in `value`.
    pub(crate) fn own_keys(&self, value: Value, mut keys: Vec<ChipAuthKey>) -> Vec<ChipAuthKey> {
        if self.errs(value) {
            let mut rng = self.error_source(b"chip authentication");
            keys.iter_mut().for_each(|key| key.key = AgreementPrivateKey::generate(&key.key.domain(), &mut rng));
        }
        keys
    }

    /// The key of Active Authentication, or another.
    pub(crate) fn own_signing_key(&self, key: ActiveAuthKey) -> ActiveAuthKey {
        if !self.errs(Value::AaKey) {
            return key;
        }
        match key {
            ActiveAuthKey::Ec(key) => ActiveAuthKey::Ec(PrivateKey::generate(key.curve(), &mut self.error_source(b"active"))),
            ActiveAuthKey::Rsa { modulus, private_exponent } => {
                let mut exponent = private_exponent.expose().to_vec();
                exponent.last_mut().into_iter().for_each(|last| *last ^= 0x02);
                ActiveAuthKey::Rsa { modulus, private_exponent: Secret::new(exponent) }
            }
        }
    }

    /// The hash of an RSA signature, if it is not for DG14 to say.
    pub(crate) fn own_hash(&self) -> Option<Hash> {
        Hash::ALL.into_iter().find(|hash| self.errs(Value::AaHash(*hash)))
    }

    /// An RSA signature of another form, if the card errs in that.
    pub(crate) fn other_signature(&mut self, key: &ActiveAuthKey, challenge: &[u8]) -> Option<Answer> {
        let ActiveAuthKey::Rsa { modulus, private_exponent } = key else { return None };
        let (trailer, root) = (self.errs(Value::AaTrailer), self.errs(Value::AaOtherRoot));
        if !trailer && !root {
            return None;
        }
        // 37CC names a hash that is none of ISO/IEC 10118-3 for this
        let end = if trailer { [0x37, 0xCC] } else { [0x34, 0xCC] };
        let mut m1 = vec![0; modulus.len().saturating_sub(1 + Hash::Sha256.len() + end.len())];
        self.rng.fill_bytes(&mut m1);
        let representative = [&[0x6A], &m1[..], &Hash::Sha256.digest(&[&m1, challenge]), &end].concat();
        let signature = rsa::private_op(modulus, private_exponent, &representative, &mut *self.rng);
        Some(match signature {
            Ok(signature) => Ok(Response::ok(if root { difference(modulus, &signature) } else { signature })),
            Err(_) => refuse(status::NO_DIAGNOSIS),
        })
    }

    /// What Terminal Authentication after Basic Access Control binds to: document number and check digit, or those of another document.
    pub(crate) fn own_identifier(&self, mut identifier: Vec<u8>) -> Vec<u8> {
        if self.errs(Value::TaIdentifier) {
            identifier.first_mut().into_iter().for_each(|first| *first ^= 0x01);
        }
        identifier
    }
}

/// `a` - `b`, both as long as `a`.
fn difference(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = a.to_vec();
    let mut borrow = 0u8;
    for (octet, less) in out.iter_mut().rev().zip(b.iter().rev()) {
        let (first, under) = octet.overflowing_sub(*less);
        let (second, again) = first.overflowing_sub(borrow);
        *octet = second;
        borrow = u8::from(under || again);
    }
    out
}
