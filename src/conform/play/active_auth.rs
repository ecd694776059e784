//! Active Authentication: a fresh challenge, and whether the signature over it verifies.

use eid::crypto::signature::PublicKey;
use eid::protocol::active_auth::{self, CHALLENGE_LEN};

use super::super::link::expecting;
use super::{Outcome, Player, Seen, Trouble, taken};

impl Player<'_, '_> {
    pub(super) fn active_authentication(&mut self) -> Result<Seen, Trouble> {
        let profile = self.profile;
        let (key, hash) =
            profile.active_auth.as_ref().ok_or_else(|| Trouble::Impossible("EF.DG15 has no key that can be used".to_owned()))?;
        let mut challenge = [0; CHALLENGE_LEN];
        self.rng.fill_bytes(&mut challenge);
        let len = match key {
            PublicKey::Rsa(key) => key.modulus().len(),
            PublicKey::Ec(point) => 2 * point.curve().scalar_len(),
        };
        let mut command = active_auth::internal_authenticate(challenge, 256);
        if self.link.is_extended() {
            command = expecting(command, len);
        }
        let answer = self.link.send(&command)?;
        let mut seen = Seen::new(Outcome::Answered, None);
        if taken(answer.sw) {
            seen.signature = Some(match active_auth::verify(key, *hash, challenge, &answer.data) {
                Ok(verified) => verified.quirks.first().map_or(Ok(()), |quirk| Err(format!("it deviates: {}", quirk.rule()))),
                Err(error) => Err(error.to_string()),
            });
        }
        seen.answer = Some(answer);
        Ok(seen)
    }
}
