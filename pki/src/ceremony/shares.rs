//! A secret divided among officers: any `needed` of them open it, fewer learn nothing (Shamir's secret sharing).
//!
//! ```text
//! secret     the pass phrase of a key file, or the PIN of a token       sealed with a key of 32 random bytes
//! key        divided by Shamir over GF(2^8) into one share for each officer: x and 32 bytes
//! share      sealed with the officer's own pass phrase
//! sealed     PBES2 (RFC 8018) with scrypt (RFC 7914) and AES-256-GCM (RFC 5084): another pass phrase or a changed byte does not open
//! ```
//!
//! The file holds nothing that anybody could guess a PIN by: the secret is never hashed. Of the key and of each share, which are random,
//! it holds the SHA-256, so that a share that was exchanged, or a polynomial that was not the dealer's, is told from a wrong pass phrase.
//!
//! It refuses fewer than two needed officers, one pass phrase for two officers, one officer twice, and work factors that would stop the
//! machine.

use std::collections::BTreeSet;

use blahaj::{Share, Sharks};
use eid::crypto::hash::Hash;
use eid::secret::Secret;
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::pkcs5::{EncryptionScheme, pbes2, scrypt};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const VERSION: u32 = 1;
const KEY_LEN: usize = 32;
/// Officers of one key: a table, not a parliament.
const MAX_OFFICERS: usize = 16;
/// scrypt: N = 2^15, r = 8, p = 1, that is 32 MB and about a tenth of a second for each guess.
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 1;
/// What a file may ask for at most: 1 GB.
const MAX_N: u64 = 1 << 20;
const MAX_FILE: usize = 1 << 20;

/// Someone who takes part: a name and a secret of their own.
#[derive(Clone, Debug)]
pub struct Officer {
    /// 1 to 32 of a-z, 0-9 and hyphen.
    pub name: String,
    /// Their pass phrase.
    pub secret: Secret,
}

/// Why a secret is not divided, or does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharesError {
    /// Numbers of officers that make no sense.
    #[error("expected 2 to {MAX_OFFICERS} officers of whom 2 or more are needed, found {needed} of {officers}")]
    Quorum {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        officers: usize,
    },
    /// A name that is none.
    #[error("name of an officer: expected 1 to 32 of a-z, 0-9 and hyphen, found {0:?}")]
    Name(String),
    /// An officer without a pass phrase.
    #[error("officer {0}: an empty pass phrase protects nothing")]
    Empty(String),
    /// One officer twice.
    #[error("officer {0} is named twice: each counts once")]
    Twice(String),
    /// Two officers with one pass phrase.
    #[error("officers {0} and {1} gave the same pass phrase: each needs one of their own")]
    SamePassPhrase(String, String),
    /// Not enough officers.
    #[error("{needed} officers are needed, found {found}")]
    TooFew {
        /// How many are needed.
        needed: usize,
        /// How many came.
        found: usize,
    },
    /// No officer of this key.
    #[error("{name} holds no share of {key}; its officers are {}", officers.join(", "))]
    Unknown {
        /// Who came.
        name: String,
        /// The key.
        key: String,
        /// Who holds one.
        officers: Vec<String>,
    },
    /// The pass phrase does not open the officer's share.
    #[error("the pass phrase of officer {0} does not open their share")]
    PassPhrase(String),
    /// The shares are not of this key.
    #[error("shares of {key}: {detail}")]
    Damaged {
        /// The key.
        key: String,
        /// What does not fit.
        detail: String,
    },
    /// Not a file of shares.
    #[error("file of shares: {0}")]
    Format(String),
}

/// The shares of one key's secret, as they lie on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    version: u32,
    key: String,
    needed: usize,
    check: String,
    secret: Sealed,
    officers: Vec<Held>,
}

/// One officer's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    name: String,
    check: String,
    share: Sealed,
}

/// PBES2: AlgorithmIdentifier in DER, and what it encrypted; both in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    algorithm: String,
    data: String,
}

/// A pass phrase that nobody knows: 32 random bytes as hexadecimal digits.
#[must_use]
pub fn random_pass_phrase(rng: &mut dyn CryptoRng) -> Secret {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    rng.fill_bytes(&mut *bytes);
    Secret::new(hex::encode(*bytes).into_bytes())
}

impl Shares {
    /// Divides `secret`, which opens `key` (its label), among `officers`, so that any `needed` of them open it.
    ///
    /// # Errors
    /// Numbers, names, or pass phrases that are refused.
    pub fn divide(
        key: &str,
        secret: &Secret,
        needed: usize,
        officers: &[Officer],
        mut rng: &mut dyn CryptoRng,
    ) -> Result<Self, SharesError> {
        let quorum = || SharesError::Quorum { needed, officers: officers.len() };
        if !(2..=officers.len()).contains(&needed) || officers.len() > MAX_OFFICERS {
            return Err(quorum());
        }
        check_officers(officers)?;
        for (index, one) in officers.iter().enumerate() {
            if let Some(other) = officers.iter().take(index).find(|other| other.secret == one.secret) {
                return Err(SharesError::SamePassPhrase(other.name.clone(), one.name.clone()));
            }
        }
        let mut master = Zeroizing::new([0; KEY_LEN]);
        rng.fill_bytes(&mut *master);
        let sharks = Sharks(u8::try_from(needed).map_err(|_| quorum())?);
        let dealt: Vec<Share> = sharks.dealer_rng(&*master, &mut rng).take(officers.len()).collect();
        let held = officers
            .iter()
            .zip(&dealt)
            .map(|(officer, share)| {
                let share = Zeroizing::new(Vec::from(share));
                let sealed = seal(&officer.secret, &share, rng)?;
                Ok(Held { name: officer.name.clone(), check: check(key, &officer.name, &share), share: sealed })
            })
            .collect::<Result<_, SharesError>>()?;
        let sealed = seal(&Secret::from(*master), secret.expose(), rng)?;
        Ok(Self { version: VERSION, key: key.to_owned(), needed, check: check(key, "", &*master), secret: sealed, officers: held })
    }

    /// The key that the secret is of.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How many officers open it.
    #[must_use]
    pub const fn needed(&self) -> usize {
        self.needed
    }

    /// Who holds a share.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.officers.iter().map(|officer| officer.name.as_str()).collect()
    }

    /// The secret, from the pass phrases of `officers`: as many as are needed, or more; each must be right.
    ///
    /// # Errors
    /// Too few, one twice, one who holds no share, a wrong pass phrase, or a damaged file.
    pub fn open(&self, officers: &[Officer]) -> Result<Secret, SharesError> {
        let damaged = |detail: &str| SharesError::Damaged { key: self.key.clone(), detail: detail.to_owned() };
        check_officers(officers)?;
        let unknown = |name: &String| SharesError::Unknown {
            name: name.clone(),
            key: self.key.clone(),
            officers: self.names().into_iter().map(str::to_owned).collect(),
        };
        let held: Vec<_> = officers
            .iter()
            .map(|officer| self.officers.iter().find(|held| held.name == officer.name).map(|held| (officer, held)))
            .zip(officers)
            .map(|(found, officer)| found.ok_or_else(|| unknown(&officer.name)))
            .collect::<Result<_, _>>()?;
        if held.len() < self.needed {
            return Err(SharesError::TooFew { needed: self.needed, found: held.len() });
        }
        let mut shares = Vec::with_capacity(held.len());
        for (officer, held) in held {
            let share = unseal(&officer.secret, &held.share)?.ok_or_else(|| SharesError::PassPhrase(officer.name.clone()))?;
            if share.len() != 1 + KEY_LEN || check(&self.key, &held.name, &share) != held.check {
                return Err(damaged(&format!("the share of {} is another's", held.name)));
            }
            shares.push(Share::try_from(share.as_slice()).map_err(damaged)?);
        }
        let sharks = Sharks(u8::try_from(self.needed).map_err(|_| damaged("too many officers"))?);
        let master = Zeroizing::new(sharks.recover(&shares).map_err(damaged)?);
        if check(&self.key, "", &master) != self.check {
            return Err(damaged("together they do not make the key"));
        }
        let secret =
            unseal(&Secret::from(master.as_slice()), &self.secret)?.ok_or_else(|| damaged("their key does not open the secret"))?;
        Ok(Secret::from(secret.as_slice()))
    }

    /// As a file: JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// From a file.
    ///
    /// # Errors
    /// Another format or version, or numbers and names that [`Self::divide`] does not write.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SharesError> {
        if bytes.len() > MAX_FILE {
            return Err(SharesError::Format(format!("expected at most {MAX_FILE} bytes, found {}", bytes.len())));
        }
        let shares: Self = serde_json::from_slice(bytes).map_err(|error| SharesError::Format(error.to_string()))?;
        if shares.version != VERSION {
            return Err(SharesError::Format(format!("expected version {VERSION}, found {}", shares.version)));
        }
        let count = shares.officers.len();
        if !(2..=count).contains(&shares.needed) || count > MAX_OFFICERS {
            return Err(SharesError::Quorum { needed: shares.needed, officers: count });
        }
        let mut seen = BTreeSet::new();
        for officer in &shares.officers {
            check_name(&officer.name)?;
            if !seen.insert(&officer.name) {
                return Err(SharesError::Twice(officer.name.clone()));
            }
        }
        Ok(shares)
    }
}

fn check_name(name: &str) -> Result<(), SharesError> {
    let characters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if name.is_empty() || name.len() > 32 || !characters { Err(SharesError::Name(name.chars().take(80).collect())) } else { Ok(()) }
}

/// Names that can be, each once, each with a pass phrase.
fn check_officers(officers: &[Officer]) -> Result<(), SharesError> {
    let mut seen = BTreeSet::new();
    for officer in officers {
        check_name(&officer.name)?;
        if !seen.insert(&officer.name) {
            return Err(SharesError::Twice(officer.name.clone()));
        }
        if officer.secret.is_empty() {
            return Err(SharesError::Empty(officer.name.clone()));
        }
    }
    Ok(())
}

/// SHA-256 of a random value with what it belongs to.
fn check(key: &str, officer: &str, value: &[u8]) -> String {
    hex::encode(Hash::Sha256.digest(&[b"cardwright share\0", key.as_bytes(), b"\0", officer.as_bytes(), b"\0", value]))
}

fn seal(secret: &Secret, plain: &[u8], rng: &mut dyn CryptoRng) -> Result<Sealed, SharesError> {
    let (mut salt, mut nonce) = ([0; 16], [0; 12]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    let failed = |detail: String| SharesError::Format(detail);
    let cost = scrypt::Params::new(LOG_N, R, P).map_err(|e| failed(e.to_string()))?;
    let parameters = pbes2::Parameters::scrypt_aes256gcm(cost, &salt, nonce).map_err(|e| failed(e.to_string()))?;
    let data = parameters.encrypt(secret.expose(), plain).map_err(|e| failed(e.to_string()))?;
    let algorithm = EncryptionScheme::from(parameters).to_der().map_err(|e| failed(e.to_string()))?;
    Ok(Sealed { algorithm: hex::encode(algorithm), data: hex::encode(data) })
}

/// What was sealed; nothing where the secret is another one.
fn unseal(secret: &Secret, sealed: &Sealed) -> Result<Option<Zeroizing<Vec<u8>>>, SharesError> {
    let format = |what: &str| SharesError::Format(format!("expected PBES2 with scrypt and AES-256-GCM, found {what}"));
    let algorithm = hex::decode(&sealed.algorithm).map_err(|_| format("other digits"))?;
    let data = hex::decode(&sealed.data).map_err(|_| format("other digits"))?;
    let scheme = EncryptionScheme::from_der(&algorithm).map_err(|e| format(&e.to_string()))?;
    let parameters = scheme.pbes2().ok_or_else(|| format("another scheme"))?;
    let cost = parameters.kdf.scrypt().ok_or_else(|| format("another derivation"))?;
    let bounded = cost.cost_parameter <= MAX_N && cost.block_size <= 16 && cost.parallelization <= 16;
    if !bounded || !matches!(parameters.encryption, pbes2::EncryptionScheme::Aes256Gcm { .. }) {
        return Err(format("another cipher, or more work than is done here"));
    }
    Ok(parameters.decrypt(secret.expose(), &data).ok().map(Zeroizing::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rng() -> impl CryptoRng {
        rand_core::UnwrapErr(getrandom::SysRng)
    }

    fn officer(name: &str) -> Officer {
        Officer { name: name.to_owned(), secret: Secret::new(format!("secret of {name}").into_bytes()) }
    }

    fn officers(names: &[&str]) -> Vec<Officer> {
        names.iter().map(|name| officer(name)).collect()
    }

    fn shares() -> Shares {
        Shares::divide("csca", &Secret::from(&b"the pass phrase"[..]), 2, &officers(&["ana", "ben", "cho"]), &mut rng()).expect("divided")
    }

    #[test]
    fn any_two_of_three_officers_open_the_key_and_one_does_not() {
        let shares = Shares::from_json(shares().to_json().as_bytes()).expect("as it lies on the disk");
        assert_eq!((shares.key(), shares.needed(), shares.names()), ("csca", 2, vec!["ana", "ben", "cho"]));
        for names in [&["ana", "ben"][..], &["cho", "ben"], &["ana", "cho"], &["cho", "ana", "ben"]] {
            assert_eq!(shares.open(&officers(names)).expect("opened").expose(), b"the pass phrase", "{names:?}");
        }
        assert_eq!(shares.open(&officers(&["ana"])), Err(SharesError::TooFew { needed: 2, found: 1 }));
        assert_eq!(shares.open(&[]), Err(SharesError::TooFew { needed: 2, found: 0 }));
    }

    #[test]
    fn who_may_not_take_part_is_told_why() {
        let shares = shares();
        assert_eq!(shares.open(&officers(&["ana", "ana"])), Err(SharesError::Twice("ana".to_owned())));
        let stranger = shares.open(&officers(&["ana", "eve"])).expect_err("no officer");
        assert_eq!(stranger.to_string(), "eve holds no share of csca; its officers are ana, ben, cho");
        let wrong = [officer("ana"), Officer { secret: Secret::from(&b"guess"[..]), ..officer("ben") }];
        assert_eq!(shares.open(&wrong), Err(SharesError::PassPhrase("ben".to_owned())));
        // a third one with a wrong pass phrase is no help that can be left out silently
        let wrong = [officer("ana"), officer("cho"), Officer { secret: Secret::from(&b"guess"[..]), ..officer("ben") }];
        assert_eq!(shares.open(&wrong), Err(SharesError::PassPhrase("ben".to_owned())));
    }

    #[test]
    fn a_secret_is_not_divided_among_too_few_or_among_one_person_twice() {
        let divide = |needed, officers: &[Officer]| Shares::divide("csca", &Secret::from(&b"s"[..]), needed, officers, &mut rng());
        assert_eq!(divide(1, &officers(&["ana", "ben"])), Err(SharesError::Quorum { needed: 1, officers: 2 }));
        assert_eq!(divide(3, &officers(&["ana", "ben"])), Err(SharesError::Quorum { needed: 3, officers: 2 }));
        assert_eq!(divide(2, &officers(&["ana", "ana"])), Err(SharesError::Twice("ana".to_owned())));
        assert_eq!(divide(2, &officers(&["ana", "Ben"])), Err(SharesError::Name("Ben".to_owned())));
        let same = [officer("ana"), Officer { name: "ben".to_owned(), ..officer("ana") }];
        assert_eq!(divide(2, &same), Err(SharesError::SamePassPhrase("ana".to_owned(), "ben".to_owned())));
        let empty = [officer("ana"), Officer { secret: Secret::default(), ..officer("ben") }];
        assert_eq!(divide(2, &empty), Err(SharesError::Empty("ben".to_owned())));
    }

    #[test]
    fn shares_that_were_exchanged_are_told_from_a_wrong_pass_phrase() {
        // the same officers hold shares of another key: one of them is put into this file
        let (mut shares, other) = (shares(), shares());
        shares.officers[1].share = other.officers[1].share.clone();
        assert!(matches!(shares.open(&officers(&["ana", "ben"])), Err(SharesError::Damaged { .. })));
        assert_eq!(shares.open(&officers(&["ana", "cho"])).expect("the others are whole").expose(), b"the pass phrase");
        shares.officers[1].check.clone_from(&other.officers[1].check);
        let error = shares.open(&officers(&["ana", "ben"])).expect_err("not of one polynomial");
        assert_eq!(error.to_string(), "shares of csca: together they do not make the key");
    }

    #[test]
    fn a_hostile_file_is_refused_before_it_costs_anything() {
        let json = shares().to_json();
        let change = |from: &str, to: &str| {
            assert!(json.contains(from), "{from}");
            Shares::from_json(json.replacen(from, to, 1).as_bytes())
        };
        assert!(matches!(change("\"version\": 1", "\"version\": 2"), Err(SharesError::Format(_))));
        assert!(matches!(change("\"needed\": 2", "\"needed\": 1"), Err(SharesError::Quorum { .. })));
        assert!(matches!(change("\"needed\": 2", "\"needed\": 4"), Err(SharesError::Quorum { .. })));
        assert!(matches!(change("\"ben\"", "\"ana\""), Err(SharesError::Twice(_))));
        assert!(matches!(Shares::from_json(b"{}"), Err(SharesError::Format(_))));
        // scrypt with N = 2^15 (INTEGER 02 03 00 80 00) asked to be 2^62
        let mut greedy = shares();
        let algorithm = &mut greedy.officers[0].share.algorithm;
        let scheme = EncryptionScheme::from_der(&hex::decode(&*algorithm).expect("digits")).expect("scheme");
        let mut parameters = scheme.pbes2().expect("PBES2").clone();
        if let pbes2::Kdf::Scrypt(cost) = &mut parameters.kdf {
            cost.cost_parameter = 1 << 62;
        }
        *algorithm = hex::encode(EncryptionScheme::from(parameters).to_der().expect("DER"));
        assert!(matches!(greedy.open(&officers(&["ana", "ben"])), Err(SharesError::Format(_))));
    }

    #[test]
    fn a_random_pass_phrase_is_another_one_each_time() {
        let (one, two) = (random_pass_phrase(&mut rng()), random_pass_phrase(&mut rng()));
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
    }
}
