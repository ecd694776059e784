//! Which variant of a protocol a step runs, and what its auxiliary data ask: the words and what they mean.

/// What auxiliary data ask of the holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conform) enum Auxiliary {
    /// To be older than somebody who is ten years younger; or ten years older, which is false.
    Age(bool),
    /// A document that was valid ten years before its end; or ten years after it, which is false.
    Valid(bool),
    /// To live in that municipality; or in another, which is false.
    Municipality(bool),
    /// To live where the number of the municipality begins so.
    MunicipalityPrefix,
}

pub(super) const AUXILIARY: [(Auxiliary, &str); 7] = [
    (Auxiliary::Age(true), "age"),
    (Auxiliary::Age(false), "age-not"),
    (Auxiliary::Valid(true), "valid"),
    (Auxiliary::Valid(false), "expired"),
    (Auxiliary::Municipality(true), "municipality"),
    (Auxiliary::Municipality(false), "municipality-not"),
    (Auxiliary::MunicipalityPrefix, "municipality-prefix"),
];

/// Variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conform) enum Variant {
    /// PACE with the CAN.
    Can,
    /// PACE with the MRZ.
    Mrz,
    /// PACE with the PIN that the card has now.
    Pin,
    /// PACE with the PUK.
    Puk,
    /// PACE with generic mapping.
    Gm,
    /// PACE with integrated mapping.
    Im,
    /// PACE with chip authentication mapping.
    Cam,
    /// PACE with another mapping than that.
    NotCam,
    /// PACE with a mapping that sends keys: generic or chip authentication.
    Map,
    /// Chip Authentication by MSE:Set KAT.
    Kat,
    /// Chip Authentication by MSE:Set AT.
    At,
    /// The commands go in the clear, whatever session there is.
    Plain,
    /// The probe goes under the keys that Chip Authentication replaced.
    Old,
    /// A wrong password.
    WrongKey,
    /// Another key pair than the one that Terminal Authentication named.
    NewKey,
    /// Secure messaging under the class byte 8C.
    Class8C,
    /// The terminal signs another identifier of the chip.
    OtherIdentifier,
    /// The terminal signs the first challenge of the session.
    FirstChallenge,
    /// The terminal signs the challenge without its last byte.
    ShortChallenge,
    /// PACE for an inspection system that may read DG3 and DG4.
    Chat34,
    /// PACE for an inspection system that may read DG3.
    Chat3,
    /// PACE for an inspection system that may read DG4.
    Chat4,
    /// PACE ends after the encrypted nonce.
    Nonce,
    /// Restricted identification with the key of the second sector.
    Second,
    /// The templates of auxiliary data have another tag.
    AuxTemplate,
    /// The identifiers in them have another tag.
    AuxOid,
    /// Only where the card has it; else nothing is done, and all is well.
    WhereThere,
    /// Only where the protocol before it opened a session; else nothing is done, and all is well.
    WhereOpened,
}

pub(super) const VARIANTS: [(Variant, &str); 28] = [
    (Variant::Can, "can"),
    (Variant::Mrz, "mrz"),
    (Variant::Pin, "pin"),
    (Variant::Puk, "puk"),
    (Variant::Gm, "gm"),
    (Variant::Im, "im"),
    (Variant::Cam, "cam"),
    (Variant::NotCam, "not-cam"),
    (Variant::Map, "map"),
    (Variant::Kat, "kat"),
    (Variant::At, "at"),
    (Variant::Plain, "plain"),
    (Variant::Old, "old"),
    (Variant::WrongKey, "key=wrong"),
    (Variant::NewKey, "key=new"),
    (Variant::Class8C, "cla=8C"),
    (Variant::OtherIdentifier, "id=other"),
    (Variant::FirstChallenge, "challenge=first"),
    (Variant::ShortChallenge, "challenge=short"),
    (Variant::Chat34, "chat=34"),
    (Variant::Chat3, "chat=3"),
    (Variant::Chat4, "chat=4"),
    (Variant::Nonce, "nonce"),
    (Variant::Second, "second"),
    (Variant::AuxTemplate, "aux-template"),
    (Variant::AuxOid, "aux-oid"),
    (Variant::WhereThere, "where-there"),
    (Variant::WhereOpened, "where-opened"),
];
