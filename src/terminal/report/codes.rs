//! What a report may say: every check with its clause and its question in plain words, every reason code with its meaning, and the names
//! of the tolerances. `docs/checks.md` is written from these tables, and a test holds them against the sources: a new check or code that is
//! not here fails there. What each tolerance is, and whose, is in [`tolerances`].

pub mod tolerances;

/// The step of the inspection that a check belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Opening the card.
    Access,
    /// Did the state sign these data?
    Passive,
    /// Is the chip the original?
    Chip,
    /// Do the contents agree with each other?
    Content,
    /// Reading the files.
    Reading,
}

impl Part {
    /// All of them, in the order of importance for who reads a report.
    pub const ALL: [Self; 5] = [Self::Passive, Self::Chip, Self::Content, Self::Access, Self::Reading];

    /// The heading in a report.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Passive => "Signature of the state (passive authentication)",
            Self::Chip => "Originality of the chip",
            Self::Content => "Agreement of the contents",
            Self::Access => "Opening the card",
            Self::Reading => "Reading the files",
        }
    }
}

/// A check that a report may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its id; one that ends in `*` stands for all that begin so.
    pub id: &'static str,
    /// The clause.
    pub clause: &'static str,
    /// What it asks.
    pub question: &'static str,
    /// Where it belongs.
    pub part: Part,
}

const fn check(part: Part, id: &'static str, clause: &'static str, question: &'static str) -> Known {
    Known { id, clause, question, part }
}

/// The circulars on the faces of the Vietnamese cards of 2021 and 2024.
const QR: &str = "Circular 06/2021/TT-BCA; Circular 16/2024/TT-BCA";

/// Every check.
pub const CHECKS: &[Known] = &[
    check(Part::Access, "access.bac", "Doc 9303-11 §4.3", "Did Basic Access Control open the card?"),
    check(Part::Access, "access.choice", "Doc 9303-11 §4.2 and §9.2.1", "Which entry of EF.CardAccess was used, and was it the strongest?"),
    check(Part::Access, "access.fallback", "Doc 9303-11 §4.2 step 2", "Which entry of EF.CardAccess was tried and left for the next?"),
    check(Part::Access, "access.pin", "TR-03110-2 §3.3", "Could the PIN that was given be used?"),
    check(Part::Access, "access.resume", "TR-03110-2 §3.3", "Was a suspended PIN resumed by the CAN?"),
    check(Part::Access, "access.channel", "Doc 9303-11 §9.8", "Did the secure channel hold?"),
    check(Part::Access, "access.downgrade", "Doc 9303-11 §4.2 step 2", "Was the strongest procedure used that the card offers?"),
    check(Part::Access, "access.pace", "Doc 9303-11 §4.4", "Did PACE open the card?"),
    check(Part::Access, "access.password", "Doc 9303-11 §4.2", "Was a password given that the card takes?"),
    check(Part::Access, "application", "Doc 9303-10 §3.5.1", "Is there an eMRTD application on the card?"),
    check(Part::Passive, "pa.sod", "Doc 9303-10 4.6.2", "Is EF.SOD, the signed list of hashes, well formed?"),
    check(Part::Passive, "pa.signature", "Doc 9303-11 5.1, step 2", "Does the signature of the document signer verify?"),
    check(Part::Passive, "pa.chain", "Doc 9303-12 5", "Is the document signer certified by a state that is trusted here?"),
    check(Part::Passive, "pa.validity.signing", "Doc 9303-12 5", "Were the certificates valid when the document was signed?"),
    check(Part::Passive, "pa.validity.today", "Doc 9303-12 5", "Are the certificates valid today?"),
    check(Part::Passive, "pa.revocation", "Doc 9303-12 7.1.4", "Has the state revoked the document signer?"),
    check(Part::Passive, "pa.hash.*", "Doc 9303-11 5.1, step 4", "Are the data of the file those that were signed?"),
    check(Part::Passive, "pa.listed", "Doc 9303-10 4.6.2", "Are exactly the signed files on the chip?"),
    check(Part::Passive, "pa.issuer", "Doc 9303-12 7.1", "Is the document signer of the state that the MRZ names?"),
    check(Part::Passive, "pa.deviations", "Doc 9303-3 7", "What has the state published about such documents?"),
    check(Part::Passive, "card_security.signature", "Doc 9303-11 4.4.3.5", "Does the signature of EF.CardSecurity verify?"),
    check(
        Part::Passive,
        "card_security.chain",
        "Doc 9303-12 5",
        "Is the signer of EF.CardSecurity certified by a state that is trusted here?",
    ),
    check(Part::Passive, "card_security.validity", "Doc 9303-12 5", "Are the certificates of EF.CardSecurity valid today?"),
    check(Part::Passive, "card_security.revocation", "Doc 9303-12 7.1.4", "Has the state revoked the signer of EF.CardSecurity?"),
    check(Part::Passive, "profile.signer", "Doc 9303-12 7.1", "Is the certificate of the document signer made as the standard asks?"),
    check(Part::Passive, "profile.csca", "Doc 9303-12 7.1", "Is the certificate of the CSCA made as the standard asks?"),
    check(Part::Passive, "profile.document_type", "Doc 9303-12 7.1.1.6", "Is the document signer for documents of this kind?"),
    check(Part::Passive, "profile.country", "Doc 9303-12 7.1", "Do document signer and CSCA name one country?"),
    check(Part::Chip, "ca", "Doc 9303-11 §6.2", "Does the chip hold the private key of DG14, or of EF.CardSecurity (Chip Authentication)?"),
    check(Part::Chip, "aa", "Doc 9303-11 §6.1", "Does the chip hold the private key of DG15 (Active Authentication)?"),
    check(
        Part::Reading,
        "ta",
        "Doc 9303-11 §7.1",
        "Did the chip take the terminal's certificates and open DG3 and DG4 (Terminal Authentication)?",
    ),
    check(Part::Chip, "cam", "Doc 9303-11 §4.4.3.5", "Does the chip hold the static key of EF.CardSecurity (chip authentication mapping)?"),
    check(
        Part::Content,
        "card_access.card_security",
        "Doc 9303-11 §9.2.11",
        "Does the signed EF.CardSecurity confirm what EF.CardAccess announces?",
    ),
    check(Part::Content, "document.expiry", "Doc 9303-3 §4.8", "Is the document still valid today?"),
    check(Part::Content, "cross.mrz", "Doc 9303-3 §4.9", "Does the MRZ in DG1 follow the standard, check digits included?"),
    check(Part::Content, "cross.issue", "Doc 9303-10 §4.7.12", "Does the date of issue lie between birth and expiry, and not after today?"),
    check(Part::Content, "cross.dg2", "Doc 9303-10 §4.7.2", "Is there a portrait that can be compared with a face?"),
    check(Part::Content, "cross.dg3", "Doc 9303-10 §4.7.3", "Are there fingers that can be compared with those of the holder?"),
    check(Part::Content, "cross.dg4", "Doc 9303-10 §4.7.4", "Are there irises that can be compared with those of the holder?"),
    check(Part::Content, "cross.page", "Doc 9303-10 §4.7.1", "Is the MRZ in DG1 the one that is printed on the page?"),
    check(Part::Content, "cross.dg11.name", "Doc 9303-10 §4.7.11", "Is the name in DG11 that of the MRZ?"),
    check(Part::Content, "cross.dg11.birth", "Doc 9303-10 §4.7.11", "Is the date of birth in DG11 that of the MRZ?"),
    check(Part::Content, "cross.dg11.number", "Doc 9303-10 §4.7.11", "Is the personal number in DG11 that of the MRZ?"),
    check(Part::Content, "cross.dg13.name", "Doc 9303-10 §4.7.13", "Is the name in the Vietnamese DG13 that of the MRZ?"),
    check(Part::Content, "cross.dg13.birth", "Doc 9303-10 §4.7.13", "Is the date of birth in DG13 that of the MRZ?"),
    check(Part::Content, "cross.dg13.sex", "Doc 9303-10 §4.7.13", "Is the sex in DG13 that of the MRZ?"),
    check(Part::Content, "cross.dg13.expiry", "Doc 9303-10 §4.7.13", "Is the date of expiry in DG13 that of the MRZ?"),
    check(Part::Content, "cross.dg13.number", "Doc 9303-10 §4.7.13", "Is the personal number in DG13 that of the MRZ?"),
    check(
        Part::Content,
        "cross.number.mrz",
        "Doc 9303-5 §4.2.2",
        "Does the personal number in the MRZ end with the document number, with its check digit?",
    ),
    check(
        Part::Content,
        "cross.number.province",
        "Circular 07/2016/TT-BCA annex 1",
        "Do the first three digits name a province or a birth abroad?",
    ),
    check(
        Part::Content,
        "cross.number.person",
        "Decree 137/2015/ND-CP art. 13",
        "Do digits 4 to 6 of the number fit sex and date of birth?",
    ),
    check(Part::Content, "cross.qr.number", QR, "Is the number in the printed QR text that of the chip?"),
    check(Part::Content, "cross.qr.name", QR, "Is the name in the printed QR text that of the chip?"),
    check(Part::Content, "cross.qr.birth", QR, "Is the date of birth in the printed QR text that of the chip?"),
    check(Part::Content, "cross.qr.sex", QR, "Is the sex in the printed QR text that of the chip?"),
    check(Part::Content, "cross.qr.issue", QR, "Is the date of issue in the printed QR text that of the chip?"),
    check(Part::Content, "cross.qr.old_number", QR, "Is the old number in the printed QR text that of the chip?"),
    check(Part::Content, "cross.qr.residence", QR, "Is the place of residence in the printed QR text that of the chip?"),
    check(Part::Content, "card_access.dg14", "Doc 9303-11 §9.2", "Does the signed DG14 confirm what EF.CardAccess announces?"),
    check(Part::Content, "com.sod", "Doc 9303-10 §4.6.1", "Do EF.COM and EF.SOD list the same files and versions?"),
    check(Part::Content, "dir.application", "Doc 9303-10 §3.11.2", "Does EF.DIR name the application that is there?"),
    check(Part::Reading, "eid.application", "TR-03110-4 clause 2.2", "Does the card have the eID application?"),
    check(Part::Content, "eid.age", "TR-03110-3 A.7.5.2", "Was the holder born on the day that the terminal named, or before?"),
    check(Part::Content, "eid.validity", "TR-03110-3 A.7.5.3", "Is the document valid on the day that the terminal named?"),
    check(Part::Content, "eid.municipality", "TR-03110-3 A.7.5.4", "Does the holder live in the municipality that the terminal named?"),
    check(Part::Content, "eid.sector", "TR-03110-3 B.4", "Did the chip give its identifier for the first sector?"),
    check(Part::Content, "eid.second_sector", "TR-03110-3 B.4", "Did the chip give its identifier for the second sector?"),
    check(Part::Reading, "read.card_access", "Doc 9303-11 §4.2 step 1", "Could EF.CardAccess be read?"),
    check(Part::Reading, "read.complete", "Doc 9303-10 §3.6", "Was everything read that was asked for?"),
    check(Part::Reading, "read.*", "Doc 9303-10 §3.6", "Could the file be read?"),
];

/// The reason of a finding that another version recorded under a code that is not known here.
pub const UNKNOWN: &str = "unknown-code";

/// Every reason code with its meaning.
pub const REASONS: &[(&str, &str)] = &[
    ("absent", "the file is listed or expected and not on the card"),
    ("accepted-deviation", "failed, and the state has published that such documents are wrong in this way"),
    ("after-expiry", "the date of issue is after the date of expiry"),
    ("algorithm-not-allowed", "an algorithm that the standard does not allow here"),
    ("algorithm-not-implemented", "an algorithm that this program does not know"),
    ("algorithm-not-named", "the card does not say by which algorithm it signs"),
    ("another-state", "the document signer is of another state than the MRZ names"),
    ("bac-instead-of-pace", "the card offers the stronger PACE, and the weaker Basic Access Control was used"),
    ("before-birth", "the date of issue is before the date of birth"),
    ("blocked", "no try of the PIN is left"),
    ("broken", "an answer was not that of the card which holds the keys of the secure channel"),
    ("cancelled", "the caller stopped before everything was read"),
    ("card-access-hidden", "the signed DG14 offers PACE, and EF.CardAccess could not be read"),
    ("certificate-signature-wrong", "the trusted key that the document signer names did not sign its certificate"),
    ("channel-broken", "the secure channel broke, and the check could not be run or not be finished"),
    ("code-unknown", "the MRZ names an issuer that is no state which is known here"),
    ("content-type", "EF.SOD does not hold what it must hold"),
    ("content-type-differs", "the signed attributes name another type of content"),
    ("countries-differ", "the certificates name different countries"),
    ("crl-expired", "not revoked by a list that is older than it should be"),
    ("crl-limited", "the revocation list does not speak for all certificates"),
    ("crl-not-authentic", "no revocation list was signed by a key of the state"),
    ("crl-without-end", "not revoked by a list that does not say how long it holds"),
    ("data-malformed", "what the chip sent is no proof at all"),
    ("date-in-part", "passed, as far as the date is known"),
    ("deactivated", "the PIN was deactivated, and a terminal has to activate it first"),
    ("deviates", "the MRZ that was signed does not follow the standard"),
    ("dg1-not-confirmed", "the MRZ was not read, or is not the one that was signed"),
    ("differs", "two places say different things"),
    ("digest-algorithms", "the signer's digest is missing in the list of digests of EF.SOD"),
    ("endless", "the card gives so little at a time that the file would never end"),
    ("expired", "the document has expired"),
    ("forbidden", "the caller forbids this way of access"),
    ("format-unknown", "a format that this program does not know"),
    ("hash-differs", "the data are not those that were signed"),
    ("image-unreadable", "the image cannot be read"),
    ("in-part", "passed, by a part of what is compared"),
    ("in-the-future", "the date is after today"),
    ("key-compromised", "the state has published that others may have the key"),
    ("key-forbids-algorithm", "the signer's key does not permit the algorithm of the signature"),
    ("key-not-confirmed", "the chip has shown a key that the state did not sign, so this counts for nothing"),
    ("key-not-proven", "the chip does not hold the private key: it is a copy"),
    ("key-unknown", "a key of a kind that this program does not know"),
    ("key-unusable", "the key cannot be used with this algorithm"),
    ("lds-version-differs", "EF.COM states another version than EF.SOD"),
    ("listed-but-absent", "a file that was signed is not on the chip"),
    ("lists-differ", "two lists of files differ"),
    ("malformed", "the file is not what its name says"),
    ("marks-differ", "passed, by the letters without their marks"),
    ("memory-failure", "the card found its own memory damaged"),
    ("message-digest-differs", "the list of hashes was changed after it was signed"),
    ("name-truncated", "passed, by a name that had to be cut for the MRZ"),
    ("next-pace-info", "the card failed this entry of EF.CardAccess, and the next was tried"),
    ("no-application", "there is no eMRTD application that could be selected"),
    ("no-auxiliary-data", "the chip does not know of a value that the terminal committed to"),
    ("no-card", "files were verified, and no card was there"),
    ("no-card-access", "the card has no EF.CardAccess"),
    ("no-card-security", "there is no EF.CardSecurity that could be read"),
    ("no-chain", "without a path to a trust anchor there is nothing to look at"),
    ("no-chip-authentication", "Terminal Authentication binds to Chip Authentication, which was not done"),
    ("no-country", "a certificate names no country"),
    ("no-crl", "there is no revocation list of the state here"),
    ("no-date", "a date is no day of the calendar"),
    ("no-dg1", "without DG1 there is nothing to compare with"),
    ("no-dg14", "without DG14 there is nothing to compare with"),
    ("no-entry", "no entry of EF.CardAccess could be used"),
    ("no-expiry", "the document does not expire"),
    ("no-key", "the file has no key for this"),
    ("no-list", "the certificate does not say for which documents it is"),
    ("no-path", "the terminal has no certificates from a key that the chip trusts"),
    ("no-portrait", "the document holds no portrait"),
    ("no-sex", "the sex is written in an unknown way"),
    ("no-signer", "EF.SOD is not signed"),
    ("no-signer-certificate", "EF.SOD gave no certificate of its signer"),
    ("no-terminal-authentication", "this way of Chip Authentication follows Terminal Authentication, which was not done"),
    ("no-terminal-key", "no certificates and key of a terminal were given"),
    ("no-transcript", "the evidence does not let anybody repeat the check"),
    ("no-trust-anchor", "no certificate that is trusted here signed the document signer"),
    ("no-way", "no password was given that fits what the card offers"),
    ("not-a-document-signer", "the certificate may not sign documents"),
    ("not-a-sod", "EF.SOD is not tagged as one"),
    ("not-among-files", "the file is listed, and is not among those that were handed over"),
    ("not-comparable", "the two fields need not say the same"),
    ("not-confirmed", "nothing that is signed confirms it"),
    ("not-in-card-access", "the signed DG14 offers what EF.CardAccess does not"),
    ("not-in-card-security", "EF.CardAccess offers what the signed EF.CardSecurity does not"),
    ("not-in-dg14", "EF.CardAccess offers what the signed DG14 does not"),
    ("not-listed", "the file is on the card and nobody signed it"),
    ("not-offered", "the card does not have this feature"),
    ("not-printed", "passed, because the printed text leaves the field out"),
    ("not-read", "the file is listed and was not read"),
    ("not-readable", "a file that the check needs could not be read"),
    ("not-used", "the card offers it, and another entry was used"),
    ("other-card", "another card than the one that was read before"),
    ("other-script", "the name is in letters that have no transliteration"),
    ("out-of-validity", "a certificate was not valid on that day"),
    ("pace-used", "not needed, because PACE opened the card"),
    ("present-but-not-listed", "a file is on the chip that nobody signed"),
    ("profile", "the certificate breaks rules on how it is made; the standard policy draws no verdict from that"),
    ("protected", "the file needs further rights; that is no fault of the card"),
    ("protocol-unknown", "a protocol or key that this program does not know"),
    ("province-unknown", "no province and no state of birth has this code"),
    ("published", "the state has published deviations of such documents"),
    ("record-differs", "the record is of another protocol or key than the one that would be used"),
    ("record-malformed", "the record cannot be that of such a protocol"),
    ("recorded-hash", "the content is not in the evidence; the hash that the terminal recorded is the signed one"),
    ("redacted", "neither the content nor a fitting hash is in the evidence"),
    ("refused", "the card refused"),
    ("revoked", "the state has revoked the document signer"),
    ("sector-refused", "the chip does not take the key of the sector for that of the terminal's certificate"),
    ("security-object-malformed", "the list of hashes in EF.SOD is malformed"),
    ("signature-wrong", "the signature does not verify"),
    ("signed-data-malformed", "the signed message in EF.SOD is malformed"),
    ("signed-data-version", "the signed message in EF.SOD has a version that does not fit its content"),
    ("signer-certificate-malformed", "the certificate of the signer is malformed"),
    ("signer-certificate-missing", "the certificate of the signer is not in EF.SOD"),
    ("signer-info-version", "the signer in EF.SOD has a version that does not fit its content"),
    ("signers-not-checked", "passed; further signatures could not be checked"),
    ("signing-date-unknown", "nobody says when the document was signed"),
    ("size-implausible", "the portrait is of a size that no portrait has"),
    ("sod-not-read", "EF.SOD could not be read"),
    ("subtype-differs", "header and record are not of the same finger or eye"),
    ("subtype-missing", "the header does not say which finger or eye it is"),
    ("suspended", "one try of the PIN is left, which the card takes after the CAN only"),
    ("test-number", "passed, with a number that belongs to nobody: this is a test card"),
    ("time-up", "the time that the caller gave was over before everything was read"),
    ("too-long", "the file announces more than such a file may be"),
    ("transport", "the PIN must be replaced by its holder before it opens anything"),
    ("truncated", "the file ends before the length that it announces"),
    ("unicode-version-differs", "EF.COM states another version of Unicode than EF.SOD"),
    (UNKNOWN, "recorded by another version of this program; the text says its code"),
    ("unspecified", "the chip does not say it"),
    ("weak-digest", "passed, by a digest that no longer protects against forgery by its issuer"),
    ("weaker-pace-info", "the card failed a stronger entry of EF.CardAccess than the one that was used"),
];

/// The names under which findings keep their evidence.
pub const EVIDENCE: &[&str] = &[
    "CA-004",
    "CA-005",
    "CA-006",
    "CA-009",
    "CA-010",
    "CA-012",
    "CA-015",
    "CA-016",
    "CA-021",
    "DS-001",
    "DS-002",
    "DS-003",
    "DS-005",
    "DS-006",
    "DS-008",
    "DS-009",
    "DS-010",
    "DS-011",
    "DS-012",
    "DS-013",
    "DS-014",
    "DS-015",
    "DS-018",
    "XC-001",
    "XC-002",
    "XC-003",
    "XC-006",
    "XC-008",
    "XC-009",
    "XC-013",
    "XC-014",
    "XC-015",
    "XC-016",
    "XC-018",
    "XC-021",
    "algorithm",
    "answer",
    "challenge",
    "chosen",
    "code",
    "com",
    "country",
    "crl_date",
    "crl_issuer",
    "crl_sha256",
    "csca_origin",
    "csca_serial",
    "csca_sha256",
    "csca_subject",
    "csca_tier",
    "csca_validity",
    "curve",
    "day",
    "deviation",
    "document_code",
    "document_types",
    "domain",
    "entry",
    "expected",
    "expiry",
    "failed",
    "file",
    "found",
    "hash",
    "identifier",
    "image",
    "issue",
    "key",
    "key_id",
    "lds_security_object_version",
    "lds_version",
    "links_sha256",
    "listed",
    "lists_not_authentic",
    "mrz",
    "not_supported",
    "offered",
    "pace",
    "password",
    "path",
    "place",
    "protocol",
    "published",
    "revocation_reason",
    "revoked_on",
    "rights",
    "selected",
    "signature",
    "signed",
    "signer",
    "signer_serial",
    "signer_sha256",
    "signer_subject",
    "signer_validity",
    "signers",
    "sod",
    "source",
    "sw",
    "terminal",
    "tried",
    "trusted",
    "unicode_version",
    "why",
];

/// The names of the tolerances that only a card can show; the others are found again in the files.
pub const RULES: &[&str] = &[
    "aa.der-signature",
    "aa.le",
    "aa.signature-length",
    "aa.smaller-root",
    "aa.x962-algorithm",
    "aa.zeros-before-header",
    "access.bac-le",
    "access.card_access-by-fid",
    "access.card_security-by-fid",
    "access.mse-parameter-id",
    "access.mse-without-chat",
    "access.pace-le",
    "access.select-with-fci",
    "ca.chaining",
    "ca.key-id",
    "ca.no-info",
    "ca.set-at-3des",
    "ca.weaker-way",
    "read.extended-by-atr-info",
    "read.more-than-asked",
    "read.refused-in-the-clear",
    "read.select-form",
    "read.short-lengths-only",
    "read.step-reduced",
    "ta.cvca-malformed",
    "ta.cvca-sfi",
    UNKNOWN,
];

/// The entry of a check.
#[must_use]
pub fn entry(id: &str) -> Option<&'static Known> {
    let fits = |known: &&Known| known.id.strip_suffix('*').map_or(known.id == id, |start| id.starts_with(start));
    CHECKS.iter().find(fits)
}

/// The clause of a check; empty for one that is not known.
#[must_use]
pub fn clause(id: &str) -> &'static str {
    entry(id).map_or("", |known| known.clause)
}

/// Where a check belongs.
#[must_use]
pub fn part(id: &str) -> Part {
    entry(id).map_or(Part::Content, |known| known.part)
}

/// What a reason code means.
#[must_use]
pub fn meaning(code: &str) -> Option<&'static str> {
    REASONS.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

/// The name in `list` that equals `name`.
pub(in crate::terminal) fn known(list: impl IntoIterator<Item = &'static str>, name: &str) -> Option<&'static str> {
    list.into_iter().find(|known| *known == name)
}

#[cfg(test)]
mod tests;
