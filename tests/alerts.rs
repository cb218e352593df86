//! Alerts through the wire: settings, windows that slide, what is done to maps, mails to a real mail server, and following it.

#[path = "alerts/actions.rs"]
mod actions;
#[path = "alerts/events.rs"]
mod events;
#[path = "alerts/given.rs"]
mod given;
#[path = "alerts/mails.rs"]
mod mails;
#[path = "alerts/settings.rs"]
mod settings;
#[path = "alerts/stories.rs"]
mod stories;
mod support;
#[path = "alerts/watches.rs"]
mod watches;
#[path = "alerts/webhooks.rs"]
mod webhooks;
#[path = "alerts/windows.rs"]
mod windows;
