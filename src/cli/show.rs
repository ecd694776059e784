//! `show`: a file of a card, or a certificate, in words. A reading, not a proof.

use std::path::{Path, PathBuf};

use cardwright::picture;
use clap::Args;
use eid::cert::x509::Certificate;
use eid::image::FileId;
use eid::lds::sod::Sod;
use eid::lds::{self, Content};
use eid::quirk::Quirk;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::{Context, face_qr, output};

/// Explain a file of a card, or a certificate
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright show files/EF.DG1\n  cardwright show files/EF.DG2 --portrait portrait.png\n  cardwright show files/EF.DG2 --image portrait.jp2\n  cardwright show D/pki/csca.cer"
)]
pub(crate) struct Show {
    /// The file
    file: PathBuf,
    /// Take it for this file of a card (EF.DG1, EF.SOD, ...) whatever its name
    #[arg(long = "as", value_name = "NAME", value_parser = super::read::file)]
    kind: Option<FileId>,
    /// Take it for the QR text of a Vietnamese identity card's face
    #[arg(long, conflicts_with_all = ["kind", "image"])]
    qr: bool,
    /// Write the first image of EF.DG2, EF.DG5, or EF.DG7 into FILE
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Write the first picture of EF.DG2, EF.DG3, EF.DG4, EF.DG5, or EF.DG7 into FILE, as PNG
    #[arg(long, value_name = "FILE")]
    portrait: Option<PathBuf>,
}

/// What a file says.
struct Shown {
    kind: String,
    fields: Vec<(String, String)>,
    quirks: Vec<Quirk>,
    portrait: Option<Vec<u8>>,
}

impl Show {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        if self.qr {
            return self.face_qr(context);
        }
        let bytes = std::fs::read(&self.file).map_err(|error| Failure::file(&self.file, &error))?;
        let malformed = |error: &dyn std::error::Error| {
            let failure = Failure::from_error(Exit::CheckFailed, error);
            failure.in_file(&self.file)
        };
        let shown = match self.kind.or_else(|| by_name(&self.file)) {
            None if bytes.starts_with(b"-----BEGIN") => certificate(&bytes).map_err(|error| malformed(&error))?,
            None => match lds::detect(&bytes) {
                Ok(FileId::CARD_SECURITY) => {
                    certificate(&bytes).or_else(|_| elementary(FileId::CARD_SECURITY, &bytes)).map_err(|error| malformed(&*error))?
                }
                Ok(id) => elementary(id, &bytes).map_err(|error| malformed(&*error))?,
                Err(error) => return Err(malformed(&error).hint("say which file of a card it is: --as EF.DG1")),
            },
            Some(id) => elementary(id, &bytes).map_err(|error| malformed(&*error))?,
        };
        if let Some(path) = &self.image {
            let portrait = shown.portrait.as_ref().ok_or_else(|| {
                Failure::usage(format_args!(
                    "{}: expected EF.DG2, EF.DG5, or EF.DG7 with an image, found {}",
                    self.file.display(),
                    shown.kind
                ))
            })?;
            std::fs::write(path, portrait).map_err(|error| Failure::file(path, &error))?;
        }
        if let Some(path) = &self.portrait {
            let id = self.kind.or_else(|| by_name(&self.file)).or_else(|| lds::detect(&bytes).ok());
            let encoded = id.map(|id| picture::encoded(id, &bytes)).unwrap_or_default();
            let first = encoded.first().ok_or_else(|| {
                Failure::usage(format_args!(
                    "{}: expected a file with a picture (EF.DG2, EF.DG3, EF.DG5 ...), found {}",
                    self.file.display(),
                    shown.kind
                ))
            })?;
            let decoded = picture::decode(first).map_err(|error| malformed(&error))?;
            std::fs::write(path, decoded.to_png()).map_err(|error| Failure::file(path, &error))?;
        }
        shown.print(bytes.len(), context)?;
        Ok(Exit::Success)
    }

    fn face_qr(&self, context: Context) -> Result<Exit, Failure> {
        let text = face_qr::read(&self.file)?;
        let mut quirks = Vec::new();
        let qr = face_qr::parse(&text, &mut quirks).map_err(|failure| failure.in_file(&self.file))?;
        let shown = Shown { kind: "QR text".to_owned(), fields: qr.fields(), quirks, portrait: None };
        shown.print(text.len(), context)?;
        Ok(Exit::Success)
    }
}

impl Shown {
    fn print(&self, len: usize, context: Context) -> Result<(), Failure> {
        if context.json {
            let fields: Vec<_> = self.fields.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
            let quirks: Vec<_> = self.quirks.iter().map(cardwright::terminal::report::quirk_json).collect();
            output::json(&json!({ "version": 1, "kind": self.kind, "bytes": len, "fields": fields, "quirks": quirks }))?;
        } else {
            output::text(&text(self, len))?;
        }
        Ok(())
    }
}

/// `EF.DG1`, `EF.DG1.bin`, `dg1`: what the name of a file says about it.
fn by_name(path: &Path) -> Option<FileId> {
    let name = path.file_name()?.to_str()?;
    FileId::from_name(name).or_else(|| FileId::from_name(path.file_stem()?.to_str()?))
}

type Problem = Box<dyn std::error::Error>;

fn elementary(id: FileId, bytes: &[u8]) -> Result<Shown, Problem> {
    if id == FileId::SOD {
        return sod(bytes);
    }
    let file = lds::parse(id, bytes)?;
    let portrait = match &file.content {
        Content::Dg2(dg2) => dg2.portraits().next().map(<[u8]>::to_vec),
        Content::Dg5(dg5) => dg5.images.first().cloned(),
        Content::Dg7(dg7) => dg7.images.first().cloned(),
        _ => None,
    };
    Ok(Shown { kind: id.name(), fields: file.fields(), quirks: file.quirks, portrait })
}

fn sod(bytes: &[u8]) -> Result<Shown, Problem> {
    let sod = Sod::parse(bytes)?;
    let mut fields = vec![
        ("LDSSecurityObject version".to_owned(), sod.version.to_string()),
        ("digest of the data groups".to_owned(), sod.hash.name().to_owned()),
    ];
    for number in sod.data_groups() {
        fields.push((format!("hash of EF.DG{number}"), hex::encode(sod.hash_of(number).unwrap_or_default())));
    }
    for signer in &sod.signed.signers {
        fields.push(("signer".to_owned(), sod.signed.signer_text(signer)));
        if let Ok(algorithm) = eid::cert::cms::SignedData::algorithm(signer) {
            fields.push(("signature".to_owned(), eid::cert::algorithm::describe(algorithm)));
        }
    }
    for certificate in sod.signed.certificates() {
        fields.extend(
            certificate_fields(&Certificate::from_der(certificate)?)
                .into_iter()
                .map(|(name, value)| (format!("certificate {name}"), value)),
        );
    }
    Ok(Shown { kind: FileId::SOD.name(), fields, quirks: sod.quirks, portrait: None })
}

fn certificate(bytes: &[u8]) -> Result<Shown, eid::cert::CertError> {
    let certificate = Certificate::from_pem_or_der(bytes)?;
    Ok(Shown {
        kind: "certificate".to_owned(),
        fields: certificate_fields(&certificate),
        quirks: certificate.quirks().to_vec(),
        portrait: None,
    })
}

fn certificate_fields(certificate: &Certificate) -> Vec<(String, String)> {
    let field = |name: &str, value: String| (name.to_owned(), value);
    let mut fields = vec![
        field("subject", certificate.subject_text()),
        field("issuer", certificate.issuer_text()),
        field("serial number", certificate.serial_hex()),
        field("valid", format!("{} to {}", certificate.not_before().date, certificate.not_after().date)),
        field("key", certificate.key().map_or_else(ToString::to_string, eid::cert::spki::SubjectPublicKeyInfo::describe)),
    ];
    if let Ok(Ok(algorithm)) = certificate.signature_algorithm().map(|algorithm| algorithm.algorithm(None)) {
        fields.push(field("signature", eid::cert::algorithm::describe(algorithm)));
    }
    fields.push(field("CA", if certificate.extensions().basic_constraints.is_some_and(|c| c.ca) { "yes" } else { "no" }.to_owned()));
    if let Some(id) = certificate.subject_key_id() {
        fields.push(field("subject key", hex::encode(id)));
    }
    if !certificate.document_types().is_empty() {
        fields.push(field("document types", certificate.document_types().join(", ")));
    }
    fields.push(field("SHA-256", hex::encode(certificate.fingerprint())));
    fields
}

fn text(shown: &Shown, len: usize) -> String {
    let mut out = format!("{}, {len} bytes\n", shown.kind);
    let width = shown.fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(32);
    for (name, value) in &shown.fields {
        // what a card says is shown, never obeyed: no control character reaches the terminal
        let value: String = value.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        out.push_str(&format!("  {name:<width$}  {value}\n"));
    }
    for quirk in &shown.quirks {
        out.push_str(&format!("  tolerated: {quirk}\n"));
    }
    out
}
