//! Rules for master lists and deviation lists.

use super::{Rule, checked};
use crate::lint::Severity::{Error, Warning};

/// Rules for master lists and deviation lists.
pub(super) const RULES: &[Rule] = &[
    checked("MS-001", "CSCA Master List", Error, "Doc 9303-12 9", "ContentInfo: one SignedData only, DER"),
    checked("MS-002", "CSCA Master List", Error, "Doc 9303-12 9", "version: 3"),
    checked("MS-003", "CSCA Master List", Error, "Doc 9303-12 9", "eContentType: 2.23.136.1.1.2"),
    checked(
        "MS-004",
        "CSCA Master List",
        Error,
        "Doc 9303-12 9",
        "CscaMasterList: SEQUENCE{version 0, SET OF Certificate}, DER set order, no repeats",
    ),
    checked("MS-005", "CSCA Master List", Error, "Doc 9303-12 9", "certificates: signer included, CSCA should be"),
    checked("MS-006", "CSCA Master List", Error, "Doc 9303-12 9", "crls: absent"),
    checked("MS-007", "CSCA Master List", Warning, "Doc 9303-12 9", "signerInfos: one"),
    checked("MS-008", "CSCA Master List", Warning, "Doc 9303-12 9", "sid: subjectKeyIdentifier"),
    checked("MS-009", "CSCA Master List", Error, "Doc 9303-12 9", "signedAttrs: contentType, messageDigest, signingTime"),
    checked("MS-010", "CSCA Master List", Error, "Doc 9303-12 9", "signer: MLS certificate with EKU .3, or chain to a CSCA in trust store"),
    checked("MS-011", "CSCA Master List", Error, "Doc 9303-12 9", "digest parameters: absent when written, NULL accepted"),
    checked(
        "MS-012",
        "CSCA Master List",
        Error,
        "Doc 9303-12 9",
        "content certificates: each a CSCA root or link, valid profile or listed as deviation",
    ),
    checked("DV-001", "Deviation List", Error, "Doc 9303-12 10", "version: 3"),
    checked("DV-002", "Deviation List", Error, "Doc 9303-12 10", "eContentType: 2.23.136.1.1.7"),
    checked("DV-003", "Deviation List", Error, "Doc 9303-12 10", "certificates: signer present, CSCA should be"),
    checked("DV-004", "Deviation List", Error, "Doc 9303-12 10", "crls: absent"),
    checked("DV-005", "Deviation List", Error, "Doc 9303-12 10", "signerInfos: exactly one"),
    checked("DV-006", "Deviation List", Error, "Doc 9303-12 10", "signedAttrs: with signingTime"),
    checked("DV-007", "Deviation List", Error, "Doc 9303-12 10", "unsignedAttrs: absent"),
    checked(
        "DV-008",
        "Deviation List",
        Error,
        "Doc 9303-12 10",
        "DeviationList: SEQUENCE{version 0, digestAlg OPTIONAL, deviations SET OF}",
    ),
    checked(
        "DV-009",
        "Deviation List",
        Error,
        "Doc 9303-12 10",
        "documents: [0] type, DS id as CHOICE [1] issuer+serial [2] SKI [3] digest, [4] issuing date range, [5] document numbers; criteria ANDed",
    ),
    checked("DV-010", "Deviation List", Error, "Doc 9303-12 10", "descriptions: text?, deviation OID, parameters [0]?, nationalUse [1]?"),
    checked("DV-011", "Deviation List", Error, "Doc 9303-12 10", "deviation OIDs: 2.23.136.1.1.7.1-5 tree"),
];
