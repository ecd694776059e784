//! Cipher suites, curves, groups, mappings, and hashes by the names that profiles give them.

use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::lds::security_info::Mapping;
use serde::Deserialize as _;

pub(super) fn suite<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Suite, D::Error> {
    named(deserializer, &[("3des", Suite::TripleDes), ("aes-128", Suite::Aes128), ("aes-192", Suite::Aes192), ("aes-256", Suite::Aes256)])
}

pub(super) fn curve<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Curve, D::Error> {
    named(
        deserializer,
        &[
            ("P-256", Curve::P256),
            ("P-384", Curve::P384),
            ("P-521", Curve::P521),
            ("brainpoolP256r1", Curve::BrainpoolP256r1),
            ("brainpoolP320r1", Curve::BrainpoolP320r1),
            ("brainpoolP384r1", Curve::BrainpoolP384r1),
            ("brainpoolP512r1", Curve::BrainpoolP512r1),
        ],
    )
}

/// The parameter id of a group of RFC 5114.
pub(super) fn group<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    named(deserializer, &[("modp-1024-160", 0), ("modp-2048-224", 1), ("modp-2048-256", 2)])
}

pub(super) fn mapping<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Mapping, D::Error> {
    let table = [("generic", Mapping::Generic), ("integrated", Mapping::Integrated), ("chip-authentication", Mapping::ChipAuthentication)];
    named(deserializer, &table)
}

pub(super) fn hash<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
    named(deserializer, &[("sha-224", Hash::Sha224), ("sha-256", Hash::Sha256), ("sha-384", Hash::Sha384), ("sha-512", Hash::Sha512)])
}

/// The value of one of the names in `table`.
fn named<'de, D: serde::Deserializer<'de>, T: Copy>(deserializer: D, table: &[(&str, T)]) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    let known = || table.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let found = table.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| serde::de::Error::custom(format!("expected one of {}, found {text:?}", known())))
}
