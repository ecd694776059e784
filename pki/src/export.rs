//! What a state uploads to the ICAO PKD, as records of its directory in LDIF (RFC 2849; the tree as the PKD gives it out).
//!
//! ```text
//! c=VN,dc=data,dc=download,dc=pkd,dc=icao,dc=int
//! ├── o=dsc   cn=ISSUER+sn=SERIAL   userCertificate;binary
//! ├── o=crl   cn=ISSUER             certificateRevocationList;binary
//! └── o=ml    cn=ISSUER+sn=NUMBER   pkdMasterListContent
//! ```
//!
//! CSCA certificates have no place of their own there: they travel in the master list. A directory proves nothing, and neither does a record:
//! whoever reads it proves what is inside.

use base64ct::{Base64, Encoding as _};
use eid::cert::crl::Crl;
use eid::cert::master_list::MasterList;
use eid::cert::x509::Certificate;
use eid::cert::x509::name::{escape_rfc4514, to_rfc4514};

/// Columns of a line: what is longer goes on in the next line behind a space.
const COLUMNS: usize = 76;
const BASE: &str = "dc=data,dc=download,dc=pkd,dc=icao,dc=int";

/// A record of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its distinguished name.
    pub dn: String,
    /// Names (with options) and values, in the order that they are written in.
    pub attributes: Vec<(String, Vec<u8>)>,
}

impl Record {
    fn new(dn: String, classes: &[&str], attributes: Vec<(&str, Vec<u8>)>) -> Self {
        let classes = classes.iter().map(|class| ("objectClass".to_owned(), class.as_bytes().to_vec()));
        let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(classes).collect();
        Self { dn, attributes }
    }
}

/// Records as LDIF, `version: 1` first.
#[must_use]
pub fn ldif(records: &[Record]) -> String {
    let mut out = "version: 1\n".to_owned();
    for record in records {
        out.push('\n');
        line(&mut out, "dn", record.dn.as_bytes());
        for (name, value) in &record.attributes {
            line(&mut out, name, value);
        }
    }
    out
}

/// `name: value`, in base64 where the value is no SAFE-STRING (RFC 2849), folded.
fn line(out: &mut String, name: &str, value: &[u8]) {
    let safe = value.iter().all(|&b| b.is_ascii() && !matches!(b, 0 | b'\n' | b'\r'))
        && !matches!(value.first(), Some(b' ' | b':' | b'<'))
        && value.last() != Some(&b' ');
    let text = match std::str::from_utf8(value) {
        Ok(text) if safe => format!("{name}: {text}"),
        _ => format!("{name}:: {}", Base64::encode_string(value)),
    };
    // ASCII by what went in, so that columns are octets
    let mut rest = text.as_str();
    let mut columns = COLUMNS;
    while let Some((head, tail)) = rest.split_at_checked(columns).filter(|(_, tail)| !tail.is_empty()) {
        out.push_str(head);
        out.push_str("\n ");
        rest = tail;
        columns = COLUMNS - 1;
    }
    out.push_str(rest);
    out.push('\n');
}

/// What a state publishes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Published<'a> {
    /// Certificates of document signers and list signers.
    pub certificates: &'a [Certificate],
    /// The newest revocation list of each CSCA name.
    pub crls: &'a [Crl],
    /// The newest master list.
    pub master_list: Option<&'a MasterList>,
    /// A number for the records that grows with each upload: the PKD's pkdVersion.
    pub version: u64,
}

/// The records of what the state `country` (two letters) publishes, those above them first.
#[must_use]
pub fn pkd(country: &str, published: &Published<'_>) -> Vec<Record> {
    let country = country.to_uppercase();
    let state = format!("c={country},{BASE}");
    let text = |text: &str| text.as_bytes().to_vec();
    let version = ("pkdVersion", text(&published.version.to_string()));
    let mut out = vec![
        Record::new(BASE.to_owned(), &["top", "domain"], vec![("dc", text("data"))]),
        Record::new(state.clone(), &["top", "country"], vec![("c", text(&country))]),
    ];
    let unit = |out: &mut Vec<Record>, name: &str| {
        let dn = format!("o={name},{state}");
        out.push(Record::new(dn.clone(), &["top", "organization"], vec![("o", text(name))]));
        dn
    };
    if !published.certificates.is_empty() {
        let above = unit(&mut out, "dsc");
        for certificate in published.certificates {
            let issuer = to_rfc4514(certificate.issuer());
            let serial = hex::encode_upper(certificate.serial());
            out.push(Record::new(
                format!("cn={}+sn={serial},{above}", escape_rfc4514(&issuer)),
                &["inetOrgPerson", "pkdDownload", "organizationalPerson", "top", "person"],
                vec![version.clone(), ("userCertificate;binary", certificate.der().to_vec()), ("sn", text(&serial)), ("cn", text(&issuer))],
            ));
        }
    }
    if !published.crls.is_empty() {
        let above = unit(&mut out, "crl");
        for crl in published.crls {
            let issuer = to_rfc4514(crl.issuer());
            out.push(Record::new(
                format!("cn={},{above}", escape_rfc4514(&issuer)),
                &["top", "cRLDistributionPoint", "pkdDownload"],
                vec![version.clone(), ("certificateRevocationList;binary", crl.der().to_vec()), ("cn", text(&issuer))],
            ));
        }
    }
    if let Some((list, signer)) = published.master_list.and_then(|list| Some((list, list.signed.certificates().next()?))) {
        let above = unit(&mut out, "ml");
        let issuer = Certificate::from_der(signer).map_or_else(|_| country.clone(), |signer| to_rfc4514(signer.issuer()));
        out.push(Record::new(
            format!("cn={}+sn=1,{above}", escape_rfc4514(&issuer)),
            &["top", "person", "pkdMasterList", "pkdDownload"],
            vec![version, ("sn", text("1")), ("cn", text(&issuer)), ("pkdMasterListContent", list.signed.der().to_vec())],
        ));
    }
    out
}
