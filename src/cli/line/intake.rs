//! `line intake`: citizen records as the population database hands them over, judged before anything is made or signed.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cardwright::line::intake::{self, IntakeError, Level, Live, Mapping, Options, Output, Share, Source, SourceError};
use cardwright::perso::profile::DocumentProfile;
use clap::Args;
use eid::date::Date;

use super::{SiteArgs, failure, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::{Context, clock, output};

/// Judge citizen records: complete, correct, clean, live
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line intake people.csv\n  cardwright line intake --mapping map.toml --name 2026-11-22 north.csv south.jsonl",
    after_long_help = "Accepted records go to intake/NAME.intake of the site, the others to NAME.rejects.csv, what was found to NAME.report.txt and NAME.report.json. The rules and the mapping file are in docs/intake.md. Ends with 1 if the delivery is refused as a whole."
)]
pub(super) struct Intake {
    /// Records: CSV, or JSON Lines (.jsonl, .ndjson); images are looked for beside them
    #[cfg_attr(feature = "postgres", arg(required_unless_present = "from"))]
    #[cfg_attr(not(feature = "postgres"), arg(required = true))]
    files: Vec<PathBuf>,
    /// Take records out of the PostgreSQL database at URL, too
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "URL", requires = "query")]
    from: Option<String>,
    /// The query that gives them
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "SQL", requires = "from")]
    query: Option<String>,
    /// Take the password of that database from FILE (first line); else from CARDWRIGHT_FROM_PASSWORD
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "FILE", requires = "from")]
    from_password_file: Option<PathBuf>,
    /// Which column is which field (TOML); the names of our fields if not given
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Name of the intake; that of the first file if not given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Day of production (YYYY-MM-DD); today if not given
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Day of issue of records that have none; the day of production if not given
    #[arg(long, value_name = "DATE")]
    issue: Option<Date>,
    /// Quarantine a record that was confirmed more than DAYS ago
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    max_age: u32,
    /// Refuse the delivery if more than PERCENT of its records are quarantined
    #[arg(long, value_name = "PERCENT", default_value = "10")]
    refuse_above: Share,
    /// Only warn where this rule is broken
    #[arg(long = "warn", value_name = "RULE")]
    warn: Vec<String>,
    /// Decode every image, not only its header and its end
    #[arg(long)]
    decode: bool,
    /// Copy images that came by path into the intake file
    #[arg(long)]
    inline: bool,
    /// Do not ask the store for live documents and cancelled numbers
    #[arg(long)]
    without_store: bool,
    /// Examine with N threads; as many as there are processors if not given
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
}

impl Intake {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let profile = DocumentProfile::load(&site.profile(&site.config().document_profile))
            .map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        let mapping = self.mapping()?;
        let name = self.name();
        let folder = site.path("intake");
        let out = Output::new(&folder, &name).ok_or_else(|| {
            Failure::usage(format_args!("name: expected letters, digits, '-', '_', and '.', found {name:?}"))
                .hint("give another one by --name")
        })?;
        let options = Options {
            today: self.date.unwrap_or_else(clock::today),
            issue: self.issue,
            live: site.config().live,
            max_age: Some(self.max_age),
            decode: self.decode,
            inline: self.inline,
            refuse_above: self.refuse_above,
            workers: self.workers.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
        };
        let mut sources = self.sources(&mapping)?;
        let names: Vec<String> = sources.iter().map(|source| source.name().to_owned()).collect();
        let mut asked =
            if self.without_store { None } else { Some((args.store(&site)?, site.pseudonyms().map_err(|error| failure(&error))?)) };
        let live = asked.as_mut().map(|(store, pseudonyms)| Live { store: store.as_mut(), pseudonyms, document_type: &profile.mrz.code });
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(|error| Failure::new(Exit::Bug, error))?;
        let progress = Progress::bytes(context.json);
        let mut tell = |now: intake::Progress| {
            let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
            let what = names.get(now.source - 1).map_or("", String::as_str);
            progress.part(&format!("{what} {} records", now.rows), bytes(now.done), bytes(now.total.unwrap_or(now.done)));
            if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let report =
            intake::run(&mut sources, &mapping, &profile, &options, &out, live, &mut tell).map_err(|error| intake_failure(&error))?;
        drop(progress);
        let (text, json) = (report.to_text(), report.to_json());
        output::private(&out.report_text(), text.as_bytes())?;
        output::private(&out.report_json(), format!("{json:#}\n").as_bytes())?;
        let rejects: Vec<PathBuf> =
            (1..=sources.len()).map(|number| out.rejects(number, sources.len())).filter(|path| path.exists()).collect();
        if context.json {
            output::json(&json)?;
        } else {
            let mut files: Vec<PathBuf> = rejects;
            files.extend((!report.is_refused()).then(|| out.accepted()));
            let list: String = files.iter().map(|path| format!("{}\n", path.display())).collect();
            output::text(&format!("{text}{list}"))?;
        }
        Ok(if report.is_refused() { Exit::CheckFailed } else { Exit::Success })
    }

    fn mapping(&self) -> Result<Mapping, Failure> {
        let mut mapping = match &self.mapping {
            None => Mapping::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
                Mapping::parse(&path.display().to_string(), &text).map_err(|error| Failure::from_error(Exit::Usage, &error))?
            }
        };
        for id in &self.warn {
            mapping.levels_mut().set(id, Level::Warning).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        }
        Ok(mapping)
    }

    fn name(&self) -> String {
        let stem = || self.files.first().and_then(|file| file.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
        self.name.clone().or_else(stem).unwrap_or_else(|| "query".to_owned())
    }

    fn sources(&self, mapping: &Mapping) -> Result<Vec<Box<dyn Source>>, Failure> {
        #[cfg_attr(not(feature = "postgres"), expect(unused_mut, reason = "only a query comes after the files"))]
        let mut sources = self
            .files
            .iter()
            .map(|file| intake::open(file, mapping).map_err(|error| source_failure(&error)))
            .collect::<Result<Vec<_>, Failure>>()?;
        #[cfg(feature = "postgres")]
        if let Some((url, query)) = self.from.as_ref().zip(self.query.as_ref()) {
            let password = crate::cli::secret::given(self.from_password_file.as_deref(), "CARDWRIGHT_FROM_PASSWORD")?;
            let source = intake::PostgresSource::open(url, password.as_ref(), query, mapping).map_err(|error| source_failure(&error))?;
            sources.push(Box::new(source));
        }
        Ok(sources)
    }
}

fn source_failure(error: &SourceError) -> Failure {
    match error {
        SourceError::Io { path, source } => Failure::file(path, source),
        SourceError::Form { .. } => Failure::new(Exit::Usage, error).hint("docs/intake.md has the forms and the mapping file"),
        SourceError::Database { .. } => Failure::new(Exit::Store, error),
    }
}

fn intake_failure(error: &IntakeError) -> Failure {
    match error {
        IntakeError::Io { path, source } => Failure::file(path, source),
        IntakeError::Source(error) => source_failure(error),
        IntakeError::Store(error) => store_failure(error),
        IntakeError::Taken { .. } => Failure::new(Exit::Usage, error).hint("a batch may have been prepared from it; take another --name"),
        IntakeError::Busy { .. } => Failure::new(Exit::Store, error),
        IntakeError::TooMany => Failure::new(Exit::Usage, error),
        IntakeError::Stopped => Failure::new(Exit::Undecided, error).hint("nothing was taken in"),
    }
}
