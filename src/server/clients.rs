//! Who calls: clients, by their tokens and certificates.

use super::config::ClientConfig;
use crate::model::access::{Caller, MapScope, Role};
use crate::model::ids::ClientId;
use crate::model::token::TokenHash;
use crate::services::status::CallError;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// The header in which a caller may say on whose behalf it calls.
const ACTOR_HEADER: &str = "tandem-actor";
const ACTOR_CHARS_MAX: usize = 128;
const SCHEME: &str = "Bearer";

/// Where a call comes from, as its connection tells.
#[derive(Debug, Clone)]
pub struct Peer {
    pub address: SocketAddr,
    /// Of the certificate that was shown and verified; none where none was.
    pub certificate: Option<Arc<Vec<String>>>,
}

/// Who a call was made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// None where nobody is asked.
    pub client: Option<ClientId>,
    pub caller: Caller,
}

/// The clients that are known now. Clones share them.
#[derive(Debug, Clone)]
pub struct Clients(Arc<watch::Sender<Arc<Vec<ClientConfig>>>>);

impl Clients {
    pub fn new(clients: Vec<ClientConfig>) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(clients))))
    }

    /// Calls from now on are made by these.
    pub fn replace(&self, clients: Vec<ClientConfig>) {
        self.0.send_replace(Arc::new(clients));
    }

    /// Ends, with what is to be said, when a caller may no longer do what it could when its call began: its token was taken
    /// from it, its role has become too small, or it holds for other maps.
    pub async fn revoked(self, headers: HeaderMap, peer: Peer, caller: Caller, needed: Role) -> CallError {
        let mut clients = self.0.subscribe();
        loop {
            match self.identify(&headers, &peer) {
                Ok(Identity { caller: now, .. }) if now.role >= needed && now.scope == caller.scope => {}
                Ok(_) => return CallError::CredentialsInvalid,
                Err(error) => return error,
            }
            if clients.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Who calls. Where there are no clients, everybody may do everything.
    pub fn identify(&self, headers: &HeaderMap, peer: &Peer) -> Result<Identity, CallError> {
        let clients = self.0.borrow().clone();
        let on_behalf = on_behalf(headers);
        if clients.is_empty() {
            let certificate = peer.certificate.as_ref().and_then(|names| names.first().cloned());
            let actor = match (certificate, on_behalf) {
                (Some(name), on_behalf) => joined(&name, on_behalf),
                (None, Some(named)) => named.to_owned(),
                (None, None) => peer.address.to_string(),
            };
            return Ok(Identity { client: None, caller: Caller { actor, role: Role::Admin, scope: MapScope::All } });
        }
        let client = match (headers.get(AUTHORIZATION), &peer.certificate) {
            (Some(shown), _) => {
                let token = shown.to_str().ok().and_then(bearer).ok_or(CallError::CredentialsInvalid)?;
                by_token(&clients, token)
            }
            (None, Some(names)) => {
                clients.iter().find(|client| client.certificate_names.iter().any(|name| names.contains(name)))
            }
            (None, None) => return Err(CallError::CredentialsMissing),
        };
        let client = client.ok_or(CallError::CredentialsInvalid)?;
        let actor = joined(client.id.as_str(), on_behalf);
        let caller = Caller { actor, role: client.role, scope: client.table_maps.clone() };
        Ok(Identity { client: Some(client.id.clone()), caller })
    }
}

/// The token of `Bearer TOKEN`.
fn bearer(shown: &str) -> Option<&str> {
    let (scheme, token) = shown.split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim())
}

/// Every hash is looked at, each for as long as any other: how long it takes tells nothing of the tokens.
fn by_token<'a>(clients: &'a [ClientConfig], token: &str) -> Option<&'a ClientConfig> {
    let shown = TokenHash::of(token);
    let mut found = None;
    for client in clients {
        for hash in &client.token_hashes {
            if bool::from(hash.is(&shown)) {
                found = Some(client);
            }
        }
    }
    found
}

/// Who the caller says it calls for: 1 to 128 visible ASCII characters. Nobody has checked it.
fn on_behalf(headers: &HeaderMap) -> Option<&str> {
    let named = headers.get(ACTOR_HEADER)?.to_str().ok()?;
    let well_formed =
        !named.is_empty() && named.len() <= ACTOR_CHARS_MAX && named.bytes().all(|byte| byte.is_ascii_graphic());
    well_formed.then_some(named)
}

/// Who is known, then who they say they call for; an id has no "/".
fn joined(known: &str, on_behalf: Option<&str>) -> String {
    match on_behalf {
        Some(named) => format!("{known}/{named}"),
        None => known.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn client(id: &str, tokens: &[&str], names: &[&str]) -> ClientConfig {
        ClientConfig {
            id: ClientId::parse(id).unwrap(),
            role: Role::Writer,
            table_maps: MapScope::Only(BTreeSet::new()),
            token_hashes: tokens.iter().map(|token| TokenHash::of(token)).collect(),
            certificate_names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn peer(names: Option<&[&str]>) -> Peer {
        let certificate = names.map(|names| Arc::new(names.iter().map(|name| (*name).to_owned()).collect()));
        Peer { address: ([192, 0, 2, 1], 4711).into(), certificate }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn where_there_are_no_clients_everybody_may_do_everything() {
        let clients = Clients::new(Vec::new());
        let actor = |pairs: &[(&'static str, &str)], names: Option<&[&str]>| {
            let identity = clients.identify(&headers(pairs), &peer(names)).unwrap();
            assert_eq!((identity.client, identity.caller.role), (None, Role::Admin));
            assert!(identity.caller.scope.is_all());
            identity.caller.actor
        };
        assert_eq!(actor(&[(ACTOR_HEADER, "ada@example.com")], None), "ada@example.com");
        assert_eq!(actor(&[(ACTOR_HEADER, "two words")], None), "192.0.2.1:4711");
        assert_eq!(actor(&[(ACTOR_HEADER, &"a".repeat(129))], None), "192.0.2.1:4711");
        assert_eq!(actor(&[("authorization", "Bearer whatever")], None), "192.0.2.1:4711");
        assert_eq!(actor(&[(ACTOR_HEADER, "ada")], Some(&["erp.example.com"])), "erp.example.com/ada");
    }

    #[test]
    fn a_client_is_known_by_any_of_its_tokens_or_names() {
        let clients = Clients::new(vec![client("erp", &["old", "new"], &[]), client("crm", &[], &["spiffe://x/crm"])]);
        let who = |pairs: &[(&'static str, &str)], names: Option<&[&str]>| {
            clients.identify(&headers(pairs), &peer(names)).map(|identity| identity.caller.actor)
        };
        for shown in ["Bearer old", "bearer new", "BEARER  new "] {
            assert_eq!(who(&[("authorization", shown)], None).unwrap(), "erp", "{shown}");
        }
        assert_eq!(who(&[("authorization", "Bearer old"), (ACTOR_HEADER, "ada")], None).unwrap(), "erp/ada");
        assert_eq!(who(&[], Some(&["other", "spiffe://x/crm"])).unwrap(), "crm");
        // A token is stronger than a certificate, also one that nobody knows.
        assert_eq!(who(&[("authorization", "Bearer old")], Some(&["spiffe://x/crm"])).unwrap(), "erp");
        for (shown, names) in [("Bearer older", Some(&["spiffe://x/crm"][..])), ("Basic old", None), ("old", None)] {
            let refused = who(&[("authorization", shown)], names);
            assert!(matches!(refused, Err(CallError::CredentialsInvalid)), "{shown}");
        }
        assert!(matches!(who(&[], Some(&["other"])), Err(CallError::CredentialsInvalid)));
        assert!(matches!(who(&[(ACTOR_HEADER, "erp")], None), Err(CallError::CredentialsMissing)));

        clients.replace(vec![client("erp", &["new"], &[])]);
        assert!(matches!(
            clients.identify(&headers(&[("authorization", "Bearer old")]), &peer(None)),
            Err(CallError::CredentialsInvalid)
        ));
    }
}
