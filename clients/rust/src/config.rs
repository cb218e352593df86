//! Which calls are repeated, and how: the service config that all clients share.

use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;
use tonic::Code;

static POLICIES: LazyLock<HashMap<String, RetryPolicy>> = LazyLock::new(|| {
    let config: ServiceConfig = serde_json::from_str(include_str!("service_config.json"))
        .expect("a test reads it, and it is part of the crate");
    let of = |method: MethodConfig| {
        let MethodConfig { name, retry_policy } = method;
        name.into_iter().map(move |name| (format!("/{}/{}", name.service, name.method), retry_policy.clone()))
    };
    config.method_config.into_iter().flat_map(of).collect()
});

/// How a method, by its path, is repeated; None when it is not.
pub fn retry_policy(path: &str) -> Option<&'static RetryPolicy> {
    POLICIES.get(path)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceConfig {
    method_config: Vec<MethodConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MethodConfig {
    name: Vec<Name>,
    retry_policy: RetryPolicy,
}

#[derive(Deserialize)]
struct Name {
    service: String,
    method: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryPolicy {
    pub max_attempts: u32,
    #[serde(deserialize_with = "seconds")]
    initial_backoff: Duration,
    #[serde(deserialize_with = "seconds")]
    max_backoff: Duration,
    backoff_multiplier: f64,
    #[serde(deserialize_with = "codes")]
    retryable_status_codes: Vec<Code>,
}

impl RetryPolicy {
    /// Whether a call that ended with this code is worth another attempt.
    pub fn repeats(&self, code: Code) -> bool {
        self.retryable_status_codes.contains(&code)
    }

    /// How long to wait after so many attempts, 20 % more or less.
    pub fn backoff(&self, attempts: u32) -> Duration {
        let times = self.backoff_multiplier.powi(attempts.saturating_sub(1).try_into().unwrap_or(i32::MAX));
        let seconds = (self.initial_backoff.as_secs_f64() * times).min(self.max_backoff.as_secs_f64());
        Duration::from_secs_f64(seconds * rand::random_range(0.8..1.2))
    }
}

/// Durations as protobuf's JSON has them: `0.25s`.
fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let seconds = text.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
    seconds.map(Duration::from_secs_f64).ok_or_else(|| serde::de::Error::custom(format!("{text} is no duration")))
}

fn codes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Code>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let code = |name: String| match name.as_str() {
        "UNAVAILABLE" => Ok(Code::Unavailable),
        other => Err(serde::de::Error::custom(format!("{other} is no code that is repeated"))),
    };
    names.into_iter().map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_repeated_and_actions_are_not() {
        let policy = retry_policy("/tandem.v1.TableMapService/GetTableMap").expect("a read is repeated");
        assert!(policy.repeats(Code::Unavailable) && !policy.repeats(Code::Internal));
        assert!(policy.max_attempts > 1 && policy.backoff(1) < policy.backoff(3));
        assert!(policy.backoff(100) <= policy.max_backoff.mul_f64(1.2));
        assert!(retry_policy("/tandem.v1.TableMapService/StopTableMap").is_none());
    }
}
