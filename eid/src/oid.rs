//! Object identifiers that Doc 9303, TR-03110, and the PKIX standards name, in dotted form, and their content octets (X.690 clause 8.19).
//!
//! It refuses arcs above 2^64 - 1, octets that end inside an arc, arcs padded with `80`, and identifiers of more than [`MAX_LEN`] octets.

/// Longest content that [`decode`] reads, in octets.
pub const MAX_LEN: usize = 64;

/// Why octets or text are no object identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidError {
    /// No octets, or more than [`MAX_LEN`].
    #[error("object identifier of {found} octets, expected 1 to {MAX_LEN}")]
    Length {
        /// Octets found.
        found: usize,
    },
    /// An arc is cut, padded, or above 2^64 - 1.
    #[error("object identifier: the arc at octet {at} is cut, padded, or above 64 bits")]
    Arc {
        /// Offset of the arc's first octet.
        at: usize,
    },
    /// Not dotted decimal with at least two arcs.
    #[error("expected an object identifier as 1.2.840.…, found {found:?}")]
    Text {
        /// What was found, cut to 64 characters.
        found: String,
    },
}

macro_rules! oids {
    ($($constant:ident = $oid:literal, $name:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "` ", $oid, ".")]
            pub const $constant: &str = $oid;
        )*
        /// Dotted form and name of every constant of this module.
        const NAMES: &[(&str, &str)] = &[$(($constant, $name)),*];
    };
}

oids! {
    // ICAO: Doc 9303-10, -11, -12
    LDS_SECURITY_OBJECT = "2.23.136.1.1.1", "id-icao-ldsSecurityObject";
    CSCA_MASTER_LIST = "2.23.136.1.1.2", "id-icao-cscaMasterList";
    CSCA_MASTER_LIST_SIGNING_KEY = "2.23.136.1.1.3", "id-icao-cscaMasterListSigningKey";
    AA_PROTOCOL = "2.23.136.1.1.5", "id-icao-aaProtocolObject";
    NAME_CHANGE = "2.23.136.1.1.6.1", "id-icao-nameChange";
    DOCUMENT_TYPE_LIST = "2.23.136.1.1.6.2", "id-icao-documentTypeList";
    EF_DIR = "2.23.136.1.1.13", "id-EFDIR";
    // deviation lists: Doc 9303-12 10.2
    DEVIATION_LIST = "2.23.136.1.1.7", "id-icao-DeviationList";
    DEVIATION_LIST_SIGNING_KEY = "2.23.136.1.1.8", "id-icao-DeviationListSigningKey";
    DEVIATION_CERT_OR_KEY = "2.23.136.1.1.7.1", "id-Deviation-CertOrKey";
    DEVIATION_DS_SIGNATURE = "2.23.136.1.1.7.1.1", "id-Deviation-CertOrKey-DSSignature";
    DEVIATION_DS_ENCODING = "2.23.136.1.1.7.1.2", "id-Deviation-CertOrKey-DSEncoding";
    DEVIATION_CSCA_ENCODING = "2.23.136.1.1.7.1.3", "id-Deviation-CertOrKey-CSCAEncoding";
    DEVIATION_AA_KEY_COMPROMISED = "2.23.136.1.1.7.1.4", "id-Deviation-CertOrKey-AAKeyCompromised";
    DEVIATION_LDS = "2.23.136.1.1.7.2", "id-Deviation-LDS";
    DEVIATION_DG_MALFORMED = "2.23.136.1.1.7.2.1", "id-Deviation-LDS-DGMalformed";
    DEVIATION_DG_HASH_WRONG = "2.23.136.1.1.7.2.2", "id-Deviation-LDS-DGHashWrong";
    DEVIATION_SOD_SIGNATURE_WRONG = "2.23.136.1.1.7.2.3", "id-Deviation-LDS-SODSignatureWrong";
    DEVIATION_COM_INCONSISTENT = "2.23.136.1.1.7.2.4", "id-Deviation-LDS-COMInconsistent";
    DEVIATION_MRZ = "2.23.136.1.1.7.3", "id-Deviation-MRZ";
    DEVIATION_MRZ_WRONG_DATA = "2.23.136.1.1.7.3.1", "id-Deviation-MRZ-WrongData";
    DEVIATION_MRZ_WRONG_CHECK_DIGIT = "2.23.136.1.1.7.3.2", "id-Deviation-MRZ-WrongCheckDigit";
    DEVIATION_CHIP = "2.23.136.1.1.7.4", "id-Deviation-Chip";
    DEVIATION_NATIONAL_USE = "2.23.136.1.1.7.5", "id-Deviation-NationalUse";
    // BSI TR-03110, TR-03111
    ECDSA_PLAIN_SHA1 = "0.4.0.127.0.7.1.1.4.1.1", "ecdsa-plain-SHA1";
    ECDSA_PLAIN_SHA224 = "0.4.0.127.0.7.1.1.4.1.2", "ecdsa-plain-SHA224";
    ECDSA_PLAIN_SHA256 = "0.4.0.127.0.7.1.1.4.1.3", "ecdsa-plain-SHA256";
    ECDSA_PLAIN_SHA384 = "0.4.0.127.0.7.1.1.4.1.4", "ecdsa-plain-SHA384";
    ECDSA_PLAIN_SHA512 = "0.4.0.127.0.7.1.1.4.1.5", "ecdsa-plain-SHA512";
    STANDARDIZED_DOMAIN_PARAMETERS = "0.4.0.127.0.7.1.2", "standardizedDomainParameters";
    PK_DH = "0.4.0.127.0.7.2.2.1.1", "id-PK-DH";
    PK_ECDH = "0.4.0.127.0.7.2.2.1.2", "id-PK-ECDH";
    TA = "0.4.0.127.0.7.2.2.2", "id-TA";
    TA_RSA_V1_5_SHA1 = "0.4.0.127.0.7.2.2.2.1.1", "id-TA-RSA-v1-5-SHA-1";
    TA_RSA_V1_5_SHA256 = "0.4.0.127.0.7.2.2.2.1.2", "id-TA-RSA-v1-5-SHA-256";
    TA_RSA_PSS_SHA1 = "0.4.0.127.0.7.2.2.2.1.3", "id-TA-RSA-PSS-SHA-1";
    TA_RSA_PSS_SHA256 = "0.4.0.127.0.7.2.2.2.1.4", "id-TA-RSA-PSS-SHA-256";
    TA_RSA_V1_5_SHA512 = "0.4.0.127.0.7.2.2.2.1.5", "id-TA-RSA-v1-5-SHA-512";
    TA_RSA_PSS_SHA512 = "0.4.0.127.0.7.2.2.2.1.6", "id-TA-RSA-PSS-SHA-512";
    TA_ECDSA_SHA1 = "0.4.0.127.0.7.2.2.2.2.1", "id-TA-ECDSA-SHA-1";
    TA_ECDSA_SHA224 = "0.4.0.127.0.7.2.2.2.2.2", "id-TA-ECDSA-SHA-224";
    TA_ECDSA_SHA256 = "0.4.0.127.0.7.2.2.2.2.3", "id-TA-ECDSA-SHA-256";
    TA_ECDSA_SHA384 = "0.4.0.127.0.7.2.2.2.2.4", "id-TA-ECDSA-SHA-384";
    TA_ECDSA_SHA512 = "0.4.0.127.0.7.2.2.2.2.5", "id-TA-ECDSA-SHA-512";
    CA_DH = "0.4.0.127.0.7.2.2.3.1", "id-CA-DH";
    CA_ECDH = "0.4.0.127.0.7.2.2.3.2", "id-CA-ECDH";
    CA_DH_3DES = "0.4.0.127.0.7.2.2.3.1.1", "id-CA-DH-3DES-CBC-CBC";
    CA_DH_AES128 = "0.4.0.127.0.7.2.2.3.1.2", "id-CA-DH-AES-CBC-CMAC-128";
    CA_DH_AES192 = "0.4.0.127.0.7.2.2.3.1.3", "id-CA-DH-AES-CBC-CMAC-192";
    CA_DH_AES256 = "0.4.0.127.0.7.2.2.3.1.4", "id-CA-DH-AES-CBC-CMAC-256";
    CA_ECDH_3DES = "0.4.0.127.0.7.2.2.3.2.1", "id-CA-ECDH-3DES-CBC-CBC";
    CA_ECDH_AES128 = "0.4.0.127.0.7.2.2.3.2.2", "id-CA-ECDH-AES-CBC-CMAC-128";
    CA_ECDH_AES192 = "0.4.0.127.0.7.2.2.3.2.3", "id-CA-ECDH-AES-CBC-CMAC-192";
    CA_ECDH_AES256 = "0.4.0.127.0.7.2.2.3.2.4", "id-CA-ECDH-AES-CBC-CMAC-256";
    PACE_DH_GM = "0.4.0.127.0.7.2.2.4.1", "id-PACE-DH-GM";
    PACE_DH_GM_3DES = "0.4.0.127.0.7.2.2.4.1.1", "id-PACE-DH-GM-3DES-CBC-CBC";
    PACE_DH_GM_AES128 = "0.4.0.127.0.7.2.2.4.1.2", "id-PACE-DH-GM-AES-CBC-CMAC-128";
    PACE_DH_GM_AES192 = "0.4.0.127.0.7.2.2.4.1.3", "id-PACE-DH-GM-AES-CBC-CMAC-192";
    PACE_DH_GM_AES256 = "0.4.0.127.0.7.2.2.4.1.4", "id-PACE-DH-GM-AES-CBC-CMAC-256";
    PACE_ECDH_GM = "0.4.0.127.0.7.2.2.4.2", "id-PACE-ECDH-GM";
    PACE_ECDH_GM_3DES = "0.4.0.127.0.7.2.2.4.2.1", "id-PACE-ECDH-GM-3DES-CBC-CBC";
    PACE_ECDH_GM_AES128 = "0.4.0.127.0.7.2.2.4.2.2", "id-PACE-ECDH-GM-AES-CBC-CMAC-128";
    PACE_ECDH_GM_AES192 = "0.4.0.127.0.7.2.2.4.2.3", "id-PACE-ECDH-GM-AES-CBC-CMAC-192";
    PACE_ECDH_GM_AES256 = "0.4.0.127.0.7.2.2.4.2.4", "id-PACE-ECDH-GM-AES-CBC-CMAC-256";
    PACE_DH_IM = "0.4.0.127.0.7.2.2.4.3", "id-PACE-DH-IM";
    PACE_DH_IM_3DES = "0.4.0.127.0.7.2.2.4.3.1", "id-PACE-DH-IM-3DES-CBC-CBC";
    PACE_DH_IM_AES128 = "0.4.0.127.0.7.2.2.4.3.2", "id-PACE-DH-IM-AES-CBC-CMAC-128";
    PACE_DH_IM_AES192 = "0.4.0.127.0.7.2.2.4.3.3", "id-PACE-DH-IM-AES-CBC-CMAC-192";
    PACE_DH_IM_AES256 = "0.4.0.127.0.7.2.2.4.3.4", "id-PACE-DH-IM-AES-CBC-CMAC-256";
    PACE_ECDH_IM = "0.4.0.127.0.7.2.2.4.4", "id-PACE-ECDH-IM";
    PACE_ECDH_IM_3DES = "0.4.0.127.0.7.2.2.4.4.1", "id-PACE-ECDH-IM-3DES-CBC-CBC";
    PACE_ECDH_IM_AES128 = "0.4.0.127.0.7.2.2.4.4.2", "id-PACE-ECDH-IM-AES-CBC-CMAC-128";
    PACE_ECDH_IM_AES192 = "0.4.0.127.0.7.2.2.4.4.3", "id-PACE-ECDH-IM-AES-CBC-CMAC-192";
    PACE_ECDH_IM_AES256 = "0.4.0.127.0.7.2.2.4.4.4", "id-PACE-ECDH-IM-AES-CBC-CMAC-256";
    PACE_ECDH_CAM = "0.4.0.127.0.7.2.2.4.6", "id-PACE-ECDH-CAM";
    PACE_ECDH_CAM_AES128 = "0.4.0.127.0.7.2.2.4.6.2", "id-PACE-ECDH-CAM-AES-CBC-CMAC-128";
    PACE_ECDH_CAM_AES192 = "0.4.0.127.0.7.2.2.4.6.3", "id-PACE-ECDH-CAM-AES-CBC-CMAC-192";
    PACE_ECDH_CAM_AES256 = "0.4.0.127.0.7.2.2.4.6.4", "id-PACE-ECDH-CAM-AES-CBC-CMAC-256";
    RI = "0.4.0.127.0.7.2.2.5", "id-RI";
    RI_DH = "0.4.0.127.0.7.2.2.5.1", "id-RI-DH";
    RI_DH_SHA1 = "0.4.0.127.0.7.2.2.5.1.1", "id-RI-DH-SHA-1";
    RI_DH_SHA224 = "0.4.0.127.0.7.2.2.5.1.2", "id-RI-DH-SHA-224";
    RI_DH_SHA256 = "0.4.0.127.0.7.2.2.5.1.3", "id-RI-DH-SHA-256";
    RI_DH_SHA384 = "0.4.0.127.0.7.2.2.5.1.4", "id-RI-DH-SHA-384";
    RI_DH_SHA512 = "0.4.0.127.0.7.2.2.5.1.5", "id-RI-DH-SHA-512";
    RI_ECDH = "0.4.0.127.0.7.2.2.5.2", "id-RI-ECDH";
    RI_ECDH_SHA1 = "0.4.0.127.0.7.2.2.5.2.1", "id-RI-ECDH-SHA-1";
    RI_ECDH_SHA224 = "0.4.0.127.0.7.2.2.5.2.2", "id-RI-ECDH-SHA-224";
    RI_ECDH_SHA256 = "0.4.0.127.0.7.2.2.5.2.3", "id-RI-ECDH-SHA-256";
    RI_ECDH_SHA384 = "0.4.0.127.0.7.2.2.5.2.4", "id-RI-ECDH-SHA-384";
    RI_ECDH_SHA512 = "0.4.0.127.0.7.2.2.5.2.5", "id-RI-ECDH-SHA-512";
    EID_APPLICATION_INFO = "0.4.0.127.0.7.2.2.13", "id-eIDApplicationInfo";
    AUX_DATE_OF_BIRTH = "0.4.0.127.0.7.3.1.4.1", "id-DateOfBirth";
    AUX_DATE_OF_EXPIRY = "0.4.0.127.0.7.3.1.4.2", "id-DateOfExpiry";
    AUX_MUNICIPALITY_ID = "0.4.0.127.0.7.3.1.4.3", "id-MunicipalityID";
    ROLE_INSPECTION = "0.4.0.127.0.7.3.1.2.1", "id-IS";
    ROLE_AUTHENTICATION = "0.4.0.127.0.7.3.1.2.2", "id-AT";
    ROLE_SIGNATURE = "0.4.0.127.0.7.3.1.2.3", "id-ST";
    CVC_DESCRIPTION = "0.4.0.127.0.7.3.1.3.1", "id-description";
    CVC_DESCRIPTION_PLAIN = "0.4.0.127.0.7.3.1.3.1.1", "id-plainFormat";
    CVC_DESCRIPTION_HTML = "0.4.0.127.0.7.3.1.3.1.2", "id-htmlFormat";
    CVC_DESCRIPTION_PDF = "0.4.0.127.0.7.3.1.3.1.3", "id-pdfFormat";
    CVC_SECTOR = "0.4.0.127.0.7.3.1.3.2", "id-sector";
    CVC_PS_SECTOR = "0.4.0.127.0.7.3.1.3.3", "id-PS-sector";
    SECURITY_OBJECT = "0.4.0.127.0.7.3.2.1", "id-SecurityObject";
    // CMS: RFC 5652
    DATA = "1.2.840.113549.1.7.1", "id-data";
    SIGNED_DATA = "1.2.840.113549.1.7.2", "id-signedData";
    CONTENT_TYPE = "1.2.840.113549.1.9.3", "contentType";
    MESSAGE_DIGEST = "1.2.840.113549.1.9.4", "messageDigest";
    SIGNING_TIME = "1.2.840.113549.1.9.5", "signingTime";
    // keys and signatures: RFC 3279, 5480, 8017
    RSA_ENCRYPTION = "1.2.840.113549.1.1.1", "rsaEncryption";
    RSA_SHA1 = "1.2.840.113549.1.1.5", "sha1WithRSAEncryption";
    RSA_PSS = "1.2.840.113549.1.1.10", "id-RSASSA-PSS";
    MGF1 = "1.2.840.113549.1.1.8", "id-mgf1";
    RSA_SHA256 = "1.2.840.113549.1.1.11", "sha256WithRSAEncryption";
    RSA_SHA384 = "1.2.840.113549.1.1.12", "sha384WithRSAEncryption";
    RSA_SHA512 = "1.2.840.113549.1.1.13", "sha512WithRSAEncryption";
    RSA_SHA224 = "1.2.840.113549.1.1.14", "sha224WithRSAEncryption";
    EC_PUBLIC_KEY = "1.2.840.10045.2.1", "id-ecPublicKey";
    PRIME_FIELD = "1.2.840.10045.1.1", "prime-field";
    DH_PUBLIC_NUMBER = "1.2.840.10046.2.1", "dhpublicnumber";
    DH_KEY_AGREEMENT = "1.2.840.113549.1.3.1", "dhKeyAgreement";
    ECDSA_SHA1 = "1.2.840.10045.4.1", "ecdsa-with-SHA1";
    ECDSA_SHA224 = "1.2.840.10045.4.3.1", "ecdsa-with-SHA224";
    ECDSA_SHA256 = "1.2.840.10045.4.3.2", "ecdsa-with-SHA256";
    ECDSA_SHA384 = "1.2.840.10045.4.3.3", "ecdsa-with-SHA384";
    ECDSA_SHA512 = "1.2.840.10045.4.3.4", "ecdsa-with-SHA512";
    // digests: RFC 5754
    SHA1 = "1.3.14.3.2.26", "SHA-1";
    SHA224 = "2.16.840.1.101.3.4.2.4", "SHA-224";
    SHA256 = "2.16.840.1.101.3.4.2.1", "SHA-256";
    SHA384 = "2.16.840.1.101.3.4.2.2", "SHA-384";
    SHA512 = "2.16.840.1.101.3.4.2.3", "SHA-512";
    // curves: RFC 5480, RFC 5639
    P192 = "1.2.840.10045.3.1.1", "secp192r1";
    P224 = "1.3.132.0.33", "secp224r1";
    P256 = "1.2.840.10045.3.1.7", "secp256r1";
    P384 = "1.3.132.0.34", "secp384r1";
    P521 = "1.3.132.0.35", "secp521r1";
    BRAINPOOL_P192R1 = "1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1";
    BRAINPOOL_P224R1 = "1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1";
    BRAINPOOL_P256R1 = "1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1";
    BRAINPOOL_P320R1 = "1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1";
    BRAINPOOL_P384R1 = "1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1";
    BRAINPOOL_P512R1 = "1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1";
    // X.509 extensions: RFC 5280
    SUBJECT_KEY_IDENTIFIER = "2.5.29.14", "subjectKeyIdentifier";
    KEY_USAGE = "2.5.29.15", "keyUsage";
    PRIVATE_KEY_USAGE_PERIOD = "2.5.29.16", "privateKeyUsagePeriod";
    SUBJECT_ALT_NAME = "2.5.29.17", "subjectAltName";
    ISSUER_ALT_NAME = "2.5.29.18", "issuerAltName";
    CRL_NUMBER = "2.5.29.20", "cRLNumber";
    REASON_CODE = "2.5.29.21", "cRLReason";
    BASIC_CONSTRAINTS = "2.5.29.19", "basicConstraints";
    CRL_DISTRIBUTION_POINTS = "2.5.29.31", "cRLDistributionPoints";
    CERTIFICATE_POLICIES = "2.5.29.32", "certificatePolicies";
    AUTHORITY_KEY_IDENTIFIER = "2.5.29.35", "authorityKeyIdentifier";
    EXT_KEY_USAGE = "2.5.29.37", "extKeyUsage";
    // attributes of names: X.520
    COMMON_NAME = "2.5.4.3", "commonName";
    SERIAL_NUMBER = "2.5.4.5", "serialNumber";
    COUNTRY = "2.5.4.6", "countryName";
    LOCALITY = "2.5.4.7", "localityName";
    STATE_OR_PROVINCE = "2.5.4.8", "stateOrProvinceName";
    ORGANIZATION = "2.5.4.10", "organizationName";
    ORGANIZATIONAL_UNIT = "2.5.4.11", "organizationalUnitName";
    // character sets: ISO/IEC 10646, as the Vietnamese DG13 names its text
    ISO10646_UTF8 = "1.0.10646.1.0.8", "ISO/IEC 10646 UTF-8";
}

/// The name that the standards give to `dotted`, if it is one of this module's.
#[must_use]
pub fn name(dotted: &str) -> Option<&'static str> {
    NAMES.iter().find(|(oid, _)| *oid == dotted).map(|(_, name)| *name)
}

/// `id-PACE-ECDH-GM-AES-CBC-CMAC-128 (0.4.0.127.0.7.2.2.4.2.2)`, or the dotted form alone where there is no name.
#[must_use]
pub fn describe(dotted: &str) -> String {
    name(dotted).map_or_else(|| dotted.to_owned(), |name| format!("{name} ({dotted})"))
}

/// Content octets of a constant of this module (or another literal), without tag and length.
///
/// # Panics
/// `dotted` is not an object identifier: a mistake in the source, hence `'static`. Text from outside goes through [`parse`].
#[must_use]
pub fn encode(dotted: &'static str) -> Vec<u8> {
    parse(dotted).expect("a literal object identifier is well formed")
}

/// Content octets of a dotted object identifier, without tag and length.
///
/// # Errors
/// [`OidError::Text`].
pub fn parse(dotted: &str) -> Result<Vec<u8>, OidError> {
    let error = || OidError::Text { found: dotted.chars().take(64).collect() };
    let arcs: Vec<u64> = dotted
        .split('.')
        .map(|arc| arc.parse().ok().filter(|_| arc.bytes().all(|b| b.is_ascii_digit())).ok_or_else(error))
        .collect::<Result<_, _>>()?;
    let [first, second, rest @ ..] = arcs.as_slice() else { return Err(error()) };
    if *first > 2 || (*first < 2 && *second > 39) {
        return Err(error());
    }
    let mut out = Vec::new();
    push_arc(&mut out, (first * 40).checked_add(*second).ok_or_else(error)?);
    rest.iter().for_each(|&arc| push_arc(&mut out, arc));
    if out.len() > MAX_LEN { Err(error()) } else { Ok(out) }
}

/// The dotted form of content octets.
///
/// # Errors
/// [`OidError::Length`] or [`OidError::Arc`].
pub fn decode(content: &[u8]) -> Result<String, OidError> {
    if content.is_empty() || content.len() > MAX_LEN {
        return Err(OidError::Length { found: content.len() });
    }
    let mut text = String::new();
    let (mut arc, mut start) = (0u64, 0);
    for (at, &octet) in content.iter().enumerate() {
        if (at == start && octet == 0x80) || arc > u64::MAX >> 7 {
            return Err(OidError::Arc { at: start });
        }
        arc = arc << 7 | u64::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            if text.is_empty() {
                let first = (arc / 40).min(2);
                text = format!("{first}.{}", arc - first * 40);
            } else {
                text.push_str(&format!(".{arc}"));
            }
            (arc, start) = (0, at + 1);
        }
    }
    if start == content.len() { Ok(text) } else { Err(OidError::Arc { at: start }) }
}

fn push_arc(out: &mut Vec<u8>, arc: u64) {
    let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let [.., low] = (arc >> (7 * group) & 0x7F).to_be_bytes();
        out.push(if group > 0 { low | 0x80 } else { low });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_survives_encoding_and_has_one_name() {
        for (oid, name_) in NAMES {
            assert_eq!(decode(&encode(oid)).as_deref(), Ok(*oid));
            assert_eq!(name(oid), Some(*name_), "{oid} is listed twice");
        }
    }

    /// X.690 8.19.5 (2.999.3), Doc 9303-11 appendix G (PACE), RFC 5912 (ecPublicKey).
    #[test]
    fn octets_are_those_of_the_standards() {
        for (oid, octets) in [
            ("2.999.3", "883703"),
            (PACE_ECDH_GM_AES128, "04007f00070202040202"),
            (EC_PUBLIC_KEY, "2a8648ce3d0201"),
            (LDS_SECURITY_OBJECT, "678108010101"),
            (BRAINPOOL_P256R1, "2b2403030208010107"),
            (ISO10646_UTF8, "28d316010008"),
            ("0.0", "00"),
        ] {
            assert_eq!(hex::encode(parse(oid).expect("an OID")), octets);
            assert_eq!(decode(&hex::decode(octets).expect("hex")).as_deref(), Ok(oid));
        }
    }

    #[test]
    fn bad_octets_and_bad_text_are_refused() {
        assert_eq!(decode(&[]), Err(OidError::Length { found: 0 }));
        assert_eq!(decode(&[0x2A; 65]), Err(OidError::Length { found: 65 }));
        assert_eq!(decode(&[0x2A, 0x86]), Err(OidError::Arc { at: 1 }));
        assert_eq!(decode(&[0x2A, 0x80, 0x01]), Err(OidError::Arc { at: 1 }));
        assert_eq!(decode(&[0x2A, 0x83, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]), Err(OidError::Arc { at: 1 }));
        for text in ["", "1", "3.1", "1.40", "1..2", "1.2.", "1.-2", "1.+2", "1.2.18446744073709551616", "a.b"] {
            assert_eq!(parse(text), Err(OidError::Text { found: text.to_owned() }), "{text}");
        }
    }
}
