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

/// What was written to one key of one table: the run of the server that wrote it, the version, and whether a change or a
/// copy brought it.
type Line = Vec<(usize, Written)>;

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
            if written.origin != "row" {
                self.versions.insert((written.table.clone(), written.key, written.version));
            }
            self.lines.entry((written.table.clone(), written.key)).or_default().push((run, written));
        }
    }

    /// Rule 2, once every change has its answer: changes of a key arrived in the order in which they were accepted. That is
    /// nearly always the order in which they were sent; but of two that were on their way when their map was run, the first may
    /// have been refused, and be taken when it is sent again after a kill, behind the second.
    pub fn check_order(&mut self, writers: &[Writer]) {
        let mut places = HashMap::new();
        for writer in writers {
            for sent in &writer.sent {
                // A synchronous map gives no sequence; its writers send one change after the other.
                let queued = sent.answer.as_ref().map(|answer| answer.sequence).filter(|sequence| *sequence > 0);
                places.insert((writer.map, sent.key, sent.version), queued.filter(|_| writer.map != NOTES));
            }
        }
        for line in self.lines.values() {
            let mut highest = 0;
            let mut last: Option<(usize, &Written)> = None;
            let mut known = HashSet::new();
            let place = |of: &Written| {
                let given = places.get(&(of.table.as_str(), of.key, of.version)).copied().flatten();
                given.unwrap_or(of.version)
            };
            for (run, written) in line {
                let Written { version, origin, .. } = written;
                if origin == "row" {
                    // What a copy reads is at least as new as any change that was sent before.
                    let what = || format!("run {run}: an older copy, {written:?} over {highest}");
                    self.findings.check(*version >= highest, Promise::Order, what);
                } else {
                    match last {
                        Some((before, last)) if before == *run => {
                            let what = || format!("run {run}: {written:?} after {last:?}");
                            self.findings.check(place(written) > place(last), Promise::Order, what);
                        }
                        Some((_, last)) if place(written) <= place(last) => {
                            // A server that starts may write again what the one before it wrote; never anything older than
                            // what was on its way.
                            self.replays += 1;
                            self.replayed_max = self.replayed_max.max(last.version - version);
                            let what = || format!("run {run}: {written:?} for the first time after {last:?}");
                            self.findings.check(known.contains(version), Promise::Order, what);
                        }
                        Some(_) | None => {}
                    }
                    last = Some((*run, written));
                    known.insert(*version);
                }
                highest = highest.max(*version);
            }
            let newest =
                line.iter().filter(|(_, written)| written.origin != "row").map(|(_, written)| place(written)).max();
            let what = || format!("{last:?} came last, and {newest:?} is its newest");
            self.findings.check(last.map(|(_, last)| place(last)) == newest, Promise::Order, what);
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

    /// Rule 2: what is there in the end is what was accepted last of all that was not refused or left aside.
    pub async fn check_rows(&self, applications: &Applications) {
        let tables = [
            (ITEMS, Side::Left, applications.left.url()),
            (ITEMS, Side::Right, applications.right.url()),
            (NOTES, Side::Left, applications.left.url()),
            (NOTES, Side::Right, applications.notes_right.clone()),
        ];
        for (table, side, url) in tables {
            for (key, version) in applications.rows(&url, table).await {
                let Some((_, last)) = self.lines.get(&(table.to_owned(), key)).and_then(|line| line.last()) else {
                    continue;
                };
                let what = || format!("{table}, {side:?}: key {key} has {version}, and was last given {last:?}");
                self.findings.check(version == last.version, Promise::Order, what);
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
