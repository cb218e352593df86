//! How long to wait before the next try.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const MAX: Duration = Duration::from_secs(5);

/// Twice as long each time; not the same for all who wait, so that they do not come back together.
#[derive(Debug, Default)]
pub struct Backoff(Duration);

impl Backoff {
    pub fn reset(&mut self) {
        self.0 = Duration::ZERO;
    }

    pub async fn wait(&mut self) {
        self.0 = (self.0 * 2).clamp(FIRST, MAX);
        tokio::time::sleep(self.0.mul_f64(rand::random_range(0.5..1.0))).await;
    }
}
