//! Basic Access Control (Doc 9303-11 §4.3), both roles: three passes with 3DES under keys from the MRZ.
//!
//! ```text
//! chip      -> RND.IC                                                              GET CHALLENGE
//! terminal  -> E(RND.IFD ‖ RND.IC ‖ K.IFD) ‖ MAC                                    EXTERNAL AUTHENTICATE
//! chip      -> E(RND.IC ‖ RND.IFD ‖ K.IC) ‖ MAC
//! session keys from K.IFD xor K.IC, counter = last half of RND.IC ‖ last half of RND.IFD
//! ```
//!
//! It refuses messages of another length, a wrong MAC (which is how a wrong MRZ shows), foreign nonces, and its own part of the key sent back.

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::apdu::Command;
use crate::crypto::cipher::CipherKey;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::{Purpose, Suite, derive};
use crate::crypto::mac::MacKey;
use crate::secret::Secret;
use crate::sm::SecureMessaging;

/// Why Basic Access Control failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BacError {
    /// A message of another length.
    #[error("{what}: expected {expected} bytes, found {found}")]
    Length {
        /// Which message.
        what: &'static str,
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// The MAC is wrong: the other side has another MRZ.
    #[error("BAC: the MAC is wrong, the other side has another MRZ")]
    Mac,
    /// The message answers another challenge.
    #[error("BAC: {0} is not the one that was sent")]
    Nonce(&'static str),
    /// The chip's part of the key is the terminal's: whoever listens knows the session keys.
    #[error("BAC: the chip sent the terminal's part of the key back")]
    EqualKeys,
}

/// SHA-1 of the MRZ information (document number, date of birth, date of expiry, each with its check digit): 20 bytes.
/// BAC takes the first 16, PACE all of them.
#[must_use]
pub fn mrz_seed(mrz_information: &str) -> Secret {
    Secret::new(Hash::Sha1.digest(&[mrz_information.as_bytes()]))
}

/// GET CHALLENGE for eight bytes.
#[must_use]
pub const fn get_challenge() -> Command {
    Command::new(0x00, 0x84, 0x00, 0x00).with_le(8)
}

/// The document basic access keys K_Enc and K_MAC.
struct Keys {
    enc: CipherKey,
    mac: MacKey,
}

impl Keys {
    fn new(seed: &Secret) -> Self {
        let seed = seed.expose();
        let seed = seed.get(..16).unwrap_or(seed);
        let key = |purpose| derive(Suite::TripleDes, seed, &[], purpose);
        Self {
            enc: CipherKey::new(Suite::TripleDes, key(Purpose::Encryption).expose()).expect("the KDF gives 16 bytes"),
            mac: MacKey::new(Suite::TripleDes, key(Purpose::Mac).expose()).expect("the KDF gives 16 bytes"),
        }
    }

    /// E(first ‖ second ‖ key) ‖ MAC, 40 bytes.
    fn seal(&self, first: &[u8; 8], second: &[u8; 8], key: &[u8; 16]) -> Vec<u8> {
        let mut out = [&first[..], second, key].concat();
        self.enc.encrypt_cbc(&[0; 8], &mut out).expect("32 bytes are whole blocks");
        let mac = self.mac.mac(&[&out]);
        out.extend(mac);
        out
    }

    /// The two nonces and the key material of the other side's 40 bytes.
    fn open(&self, what: &'static str, message: &[u8]) -> Result<([u8; 8], [u8; 8], Secret), BacError> {
        let length = BacError::Length { what, expected: 40, found: message.len() };
        let (cipher, mac) = message.split_at_checked(32).filter(|(_, mac)| mac.len() == 8).ok_or(length)?;
        if !self.mac.verify(&[cipher], mac) {
            return Err(BacError::Mac);
        }
        let mut plain = cipher.to_vec();
        self.enc.decrypt_cbc(&[0; 8], &mut plain).map_err(|_| length)?;
        let part = |at: usize| plain.get(at..).and_then(<[u8]>::first_chunk::<8>).copied().ok_or(length);
        let opened = (part(0)?, part(8)?, Secret::from(plain.get(16..).unwrap_or_default()));
        plain.zeroize();
        Ok(opened)
    }
}

fn channel(rnd_ic: &[u8; 8], rnd_ifd: &[u8; 8], own: &Secret, other: &Secret) -> SecureMessaging {
    let seed = Secret::new(own.expose().iter().zip(other.expose()).map(|(a, b)| a ^ b).collect());
    let key = |purpose| derive(Suite::TripleDes, seed.expose(), &[], purpose);
    let counter = [&rnd_ic[4..], &rnd_ifd[4..]].concat();
    SecureMessaging::new(Suite::TripleDes, &key(Purpose::Encryption), &key(Purpose::Mac), &counter)
        .expect("the KDF gives 16 bytes, the counter has 8")
}

fn same(found: &[u8; 8], expected: &[u8; 8]) -> bool {
    found.ct_eq(expected).into()
}

/// The terminal, waiting for the chip's answer to EXTERNAL AUTHENTICATE.
pub struct Terminal {
    keys: Keys,
    rnd_ic: [u8; 8],
    rnd_ifd: [u8; 8],
    k_ifd: Secret,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bac::Terminal")
    }
}

impl Terminal {
    /// Answers the chip's challenge: EXTERNAL AUTHENTICATE with 40 bytes, 40 expected.
    ///
    /// # Errors
    /// The challenge has not eight bytes.
    pub fn start(seed: &Secret, challenge: &[u8], rng: &mut dyn CryptoRng) -> Result<(Command, Self), BacError> {
        let rnd_ic = challenge.try_into().map_err(|_| BacError::Length { what: "challenge", expected: 8, found: challenge.len() })?;
        let (mut rnd_ifd, mut k_ifd) = ([0; 8], [0; 16]);
        rng.fill_bytes(&mut rnd_ifd);
        rng.fill_bytes(&mut k_ifd);
        let keys = Keys::new(seed);
        let data = keys.seal(&rnd_ifd, &rnd_ic, &k_ifd);
        let command = Command::new(0x00, 0x82, 0x00, 0x00).with_data(data).with_le(40);
        Ok((command, Self { keys, rnd_ic, rnd_ifd, k_ifd: Secret::from(k_ifd) }))
    }

    /// Checks the chip's 40 bytes and opens the channel.
    ///
    /// # Errors
    /// Any [`BacError`].
    pub fn finish(self, answer: &[u8]) -> Result<SecureMessaging, BacError> {
        let (rnd_ic, rnd_ifd, k_ic) = self.keys.open("answer to EXTERNAL AUTHENTICATE", answer)?;
        if !same(&rnd_ic, &self.rnd_ic) {
            return Err(BacError::Nonce("RND.IC"));
        }
        if !same(&rnd_ifd, &self.rnd_ifd) {
            return Err(BacError::Nonce("RND.IFD"));
        }
        if k_ic == self.k_ifd {
            return Err(BacError::EqualKeys);
        }
        Ok(channel(&self.rnd_ic, &self.rnd_ifd, &self.k_ifd, &k_ic))
    }
}

/// The chip, waiting for EXTERNAL AUTHENTICATE. A challenge serves once.
#[derive(Debug)]
pub struct Chip {
    rnd_ic: [u8; 8],
}

impl Chip {
    /// Draws RND.IC, the answer to GET CHALLENGE.
    #[must_use]
    pub fn challenge(rng: &mut dyn CryptoRng) -> ([u8; 8], Self) {
        let mut rnd_ic = [0; 8];
        rng.fill_bytes(&mut rnd_ic);
        (rnd_ic, Self { rnd_ic })
    }

    /// Checks the terminal's 40 bytes; gives the 40 bytes of the answer and the channel, which begins after this answer.
    ///
    /// # Errors
    /// Any [`BacError`]; the chip answers 6300 to a wrong MAC or nonce, 6700 to a wrong length.
    pub fn authenticate(self, seed: &Secret, data: &[u8], rng: &mut dyn CryptoRng) -> Result<(Vec<u8>, SecureMessaging), BacError> {
        self.danger_authenticate(seed, data, rng, |_| {})
    }

    /// The same with another answer than the clause asks for: for test cards, which are wrong on purpose. The channel is that of the nonces that
    /// were exchanged and of the key that the answer says.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub fn danger_authenticate(
        self,
        seed: &Secret,
        data: &[u8],
        rng: &mut dyn CryptoRng,
        change: impl FnOnce(&mut Answer),
    ) -> Result<(Vec<u8>, SecureMessaging), BacError> {
        let keys = Keys::new(seed);
        let (rnd_ifd, rnd_ic, k_ifd) = keys.open("EXTERNAL AUTHENTICATE", data)?;
        if !same(&rnd_ic, &self.rnd_ic) {
            return Err(BacError::Nonce("RND.IC"));
        }
        let mut answer = Answer { rnd_ic, rnd_ifd, k_ic: [0; 16], k_ifd };
        rng.fill_bytes(&mut answer.k_ic);
        change(&mut answer);
        let sealed = keys.seal(&answer.rnd_ic, &answer.rnd_ifd, &answer.k_ic);
        Ok((sealed, channel(&rnd_ic, &rnd_ifd, &Secret::from(answer.k_ic), &answer.k_ifd)))
    }
}

/// What the chip's answer to EXTERNAL AUTHENTICATE says, for [`Chip::danger_authenticate`].
pub struct Answer {
    /// RND.IC.
    pub rnd_ic: [u8; 8],
    /// RND.IFD.
    pub rnd_ifd: [u8; 8],
    /// K.IC.
    pub k_ic: [u8; 16],
    /// K.IFD, which the terminal sent and the answer does not say.
    k_ifd: Secret,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bac::Answer")
    }
}

impl Answer {
    /// Makes K.IC equal to K.IFD: the seed of the session keys is then zero.
    pub fn echo_key(&mut self) {
        self.k_ic.iter_mut().zip(self.k_ifd.expose()).for_each(|(own, sent)| *own = *sent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rng::{Given, Seeded};

    const MRZ_INFORMATION: &str = "L898902C<369080619406236";

    #[test]
    fn appendix_d_2_seeds() {
        for (information, seed) in
            [("D23145890734934071279507122", "B366AD857DDCA2B08C0E299811714730"), (MRZ_INFORMATION, "239AB9CB282DAF66231DC5A4DF6BFBAE")]
        {
            assert_eq!(hex::encode_upper(&mrz_seed(information).expose()[..16]), seed);
        }
    }

    #[test]
    fn appendix_d_3_as_terminal_and_as_chip() {
        let seed = mrz_seed(MRZ_INFORMATION);
        let mut chip_rng = Given::hex(&["4608F91988702212", "0B4F80323EB3191CB04970CB4052790B"]);
        let (challenge, chip) = Chip::challenge(&mut chip_rng);
        assert_eq!(get_challenge().encode().map(hex::encode_upper).as_deref(), Ok("0084000008"));
        let mut terminal_rng = Given::hex(&["781723860C06C226", "0B795240CB7049B01C19B33E32804F0B"]);
        let (command, terminal) = Terminal::start(&seed, &challenge, &mut terminal_rng).expect("eight bytes");
        assert_eq!(
            command.encode().map(hex::encode_upper).as_deref(),
            Ok("008200002872C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F25F1448EEA8AD90A728")
        );
        let (answer, mut chip) = chip.authenticate(&seed, &command.data, &mut chip_rng).expect("same MRZ");
        assert_eq!(hex::encode_upper(&answer), "46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D7449");
        let mut terminal = terminal.finish(&answer).expect("same MRZ");
        // KS_Enc, KS_MAC and the counter show in the first command of appendix D.4.
        let select = Command::new(0x00, 0xA4, 0x02, 0x0C).with_data([0x01, 0x1E]);
        let sent = terminal.protect_command(&select).expect("protects");
        assert_eq!(hex::encode_upper(&sent.data), "8709016375432908C044F68E08BF8B92D635FF24F8");
        assert_eq!(chip.unprotect_command(&sent), Ok(select));
    }

    #[test]
    fn another_mrz_is_a_wrong_mac_on_either_side() {
        let (right, wrong) = (mrz_seed(MRZ_INFORMATION), mrz_seed("L898902C<369080619406237"));
        let mut rng = Seeded::new(1);
        let (challenge, chip) = Chip::challenge(&mut rng);
        let (command, _) = Terminal::start(&wrong, &challenge, &mut rng).expect("eight bytes");
        assert_eq!(chip.authenticate(&right, &command.data, &mut rng).map(|_| ()), Err(BacError::Mac));
        let (_, terminal) = Terminal::start(&right, &challenge, &mut rng).expect("eight bytes");
        let forged = Keys::new(&wrong).seal(&challenge, &terminal.rnd_ifd, &[0; 16]);
        assert_eq!(terminal.finish(&forged).map(|_| ()), Err(BacError::Mac));
    }

    #[test]
    fn replayed_messages_are_refused_for_their_nonce() {
        let seed = mrz_seed(MRZ_INFORMATION);
        let mut rng = Seeded::new(2);
        let (first, _) = Chip::challenge(&mut rng);
        let (_, chip) = Chip::challenge(&mut rng);
        let (command, terminal) = Terminal::start(&seed, &first, &mut rng).expect("eight bytes");
        assert_eq!(chip.authenticate(&seed, &command.data, &mut rng).map(|_| ()), Err(BacError::Nonce("RND.IC")));
        // A chip that only echoes what the terminal sent has RND.IC and RND.IFD in the wrong order.
        assert_eq!(terminal.finish(&command.data).map(|_| ()), Err(BacError::Nonce("RND.IC")));
        let (_, terminal) = Terminal::start(&seed, &first, &mut rng).expect("eight bytes");
        let other = Keys::new(&seed).seal(&first, &[9; 8], &[0; 16]);
        assert_eq!(terminal.finish(&other).map(|_| ()), Err(BacError::Nonce("RND.IFD")));
        let (command, terminal) = Terminal::start(&seed, &first, &mut rng).expect("eight bytes");
        let echo = Chip { rnd_ic: first }.danger_authenticate(&seed, &command.data, &mut rng, Answer::echo_key).expect("same MRZ");
        assert_eq!(terminal.finish(&echo.0).map(|_| ()), Err(BacError::EqualKeys));
        assert_eq!(
            Terminal::start(&seed, &[0; 4], &mut rng).map(|_| ()),
            Err(BacError::Length { what: "challenge", expected: 8, found: 4 })
        );
    }
}
