//! The fixed language in which a card profile writes APDUs: hexadecimal digits, `{lc}`, `{fid}`, `{size:u16}`, `{offset:u15}`,
//! `{chunk}`, `tlv(tag: item ..)`, and names of image fields. No expressions and no loops. An unknown name stops the load.

use serde::Deserialize;

/// A place that is filled when the command is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// File identifier, two bytes.
    Fid,
    /// Size of the file, two bytes.
    Size,
    /// Offset in the file, two bytes, below 8000.
    Offset,
    /// The part of the file that is written.
    Chunk,
    /// Document number of the MRZ with its fillers, without check digit.
    DocNumber,
    /// Date of birth, YYMMDD.
    Birth,
    /// Date of expiry, YYMMDD.
    Expiry,
    /// RSA modulus as a signed integer: a zero byte in front where the first bit is set.
    Modulus,
    /// RSA private exponent as a signed integer.
    PrivateExponent,
}

impl Name {
    const ALL: [(&'static str, Self); 9] = [
        ("{fid}", Self::Fid),
        ("{size:u16}", Self::Size),
        ("{offset:u15}", Self::Offset),
        ("{chunk}", Self::Chunk),
        ("doc_number", Self::DocNumber),
        ("birth", Self::Birth),
        ("expiry", Self::Expiry),
        ("modulus", Self::Modulus),
        ("private_exponent", Self::PrivateExponent),
    ];

    /// As it is written in a template.
    #[must_use]
    pub fn text(self) -> &'static str {
        Self::ALL.iter().find(|(_, name)| *name == self).map_or("", |(text, _)| text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Bytes(Vec<u8>),
    Lc,
    Field(Name),
    Tlv(u32, Vec<Self>),
}

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template(Vec<Item>);

/// Why a template cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The image has no such field.
    #[error("the template asks for {name}, and the image has none")]
    Missing {
        /// As written in the template.
        name: &'static str,
    },
    /// More than 255 bytes behind `{lc}`.
    #[error("the template gives {found} bytes of command data, a short APDU takes 255")]
    TooLong {
        /// Bytes of command data.
        found: usize,
    },
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut tokens = tokens(&text)?.into_iter().peekable();
        let items = items(&mut tokens, 0)?;
        match tokens.next() {
            None if items.iter().filter(|item| **item == Item::Lc).count() <= 1 => Ok(Self(items)),
            None => Err("{lc} stands twice in one template".to_owned()),
            Some(token) => Err(format!("expected the end of the template, found {token:?}")),
        }
    }
}

impl Template {
    /// The names that stand in it.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        fn collect(items: &[Item], names: &mut Vec<Name>) {
            for item in items {
                match item {
                    Item::Field(name) => names.push(*name),
                    Item::Tlv(_, inner) => collect(inner, names),
                    Item::Bytes(_) | Item::Lc => {}
                }
            }
        }
        let mut names = Vec::new();
        collect(&self.0, &mut names);
        names
    }

    /// The bytes, every name replaced by what `field` gives for it.
    ///
    /// # Errors
    /// A name without a value, or more data than `{lc}` can count.
    pub fn fill(&self, field: &dyn Fn(Name) -> Option<Vec<u8>>) -> Result<Vec<u8>, TemplateError> {
        let Some(at) = self.0.iter().position(|item| *item == Item::Lc) else { return render(&self.0, field) };
        let (head, tail) = self.0.split_at(at);
        let mut out = render(head, field)?;
        let data = render(tail.get(1..).unwrap_or_default(), field)?;
        out.push(u8::try_from(data.len()).map_err(|_| TemplateError::TooLong { found: data.len() })?);
        out.extend(data);
        Ok(out)
    }
}

fn render(items: &[Item], field: &dyn Fn(Name) -> Option<Vec<u8>>) -> Result<Vec<u8>, TemplateError> {
    let mut out = Vec::new();
    for item in items {
        match item {
            Item::Bytes(bytes) => out.extend(bytes),
            Item::Lc => {}
            Item::Field(name) => out.extend(field(*name).ok_or(TemplateError::Missing { name: name.text() })?),
            Item::Tlv(tag, inner) => eid::tlv::push(&mut out, *tag, &render(inner, field)?),
        }
    }
    Ok(out)
}

/// Words, `{…}`, `tlv(`, `TAG:`, and `)`.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        match c {
            '(' | ':' if !word.starts_with('{') => {
                word.push(c);
                tokens.push(std::mem::take(&mut word));
            }
            ')' | '{' | ' ' => {
                if !word.is_empty() {
                    tokens.push(std::mem::take(&mut word));
                }
                match c {
                    ')' => tokens.push(")".to_owned()),
                    '{' => word.push(c),
                    _ => {}
                }
            }
            '}' => {
                word.push(c);
                tokens.push(std::mem::take(&mut word));
            }
            c if c.is_ascii_alphanumeric() || c == '_' || c == ':' => word.push(c),
            c => return Err(format!("character {c:?} has no meaning in a template")),
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    Ok(tokens)
}

fn items(tokens: &mut std::iter::Peekable<std::vec::IntoIter<String>>, depth: usize) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    while let Some(token) = tokens.next_if(|token| token != ")") {
        items.push(match token.as_str() {
            "{lc}" if depth == 0 => Item::Lc,
            "tlv(" if depth < 4 => {
                let tag = tokens.next().unwrap_or_default();
                let digits = tag.strip_suffix(':').unwrap_or_default();
                let tag = u32::from_str_radix(digits, 16).map_err(|_| format!("expected a tag and a colon after tlv(, found {tag:?}"))?;
                let inner = self::items(tokens, depth + 1)?;
                if tokens.next().as_deref() != Some(")") {
                    return Err(format!("tlv({tag:02X}: …) is not closed"));
                }
                Item::Tlv(tag, inner)
            }
            word => match (Name::ALL.iter().find(|(text, _)| *text == word), hex::decode(word)) {
                (Some((_, name)), _) => Item::Field(*name),
                (None, Ok(bytes)) => Item::Bytes(bytes),
                (None, Err(_)) => {
                    let known: Vec<_> = Name::ALL.iter().map(|(text, _)| *text).collect();
                    return Err(format!(
                        "unknown name {word:?} in a template, expected hexadecimal digits, {{lc}}, tlv(tag: ..), {}",
                        known.join(", ")
                    ));
                }
            },
        });
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str, field: &dyn Fn(Name) -> Option<Vec<u8>>) -> String {
        hex::encode(Template::try_from(template.to_owned()).expect(template).fill(field).expect(template))
    }

    /// Commands of `jmrtd_applet_perso.json`.
    #[test]
    fn templates_give_the_recorded_commands() {
        let mrz = |name| match name {
            Name::DocNumber => Some(b"L898902C<".to_vec()),
            Name::Birth => Some(b"690806".to_vec()),
            Name::Expiry => Some(b"940623".to_vec()),
            _ => None,
        };
        assert_eq!(
            fill("00da0062 {lc} tlv(62: tlv(04: doc_number) tlv(04: birth) tlv(04: expiry))", &mrz),
            "00da00621d621b04094c383938393032433c04063639303830360406393430363233"
        );
        let file = |name| match name {
            Name::Fid => Some(vec![1, 1]),
            Name::Size => Some(vec![0, 0x5F]),
            Name::Offset => Some(vec![0, 0x40]),
            Name::Chunk => Some(vec![0x1F, 0x36]),
            _ => None,
        };
        assert_eq!(fill("00e00000 06 6304 {size:u16} {fid} 00", &file), "00e00000066304005f010100");
        assert_eq!(fill("00a4020c 02 {fid}", &file), "00a4020c020101");
        assert_eq!(fill("00d6{offset:u15} {lc} {chunk}", &file), "00d60040021f36");
    }

    #[test]
    fn a_template_with_an_unknown_name_stops_the_load() {
        let error = |text: &str| Template::try_from(text.to_owned()).expect_err(text);
        assert!(error("00d6 {ofset:u15}").starts_with(r#"unknown name "{ofset:u15}" in a template, expected hexadecimal digits, {lc},"#));
        assert!(error("00da0062 {lc} tlv(62: modulis)").starts_with(r#"unknown name "modulis""#));
        assert_eq!(error("00da {lc} tlv(62: birth"), "tlv(62: …) is not closed");
        assert_eq!(error("00da {lc} tlv(birth)"), r#"expected a tag and a colon after tlv(, found "birth""#);
        assert_eq!(error("00da 62)"), r#"expected the end of the template, found ")""#);
        assert_eq!(error("{lc} 00 {lc}"), "{lc} stands twice in one template");
        assert_eq!(error("00;00"), "character ';' has no meaning in a template");
    }

    #[test]
    fn a_field_that_the_image_lacks_is_named() {
        let template = Template::try_from("00da0060 {lc} tlv(60: modulus)".to_owned()).expect("template");
        assert_eq!(template.names(), [Name::Modulus]);
        assert_eq!(template.fill(&|_| None), Err(TemplateError::Missing { name: "modulus" }));
        assert_eq!(template.fill(&|_| Some(vec![0; 300])), Err(TemplateError::TooLong { found: 304 }));
    }
}
