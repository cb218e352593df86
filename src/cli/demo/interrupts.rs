//! Ctrl-C and SIGTERM, heard from the beginning of the demo to its end, so that none is lost between two steps.

use super::error::DemoError;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub fn hear() -> Result<Self, DemoError> {
        let hear = |kind| signal(kind).map_err(DemoError::Signals);
        Ok(Self { interrupt: hear(SignalKind::interrupt())?, terminate: hear(SignalKind::terminate())? })
    }

    /// Comes back when one of them has come, also one that came before.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// What comes of the work, or that somebody has ended it before.
    pub async fn unless_interrupted<T>(
        &mut self,
        work: impl Future<Output = Result<T, DemoError>>,
    ) -> Result<T, DemoError> {
        tokio::select! {
            done = work => done,
            () = self.next() => Err(DemoError::Interrupted),
        }
    }
}
