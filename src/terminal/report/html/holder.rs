//! The holder: portrait, the few data that a clerk compares with the person and the printed card, and all data in words.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use eid::image::FileId;
use eid::lds::dg2::Dg2;
use eid::lds::{self, Content, Elementary as _};

use super::escape;
use crate::picture;
use crate::terminal::inspect::{Inspection, dg};
use crate::terminal::report::{Document, Verdict};

/// Files whose content is told in words.
const TOLD: [u8; 5] = [1, 11, 12, 13, 16];

pub(super) fn holder(out: &mut String, inspection: &Inspection) {
    let report = &inspection.report;
    let Some(document) = &report.document else { return };
    out.push_str("<section class=\"holder\">");
    match portrait(inspection) {
        Ok(source) => {
            let _ = write!(out, "<img alt=\"portrait from the chip\" src=\"{source}\">");
        }
        Err(why) => {
            let _ = write!(out, "<div class=\"noimage\">{}</div>", escape(&why));
        }
    }
    out.push_str("<div>");
    let _ = write!(out, "<p class=\"name\">{}</p><dl>", escape(&document.name));
    for (title, text) in summary(document, report.date.year()) {
        let _ = write!(out, "<dt>{title}</dt><dd>{}</dd>", escape(&text));
    }
    out.push_str("</dl>");
    match report.verdict {
        Verdict::Genuine => {}
        Verdict::NotGenuine => {
            out.push_str("<p class=\"warn bad\">Not confirmed: this is what the chip says, and the inspection contradicts it.</p>")
        }
        _ => out.push_str("<p class=\"warn open\">Not confirmed: this is what the chip says.</p>"),
    }
    out.push_str("</div></section>\n");
}

fn summary(document: &Document, year: u16) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(number) = &document.personal_number {
        rows.push(("personal number", number.clone()));
    }
    rows.push(("document", format!("{} {} {}", document.code, document.issuer, document.number)));
    rows.push(("nationality", document.nationality.clone()));
    rows.push(("born", date(&document.birth, |short| if u16::from(short) > year % 100 { 19 } else { 20 })));
    rows.push(("expires", date(&document.expiry, |_| 20)));
    rows
}

/// A date of the MRZ with the century that it leaves out; what is no date stays as it is.
fn date(text: &str, century: impl Fn(u8) -> u8) -> String {
    let digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
    match (digits, text.get(..2).and_then(|short| short.parse().ok()), text.get(2..4), text.get(4..)) {
        (true, Some(short), Some(month), Some(day)) => format!("{day}.{month}.{}{short:02}", century(short)),
        _ => text.to_owned(),
    }
}

/// The portrait as a `data:` URI, or why there is none.
fn portrait(inspection: &Inspection) -> Result<String, String> {
    let Some(bytes) = inspection.files.get(&dg(2)) else {
        return Err(if inspection.report.files.contains_key(&dg(2)) {
            "portrait left out of the evidence"
        } else {
            "DG2, the portrait, was not read"
        }
        .to_owned());
    };
    let dg2 = Dg2::parse(bytes).map_err(|error| format!("no portrait: {error}"))?;
    let image = dg2.portraits().next().ok_or("no portrait in DG2")?;
    // What every browser shows goes in as it is; the rest becomes PNG first.
    let (kind, bytes) = match picture::format(image) {
        Some(picture::Format::Jpeg) => ("jpeg", Base64::encode_string(image)),
        _ => match picture::decode(image) {
            Ok(picture) => ("png", Base64::encode_string(&picture.to_png())),
            Err(error) => return Err(format!("the portrait cannot be shown: {error}")),
        },
    };
    Ok(format!("data:image/{kind};base64,{bytes}"))
}

/// Every data group that says something in words.
pub(super) fn data(out: &mut String, inspection: &Inspection) {
    let told = TOLD.into_iter().filter_map(FileId::dg).filter_map(|file| Some((file, inspection.files.get(&file)?)));
    for (file, bytes) in told {
        let _ = writeln!(out, "<h2>{file}</h2>");
        match lds::parse(file, bytes) {
            Ok(parsed) if matches!(parsed.content, Content::Opaque { .. }) => {
                let _ = writeln!(out, "<p>{} bytes in a form that is not known here.</p>", bytes.len());
            }
            Ok(parsed) => {
                out.push_str("<table class=\"fields\">");
                for (name, value) in parsed.fields() {
                    let _ = write!(out, "<tr><td>{}</td><td>{}</td></tr>", escape(&name), escape(&value));
                }
                out.push_str("</table>\n");
            }
            Err(error) => {
                let _ = writeln!(out, "<p>{}</p>", escape(&error.to_string()));
            }
        }
    }
}
