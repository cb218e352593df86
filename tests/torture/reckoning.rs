//! What was written, compared with what was answered.

use super::applications::*;
use super::findings::{Findings, Promise};
use super::support::world::*;
use super::writer::{Sent, Writer};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tandem::services::proto::queue_service_client::QueueServiceClient;
use tandem::services::proto::*;
use tonic::transport::Channel;

/// What is known of one key of one table.
#[derive(Default)]
struct Line {
    /// The last version that a change wrote, and the run of the server that wrote it.
    last: Option<(usize, i64)>,
    /// The version that is there now.
    now: i64,
    highest: i64,
}

/// All that was written to destinations.
pub struct Arrivals {
    lines: HashMap<(String, i64), Line>,
    versions: HashSet<(String, i64, i64)>,
    /// How often, and how far at most, a server began behind what the one before it had written of a key (rule 4).
    pub replays: usize,
    pub replayed_max: i64,
    findings: Arc<Findings>,
}

impl Arrivals {
    pub fn new(findings: Arc<Findings>) -> Arrivals {
        Arrivals { lines: HashMap::new(), versions: HashSet::new(), replays: 0, replayed_max: 0, findings }
    }

    pub fn count(&self) -> usize {
        self.versions.len()
    }

    /// Takes in what one run of the server wrote.
    pub fn take(&mut self, run: usize, written: Vec<(Side, Vec<Written>)>) {
        for written in written.into_iter().flat_map(|(_, written)| written) {
            let Written { table, key, version, origin } = &written;
            let line = self.lines.entry((table.clone(), *key)).or_default();
            if origin == "row" {
                // What a copy reads is at least as new as any change that was sent before.
                let what = || format!("run {run}: an older copy, {written:?} over {}", line.highest);
                self.findings.check(*version >= line.highest, Promise::Order, what);
            } else {
                match line.last {
                    Some((before, last)) if before == run => {
                        let what = || format!("run {run}: {written:?} after {last}");
                        self.findings.check(*version > last, Promise::Order, what);
                    }
                    Some((_, last)) if *version <= last => {
                        // A server that starts may write again what the one before it wrote; never anything older than
                        // what was on its way.
                        self.replays += 1;
                        self.replayed_max = self.replayed_max.max(last - version);
                        let known = self.versions.contains(&(table.clone(), *key, *version));
                        let what = || format!("run {run}: {written:?} for the first time after {last}");
                        self.findings.check(known, Promise::Order, what);
                    }
                    Some(_) | None => {}
                }
                line.last = Some((run, *version));
                self.versions.insert((table.clone(), *key, *version));
            }
            line.now = *version;
            line.highest = line.highest.max(*version);
        }
    }

    fn has(&self, map: &str, sent: &Sent) -> bool {
        self.versions.contains(&(map.to_owned(), sent.key, sent.version))
    }

    /// Rule 1, of what was answered APPLIED: it is there, whatever happened since.
    pub fn check_applied(&self, writer: &Writer) {
        for sent in writer.sent.iter().filter(|sent| sent.is(Disposition::Applied)) {
            self.findings.check(self.has(writer.map, sent), Promise::Kept, || {
                format!("{}: {sent:?} is not in the destination", writer.map)
            });
        }
    }

    /// Rule 1, of what was answered QUEUED, once nothing is queued any more; and that no change became two.
    pub async fn check_queued(&self, channel: &Channel, map: &str, writers: &[Writer], figures: &Figures) {
        let writers: Vec<&Writer> = writers.iter().filter(|writer| writer.map == map).collect();
        let errors = all_errors(channel, map).await;
        let mut in_error = HashSet::new();
        for error in &errors {
            let what = || format!("{map}: {} is in error twice", error.change_id);
            self.findings.check(in_error.insert(error.change_id.as_str()), Promise::Once, what);
            let known = writers.iter().find_map(|writer| writer.place_of(&error.change_id));
            self.findings.check(known.is_some(), Promise::Kept, || format!("{map}: {error:?} was never sent"));
        }
        let what = || format!("{map}: {} errors are listed, {figures:?}", errors.len());
        self.findings.check(errors.len() as i64 == figures.in_error, Promise::Figures, what);

        let mut sequences = HashSet::new();
        let mut gone = Vec::new();
        let mut answered = 0;
        for writer in &writers {
            for (place, sent) in writer.sent.iter().enumerate() {
                let Some(answer) = &sent.answer else {
                    let what = || format!("{map}: {sent:?} was never answered");
                    self.findings.check(sent.refused.is_some(), Promise::Kept, what);
                    continue;
                };
                answered += 1;
                if answer.disposition() != Disposition::Queued {
                    continue;
                }
                let what = || format!("{map}: two changes have the sequence {}", answer.sequence);
                self.findings.check(sequences.insert(answer.sequence), Promise::Once, what);
                if !self.has(map, sent) && !in_error.contains(writer.id_of(place).as_str()) {
                    gone.push(sent);
                }
            }
        }
        let what = || format!("{map}: {} acknowledged changes are gone, {figures:?}; {:?}", gone.len(), gone.first());
        self.findings.check(gone.len() as i64 <= figures.deleted, Promise::Kept, what);
        if map != NOTES {
            // A synchronous map may lose the count of what it wrote last, with the ids: they move together.
            let what = || format!("{map}: {answered} changes were answered, {figures:?}");
            self.findings.check(figures.accepted == answered, Promise::Once, what);
        }
    }

    /// Rule 2: what is there in the end is the newest that ever was.
    pub async fn check_rows(&self, applications: &Applications) {
        let tables = [
            (ITEMS, Side::Left, applications.left.url()),
            (ITEMS, Side::Right, applications.right.url()),
            (NOTES, Side::Left, applications.left.url()),
            (NOTES, Side::Right, applications.notes_right.clone()),
        ];
        for (table, side, url) in tables {
            for (key, version) in applications.rows(&url, table).await {
                let Some(line) = self.lines.get(&(table.to_owned(), key)) else { continue };
                let newest = version == line.highest && line.now == line.highest;
                let what = || format!("{table}, {side:?}: key {key} has {version}, and had {}", line.highest);
                self.findings.check(newest, Promise::Order, what);
            }
        }
    }
}

async fn all_errors(channel: &Channel, map: &str) -> Vec<QueuedRecord> {
    let mut queue = QueueServiceClient::new(channel.clone());
    let (mut errors, mut page_token) = (Vec::new(), String::new());
    loop {
        let request =
            ListCatchUpErrorsRequest { parent: name(map), page_size: 1_000, page_token, ..Default::default() };
        let page = queue.list_catch_up_errors(request).await.expect("a page").into_inner();
        errors.extend(page.errors);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return errors;
        }
    }
}
