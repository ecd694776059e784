//! The TOML of a card profile as it is written: every table refuses fields that it does not know.

use serde::Deserialize;

use super::template::Template;
use super::{HalfWritten, Kind};
use crate::perso::toml_text::{Hex, HexByte, HexWord};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) schema: u32,
    pub(super) id: String,
    pub(super) driver: Driver,
    pub(super) kind: Kind,
    pub(super) description: String,
    #[serde(rename = "match")]
    pub(super) matching: Match,
    pub(super) serial: Serial,
    pub(super) apdu: Apdu,
    pub(super) scp: Scp,
    pub(super) personalize: Personalize,
    pub(super) object: Vec<Object>,
    pub(super) finish: Finish,
    pub(super) verify: Verify,
    pub(super) terminate: Terminate,
    pub(super) recover: Recover,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Driver {
    GpDgi,
    MrtdPutData,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Match {
    #[serde(default)]
    pub(super) atr: Vec<AtrPattern>,
    pub(super) select: Select,
    pub(super) status_object: Option<HexWord>,
    pub(super) not_status_object: Option<HexWord>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AtrPattern {
    pub(super) value: Hex,
    pub(super) mask: Hex,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Select {
    pub(super) aid: Hex,
    pub(super) sw: Vec<HexWord>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serial {
    pub(super) source: SerialSource,
    pub(super) length: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SerialSource {
    Kdd,
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Apdu {
    pub(super) extended: bool,
    pub(super) max_command_data: usize,
    pub(super) fit_frame: usize,
    #[serde(default)]
    pub(super) le_with_rmac: bool,
    #[serde(default)]
    pub(super) mac_lc_encoding: MacLcEncoding,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scp {
    pub(super) protocol: Protocol,
    pub(super) i: Option<Vec<HexByte>>,
    pub(super) level: Option<HexByte>,
    pub(super) sd_aid: Option<Hex>,
    pub(super) kvn: Option<Versions>,
    pub(super) diversification: Option<Diversification>,
    pub(super) master: Option<Masters>,
    pub(super) key_bits: Option<usize>,
    pub(super) auth_attempts: Option<u32>,
    pub(super) counter_on_empty_data: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Protocol {
    Scp03,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Diversification {
    None,
    Emv,
    Visa2,
    Visa,
    Kdf3,
    An10922,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MacLcEncoding {
    #[default]
    AsSent,
    AlwaysShort,
    ThreeBytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Versions {
    pub(super) transport: HexByte,
    pub(super) production: HexByte,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Masters {
    pub(super) transport: String,
    pub(super) production: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Personalize {
    pub(super) target_aid: Option<Hex>,
    pub(super) open: Open,
    pub(super) method: Method,
    pub(super) block_limit: Option<usize>,
    pub(super) encrypted_blocks: Option<super::EncryptedBlocks>,
    pub(super) nonce_dgi: Option<HexWord>,
    pub(super) order: Option<Vec<super::ScriptStep>>,
    #[serde(default)]
    pub(super) left_out: Vec<HexWord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Open {
    InstallForPersonalization,
    SelectApplet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Method {
    StoreDataDgi,
    Script,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    pub(super) kind: ObjectKind,
    pub(super) id: Option<Vec<HexWord>>,
    pub(super) role: Option<Vec<String>>,
    pub(super) alg: Option<Vec<super::KeyAlgorithm>>,
    pub(super) max: Option<usize>,
    pub(super) dgi: Option<HexWord>,
    pub(super) template: Option<Hex>,
    pub(super) tags: Option<std::collections::BTreeMap<String, HexByte>>,
    pub(super) apdu: Option<Vec<Template>>,
    pub(super) create: Option<Template>,
    pub(super) select: Option<Template>,
    pub(super) write: Option<Template>,
    pub(super) chunk: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ObjectKind {
    File,
    Password,
    Key,
    TrustPoints,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finish {
    pub(super) commit: Hex,
    pub(super) activate: Option<HexWord>,
    #[serde(default)]
    pub(super) replace_keys: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    pub(super) status_digest: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terminate {
    pub(super) method: TerminateMethod,
    pub(super) dgi: Option<HexWord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TerminateMethod {
    TerminateDgi,
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recover {
    pub(super) on_half_written: HalfWritten,
}
