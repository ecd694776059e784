//! The tolerances of the ledger ([`eid::quirk`]): each with whose oddity it is, and what it is in plain words.
//!
//! Whose oddity decides what a policy makes of it ([`StrictPolicy`](crate::terminal::policy::StrictPolicy)). What the **document** has otherwise than
//! the standard was written by the state that signed it: whoever must take no document but one that is made as the standard asks counts these. How
//! the **chip** answers a command is a habit of its operating system, over a channel that is proved otherwise. A **list** is another publication of the
//! state or somebody else's, and says nothing about how this document was made. A **note** breaks no rule: something lawful that is worth knowing, or
//! that Doc 9303 leaves to the state, or that this program does not read.
//!
//! A test holds the table against the sources: a rule that is not decided here fails there.

use super::UNKNOWN;

/// Whose oddity a tolerance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// The document's: a file, signature, or certificate is not made as the standard has it.
    Document,
    /// The chip's: a command is answered otherwise.
    Chip,
    /// That of a revocation list, master list, or deviation list, of a terminal's certificate, or of the printed QR text.
    List,
    /// Nobody's: no rule is broken, or this program does not read it.
    Note,
}

impl Whose {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Document, Self::Chip, Self::List, Self::Note];

    /// In a word: `document`, `chip`, `list`, `note`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Chip => "chip",
            Self::List => "list",
            Self::Note => "note",
        }
    }
}

/// A tolerance that the ledger may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// Name of the rule.
    pub rule: &'static str,
    /// Whose oddity it is.
    pub whose: Whose,
    /// What is there, in plain words.
    pub what: &'static str,
}

const fn document(rule: &'static str, what: &'static str) -> Tolerance {
    Tolerance { rule, whose: Whose::Document, what }
}

const fn chip(rule: &'static str, what: &'static str) -> Tolerance {
    Tolerance { rule, whose: Whose::Chip, what }
}

const fn list(rule: &'static str, what: &'static str) -> Tolerance {
    Tolerance { rule, whose: Whose::List, what }
}

const fn note(rule: &'static str, what: &'static str) -> Tolerance {
    Tolerance { rule, whose: Whose::Note, what }
}

/// Every tolerance, sorted by its name.
pub const TOLERANCES: &[Tolerance] = &[
    chip("aa.der-signature", "the chip's signature is a DER structure, not r and s side by side"),
    chip("aa.le", "INTERNAL AUTHENTICATE wants another Le"),
    chip("aa.signature-length", "the chip's signature is shorter or longer than its key"),
    chip("aa.smaller-root", "the chip sent the smaller of the two roots"),
    document("aa.x962-algorithm", "ActiveAuthenticationInfo names a signature of X9.62 instead of one of TR-03111"),
    chip("aa.zeros-before-header", "zero bytes stand before the header 6A of the recovered signature"),
    chip("access.bac-le", "EXTERNAL AUTHENTICATE wants Le 00"),
    chip("access.card_access-by-fid", "EF.CardAccess is read by file identifier only"),
    chip("access.card_security-by-fid", "EF.CardSecurity is read by file identifier only"),
    chip("access.mse-parameter-id", "MSE:Set AT wants object 84 where it says nothing new, or refuses it"),
    chip("access.mse-without-chat", "MSE:Set AT refuses the object 7F4C of the terminal"),
    chip("access.pace-le", "GENERAL AUTHENTICATE wants another Le"),
    chip("access.select-with-fci", "SELECT of the application wants to answer with file control information"),
    document("algorithm.bare-ec-public-key", "a signature is named by id-ecPublicKey alone"),
    note("algorithm.bare-rsa-encryption", "a signature is named by rsaEncryption alone, as RFC 3370 lets a signed message do"),
    document("algorithm.ecdsa-integer-not-minimal", "r or s of a signature has surplus octets"),
    document("algorithm.ecdsa-null-parameters", "the identifier of ECDSA has parameters NULL, and should have none"),
    note("algorithm.ecdsa-plain", "a signature is plain ECDSA of TR-03111, under its own identifier"),
    document("algorithm.pss-mgf-digest", "RSASSA-PSS hashes the message and the mask by different digests"),
    document("algorithm.pss-parameters-absent", "the identifier of RSASSA-PSS has no parameters"),
    document("algorithm.rsa-parameters-absent", "the identifier of RSA lacks the parameters NULL"),
    document("atr-info.no-lengths", "EF.ATR/INFO announces extended lengths, and has no object 7F66 that says how long"),
    chip("ca.chaining", "Chip Authentication wants command chaining"),
    chip("ca.key-id", "MSE for Chip Authentication wants the key identifier left out, or in"),
    document("ca.no-info", "a key for Chip Authentication has no ChipAuthenticationInfo"),
    chip("ca.set-at-3des", "Chip Authentication with 3DES wants MSE:Set AT"),
    chip("ca.weaker-way", "the strongest way of Chip Authentication is refused, another one works"),
    document("card-access.trailing-bytes", "bytes follow the set in EF.CardAccess"),
    document("card-security.padding", "zero bytes follow EF.CardSecurity"),
    document("cbeff.block-in-5f2e", "a block of ISO/IEC 39794 stands in object 5F2E"),
    document("cbeff.format-type", "format owner or format type of the header is not that of the record"),
    document("cbeff.record-edition", "a record of ISO/IEC 19794 of another edition than that of 2005"),
    document("cbeff.record-in-7f2e", "a record of ISO/IEC 19794 stands in object 7F2E"),
    document("cms.attributes-order", "the signed attributes are not in the order of DER"),
    document("cms.ber", "the signed message has indefinite lengths"),
    note("cms.crls-present", "the signed message brings revocation lists, which is not recommended"),
    note("cms.digest-differs-from-signature", "the signature uses another digest than the signer names for the content"),
    document("cms.length-not-minimal", "a length in the signed message has surplus octets"),
    document("cms.no-signed-attributes", "the signer signed the content itself, without attributes"),
    note("cms.several-signers", "the message has several signatures; one is recommended"),
    document("cms.signing-time-malformed", "signingTime cannot be read, or is there twice"),
    note("cms.unsigned-attributes", "the signer has unsigned attributes"),
    document("com.unknown-tag", "EF.COM lists a tag that is no data group's"),
    list("crl.authority-key-identifier-missing", "the revocation list does not name its key"),
    list("crl.empty-list-encoded", "the revocation list writes out that nothing is revoked"),
    list("crl.encoding", "a tolerance that is used for certificates too, and here for the revocation list"),
    list("crl.extension-malformed", "an extension of the revocation list cannot be read"),
    list("crl.next-update-missing", "the revocation list does not say how long it holds"),
    list("crl.number-missing", "the revocation list has no number"),
    list("crl.version-not-2", "the revocation list is not of version 2"),
    list("cvc.cofactor-missing", "a card-verifiable certificate has domain parameters without the cofactor"),
    list("cvc.leading-zero", "a number in a card-verifiable certificate has surplus octets"),
    document("cvca.length", "EF.CVCA is not 36 bytes long"),
    document("der.integer-not-minimal", "a number has surplus octets"),
    document("der.time-form", "a time is not in the form of DER"),
    document("details.date-form", "a date in EF.DG11 or EF.DG12 is no date"),
    document("details.fillers", "a text in EF.DG11 or EF.DG12 is filled up with <"),
    document("details.group-count", "a group in EF.DG11 or EF.DG12 counts otherwise than it has members"),
    document("details.listed-but-absent", "EF.DG11 or EF.DG12 lists an object that is not there"),
    document("details.no-tag-list", "EF.DG11 or EF.DG12 has no list of tags"),
    document("details.packed-date", "a date in EF.DG11 or EF.DG12 is in BCD"),
    document("details.present-but-unlisted", "EF.DG11 or EF.DG12 has an object that it does not list"),
    list("deviation-list.string-type", "a description in a deviation list is a string of another type"),
    note("dg13.field-without-value", "a field of the Vietnamese EF.DG13 is empty"),
    document("dg13.not-tlv", "EF.DG13 is not wrapped in its tag 6D"),
    note("dg13.unknown-value", "a field of the Vietnamese EF.DG13 holds something of an unknown kind"),
    document("dg16.count", "EF.DG16 counts otherwise than it has persons"),
    document("dg16.date-form", "a date in EF.DG16 is no date"),
    document("dg16.numbers", "the persons in EF.DG16 are not numbered from 1"),
    document("dg2.empty", "EF.DG2 has no face"),
    document("dg3.empty-without-random", "EF.DG3 has neither a finger nor a random value, and is the same on all cards"),
    document("dg4.empty-without-random", "EF.DG4 has neither an iris nor a random value, and is the same on all cards"),
    document("dir.padding", "bytes follow the templates in EF.DIR"),
    document("displayed.count", "EF.DG5 or EF.DG7 counts otherwise than it has images"),
    document("displayed.image-header", "an image in EF.DG5 or EF.DG7 has no header that is known"),
    document("displayed.no-count", "EF.DG5 or EF.DG7 does not count its images"),
    document("eid.country-of-two-letters", "a country in the eID application is two letters instead of the code of Doc 9303"),
    document("face.block-length", "the length of a facial information block is wrong"),
    document("face.data-type", "the record calls the portrait another kind of image than it is"),
    document("face.image-header", "the portrait has no header that is known"),
    document("face.record-length", "the length of the facial record is wrong"),
    document("face.size", "the record states another size than the portrait has"),
    document("face.trailing-bytes", "bytes follow the facial record"),
    list("face_qr.blanks", "the printed QR text has surplus blanks"),
    list("face_qr.date-form", "the printed QR text has a date in another form"),
    list("face_qr.no-old-number-field", "the printed QR text lacks the field of the old number"),
    document("features.no-count", "EF.DG6, EF.DG8, EF.DG9, or EF.DG10 does not count its features"),
    document("features.not-objects", "EF.DG6, EF.DG8, EF.DG9, or EF.DG10 holds something that is no TLV"),
    document("file.malformed", "a data group that no check looks into is not what its name says"),
    document("finger.record-length", "the length of the finger record is wrong"),
    document("finger.size", "the finger record states another size than the image has"),
    document("iris.header-length", "the iris record states another length of its header"),
    document("iris.record-length", "the length of the iris record is wrong"),
    document("iris.size", "the iris record states another size than the image has"),
    document("iris.trailing-bytes", "bytes follow the iris record"),
    note("iso39794.element-not-read", "an optional element of a block of ISO/IEC 39794 is not read here"),
    document("iso39794.order", "the elements of a block of ISO/IEC 39794 are in another order"),
    list("list.signed-by-csca", "a list is signed by the CSCA itself"),
    list("list.signed-outside-validity", "a list was signed when the certificate of its signer was not valid"),
    list("list.signer-key-usage-not-critical", "the certificate of a list signer has a key usage that is not critical"),
    list("list.signing-time-missing", "a list does not say when it was signed"),
    list("master-list.bytes-after-content", "bytes follow the content of a master list"),
    list("master-list.not-in-der-order", "the certificates of a master list are not in the order of DER"),
    document("mrz.check-digit", "a check digit of the MRZ is wrong"),
    document("mrz.content", "a field of the MRZ is not as Doc 9303 has it"),
    document("path.authority-key-identifier", "a certificate does not name the key by which it is signed"),
    document("path.csca-basic-constraints", "the certificate of the CSCA does not say that it is one"),
    document("path.issuer-name-differs", "a certificate names another issuer than the one that signed it"),
    document("path.issuer-name-encoding", "a certificate writes the name of its issuer in other letters or types"),
    note("path.link-name-change", "a link certificate leads to another name, and has no extension that says so"),
    chip("read.extended-by-atr-info", "extended lengths are announced in EF.ATR/INFO and not in the answer to reset"),
    chip("read.more-than-asked", "READ BINARY gives more bytes than were asked for"),
    chip("read.refused-in-the-clear", "a refusal came without secure messaging, which was over then"),
    chip("read.select-form", "a file is selected in another form"),
    chip("read.short-lengths-only", "extended lengths are announced and refused"),
    chip("read.step-reduced", "READ BINARY takes fewer bytes than the link carries"),
    document("sod.ber", "EF.SOD has indefinite lengths"),
    document("sod.content-type", "EF.SOD names another type of content than that of the list of hashes"),
    document("sod.lds-version-info", "the list of hashes has a version that does not fit its content"),
    document("sod.padding", "zero bytes follow EF.SOD"),
    document("sod.signer-name-encoding", "EF.SOD writes the name of its signer's issuer in other letters or types"),
    document("sod.single-hash", "EF.SOD lists one data group only"),
    document("spki.base-point-compressed", "the base point of written-out domain parameters is compressed"),
    document("spki.cofactor-missing", "written-out domain parameters have no cofactor"),
    document("spki.curve-declared-wrong", "a key is on another curve than its certificate says"),
    document("spki.dh-value-without-integer", "a public value of Diffie-Hellman is no INTEGER"),
    document("spki.field-element-length", "a coefficient of written-out domain parameters is not as long as the field"),
    document("spki.rsa-parameters-not-null", "the identifier of an RSA key lacks the parameters NULL"),
    document("ta.cvca-malformed", "EF.CVCA is not what its name says"),
    document("ta.cvca-sfi", "EF.CVCA is not found by the short identifier that TerminalAuthenticationInfo announces"),
    note(UNKNOWN, "recorded by another version of this program; the text says its name"),
    document("x509.authority-issuer-without-serial", "a certificate names the issuer's certificate in half"),
    document("x509.boolean-not-ff", "a certificate writes TRUE otherwise than FF"),
    document("x509.default-encoded", "a certificate writes out a value that is the default"),
    document("x509.document-type-list-form", "the list of document types is not of its form"),
    document("x509.document-type-list-oid", "the list of document types stands under another identifier"),
    document("x509.document-type-list-several-sets", "the list of document types has several sets"),
    document("x509.document-type-list-version", "the list of document types has no version, or another than 0"),
    document("x509.extension-malformed", "an extension that is not critical cannot be read"),
    document("x509.generalized-time-before-2050", "a day before 2050 is written as GeneralizedTime"),
    document("x509.serial-negative", "a serial number is negative"),
    document("x509.serial-not-minimal", "a serial number has surplus octets"),
    document("x509.serial-too-long", "a serial number is longer than 20 octets"),
    document("x509.serial-zero", "a serial number is zero"),
    document("x509.unique-identifier", "a certificate has a unique identifier of issuer or subject"),
    document("x509.version-not-3", "a certificate is not of version 3"),
];

/// The entry of a rule.
#[must_use]
pub fn tolerance(rule: &str) -> Option<&'static Tolerance> {
    TOLERANCES.iter().find(|known| known.rule == rule)
}
