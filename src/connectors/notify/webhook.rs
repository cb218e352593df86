//! Webhooks: one POST of JSON, signed as Standard Webhooks says (standardwebhooks.com), so that the receiver can tell who sent it and
//! when, with libraries that are there.

use super::{SendError, with_causes};
use crate::model::alert::message::Message;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::Sha256;
use std::time::Duration;

/// How long the receiver may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// What is read of its answer.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// Before a secret that is written in base64, as Standard Webhooks shows it.
const SECRET_PREFIX: &str = "whsec_";

pub struct WebhookConfig {
    /// `whsec_` and base64, or any text.
    pub secret: String,
}

pub struct Webhooks {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    key: Vec<u8>,
}

impl Webhooks {
    /// Nothing is connected yet.
    pub fn new(config: WebhookConfig) -> Result<Self, String> {
        let key = match config.secret.strip_prefix(SECRET_PREFIX) {
            Some(encoded) => {
                BASE64_STANDARD.decode(encoded).map_err(|_| "webhook.secret: what follows whsec_ is no base64")?
            }
            None => config.secret.into_bytes(),
        };
        // Where a receiver is not this machine, its URL says https (see `recipients`).
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), key })
    }

    /// Gives what the receiver said.
    pub async fn send(&self, url: &str, message: &Message, now: DateTime<Utc>) -> Result<String, SendError> {
        let time = now.timestamp();
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("tandem/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", time)
            .header("webhook-signature", format!("v1,{}", self.signature(&message.id, time, &message.json)))
            .body(Full::new(Bytes::from(message.json.clone())))
            .map_err(|error| SendError::Refused(error.to_string()))?;
        match tokio::time::timeout(ANSWER_TIMEOUT, self.answer(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(SendError::Failed(format!("no answer in {ANSWER_TIMEOUT:?}"))),
        }
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<String, SendError> {
        let response = self.client.request(request).await.map_err(|error| SendError::Failed(with_causes(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
        let said = format!("{status} {body}").trim_end().to_owned();
        let comes_again = status.is_server_error()
            || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        match status {
            _ if status.is_success() => Ok(said),
            _ if comes_again => Err(SendError::Failed(said)),
            _ => Err(SendError::Refused(said)), // a redirection too: who is told is decided by the setting
        }
    }

    /// Base64 of the HMAC over id, time and body.
    fn signature(&self, id: &str, time: i64, body: &str) -> String {
        // An HMAC takes a key of any length.
        let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return String::new() };
        hmac.update(format!("{id}.{time}.{body}").as_bytes());
        BASE64_STANDARD.encode(hmac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn a_signature_is_what_the_specification_shows() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let webhooks = Webhooks::new(WebhookConfig { secret }).unwrap();
        let signed = webhooks.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(Webhooks::new(WebhookConfig { secret: "whsec_?".to_owned() }).is_err());
    }
}
