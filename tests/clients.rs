//! The clients in every language: each plays the cases of `clients/conformance` against a real server, and its examples run.
//! `make test` builds them; see `clients/conformance/README.md`.

#[path = "clients/browser.rs"]
mod browser;
#[path = "clients/case.rs"]
mod case;
#[path = "clients/cases.rs"]
mod cases;
#[path = "clients/examples.rs"]
mod examples;
mod support;
