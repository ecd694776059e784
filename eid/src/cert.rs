//! Layer 3: certificates, CMS, and the path from a document signer to a trust anchor.

pub mod cms;
pub mod path;
pub mod trust;
pub mod x509;
