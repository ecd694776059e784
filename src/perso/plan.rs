//! From an image and a card profile to the ordered steps of a personalization, with their APDUs and bytes: pure, and exact to the byte.
//!
//! The figures `plan_*` count the personalization itself: SELECT, INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, INSTALL [for
//! personalization], three runs of STORE DATA, and one GET DATA for the status. Recognizing the card and replacing its transport keys
//! before it, and activating it after it, are phases of their own, listed in the steps. A file that the product cannot hold is an error, never skipped.

use std::collections::BTreeMap;

use eid::image::{CardImage, FileId};
use serde::{Deserialize, Serialize};

use super::card_profile::{CardProfile, EncryptedBlocks, Product, Taken, TemplateError};

pub mod dgi;
mod product;
mod wire;

pub use eid::scp03::Mode;
pub use wire::{ApduForm, Wire};

/// Longest SELECT answer that a plan reckons with, in bytes without status word.
const SELECT_ANSWER: usize = 100;
/// Length of a status object that a plan reckons with.
const STATUS_ANSWER: usize = 60;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The product lacks something that the image needs.
    #[error("card profile {profile}: the image needs {what}, which this product does not have")]
    Missing {
        /// Identifier of the card profile.
        profile: String,
        /// What is missing.
        what: String,
    },
    /// A file is longer than the product takes.
    #[error("{file}: expected at most {max} bytes, found {found}")]
    FileTooLong {
        /// The file.
        file: FileId,
        /// Largest size of the product.
        max: usize,
        /// Its size.
        found: usize,
    },
    /// More blocks than the block number can count.
    #[error("the image needs {found} STORE DATA blocks, at most {max} can be numbered; take extended APDUs")]
    TooManyBlocks {
        /// Blocks needed.
        found: usize,
        /// Block limit of the profile.
        max: usize,
    },
    /// The product does not take such APDUs.
    #[error("card profile {profile}: expected {expected}, found {found}")]
    Form {
        /// Identifier of the card profile.
        profile: String,
        /// What the product takes.
        expected: &'static str,
        /// What was asked for.
        found: String,
    },
    /// A command template of the profile cannot be filled.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The text of a file of reference images is wrong.
    #[error("reference images: {0}")]
    Reference(String),
}

/// How the commands of a plan are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Form of the APDUs.
    pub apdu: ApduForm,
    /// Security level; `None` takes that of the profile. Nothing for a product without a secure channel.
    pub level: Option<u8>,
    /// MAC length of the secure channel.
    pub mode: Mode,
}

impl Default for Options {
    fn default() -> Self {
        Self { apdu: ApduForm::Frame, level: None, mode: Mode::S8 }
    }
}

/// Which part of the work a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The card is recognized and asked for its status before anything else; not part of the figures.
    Identification,
    /// Transport keys are replaced by production keys.
    KeyReplacement,
    /// The image is written and committed: what the figures of a plan count.
    Personalization,
    /// Passwords and keys are put into a card without a secure channel; not part of the figures.
    Secrets,
    /// The card becomes operational.
    Activation,
}

/// One step: a command, or a run of commands of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it does, in the words of the standards.
    pub label: String,
    /// Which part of the work it belongs to.
    pub phase: Phase,
    /// Number of APDUs.
    pub apdus: usize,
    /// Bytes of its commands.
    pub command_bytes: usize,
    /// Bytes of its answers, if all succeed.
    pub response_bytes: usize,
    /// Whether it changes the card.
    pub mutates: bool,
    /// Whether nothing can take it back.
    pub irreversible: bool,
}

/// The plan of one image on one product.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Name of the image.
    pub image: String,
    /// Identifier of the card profile.
    pub profile: String,
    /// Form of the APDUs: `frame`, `short`, `ext2048`.
    pub apdu: String,
    /// Security level, two hexadecimal digits.
    pub level: String,
    /// `S8`, `S16`, or `-` without a secure channel.
    pub mode: String,
    /// Most plaintext bytes of one command.
    pub c_max: usize,
    /// Bytes of files and, behind a secure channel, of secrets.
    pub payload_bytes: usize,
    /// Bytes of all groupings with their headers, nonce and commit included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dgi_stream_bytes: Option<usize>,
    /// Fewest APDUs that could carry it.
    pub min_apdus: usize,
    /// APDUs of the personalization.
    pub plan_apdus: usize,
    /// Bytes of its commands.
    pub plan_command_bytes: usize,
    /// Bytes of its answers.
    pub plan_response_bytes: usize,
    /// Command and answer bytes over payload bytes, rounded to four decimals.
    pub wire_per_payload: f64,
    /// The steps in order.
    pub steps: Vec<Step>,
}

/// Lengths of an image by DGI: all that a plan of a card with groupings needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Files, and the trust points of Terminal Authentication: DGI and bytes.
    pub clear: BTreeMap<u16, usize>,
    /// Secrets: DGI and bytes, padding included.
    pub sens: BTreeMap<u16, usize>,
}

impl Sizes {
    /// The lengths of an image on a product.
    ///
    /// # Errors
    /// The product cannot hold the image.
    pub fn of(image: &CardImage, profile: &CardProfile) -> Result<Self, PlanError> {
        let mut clear: BTreeMap<u16, usize> = image.files.iter().map(|(file, bytes)| (file.dgi(), bytes.len())).collect();
        let sens = match &profile.product {
            Product::GpDgi(product) => dgi::secrets(image, profile, product)?.iter().map(|(dgi, value)| (*dgi, value.len())).collect(),
            Product::PutData(_) => BTreeMap::new(),
        };
        if let Product::GpDgi(product) = &profile.product {
            clear.extend(dgi::trust_points(image, profile, product)?.map(|(dgi, value)| (dgi, value.len())));
        }
        Ok(Self { clear, sens })
    }
}

/// Reads reference images: `{name: {"clear": {dgi: length}, "sens": {dgi: length}}}`, alone or as the member `images` of an object.
///
/// # Errors
/// Not JSON of this form; a DGI is not four hexadecimal digits.
pub fn reference_images(json: &str) -> Result<BTreeMap<String, Sizes>, PlanError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Image {
        clear: BTreeMap<String, usize>,
        #[serde(default)]
        sens: BTreeMap<String, usize>,
    }
    let wrong = |error: serde_json::Error| PlanError::Reference(error.to_string());
    let mut value: serde_json::Value = serde_json::from_str(json).map_err(wrong)?;
    if let Some(images) = value.get_mut("images") {
        value = images.take();
    }
    let images: BTreeMap<String, Image> = serde_json::from_value(value).map_err(wrong)?;
    let words = |lengths: BTreeMap<String, usize>| -> Result<BTreeMap<u16, usize>, PlanError> {
        let word = |text: &String| Some(text).filter(|t| t.len() == 4).and_then(|t| u16::from_str_radix(t, 16).ok());
        let dgi = |text: String| {
            word(&text).ok_or_else(|| PlanError::Reference(format!("expected a DGI of four hexadecimal digits, found {text:?}")))
        };
        lengths.into_iter().map(|(text, len)| Ok((dgi(text)?, len))).collect()
    };
    images.into_iter().map(|(name, image)| Ok((name, Sizes { clear: words(image.clear)?, sens: words(image.sens)? }))).collect()
}

/// Plans an image that was built.
///
/// # Errors
/// The product cannot hold the image, or does not take such APDUs.
pub fn plan(name: &str, image: &CardImage, profile: &CardProfile, options: Options) -> Result<Plan, PlanError> {
    plan_sizes(name, &Sizes::of(image, profile)?, profile, options)
}

/// Plans an image of which only the lengths are known.
///
/// # Errors
/// The product cannot hold the image, or does not take such APDUs.
pub fn plan_sizes(name: &str, sizes: &Sizes, profile: &CardProfile, options: Options) -> Result<Plan, PlanError> {
    let trust_points = match &profile.product {
        Product::GpDgi(product) => product.trust_points_dgi,
        Product::PutData(_) => None,
    };
    for (&dgi, &len) in sizes.clear.iter().filter(|(dgi, _)| Some(**dgi) != trust_points) {
        let file = FileId::from_dgi(dgi).ok_or_else(|| PlanError::Reference(format!("{dgi:04X} is no file")))?;
        match profile.takes(file) {
            Taken::No => return Err(PlanError::Missing { profile: profile.id.clone(), what: format!("a place for {file}") }),
            Taken::Yes if len > profile.max_file => return Err(PlanError::FileTooLong { file, max: profile.max_file, found: len }),
            Taken::Yes | Taken::LeftOut => {}
        }
    }
    let mut files: Vec<_> = sizes.clear.iter().filter(|(dgi, _)| !profile.left_out.contains(dgi)).map(|(&dgi, &len)| (dgi, len)).collect();
    files.sort_by_key(|(dgi, _)| dgi::write_order(*dgi));
    match &profile.product {
        Product::GpDgi(product) => product::gp_dgi(name, &files, &sizes.sens, profile, product, options),
        Product::PutData(product) => product::put_data(name, &files, profile, product, options),
    }
}

/// Lengths of the blocks of the encrypted run.
#[must_use]
pub fn encrypted_blocks(groupings: &[usize], capacity: usize, packing: EncryptedBlocks) -> Vec<usize> {
    match packing {
        EncryptedBlocks::Packed => dgi::blocks(groupings.iter().sum(), capacity),
        EncryptedBlocks::OneGroupingEach => groupings.iter().flat_map(|len| dgi::blocks(*len, capacity)).collect(),
    }
}

struct Summary<'a> {
    image: &'a str,
    profile: &'a str,
    apdu: String,
    level: u8,
    mode: String,
    c_max: usize,
    payload: usize,
    stream: Option<usize>,
    min_apdus: Option<usize>,
    steps: Vec<Step>,
}

fn summary(s: Summary<'_>) -> Plan {
    let counted = || s.steps.iter().filter(|step| step.phase == Phase::Personalization);
    let plan_apdus = counted().map(|step| step.apdus).sum();
    let plan_command_bytes = counted().map(|step| step.command_bytes).sum();
    let plan_response_bytes = counted().map(|step| step.response_bytes).sum();
    Plan {
        image: s.image.to_owned(),
        profile: s.profile.to_owned(),
        apdu: s.apdu,
        level: format!("{:02x}", s.level),
        mode: s.mode,
        c_max: s.c_max,
        payload_bytes: s.payload,
        dgi_stream_bytes: s.stream,
        min_apdus: s.min_apdus.unwrap_or(plan_apdus),
        plan_apdus,
        plan_command_bytes,
        plan_response_bytes,
        wire_per_payload: ratio(plan_command_bytes + plan_response_bytes, s.payload),
        steps: s.steps,
    }
}

/// a / b with four decimals; 0 if there is no payload.
fn ratio(a: usize, b: usize) -> f64 {
    let ten_thousandths = (a * 10_000 + b / 2).checked_div(b).unwrap_or_default();
    f64::from(u32::try_from(ten_thousandths).unwrap_or(u32::MAX)) / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const BENCHMARK: &str = include_str!("../../fixtures/perso/benchmark.json");

    /// All 27 rows of the reference table, to the byte.
    #[test]
    fn plans_of_the_reference_images_equal_the_table() {
        let images = reference_images(BENCHMARK).expect("reference images");
        let table: serde_json::Value = serde_json::from_str(BENCHMARK).expect("JSON");
        let rows = table.get("expected").and_then(|rows| rows.as_array()).expect("rows");
        assert_eq!(rows.len(), 27);
        for row in rows {
            let text = |key: &str| row[key].as_str().expect(key);
            let profile = CardProfile::load(text("profile")).expect("built in");
            let mode = if text("mode") == "S16" { Mode::S16 } else { Mode::S8 };
            let options = Options {
                apdu: text("apdu").parse().expect("form"),
                level: (text("mode") != "-").then(|| u8::from_str_radix(text("level"), 16).expect("level")),
                mode,
            };
            let plan = plan_sizes(text("image"), &images[text("image")], &profile, options).expect("fits");
            let found = serde_json::to_value(&plan).expect("JSON");
            for (key, expected) in row.as_object().expect("object") {
                assert_eq!(&found[key], expected, "{key} of {}", serde_json::to_string(row).expect("JSON"));
            }
            assert!(plan.plan_apdus <= plan.min_apdus + 2);
        }
    }

    #[test]
    fn one_frame_carries_the_same_plaintext_as_a_full_short_apdu_under_s8() {
        let images = reference_images(BENCHMARK).expect("reference images");
        let profile = CardProfile::load("eid-gp-scp03").expect("built in");
        let plan = |apdu| plan_sizes("x", &images["image-40k"], &profile, Options { apdu, ..Options::default() }).expect("fits");
        let (frame, short) = (plan(ApduForm::Frame), plan(ApduForm::Short));
        assert_eq!((frame.c_max, frame.plan_command_bytes), (short.c_max, short.plan_command_bytes));
        let irreversible: Vec<_> = frame.steps.iter().filter(|step| step.irreversible).map(|step| step.label.as_str()).collect();
        assert_eq!(irreversible, ["PUT KEY, transport to production", "STORE DATA, commit", "STORE DATA, activate"]);
    }

    #[test]
    fn what_a_product_cannot_hold_is_an_error_and_not_left_out() {
        let ours = CardProfile::load("eid-gp-scp03").expect("built in");
        let jmrtd = CardProfile::load("jmrtd-applet").expect("built in");
        let error = |profile: &CardProfile, dgi: u16, len: usize, options| {
            let sizes = Sizes { clear: BTreeMap::from([(dgi, len)]), sens: BTreeMap::new() };
            plan_sizes("x", &sizes, profile, options).expect_err("cannot be planned").to_string()
        };
        let default = Options::default();
        assert_eq!(
            error(&jmrtd, 0x2F00, 10, default),
            "card profile jmrtd-applet: the image needs a place for EF.DIR, which this product does not have"
        );
        assert_eq!(error(&ours, 0x0102, 50_000, default), "EF.DG2: expected at most 49152 bytes, found 50000");
        let extended = Options { apdu: ApduForm::Extended(2048), ..default };
        assert_eq!(error(&jmrtd, 0x0101, 95, extended), "card profile jmrtd-applet: expected short APDUs, found ext2048");
        let sizes = Sizes { clear: BTreeMap::from([(0x0102, 32_000), (0x0103, 32_000)]), sens: BTreeMap::new() };
        assert_eq!(plan_sizes("x", &sizes, &ours, default), Err(PlanError::TooManyBlocks { found: 269, max: 256 }));
    }

    #[test]
    fn a_reference_image_with_a_wrong_dgi_is_refused() {
        let error = |json: &str| reference_images(json).expect_err(json).to_string();
        assert_eq!(error(r#"{"x":{"clear":{"11E":30}}}"#), r#"reference images: expected a DGI of four hexadecimal digits, found "11E""#);
        assert!(error(r#"{"x":{"clear":{},"secret":{}}}"#).starts_with("reference images: unknown field `secret`"));
    }
}
