//! The report as one page: figures, charts, and every card that was not made in one go. The page holds everything that it shows and loads
//! nothing; all text of the store is escaped (`terminal::report::page`).

use std::fmt::Write as _;

use super::text::{counts, decided, of_slow, rolling, settled, tries, why};
use super::{Group, List, Report, STEPS, equation, moment};
use crate::line::state::{CardState, JobState};
use crate::terminal::report::page::{self, escape};

mod chart;

const STYLE: &str = concat!(include_str!("../../terminal/report/html/style.css"), include_str!("html/style.css"));

impl Report {
    /// The report as one HTML page.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut out = String::new();
        page::head(&mut out, &format!("batch {}: report", self.batch.header.name), STYLE);
        self.summary(&mut out);
        self.page_remarks(&mut out);
        self.charts(&mut out);
        self.times(&mut out);
        self.page_groups(&mut out);
        self.lists(&mut out);
        self.about(&mut out);
        out.push_str("</body>\n</html>\n");
        out
    }

    fn summary(&self, out: &mut String) {
        // writing to a String does not fail, here and below
        let header = &self.batch.header;
        let _ = write!(
            out,
            "<h1>Batch {}</h1>\n<p>{} jobs, {}. {}.</p>\n",
            escape(&header.name),
            self.batch.jobs,
            if header.live { "for persons" } else { "test cards" },
            escape(&capital(&decided(self)))
        );
        let (work, cards) = (&self.work, &self.cards);
        let issued = self.jobs.iter().find(|(state, _)| *state == JobState::Issued).map_or(0, |(_, count)| *count);
        let difference = self.difference();
        let tiles = [
            (if difference == 0 { "good" } else { "open" }, "Issued", issued.to_string(), format!("difference {difference}")),
            (
                if cards.counted + cards.to_count + cards.lost == 0 { "good" } else { "open" },
                "Yield",
                work.card_yield.to_string(),
                format!("first pass {}", work.first_pass),
            ),
            (
                "none",
                "Cards an hour",
                work.hourly.map_or_else(|| "-".to_owned(), |rate| rate.to_string()),
                rolling(self).trim_start_matches("; ").to_owned(),
            ),
            (
                if self.interrupted.count == 0 { "good" } else { "open" },
                "Interrupted",
                self.interrupted.count.to_string(),
                if self.open.count == 0 { "all settled".to_owned() } else { format!("{} cards open", self.open.count) },
            ),
        ];
        out.push_str("<ul class=\"tiles\">");
        for (class, title, value, small) in tiles {
            let _ =
                write!(out, "<li class=\"{class}\"><b>{title}</b><span>{}</span><small>{}</small></li>", escape(&value), escape(&small));
        }
        out.push_str("</ul>\n");
        let _ = write!(
            out,
            "<h2>Where everything is</h2>\n<dl><dt>jobs</dt><dd>{}</dd><dt>cards of the batch</dt><dd>{} bound = {} good + {} scrapped + {} to be counted + {} open + {} lost</dd>",
            escape(&counts(&self.jobs, JobState::name)),
            cards.bound,
            cards.good,
            cards.counted,
            cards.to_count,
            cards.open,
            cards.lost
        );
        let [(received, total), places @ ..] = equation(&self.stock);
        let places: Vec<_> = places.into_iter().map(|(place, count)| format!("{count} {place}")).collect();
        let _ = writeln!(out, "<dt>stock of the site</dt><dd>{total} {received} = {}</dd></dl>", places.join(" + "));
    }

    fn page_remarks(&self, out: &mut String) {
        let mut lines = Vec::new();
        lines.extend(self.batch.stopped.iter().map(|why| ("bad", format!("The batch is stopped: {why}"))));
        for alarm in &self.alarms {
            let text = format!(
                "Reader {} of station {} is slow: p95 {} ms, more than 1.5 times the line's {} ms",
                alarm.reader, alarm.station, alarm.p95, alarm.line
            );
            lines.push(("bad", text));
        }
        lines.extend(self.slow.iter().map(|slow| ("open", capital(&of_slow(slow)))));
        for (class, line) in lines {
            let _ = writeln!(out, "<p class=\"warn {class}\">{}</p>", escape(&line));
        }
    }

    fn charts(&self, out: &mut String) {
        let windows = self.timeline.windows();
        if windows.is_empty() {
            return;
        }
        out.push_str(
            "<h2>Throughput</h2>\n<p class=\"key\"><i class=\"k-good\"></i>good cards <i class=\"k-scrap\"></i>failed cards</p>\n",
        );
        chart::throughput(out, &windows, self.timeline.width());
        out.push_str("<h2>Yield</h2>\n");
        chart::yields(out, &windows, self.timeline.width());
        out.push_str("<h2>Readers</h2>\n<p class=\"key\"><i class=\"k-good\"></i>good cards <i class=\"k-scrap\"></i>failed cards</p>\n");
        let bars = self.readers.iter().map(|one| (name(one), one.good, one.scrap));
        chart::bars(out, &bars.collect::<Vec<_>>());
        if !self.scrap.is_empty() {
            out.push_str("<h2>Scrap by reason</h2>\n");
            let bars = self.scrap.iter().map(|(reason, step, count)| (format!("{reason}: {step}"), 0, *count));
            chart::bars(out, &bars.collect::<Vec<_>>());
        }
    }

    fn times(&self, out: &mut String) {
        let work = &self.work;
        out.push_str("<h2>Milliseconds of a good card</h2>\n<div class=\"scroll\"><table><tr><th>step</th><th class=\"n\">p50</th><th class=\"n\">p95</th><th class=\"n\">p99</th><th class=\"n\">most</th></tr>");
        let names: [&str; STEPS.len()] = ["identify", "write", "inspect", "activate", "waiting for the store"];
        for (step, times) in names.into_iter().chain(["in the reader"]).zip(work.steps.iter().chain([&work.whole])) {
            let _ = write!(
                out,
                "<tr><td>{step}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                times.p50, times.p95, times.p99, times.most
            );
        }
        out.push_str("</table></div>\n");
        if let (Some(apdus), Some(bytes)) = (work.apdus, work.bytes) {
            let _ = writeln!(
                out,
                "<p>{apdus} APDUs and {bytes} bytes a card, mean of those made in one attempt. Percentiles are at most 1/32 too high.</p>"
            );
        }
    }

    fn page_groups(&self, out: &mut String) {
        let title = ["station and reader", "attempts", "good", "scrap", "interrupted", "p50", "p95", "p99", "APDUs", "bytes"];
        out.push_str("<h2>Stations and readers</h2>\n<div class=\"scroll\"><table><tr>");
        for (n, title) in title.into_iter().enumerate() {
            let _ = write!(out, "<th{}>{title}</th>", if n == 0 { "" } else { " class=\"n\"" });
        }
        out.push_str("</tr>");
        for group in self.stations.iter().chain(&self.readers) {
            let whole = group.whole;
            let numbers =
                [group.attempts, group.good, group.scrap, group.interrupted, whole.p50.into(), whole.p95.into(), whole.p99.into()];
            let _ = write!(out, "<tr><td>{}</td>", escape(&name(group)));
            for number in numbers.into_iter().map(Some).chain([group.apdus, group.bytes]) {
                let _ = write!(out, "<td class=\"n\">{}</td>", number.map_or_else(|| "-".to_owned(), |number| number.to_string()));
            }
            out.push_str("</tr>");
        }
        out.push_str("</table></div>\n");
        if self.deliveries.is_empty() {
            return;
        }
        out.push_str("<h2>Deliveries of blanks</h2>\n<table><tr><th>delivery</th><th class=\"n\">of this batch</th><th class=\"n\">good</th><th class=\"n\">failed</th><th>all of it</th></tr>");
        for one in &self.deliveries {
            let (cards, stock) = (one.cards, counts(&one.stock, CardState::name));
            let failed = cards.counted + cards.to_count + cards.lost;
            let _ = write!(
                out,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{failed}</td><td>{}</td></tr>",
                escape(&one.name),
                cards.bound,
                cards.good,
                escape(&stock)
            );
        }
        out.push_str("</table>\n");
    }

    fn lists(&self, out: &mut String) {
        table(out, "Interrupted cards, and how they were settled", &["job", "card", "attempts", "settled"], &self.interrupted, |one| {
            [one.sequence.to_string(), one.serial.to_string(), tries(&one.tries).join("\n"), settled(&one.settled)]
        });
        table(out, "Failed cards", &["job", "card", "why", "settled"], &self.scrapped, |one| {
            [one.sequence.to_string(), one.serial.to_string(), why(one), settled(&one.settled)]
        });
        table(out, "Open cards", &["job", "card", "job is", "where"], &self.open, |one| {
            let place = format!("{}, {} since {}", one.station, one.reader, moment(one.bound));
            [one.sequence.to_string(), one.serial.to_string(), one.job.to_string(), place]
        });
        table(out, "Incidents", &["number", "card", "what", "released by"], &self.incidents, |one| {
            let card = one.serial.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            let what = format!("{}, station {}: {}", moment(one.time), one.station, one.what);
            [one.id.to_string(), card, what, one.released_by.as_ref().map_or_else(|| "nobody yet".to_owned(), |by| by.join(" and "))]
        });
    }

    fn about(&self, out: &mut String) {
        let header = &self.batch.header;
        let span = match (self.work.first, self.work.last) {
            (Some(first), Some(last)) => format!("<dt>first to last card</dt><dd>{} to {}</dd>", moment(first), moment(last)),
            _ => String::new(),
        };
        let _ = write!(
            out,
            "<h2>About this report</h2>\n<dl><dt>made</dt><dd>{}</dd><dt>store</dt><dd>{}</dd><dt>batch stored</dt><dd>{}</dd>{span}\
             <dt>profiles</dt><dd>{}, {}</dd><dt>Merkle root</dt><dd class=\"mono\">{}</dd></dl>\n\
             <footer>cardwright {}. Cards are named by their serials and jobs by their place in the batch; the report holds no personal data.</footer>\n",
            moment(self.made),
            escape(&self.store),
            moment(self.batch.stored),
            escape(&header.document_profile),
            escape(&header.card_profile),
            hex::encode(header.merkle_root),
            env!("CARGO_PKG_VERSION")
        );
    }
}

/// A station, or a reader of it.
fn name(group: &Group) -> String {
    group.reader.as_ref().map_or_else(|| format!("station {}", group.station), |reader| format!("{}, {reader}", group.station))
}

/// With a capital letter first.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A list as a table; nothing without lines. A line feed in a cell begins a line.
fn table<T>(out: &mut String, title: &str, columns: &[&str; 4], list: &List<T>, cells: impl Fn(&T) -> [String; 4]) {
    if list.count == 0 {
        return;
    }
    let _ = write!(out, "<h2>{title}: {}</h2>\n<div class=\"scroll\"><table class=\"list\"><tr>", list.count);
    for column in columns {
        let _ = write!(out, "<th>{column}</th>");
    }
    out.push_str("</tr>");
    for one in &list.first {
        out.push_str("<tr>");
        for (n, cell) in cells(one).iter().enumerate() {
            let lines: Vec<_> = cell.lines().map(escape).collect();
            let _ = write!(out, "<td{}>{}</td>", if n == 1 { " class=\"mono\"" } else { "" }, lines.join("<br>"));
        }
        out.push_str("</tr>");
    }
    out.push_str("</table></div>\n");
    if list.more() > 0 {
        let _ = writeln!(out, "<p>and {} more</p>", list.more());
    }
}
