//! The operator's client: every method of the contract as a noun and a verb, with its fields as options and what the contract says of them
//! as help. A method that the contract gets is there by being named in `verbs`.

mod answers;
mod calls;
pub mod codec;
mod colours;
mod contract;
mod following;
mod progress;
mod request;
mod verbs;

use super::Exit;
use super::remote::Remote;
use answers::Output;
use calls::Call;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use prost_reflect::{DynamicMessage, FieldDescriptor};
use std::io::{self, IsTerminal, Write};
use verbs::{NOUNS, VERBS, Verb};

/// Entries of a list, unless more are asked for.
const LIMIT_DEFAULT: &str = "1000";

/// The commands of all nouns.
pub fn commands() -> Vec<Command> {
    NOUNS.iter().map(|(noun, about)| command(noun, about)).collect()
}

fn command(noun: &'static str, about: &'static str) -> Command {
    let verbs = VERBS.iter().filter(|verb| verb.noun == noun).map(of_verb);
    Command::new(noun).about(about).subcommand_required(true).arg_required_else_help(true).subcommands(verbs)
}

fn of_verb(verb: &Verb) -> Command {
    let method = contract::method(verb.method);
    let about = contract::about_method(&method);
    let paragraph = about.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let first = paragraph.split_once(". ").map_or(paragraph.trim_end_matches('.'), |(sentence, _)| sentence).to_owned();
    let command = request::with_options(Command::new(verb.verb), verb);
    let output = Arg::new("output")
        .long("output")
        .short('o')
        .help("How the answer is printed")
        .value_parser(value_parser!(Output))
        .default_value("table")
        .help_heading("Answer");
    let command = Remote::augment_args(command.arg(output).next_help_heading("Server"));
    let mut command = command.about(first).long_about(about);
    if contract::method(verb.method).input().get_field_by_name("page_token").is_some() {
        let limit = Arg::new("limit").long("limit").help("How many entries at most").value_name("NUMBER");
        command =
            command.arg(limit.value_parser(value_parser!(usize)).default_value(LIMIT_DEFAULT).help_heading("Answer"));
    }
    if verb.begins.is_some() {
        let watch = Arg::new("watch").long("watch").short('w').help("Follows what it begins to its end");
        command = command.arg(watch.action(ArgAction::SetTrue).help_heading("Answer"));
    }
    if can_need_confirmation(verb) {
        let yes = Arg::new("yes").long("yes").short('y').help("Does not ask before what cannot be undone");
        command = command.arg(yes.action(ArgAction::SetTrue).help_heading("Answer"));
    }
    command
}

/// Carries out what was typed, when it is one of these nouns.
pub fn run(matches: &ArgMatches) -> Option<Exit> {
    let (noun, of_noun) = matches.subcommand()?;
    let (typed, matches) = of_noun.subcommand()?;
    let verb = VERBS.iter().find(|verb| verb.noun == noun && verb.verb == typed)?;
    Some(carry_out(verb, matches))
}

fn carry_out(verb: &'static Verb, matches: &ArgMatches) -> Exit {
    let remote = match Remote::from_arg_matches(matches) {
        Ok(remote) => remote,
        Err(error) => {
            eprintln!("{error}");
            return Exit::Input;
        }
    };
    let request = match request::typed(verb, matches) {
        Ok(request) => request,
        Err(error) => {
            eprintln!("{error}");
            return Exit::Input;
        }
    };
    if can_need_confirmation(verb) && cannot_be_undone(verb, &request) && !matches.get_flag("yes") {
        let words = serde_json::to_string(&request).unwrap_or_default();
        match confirmed(&format!("{} {} {words} cannot be undone. Go on?", verb.noun, verb.verb)) {
            Some(true) => {}
            Some(false) => {
                eprintln!("nothing was done");
                return Exit::Failed;
            }
            None => {
                eprintln!("this cannot be undone, and nobody can be asked here: say --yes if it is meant");
                return Exit::Input;
            }
        }
    }
    let output = matches.get_one::<Output>("output").copied().unwrap_or(Output::Table);
    let limit = matches.try_get_one::<usize>("limit").ok().flatten().copied();
    let watch = verb.begins.is_some() && matches.get_flag("watch");
    calls::call(&Call { verb, remote: &remote, output, limit, watch }, request)
}

/// What the names of choices end with that throw something away.
const DISCARDS: &str = "DISCARD";

/// Whether it may do what cannot be undone: always, or with a choice that says to discard.
fn can_need_confirmation(verb: &Verb) -> bool {
    let discards = |field: FieldDescriptor| {
        field.kind().as_enum().is_some_and(|choices| choices.values().any(|value| value.name().ends_with(DISCARDS)))
    };
    verb.confirm || contract::method(verb.method).input().fields().any(discards)
}

/// Whether it does so with this request, and does not only try.
fn cannot_be_undone(verb: &Verb, request: &DynamicMessage) -> bool {
    let only_tries = request.get_field_by_name("validate_only").is_some_and(|only| only.as_bool() == Some(true));
    let discards = request.fields().any(|(field, value)| {
        let choices = field.kind().as_enum().cloned();
        let chosen = choices.zip(value.as_enum_number()).and_then(|(choices, number)| choices.get_value(number));
        chosen.is_some_and(|chosen| chosen.name().ends_with(DISCARDS))
    });
    (verb.confirm || discards) && !only_tries
}

/// What a person answers; none where there is nobody.
fn confirmed(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    eprint!("{question} [y/N] ");
    let _ = io::stderr().flush(); // the question is on the terminal or nowhere
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok()?;
    Some(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
