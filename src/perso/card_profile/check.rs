//! From the text form of a card profile to the typed one: what the driver needs is there, and nothing weakens the product.

use eid::gp::Aid;
use eid::image::FileId;
use eid::scp03::{CounterRule, Diversification, MacLcEncoding, Options};

use super::{ApduLimits, CardProfile, GpDgi, HalfWritten, Kind, Match, Name, Product, ProfileError, PutData, SecretDgis, Template, raw};
use crate::perso::toml_text;

/// Turns the text form into the typed one.
pub(super) struct Checker<'a> {
    pub(super) origin: &'a str,
}

impl Checker<'_> {
    fn wrong(&self, field: &'static str, expected: &str, found: impl std::fmt::Display) -> ProfileError {
        ProfileError::Contradiction { origin: self.origin.to_owned(), field, expected: expected.to_owned(), found: found.to_string() }
    }

    fn need<T>(&self, field: &'static str, value: Option<T>) -> Result<T, ProfileError> {
        value.ok_or_else(|| self.wrong(field, "a value, since the driver needs it", "none"))
    }

    pub(super) fn profile(&self, raw: raw::Profile) -> Result<CardProfile, ProfileError> {
        if raw.schema != 1 {
            return Err(self.wrong("schema", "1", raw.schema));
        }
        if !(32..=255).contains(&raw.apdu.max_command_data) {
            return Err(self.wrong("apdu.max_command_data", "32 to 255", raw.apdu.max_command_data));
        }
        if !(37..=261).contains(&raw.apdu.fit_frame) {
            return Err(self.wrong("apdu.fit_frame", "37 to 261", raw.apdu.fit_frame));
        }
        if raw.apdu.le_with_rmac {
            return Err(self.wrong("apdu.le_with_rmac", "false: the secure channel sends case-3 commands without Le", "true"));
        }
        let mut files = None;
        for object in &raw.object {
            if object.kind == raw::ObjectKind::File {
                let ids = self.need("object.id", object.id.as_ref())?;
                let ids: Vec<u16> = ids.iter().map(|id| id.0).collect();
                if let Some(id) = ids.iter().find(|id| FileId::from_dgi(**id).is_none()) {
                    return Err(self.wrong("object.id", "identifiers of files of Doc 9303-10", format!("{id:04x}")));
                }
                if files.replace((ids, self.need("object.max", object.max)?)).is_some() {
                    return Err(self.wrong("object", "one object of kind file", "two"));
                }
            }
        }
        let (files, max_file) = self.need("object", files)?;
        let matching = Match {
            atr: raw.matching.atr.iter().map(|atr| (atr.value.0.clone(), atr.mask.0.clone())).collect(),
            aid: raw.matching.select.aid.0.clone(),
            select_sw: raw.matching.select.sw.iter().map(|sw| sw.0).collect(),
        };
        if let Some((value, mask)) = matching.atr.iter().find(|(value, mask)| value.len() != mask.len()) {
            return Err(self.wrong("match.atr", "value and mask of one length", format!("{} and {} bytes", value.len(), mask.len())));
        }
        let product = match raw.driver {
            raw::Driver::GpDgi => Product::GpDgi(self.gp_dgi(&raw)?),
            raw::Driver::MrtdPutData => Product::PutData(self.put_data(&raw)?),
        };
        Ok(CardProfile {
            id: raw.id,
            kind: raw.kind,
            description: raw.description,
            matching,
            apdu: ApduLimits { extended: raw.apdu.extended, max_command_data: raw.apdu.max_command_data, fit_frame: raw.apdu.fit_frame },
            files,
            left_out: raw.personalize.left_out.iter().map(|id| id.0).collect(),
            max_file,
            half_written: raw.recover.on_half_written,
            product,
        })
    }

    fn aid(&self, field: &'static str, value: Option<&toml_text::Hex>) -> Result<Aid, ProfileError> {
        let bytes = &self.need(field, value)?.0;
        Aid::new(field, bytes).map_err(|_| self.wrong(field, "an AID of 5 to 16 bytes", format!("{} bytes", bytes.len())))
    }

    fn gp_dgi(&self, raw: &raw::Profile) -> Result<GpDgi, ProfileError> {
        let scp = &raw.scp;
        if scp.protocol != raw::Protocol::Scp03 {
            return Err(self.wrong("scp.protocol", "scp03 for driver gp-dgi", "none"));
        }
        if (raw.serial.source, raw.serial.length) != (raw::SerialSource::Kdd, Some(10)) {
            return Err(self.wrong("serial", "source kdd of length 10 for driver gp-dgi", format!("{:?}", raw.serial)));
        }
        if (raw.personalize.open, raw.personalize.method) != (raw::Open::InstallForPersonalization, raw::Method::StoreDataDgi) {
            return Err(self.wrong("personalize", "install-for-personalization and store-data-dgi for driver gp-dgi", "another way"));
        }
        if raw.terminate.method != raw::TerminateMethod::TerminateDgi {
            return Err(self.wrong("terminate.method", "terminate-dgi for driver gp-dgi", "none"));
        }
        if self.need("scp.auth_attempts", scp.auth_attempts)? != 1 {
            return Err(self.wrong("scp.auth_attempts", "1: a second try with a wrong key can brick the card", "another number"));
        }
        let diversification = match self.need("scp.diversification", scp.diversification)? {
            raw::Diversification::None => Diversification::None,
            raw::Diversification::Emv => Diversification::Emv,
            raw::Diversification::Visa2 => Diversification::Visa2,
            raw::Diversification::Visa => Diversification::Visa,
            raw::Diversification::Kdf3 => Diversification::Kdf3,
            raw::Diversification::An10922 => Diversification::An10922,
        };
        let channel = Options {
            mac_lc_encoding: match raw.apdu.mac_lc_encoding {
                raw::MacLcEncoding::AsSent => MacLcEncoding::AsSent,
                raw::MacLcEncoding::AlwaysShort => MacLcEncoding::AlwaysShort,
                raw::MacLcEncoding::ThreeBytes => MacLcEncoding::ThreeBytes,
            },
            counter: if scp.counter_on_empty_data == Some(false) { CounterRule::CommandsWithData } else { CounterRule::EveryCommand },
            le_with_rmac: false,
        };
        let level = self.need("scp.level", scp.level)?.0;
        if ![0x03, 0x13, 0x33].contains(&level) {
            return Err(self.wrong("scp.level", "03, 13, or 33: personal data is encrypted", format!("{level:02x}")));
        }
        let key_bits = self.need("scp.key_bits", scp.key_bits)?;
        if ![128, 192, 256].contains(&key_bits) {
            return Err(self.wrong("scp.key_bits", "128, 192, or 256", key_bits));
        }
        if !matches!(diversification, Diversification::None | Diversification::Kdf3) && key_bits != 128 {
            return Err(self.wrong("scp.key_bits", "128 for this diversification", key_bits));
        }
        let block_limit = self.need("personalize.block_limit", raw.personalize.block_limit)?;
        if !(1..=256).contains(&block_limit) {
            return Err(self.wrong("personalize.block_limit", "1 to 256", block_limit));
        }
        let commit: [u8; 2] = raw.finish.commit.0.as_slice().try_into().map_err(|_| {
            self.wrong("finish.commit", "a grouping of two bytes for driver gp-dgi", format!("{} bytes", raw.finish.commit.0.len()))
        })?;
        let kvn = self.need("scp.kvn", scp.kvn.as_ref())?;
        let master = self.need("scp.master", scp.master.as_ref())?;
        let secret = |role: &'static str, field| {
            let object = raw.object.iter().find(|o| o.role.as_ref().is_some_and(|roles| roles.iter().any(|r| r == role)));
            self.need(field, object)
        };
        let (passwords, active_auth, chip_auth) = (
            secret("mrz-seed", "object (passwords)")?,
            secret("active-auth", "object (active-auth)")?,
            secret("chip-auth", "object (chip-auth)")?,
        );
        let restricted_id = secret("restricted-id", "object (restricted-id)").ok();
        self.password_tags(passwords)?;
        for key in [active_auth, chip_auth].into_iter().chain(restricted_id) {
            if key.template != Some(toml_text::Hex(vec![0x7F, 0x49])) {
                return Err(self.wrong("object.template", "7f49 for a key", format!("{:02x?}", key.template)));
            }
        }
        Ok(GpDgi {
            sd_aid: self.aid("scp.sd_aid", scp.sd_aid.as_ref())?,
            target_aid: self.aid("personalize.target_aid", raw.personalize.target_aid.as_ref())?,
            i: self.need("scp.i", scp.i.as_ref())?.iter().map(|i| i.0).collect(),
            level,
            kvn_transport: kvn.transport.0,
            kvn_production: kvn.production.0,
            master_transport: master.transport.clone(),
            master_production: master.production.clone(),
            diversification,
            channel,
            key_bits,
            replace_keys: raw.finish.replace_keys,
            block_limit,
            encrypted_blocks: raw.personalize.encrypted_blocks.unwrap_or_default(),
            status_object: self.need("match.status_object", raw.matching.status_object)?.0,
            nonce_dgi: self.need("personalize.nonce_dgi", raw.personalize.nonce_dgi)?.0,
            trust_points_dgi: raw.object.iter().find(|o| o.kind == raw::ObjectKind::TrustPoints).and_then(|o| o.dgi).map(|dgi| dgi.0),
            secret_dgis: SecretDgis {
                passwords: self.need("object.dgi", passwords.dgi)?.0,
                active_auth: self.need("object.dgi", active_auth.dgi)?.0,
                chip_auth: self.need("object.dgi", chip_auth.dgi)?.0,
                restricted_id: restricted_id.map(|object| self.need("object.dgi", object.dgi)).transpose()?.map(|dgi| dgi.0),
            },
            active_auth: self.need("object.alg", active_auth.alg.clone())?,
            chip_auth: self.need("object.alg", chip_auth.alg.clone())?,
            commit_dgi: u16::from_be_bytes(commit),
            activate_dgi: self.need("finish.activate", raw.finish.activate)?.0,
            terminate_dgi: self.need("terminate.dgi", raw.terminate.dgi)?.0,
            status_digest: raw.verify.status_digest,
        })
    }

    /// The applet reads 7F50 { 90 seed, 91 CAN, 92 PIN, 93 PUK }: another profile would store a password under another's number.
    fn password_tags(&self, object: &raw::Object) -> Result<(), ProfileError> {
        let tags = self.need("object.tags", object.tags.as_ref())?;
        let expected = [("mrz-seed", 0x90), ("can", 0x91), ("pin", 0x92), ("puk", 0x93)];
        let fits = object.template == Some(toml_text::Hex(vec![0x7F, 0x50]))
            && tags.len() == expected.len()
            && expected.iter().all(|(role, tag)| tags.get(*role).is_some_and(|found| found.0 == *tag));
        if fits { Ok(()) } else { Err(self.wrong("object.tags", "7f50 with mrz-seed 90, can 91, pin 92, puk 93", format!("{tags:02x?}"))) }
    }

    fn put_data(&self, raw: &raw::Profile) -> Result<PutData, ProfileError> {
        if raw.kind != Kind::TestOnly {
            return Err(self.wrong("kind", "test-only for driver mrtd-put-data: it writes keys in clear", "production"));
        }
        if raw.scp.protocol != raw::Protocol::None {
            return Err(self.wrong("scp.protocol", "none for driver mrtd-put-data", "scp03"));
        }
        if (raw.personalize.open, raw.personalize.method) != (raw::Open::SelectApplet, raw::Method::Script) {
            return Err(self.wrong("personalize", "select-applet and script for driver mrtd-put-data", "another way"));
        }
        if raw.recover.on_half_written != HalfWritten::Scrap
            || raw.terminate.method != raw::TerminateMethod::None
            || raw.verify.status_digest
        {
            return Err(self.wrong("recover", "scrap, no termination, no status digest: the product has no status", "something else"));
        }
        let find = |kind, field| self.need(field, raw.object.iter().find(|object| object.kind == kind));
        let (file, password, key) = (
            find(raw::ObjectKind::File, "object (file)")?,
            find(raw::ObjectKind::Password, "object (password)")?,
            find(raw::ObjectKind::Key, "object (key)")?,
        );
        let chunk = self.need("object.chunk", file.chunk)?;
        if !(1..=raw.apdu.max_command_data).contains(&chunk) {
            return Err(self.wrong("object.chunk", "1 to apdu.max_command_data", chunk));
        }
        let template = |field, object: &Option<Template>, allowed: &[Name]| {
            let template = self.need(field, object.clone())?;
            self.only(field, &template, allowed)?;
            Ok(template)
        };
        let list = |field, object: &raw::Object, allowed: &[Name]| {
            let templates = self.need(field, object.apdu.clone())?;
            templates.iter().try_for_each(|template| self.only(field, template, allowed))?;
            Ok(templates)
        };
        Ok(PutData {
            aid: raw.matching.select.aid.0.clone(),
            not_status_object: raw.matching.not_status_object.map(|tag| tag.0),
            order: self.need("personalize.order", raw.personalize.order.clone())?,
            password: list("object.apdu", password, &[Name::DocNumber, Name::Birth, Name::Expiry])?,
            active_auth: list("object.apdu", key, &[Name::Modulus, Name::PrivateExponent])?,
            active_auth_algorithms: self.need("object.alg", key.alg.clone())?,
            create: template("object.create", &file.create, &[Name::Fid, Name::Size])?,
            select: template("object.select", &file.select, &[Name::Fid])?,
            write: template("object.write", &file.write, &[Name::Offset, Name::Chunk])?,
            chunk,
            commit: raw.finish.commit.0.clone(),
        })
    }

    fn only(&self, field: &'static str, template: &Template, allowed: &[Name]) -> Result<(), ProfileError> {
        match template.names().into_iter().find(|name| !allowed.contains(name)) {
            None => Ok(()),
            Some(name) => {
                let allowed: Vec<_> = allowed.iter().map(|name| name.text()).collect();
                Err(self.wrong(field, &format!("only {}", allowed.join(", ")), name.text()))
            }
        }
    }
}
