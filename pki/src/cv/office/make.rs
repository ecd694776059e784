//! What the office makes: CVCA keys and their links, certificates for document verifiers and terminals.

use eid::cert::chat::{Role, TerminalType};
use eid::cert::cvc::{KeyReference, VerifyingKey, description};
use eid::crypto::hash::Hash;
use eid::crypto::signature::PublicKey;
use eid::date::Date;
use eid::signer::Signer;
use rand_core::CryptoRng;

use super::names::{from_name, mnemonic, sequence};
use super::{ELSEWHERE, Office, OfficeError, Order, Record, SERIES, Subject, make_folder, write};
use crate::cv::issue::{Issued, cvca, document_verifier, link, terminal};
use crate::cv::{Applicant, CvError, Issuer, Period, Proof, Rights};
use crate::key::{self, KeyParameters};
use crate::keys::{KeyStore, generate_or_adopt};
use crate::register::Reservation;

impl Office<'_> {
    /// Makes the first CVCA for terminals of a type.
    ///
    /// # Errors
    /// [`OfficeError`]; there is one.
    pub fn make_cvca(
        &mut self,
        terminal: TerminalType,
        keys: &dyn KeyStore,
        by: &str,
        rng: &mut dyn CryptoRng,
        today: Date,
    ) -> Result<Record, OfficeError> {
        if let Ok(newest) = self.newest_cvca(terminal) {
            return Err(OfficeError::Order(format!(
                "there is a CVCA for a {} already ({}); a further key is a rollover",
                terminal.name(),
                newest.name
            )));
        }
        self.root(terminal, keys, by, rng, today)
    }

    /// Makes the next CVCA key, and the link to it by `old`, the key before: the kind of the key may be another one. A link that a crash
    /// left out is made instead where there is one missing.
    ///
    /// # Errors
    /// [`OfficeError`]; there is none yet.
    pub fn roll_over(
        &mut self,
        terminal: TerminalType,
        old: &dyn Signer,
        keys: &dyn KeyStore,
        by: &str,
        rng: &mut dyn CryptoRng,
        today: Date,
    ) -> Result<Vec<Record>, OfficeError> {
        if let Some((before, newest)) = self.missing_link(terminal) {
            return Ok(vec![self.link(&before, old, &newest, by, today)?]);
        }
        let before = self.newest_cvca(terminal)?.clone();
        if old.public_key() != self.issuer(&before)?.holder().key.key {
            return Err(CvError::OtherKey(before.certificate.holder().clone()).into());
        }
        let new = self.root(terminal, keys, by, rng, today)?;
        let link = self.link(&before, old, &new, by, today)?;
        Ok(vec![new, link])
    }

    /// The key that signs the next link: of the newest CVCA, or the one before where its link is missing.
    ///
    /// # Errors
    /// There is no CVCA yet.
    pub fn link_signer(&self, terminal: TerminalType) -> Result<&Record, OfficeError> {
        let missing = self.missing_link(terminal).is_some();
        let newest = self.newest_cvca(terminal)?;
        Ok(self.cvcas(terminal).nth(usize::from(missing)).unwrap_or(newest))
    }

    fn missing_link(&self, terminal: TerminalType) -> Option<(Record, Record)> {
        let mut generations = self.cvcas(terminal);
        let (newest, before) = (generations.next()?, generations.next()?);
        let there = self.links(terminal).any(|link| link.certificate.holder() == newest.certificate.holder());
        (!there).then(|| (before.clone(), newest.clone()))
    }

    pub(super) fn root(
        &mut self,
        terminal: TerminalType,
        keys: &dyn KeyStore,
        by: &str,
        rng: &mut dyn CryptoRng,
        today: Date,
    ) -> Result<Record, OfficeError> {
        let table = self.tables.cvca(terminal);
        let (parameters, algorithm) = table.key();
        let mnemonic = mnemonic("cvca", table.mnemonic.as_deref())?;
        let country = self.tables.country.clone();
        let (reservation, holder) = self.reserve(&country, &mnemonic, &country, by, today)?;
        let made = (|| {
            generate_or_adopt(keys, &holder.to_string(), parameters, algorithm, rng)?;
            let own = keys.open(&holder.to_string(), algorithm)?;
            let period = Period { from: None, days: table.days };
            Ok(cvca(terminal, &holder, own.as_ref(), &Rights::All, period, today)?)
        })();
        self.finish(&reservation, holder.to_string(), terminal.abbreviation(), &keys.place(), &[], made, today)
    }

    fn link(&mut self, before: &Record, old: &dyn Signer, new: &Record, by: &str, today: Date) -> Result<Record, OfficeError> {
        let name = format!("{}_{}", new.certificate.holder(), before.certificate.holder());
        let reservation = self.register.reserve_next("cv link", &name, by, today)?;
        let made = self.issuer(before).and_then(|issuer| Ok(link(&issuer, old, &new.certificate, today)?));
        self.finish(&reservation, name, &new.declared.clone(), &new.key.clone(), &[], made, today)
    }

    /// Makes a certificate for a document verifier, of the terminals and of the kind (domestic or foreign) that are given. `signer` is the
    /// newest CVCA key of that type.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn issue_dv(
        &mut self,
        order: &Order<'_>,
        (kind, role): (TerminalType, Role),
        subject: Subject<'_>,
        signer: &dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<Record, OfficeError> {
        let table = self.tables.dv(order.name);
        let (rights, period) = wanted(order, &table.rights, table.days);
        let issuer = self.issuer(self.newest_cvca(kind)?)?;
        let make = |applicant: &Applicant| document_verifier(&issuer, signer, role, applicant, &rights, period, order.today);
        self.issue(order, table.mnemonic.as_deref(), subject, &issuer, (role, &rights, period), None, &make, rng)
    }

    /// Makes a certificate for a terminal below the document verifier `above`, whose key is `signer`.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn issue_terminal(
        &mut self,
        order: &Order<'_>,
        above: &Record,
        subject: Subject<'_>,
        signer: &dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<Record, OfficeError> {
        let table = self.tables.terminal(order.name);
        let (rights, period) = wanted(order, &table.rights, table.days);
        let issuer = self.issuer(above)?;
        let described = table.description.as_ref().map(description::Description::to_der).transpose().map_err(CvError::from)?;
        if described.is_some() && issuer.holder().chat.terminal() != TerminalType::Authentication {
            return Err(OfficeError::Order(format!("{}: only authentication terminals have a description", order.name)));
        }
        let make = |applicant: &Applicant| {
            let mut applicant = applicant.clone();
            if let Some(der) = &described {
                applicant.extensions.retain(|extension| extension.oid != eid::oid::CVC_DESCRIPTION);
                applicant.extensions.push(description::extension(der, applicant.key.algorithm.hash()));
            }
            terminal(&issuer, signer, &applicant, &rights, period, order.today)
        };
        let place = (Role::Terminal, &rights, period);
        self.issue(order, table.mnemonic.as_deref(), subject, &issuer, place, described.as_deref(), &make, rng)
    }

    #[expect(clippy::too_many_arguments, reason = "what document verifier and terminal have in common, told once")]
    fn issue(
        &mut self,
        order: &Order<'_>,
        name: Option<&str>,
        subject: Subject<'_>,
        issuer: &Issuer,
        (role, rights, period): (Role, &Rights, Period),
        description: Option<&[u8]>,
        make: &dyn Fn(&Applicant) -> Result<Issued, CvError>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Record, OfficeError> {
        let mut details = Vec::new();
        let above = issuer.holder();
        let (reservation, holder, place, made) = match subject {
            Subject::Requested { request, seen_by, vouchers } => {
                let (applicant, proof) = self.check(request, issuer, seen_by, vouchers, order.today)?;
                details.push(("proof", proof_text(&proof, seen_by)));
                details.push(("request", hex::encode(Hash::Sha256.digest(&[request.der()]))));
                let holder = applicant.holder.clone();
                let reservation = self.register.reserve_next("cv request", &holder.to_string(), order.by, order.today)?;
                (reservation, holder, ELSEWHERE.to_owned(), make(&applicant).map_err(OfficeError::from))
            }
            Subject::Made(store) => {
                let mnemonic = match name {
                    Some(name) => mnemonic(order.name, Some(name))?,
                    None => mnemonic(order.name, Some(&from_name(order.name)))?,
                };
                let country = self.tables.country.clone();
                // what cannot be is told before a number is spent on it
                let provisional = KeyReference::new(&country, &mnemonic, "00000").map_err(CvError::from)?;
                rights.below(above.chat, role, &provisional, &above.reference)?;
                period.below(above, role, &provisional, order.today)?;
                let (reservation, holder) = self.reserve(&country, &mnemonic, &above.reference.country(), order.by, order.today)?;
                let folder = if role == Role::Terminal { self.folder(&holder) } else { self.directory.clone() };
                let store = make_folder(&folder).map(|()| store(&folder));
                let made = store.and_then(|store| {
                    let algorithm = above.key.algorithm;
                    let key = generate_or_adopt(store.as_ref(), &holder.to_string(), parameters(&above.key.key), algorithm, rng)?;
                    let key = VerifyingKey { algorithm, key };
                    let issued = make(&Applicant { holder: holder.clone(), key, extensions: Vec::new() })?;
                    Ok((store.place(), issued))
                });
                match made {
                    Ok((place, issued)) => (reservation, holder, place, Ok(issued)),
                    Err(error) => (reservation, holder, ELSEWHERE.to_owned(), Err(error)),
                }
            }
        };
        if let Some(der) = description.filter(|_| made.is_ok()) {
            let folder = self.folder(&holder);
            make_folder(&folder)?;
            write(&folder.join(format!("{holder}.desc")), der)?;
        }
        self.finish(&reservation, holder.to_string(), order.name, &place, &details, made, order.today)
    }

    /// The next name of a holder, on the disk when this returns.
    fn reserve(
        &mut self,
        country: &str,
        mnemonic: &str,
        certifier: &str,
        by: &str,
        today: Date,
    ) -> Result<(Reservation, KeyReference), OfficeError> {
        let series = format!("{SERIES}{country}{mnemonic}");
        loop {
            let reservation = self.register.reserve_next(&series, &format!("{country}{mnemonic}"), by, today)?;
            let exhausted = || OfficeError::Order(format!("{country}{mnemonic} has had every sequence number that there is"));
            let Some(sequence) = sequence(certifier, reservation.number()) else {
                self.register.burn(&reservation, "no sequence number is left", today)?;
                return Err(exhausted());
            };
            let holder = KeyReference::new(country, mnemonic, &sequence).map_err(CvError::from)?;
            if !self.taken(&holder) {
                return Ok((reservation, holder));
            }
            self.register.burn(&reservation, "a request has brought this name", today)?;
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the line of the register, told once")]
    fn finish(
        &mut self,
        reservation: &Reservation,
        name: String,
        declared: &str,
        place: &str,
        more: &[(&str, String)],
        made: Result<Issued, OfficeError>,
        today: Date,
    ) -> Result<Record, OfficeError> {
        let Issued { certificate, remarks } = match made {
            Ok(made) => made,
            Err(error) => {
                self.register.burn(reservation, &error.to_string(), today)?;
                return Err(error);
            }
        };
        let algorithm = certificate.key().algorithm();
        let algorithm_name = key::algorithm_name(algorithm);
        let role = certificate.chat().role().name();
        let mut details =
            vec![("file", name.as_str()), ("declared", declared), ("algorithm", algorithm_name.as_str()), ("key", place), ("role", role)];
        details.extend(more.iter().map(|(key, value)| (*key, value.as_str())));
        self.register.commit(reservation, &details, certificate.der(), today)?;
        let record = Record { name, declared: declared.to_owned(), algorithm, key: place.to_owned(), certificate, remarks };
        self.records.push(record.clone());
        self.publish(&record)?;
        Ok(record)
    }
}

fn wanted(order: &Order<'_>, rights: &[String], days: Option<u16>) -> (Rights, Period) {
    let rights = if order.rights.is_empty() { rights } else { order.rights };
    (Rights::of(rights), Period { days: order.period.days.or(days), ..order.period })
}

fn proof_text(proof: &Proof, seen_by: Option<&str>) -> String {
    match proof {
        Proof::KeyOnly => format!("seen by {}", seen_by.unwrap_or_default()),
        Proof::Itself(reference) => format!("signed by {reference}"),
        Proof::Country(reference) => format!("vouched for by {reference}"),
    }
}

fn parameters(key: &PublicKey) -> KeyParameters {
    match key {
        PublicKey::Ec(point) => KeyParameters::Ec(point.curve()),
        PublicKey::Rsa(key) => KeyParameters::Rsa(key.bits()),
    }
}
