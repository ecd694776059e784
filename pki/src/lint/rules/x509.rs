//! Rules for every X.509 certificate.

use super::{Rule, checked};
use crate::lint::Severity::{Error, Information};

/// Rules for every X.509 certificate.
pub(super) const RULES: &[Rule] = &[
    checked("XC-001", "all X.509", Error, "Doc 9303-12 7.1", "DER throughout, and no default value written out"),
    checked("XC-002", "all X.509", Error, "Doc 9303-12 7.1", "version: v3 (value 2)"),
    checked(
        "XC-003",
        "all X.509",
        Error,
        "Doc 9303-12 7.1",
        "serialNumber: above zero, at most 20 octets, without surplus octets; that it was never used before is for the register",
    ),
    checked(
        "XC-004",
        "all X.509",
        Error,
        "Doc 9303-12 7.1",
        "signature / signatureAlgorithm: tbs and outer AlgorithmIdentifier identical (parameters too)",
    ),
    checked(
        "XC-005",
        "all X.509",
        Error,
        "Doc 9303-12 4.4",
        "signatureAlgorithm: RSA (PSS preferred; v1.5 must be accepted by verifiers), DSA or ECDSA",
    ),
    checked("XC-006", "all X.509", Error, "Doc 9303-12 4.4", "hash: SHA-224/256/384/512 only; no SHA-1, no MD5"),
    checked(
        "XC-007",
        "all X.509",
        Error,
        "Doc 9303-12 4.4.1",
        "PSS parameters: RSASSA-PSS-params per RFC 4055: hash, MGF1 with same hash, salt length; no mismatch",
    ),
    checked("XC-008", "all X.509", Error, "Doc 9303-12 7.1", "issuer countryName: two-letter, upper case, PrintableString"),
    checked("XC-009", "all X.509", Error, "Doc 9303-12 7.1", "issuer commonName: present; PrintableString or UTF8String"),
    checked("XC-010", "all X.509", Information, "Doc 9303-12 7.1", "DN serialNumber attribute: PrintableString if present"),
    checked("XC-011", "all X.509", Information, "Doc 9303-12 7.1", "other DN attributes: PrintableString or UTF8String"),
    checked("XC-012", "all X.509", Error, "Doc 9303-12 7.1", "subject countryName: equals issuer countryName"),
    checked(
        "XC-013",
        "all X.509",
        Error,
        "Doc 9303-12 7.1",
        "validity encoding: UTCTime YYMMDDHHMMSSZ to 2049, GeneralizedTime YYYYMMDDHHMMSSZ from 2050, seconds present, no fraction, Z only",
    ),
    checked("XC-014", "all X.509", Error, "own rule", "validity order: notBefore earlier than notAfter"),
    checked(
        "XC-015",
        "all X.509",
        Error,
        "Doc 9303-12 4.4.1, RFC 4055",
        "SPKI RSA: rsaEncryption (or id-RSASSA-PSS), parameters NULL for rsaEncryption",
    ),
    checked(
        "XC-016",
        "all X.509",
        Error,
        "Doc 9303-12 4.4.3",
        "EC key: id-ecPublicKey with the curve written out, cofactor included; neither named nor implicit",
    ),
    checked("XC-017", "all X.509", Error, "Doc 9303-12 4.4.3", "EC points: uncompressed (04) for base point and public key"),
    checked("XC-018", "all X.509", Error, "Doc 9303-12 7.1", "issuerUniqueID/subjectUniqueID: absent"),
    checked("XC-019", "all X.509", Information, "RFC 5280 4.2", "unknown extensions: only if non-critical"),
    checked("XC-020", "all X.509", Error, "RFC 5280 4.2", "duplicate extensions: each OID at most once"),
    checked("XC-021", "all X.509", Error, "TR-03111 4.1", "EC public point: on curve, not infinity"),
    checked("XC-022", "all X.509", Error, "Doc 9303-12 4.4", "RSA modulus of at least 2048 bits, EC order of at least 224 bits"),
];
