//! A state with keys, and what it issues.

use std::collections::BTreeMap;

use eid::cert::chat::{Role, TerminalType};
use eid::cert::cvc::{Cvc, KeyReference, VerifyingKey};
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::signer::Signer;
use pki::cv::issue::{cvca, document_verifier, link, terminal};
use pki::cv::{Applicant, Issued, Issuer, Period, Rights};
use pki::{KeyParameters, SigningKey, SoftwareSigner};

pub(crate) fn rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

pub(crate) fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

pub(crate) fn name(text: &str) -> KeyReference {
    KeyReference::from_octets(text.as_bytes()).expect("a reference")
}

pub(crate) fn key(parameters: KeyParameters, algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(parameters, algorithm, &mut rng()).expect("a key")
}

pub(crate) fn rights(names: &[&str]) -> Rights {
    Rights::These(names.iter().map(|&name| name.to_owned()).collect())
}

/// Keys by the names of their holders, and the certificates for them.
pub(crate) struct State {
    pub(crate) keys: BTreeMap<String, SigningKey>,
    pub(crate) terminal: TerminalType,
    pub(crate) today: Date,
}

impl State {
    pub(crate) const fn new(terminal: TerminalType, today: Date) -> Self {
        Self { keys: BTreeMap::new(), terminal, today }
    }

    /// Gives `holder` a key.
    pub(crate) fn with(mut self, holder: &str, parameters: KeyParameters, algorithm: Algorithm) -> Self {
        self.keys.insert(holder.to_owned(), key(parameters, algorithm));
        self
    }

    pub(crate) fn key(&self, holder: &str) -> &SigningKey {
        self.keys.get(holder).expect("a key of that name")
    }

    pub(crate) fn signer(&self, holder: &str) -> impl Signer + use<> {
        SoftwareSigner::new(holder, self.key(holder).clone(), rng())
    }

    pub(crate) fn applicant(&self, holder: &str) -> Applicant {
        let key = self.key(holder);
        Applicant { holder: name(holder), key: VerifyingKey { algorithm: key.algorithm, key: key.public() }, extensions: Vec::new() }
    }

    pub(crate) fn cvca(&self, holder: &str) -> Cvc {
        self.try_cvca(holder, &Rights::All, Period::default()).expect("a CVCA").certificate
    }

    pub(crate) fn try_cvca(&self, holder: &str, rights: &Rights, period: Period) -> Result<Issued, pki::cv::CvError> {
        cvca(self.terminal, &name(holder), &self.signer(holder), rights, period, self.today)
    }

    pub(crate) fn link(&self, chain: &[Cvc], successor: &Cvc) -> Result<Cvc, pki::cv::CvError> {
        let (issuer, signer) = self.issuer(chain);
        Ok(link(&issuer, &signer, successor, self.today)?.certificate)
    }

    pub(crate) fn dv(&self, chain: &[Cvc], role: Role, holder: &str, rights: &Rights) -> Result<Cvc, pki::cv::CvError> {
        self.try_dv(chain, role, holder, rights, Period::default()).map(|issued| issued.certificate)
    }

    pub(crate) fn try_dv(
        &self,
        chain: &[Cvc],
        role: Role,
        holder: &str,
        rights: &Rights,
        period: Period,
    ) -> Result<Issued, pki::cv::CvError> {
        let (issuer, signer) = self.issuer(chain);
        document_verifier(&issuer, &signer, role, &self.applicant(holder), rights, period, self.today)
    }

    pub(crate) fn terminal(&self, chain: &[Cvc], holder: &str, rights: &Rights) -> Result<Cvc, pki::cv::CvError> {
        let (issuer, signer) = self.issuer(chain);
        terminal(&issuer, &signer, &self.applicant(holder), rights, Period::default(), self.today).map(|issued| issued.certificate)
    }

    fn issuer(&self, chain: &[Cvc]) -> (Issuer, impl Signer + use<>) {
        let issuer = Issuer::new(chain).expect("a chain");
        let signer = self.signer(&issuer.reference().to_string());
        (issuer, signer)
    }
}
