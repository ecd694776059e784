//! What is judged of a card when its files were read, all or as many as there was time for.

use std::collections::{BTreeMap, BTreeSet};

use eid::image::FileId;
use eid::lds::com::Com;
use eid::lds::sod::{Sod, SodError};
use eid::transport::Transport;

use super::files::listed;
use super::passive::{Content, passive};
use super::{COMPLETE, General, Request, Run, Step, cam, cross, dg, passive as signed};
use crate::session::Stop;

impl Request<'_> {
    /// Files that were read, to be judged as this asks.
    fn content<'a>(
        &'a self,
        files: &'a BTreeMap<FileId, Vec<u8>>,
        sod: Result<&'a Sod, &'a SodError>,
        not_read: &'a BTreeSet<u8>,
    ) -> Content<'a> {
        Content { files, sod, not_read, trust: self.trust, cache: self.cache, today: self.today }
    }
}

impl<T: Transport> Run<'_, '_, T> {
    /// The caller stopped: what was read is judged, what was not is not called absent.
    pub(super) fn stopped(&mut self, stop: Stop) {
        let code = match stop {
            Stop::Cancelled => "cancelled",
            Stop::TimeUp => "time-up",
        };
        self.log.findings.push(COMPLETE.undecided(code, format!("reading ended before everything was read: {stop}")));
        let (com, sod) = (self.parsed::<Com>(), signed::sod(&self.files));
        let missing = listed(com.as_ref(), sod.as_ref().ok()).into_iter().filter(|&number| !self.files.contains_key(&dg(number)));
        self.guarded.extend(missing);
        if self.files.contains_key(&FileId::SOD) {
            self.judge_content();
        }
    }

    /// The same for a card without the application, of which EF.CardSecurity is all that a state signed.
    pub(super) fn judge_general(&mut self) {
        let General::Done { ca, ta } = std::mem::take(&mut self.general) else { return };
        let sod = signed::sod(&self.files);
        self.log.card_security.clone().map(|bytes| self.files.insert(FileId::CARD_SECURITY, bytes));
        let content = self.request.content(&self.files, sod.as_ref(), &self.guarded);
        cam::card_security(&content, &mut self.log.findings, &mut self.log.quirks);
        let ca = cam::counted_by_card_security(&self.log.findings, *ca);
        self.log.findings.extend([*ta, ca]);
    }

    /// What the state signed, and whether the contents agree.
    pub(super) fn judge_content(&mut self) {
        (self.tell)(Step::PassiveAuthentication);
        let sod = signed::sod(&self.files);
        let content = self.request.content(&self.files, sod.as_ref(), &self.guarded);
        self.published = passive(&content, &mut self.log.findings, &mut self.log.quirks);
        let security = cam::card_security(&content, &mut self.log.findings, &mut self.log.quirks);
        let proof = self.log.pace.as_ref().and_then(|pace| pace.chip_authentication.as_ref());
        let cam = cam::cam(self.log.card_access.as_deref(), proof, security.as_ref(), &self.log.findings);
        self.log.findings.extend(cam);
        cross::judge(&self.files, self.request.today, &mut self.log.findings);
    }
}
