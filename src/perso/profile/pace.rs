//! The entries of EF.CardAccess in a profile: one table, or a list of them.
//!
//! ```text
//! pace = { suite = "aes-128", curve = "brainpoolP256r1" }
//! pace = [{ mapping = "chip-authentication", suite = "aes-128", curve = "P-256" }, { mapping = "integrated", suite = "aes-256", group = "modp-2048-256" }]
//! ```
//!
//! Refused: a curve and a group, or neither; a mapping, suite, and domain that do not go together.

use std::fmt;

use eid::crypto::agreement::Domain;
use eid::crypto::curve::Curve;
use eid::crypto::kdf::Suite;
use eid::crypto::modp::Group;
use eid::lds::security_info::{Agreement, Mapping, PaceProtocol};
use eid::protocol::pace::Parameters;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::names::{curve, group, mapping, suite};

/// One entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default = "generic", deserialize_with = "mapping")]
    mapping: Mapping,
    #[serde(deserialize_with = "suite")]
    suite: Suite,
    curve: Option<CurveName>,
    group: Option<GroupName>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct CurveName(#[serde(deserialize_with = "curve")] Curve);

#[derive(Deserialize)]
#[serde(transparent)]
struct GroupName(#[serde(deserialize_with = "group")] u8);

const fn generic() -> Mapping {
    Mapping::Generic
}

impl Entry {
    fn parameters<E: Error>(self) -> Result<Parameters, E> {
        let (agreement, domain) = match (self.curve, self.group) {
            (Some(CurveName(curve)), None) => (Agreement::Ecdh, Some(Domain::Ec(curve))),
            (None, Some(GroupName(id))) => (Agreement::Dh, Group::standardized(id).map(Domain::Dh)),
            _ => return Err(E::custom("expected either a curve or a group")),
        };
        let protocol = PaceProtocol::new(self.mapping, agreement, self.suite);
        let wrong = || E::custom("this mapping does not exist with this suite and kind of group");
        Parameters::new(protocol.ok_or_else(wrong)?, domain.ok_or_else(wrong)?).map_err(E::custom)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Vec<Parameters>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with suite and curve or group, or a list of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(vec![Entry::deserialize(MapAccessDeserializer::new(map))?.parameters()?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = list.next_element::<Entry>()? {
            all.push(entry.parameters()?);
        }
        Ok(all)
    }
}

/// One entry or several.
pub(super) fn pace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Parameters>, D::Error> {
    deserializer.deserialize_any(OneOrMore)
}
