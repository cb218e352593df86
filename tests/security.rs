//! Who may do what, over which connections, and that nobody takes the server from the others.

#[path = "security/access.rs"]
mod access;
#[path = "security/hostile.rs"]
mod hostile;
#[path = "security/limits.rs"]
mod limits;
#[path = "security/secrets.rs"]
mod secrets;
#[path = "security/signals.rs"]
mod signals;
mod support;
#[path = "security/tls.rs"]
mod tls;
#[path = "security/tokens.rs"]
mod tokens;
