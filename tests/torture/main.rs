//! The real server under SIGKILL. It takes changes over the wire (streams and single calls, both sides, several keys),
//! operators pause, resume, skip, stop and run its maps, rows are copied, and at random moments it is killed and started
//! again on the same store. What it had answered must hold afterwards: the rules of the domain by their numbers, every
//! state that was answered, and an activity log without a gap.
//!
//! All tests look at one campaign of kills; its seed is printed, `TANDEM_TORTURE_SEED` takes it. The moments of the kills
//! are chosen by it, what is under way at them is not: a seed tells how to look for a fault, and does not repeat it.
//!
//! It proves nothing about a power failure (a killed process leaves the kernel's memory behind, a machine does not), and
//! kills no server before it is ready to serve. A database that goes on with the statement of a server that was killed
//! is not waited for: SQLite cannot do that, PostgreSQL hardly ever does.

#[path = "../support/mod.rs"]
mod support;

mod applications;
mod campaign;
mod crossing;
mod findings;
mod log;
mod operator;
mod reckoning;
mod writer;

use findings::{Findings, Promise};
use std::sync::OnceLock;

const KILLS: usize = 36;
const KILLS_VARIABLE: &str = "TANDEM_TORTURE_KILLS";

/// The one campaign that the tests below look at.
fn kept(promise: Promise) {
    static CAMPAIGN: OnceLock<Findings> = OnceLock::new();
    CAMPAIGN.get_or_init(|| campaign::run(KILLS)).assert_kept(promise);
}

#[test]
fn rule_1_what_was_acknowledged_is_there_after_36_kills() {
    kept(Promise::Kept);
}

#[test]
fn rule_2_changes_of_a_key_arrive_in_order_through_36_kills() {
    kept(Promise::Order);
}

#[test]
fn rule_4_a_change_sent_again_after_a_kill_is_answered_the_same_and_is_no_other_change() {
    kept(Promise::Once);
}

#[test]
fn rule_9_both_sides_end_equal_after_36_kills() {
    kept(Promise::BothSides);
}

#[test]
fn rule_11_the_figures_add_up_after_each_of_36_kills() {
    kept(Promise::Figures);
}

#[test]
fn every_acknowledged_state_is_the_state_after_36_kills() {
    kept(Promise::States);
}

#[test]
fn the_activity_log_has_no_gap_and_nothing_twice_after_36_kills() {
    kept(Promise::Log);
}

/// `make torture`.
#[test]
#[ignore = "takes about half an hour; run by `make torture`"]
fn all_of_it_holds_through_a_thousand_kills() {
    let kills = std::env::var(KILLS_VARIABLE).map_or(1_000, |kills| kills.parse().expect("a number of kills"));
    let findings = campaign::run(kills);
    Promise::ALL.into_iter().for_each(|promise| findings.assert_kept(promise));
}
