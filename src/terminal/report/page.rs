//! What every page of ours has: its head, its style, and text that is never markup.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};

use super::text::printable;
use crate::terminal::evidence::sha256;

/// The style that pages share.
pub(crate) const STYLE: &str = include_str!("html/style.css");

/// Text for a page: nothing in it is markup.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The head of a page, up to the beginning of its body. `style` is the only thing that the page may use beside images that are in it.
pub(crate) fn head(out: &mut String, title: &str, style: &str) {
    let (title, digest) = (escape(title), Base64::encode_string(&sha256(style.as_bytes())));
    // writing to a String does not fail
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    );
}
