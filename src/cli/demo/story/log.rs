//! Step 9: the whole story once more, as the service has it in its log.

use super::Story;
use crate::cli::demo::error::DemoError;
use crate::cli::demo::tables::ORDERS;
use crate::cli::demo::tell::padded;
use crate::services::proto as pb;

/// Events that are shown; a log is for reading.
const EVENTS_MAX: usize = 40;

impl Story {
    pub(super) async fn log(&mut self) -> Result<(), DemoError> {
        self.tell.step(9, "The activity log of the orders, in the service's own words");
        let events = self.service.log(&ORDERS).await?;
        let gapless = events.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence);
        for event in events.iter().take(EVENTS_MAX) {
            let kind = event.kind().as_str_name().trim_start_matches("ACTIVITY_KIND_");
            let summary = self.without_folder(&event.summary);
            self.tell.say(format!("{:>2} {} {} {summary}", event.sequence, time(event), padded(kind, 22)));
        }
        self.check(gapless, format!("{} events, numbered without a gap", events.len()));
        Ok(())
    }
}

/// The time of day, UTC, to the millisecond.
fn time(event: &pb::ActivityEvent) -> String {
    let time = event.time.unwrap_or_default();
    let nanos = u32::try_from(time.nanos).unwrap_or_default();
    let instant = chrono::DateTime::from_timestamp(time.seconds, nanos).unwrap_or_default();
    instant.format("%H:%M:%S%.3f").to_string()
}
