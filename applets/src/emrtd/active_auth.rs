//! Active Authentication on the chip (Doc 9303-11 §6.1): INTERNAL AUTHENTICATE over eight bytes, under secure messaging only.

use eid::apdu::{Command, Response};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::image::ActiveAuthKey;
use eid::protocol::active_auth::{ActiveAuthError, sign_ecdsa, sign_rsa};

use crate::card::Card;
use crate::clock::KeyWork;
use crate::status::{self, Answer, refuse};

impl Card {
    /// INTERNAL AUTHENTICATE 00 88 00 00 08 RND.IFD.
    pub(crate) fn internal_authenticate(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        if (command.p1, command.p2) != (0, 0) {
            return refuse(status::WRONG_P1P2);
        }
        // The hash that DG14 announces; without an announcement the one that fits the key.
        let announced = self.dg14().ok().and_then(|infos| infos.active_auth_hash());
        let key = self.own_signing_key(self.active_auth_key()?);
        if let Some(other) = self.other_signature(&key, &command.data) {
            return other;
        }
        match &key {
            ActiveAuthKey::Rsa { modulus, .. } => self.works(KeyWork::Rsa, modulus.len().min(512), 1),
            ActiveAuthKey::Ec(key) => self.works(KeyWork::Ec, key.curve().scalar_len(), 1),
        }
        let signature = match key {
            ActiveAuthKey::Rsa { modulus, private_exponent } => {
                let hash = self.own_hash().or(announced).unwrap_or(Hash::Sha256);
                sign_rsa(&modulus, &private_exponent, hash, &command.data, &mut *self.rng)
            }
            ActiveAuthKey::Ec(key) => {
                let hash = announced.unwrap_or_else(|| fitting(key.curve()));
                sign_ecdsa(&key, hash, &command.data, &mut *self.rng)
            }
        };
        match signature {
            Ok(signature) => Ok(Response::ok(signature)),
            Err(ActiveAuthError::Challenge { .. }) => refuse(status::WRONG_LENGTH),
            Err(_) => refuse(status::NO_DIAGNOSIS),
        }
    }
}

/// The strongest hash that is not longer than the key.
const fn fitting(curve: Curve) -> Hash {
    match curve.scalar_len() {
        ..=27 => Hash::Sha1,
        28..=31 => Hash::Sha224,
        32..=47 => Hash::Sha256,
        48..=63 => Hash::Sha384,
        _ => Hash::Sha512,
    }
}
