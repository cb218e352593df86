//! What the reference (docs/configuration.md) says of every key, beside its default and its variable: what it takes and what it means.
//! `tandem config reference` prints it.

use super::keys::{self, Known};
use std::fmt::Write as _;

/// What is written of a key, as Markdown.
struct Entry {
    path: &'static str,
    /// What its value is; a test holds bounds against those that are kept.
    takes: &'static str,
    means: &'static str,
}

const fn entry(path: &'static str, takes: &'static str, means: &'static str) -> Entry {
    Entry { path, takes, means }
}

/// In the order of `keys::ALL`.
static ENTRIES: [Entry; 54] = [
    entry(
        "server.listen",
        "address and port",
        "Where gRPC is served. An IP address, no name. Port 0 takes a free one. Anything but a loopback address needs `[tls]` and `[[clients]]`, or `insecure = true`.",
    ),
    entry(
        "server.insecure",
        "true or false",
        "Says aloud that `listen` may be reached from other machines, although nothing is encrypted or nobody is asked who they are. A warning is logged at every start that says which of the two, and what it means.",
    ),
    entry("server.grace", "time, 0s to 1h", "How long a shutdown waits for work that was accepted."),
    entry("server.message_bytes_max", "size, 64KiB to 64MiB", "The largest message that is taken."),
    entry(
        "server.web_origins",
        "list of origins",
        "Where pages come from that browsers may let call this server (CORS), like `https://desk.example.com`. Pages of other origins get no answer; without any, only those that come through the server's own address, by a proxy say.",
    ),
    entry("tls.cert_file", "path", "The server's certificate, and those that lead from it to an authority (PEM)."),
    entry("tls.key_file", "path", "Its private key (PEM: PKCS#8, PKCS#1 or SEC1, not encrypted)."),
    entry(
        "tls.client_ca_file",
        "path, or empty",
        "Mutual TLS: the authorities (PEM) whose certificates callers show. Empty: callers show none.",
    ),
    entry(
        "tls.client_certificates",
        "`\"required\"` or `\"optional\"`",
        "Whether a caller without a certificate is let in, to show a token instead. Needs `client_ca_file`.",
    ),
    entry(
        "tls.reload_interval",
        "time, 1s to 1d",
        "How often the files are looked at for new content. Connections from then on are accepted with it; what cannot be used is logged and changes nothing.",
    ),
    entry("clients[].id", "id", "What the activity log calls it. Each has its own."),
    entry(
        "clients[].role",
        "`\"viewer\"`, `\"writer\"`, `\"operator\"` or `\"admin\"`",
        "What it may do; each role may also do what those before it may.",
    ),
    entry("clients[].table_maps", "list of ids, or `\"*\"`", "The maps that its role holds for."),
    entry(
        "clients[].token_hashes",
        "list of hashes",
        "The hashes of the tokens that it may show, as `tandem token` prints them: `sha256:` and 64 hexadecimal digits. More than one while it goes from one token to the next.",
    ),
    entry(
        "clients[].certificate_names",
        "list of names",
        "DNS names or URIs, one of which the certificate has that it may show instead (as a subject alternative name). Needs `tls.client_ca_file`.",
    ),
    entry("limits.connections_max", "number, 1 to 1000000", "Connections in all. One more is closed at once."),
    entry(
        "limits.connections_per_address_max",
        "number, 1 to 1000000",
        "Connections from one address. Raise it where a proxy stands before the server.",
    ),
    entry(
        "limits.calls_per_connection_max",
        "number, 1 to 100000",
        "Calls and streams at a time over one connection; clients wait with what is more.",
    ),
    entry("limits.calls_per_client_max", "number, 1 to 1000000", "Calls of one client at a time, streams aside."),
    entry(
        "limits.reads_per_client_max",
        "number, 1 to 10000",
        "Of these, calls that read (those of the role viewer) which are answered at a time; others wait their turn. An answer that its client does not take keeps its place, and up to 3 MiB.",
    ),
    entry(
        "limits.streams_per_client_max",
        "number, 1 to 1000000",
        "Streams of one client at a time: watching, tailing, writing.",
    ),
    entry("limits.streams_max", "number, 1 to 1000000", "Streams of all clients."),
    entry(
        "limits.request_bytes_per_client_max",
        "size, 64KiB to 64GiB",
        "Memory for requests of one client: of its calls until they are answered (the first 4 KiB of each aside), and of the changes of its streams that are not answered yet. What is more waits on the wire. Not less than `server.message_bytes_max`.",
    ),
    entry("limits.backups_max", "number, 1 to 100", "Backups at a time; each may take 64 MiB."),
    entry("limits.header_bytes_max", "size, 8KiB to 1MiB", "All headers of a call together."),
    entry("limits.record_fields_max", "number, 1 to 100000", "Fields of a record; more are `INVALID_ARGUMENT`."),
    entry("limits.page_size_max", "number, 1 to 1000", "Entries of a page; who asks for more gets as many."),
    entry("limits.handshake_timeout", "time, 100ms to 5m", "For the handshake of TLS, and for the headers of HTTP/1."),
    entry(
        "limits.request_timeout",
        "time, 100ms to 1h",
        "In which the request of a call that is no stream must have arrived.",
    ),
    entry(
        "limits.call_timeout",
        "time, 100ms to 1d",
        "For a call that is no stream, whatever its caller's deadline. What was accepted goes on.",
    ),
    entry(
        "limits.idle_timeout",
        "time, 1s to 1d",
        "After which a connection without a call is closed (after twice that at the latest).",
    ),
    entry("limits.keepalive_interval", "time, 1s to 1h", "How often a caller is asked whether it is still there."),
    entry("limits.keepalive_timeout", "time, 1s to 1h", "How long it may take to answer that."),
    entry(
        "store.kind",
        "`\"sled\"`",
        "The engine that keeps maps, queues and logs. `sled` is embedded: nothing else has to run.",
    ),
    entry("store.path", "path", "The store's directory. It is made when it is not there."),
    entry("store.cache_bytes", "size, 1MiB to 1024GiB", "Memory for what is read often."),
    entry(
        "store.reserve_bytes",
        "size, 0B to 1024GiB",
        "What must stay free on the store's disk. With less, changes are refused, so that the store can still be opened and drained.",
    ),
    entry(
        "applications[].id",
        "id",
        "What table maps call it: 1 to 63 characters, `a` to `z`, `0` to `9` and `-`, a letter first and no `-` last. Each has its own.",
    ),
    entry("applications[].kind", "`\"sql\"`", "What kind of system it is."),
    entry("applications[].url", "secret", "Where it is; see below."),
    entry("applications[].pool_max", "number, 1 to 1000", "The most connections that are open to it at a time."),
    entry("applications[].connect_timeout", "time, 100ms to 5m", "How long opening a connection may take."),
    entry("applications[].statement_timeout", "time, 100ms to 1h", "How long a statement may take."),
    entry(
        "applications[].lock_timeout",
        "time, 100ms to 1h",
        "How long a statement may wait for a lock in the database. Not longer than `statement_timeout`; when it is not given and `statement_timeout` is shorter than the default, it is `statement_timeout`.",
    ),
    entry(
        "smtp.url",
        "secret",
        "`smtp://HOST:PORT`, or `smtps://HOST:PORT` for a connection that is encrypted from the first byte; with `USER:PASSWORD@` before the host when the server asks for it.",
    ),
    entry(
        "smtp.starttls",
        "`\"required\"`, `\"when_offered\"` or `\"off\"`",
        "For `smtp://`: whether the connection must become encrypted before anything is sent, becomes so when the server offers it, or stays as it is. `\"off\"` is for this machine only, unless `insecure = true`.",
    ),
    entry(
        "smtp.insecure",
        "true or false",
        "Says aloud that mail and credentials may go to another machine unencrypted. A warning is logged at every start.",
    ),
    entry("smtp.from", "address of mail", "The sender: `tandem@example.com` or `Tandem <tandem@example.com>`."),
    entry(
        "smtp.ca_file",
        "path, or empty",
        "A file of certificates (PEM) that are trusted beside the public ones, for a mail server with a certificate of its own. Read at every start.",
    ),
    entry(
        "webhook.secret",
        "secret",
        "What webhooks are signed with, as [Standard Webhooks](https://www.standardwebhooks.com) says: `whsec_` and base64, or any text, of 24 characters or more.",
    ),
    entry(
        "initial_sync.errors_max",
        "number, 0 to 10000000",
        "How many rows of one direction may fail. Each failed row is kept, so this bounds what they take on the disk.",
    ),
    entry(
        "initial_sync.errors_percent_max",
        "number, 0 to 100",
        "Of a hundred rows, how many may fail. Judged when 1,000 rows of the direction are done.",
    ),
    entry("log.format", "`\"text\"` or `\"json\"`", "Lines for people, or one JSON object a line for machines."),
    entry(
        "log.level",
        "filter",
        "`off`, `error`, `warn`, `info`, `debug` or `trace`; or by module, as `info,tandem::engine=debug`. The variable `RUST_LOG` is stronger.",
    ),
];

/// The headings of a table, and what separates them from its rows.
const HEADINGS: &str = "| key | type | default | variable | meaning |\n| --- | --- | --- | --- | --- |\n";

/// The tables of all sections, each with the section's name as TOML writes it.
pub fn tables() -> Vec<(String, String)> {
    let mut tables: Vec<(String, String)> = Vec::new();
    let entries =
        keys::ALL.iter().filter_map(|known| Some((known, ENTRIES.iter().find(|entry| entry.path == known.path)?)));
    for (known, entry) in entries {
        let section = heading(known);
        if tables.last().is_none_or(|(of, _)| *of != section) {
            tables.push((section, HEADINGS.to_owned()));
        }
        if let Some((_, table)) = tables.last_mut() {
            let _ = writeln!(table, "{}", row(known, entry)); // text takes everything
        }
    }
    tables
}

/// All of it, as Markdown.
pub fn text() -> String {
    let tables = tables().into_iter().map(|(section, table)| format!("## {section}\n\n{table}"));
    tables.collect::<Vec<_>>().join("\n")
}

/// `[server]`, or `[[clients]]` for a list.
fn heading(known: &Known) -> String {
    match known.list() {
        Some(list) => format!("[[{list}]]"),
        None => format!("[{}]", known.split().0),
    }
}

fn row(known: &Known, entry: &Entry) -> String {
    let quoted = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}` ") };
    let default = known.default.map_or_else(|| "required ".to_owned(), quoted);
    // Any id stands for that of an entry.
    let variable = known.variable("id").map(|variable| variable.replacen("__ID__", "__<ID>__", 1));
    let variable = variable.map_or_else(|| "none ".to_owned(), |variable| quoted(&variable));
    format!("| `{}` | {} | {default}| {variable}| {} |", known.path, entry.takes, entry.means)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::{Config, Input};

    const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");

    #[test]
    fn every_key_has_its_entry() {
        let paths: Vec<_> = ENTRIES.iter().map(|entry| entry.path).collect();
        assert_eq!(paths, keys::ALL.map(|known| known.path));
    }

    /// With TANDEM_WRITE_DOCS set the tables are written into the document instead: `make generate`.
    #[test]
    fn the_document_has_these_tables() {
        let mut document = std::fs::read_to_string(DOCUMENT).unwrap();
        for (section, table) in tables() {
            let (before, after) =
                document.split_once(&format!("## {section}\n")).unwrap_or_else(|| panic!("{section}"));
            let (prose, rows) = after.split_once("| key |").unwrap();
            let rest = rows.split_once("\n\n").map_or("", |(_, rest)| rest);
            let end = if rest.is_empty() { "" } else { "\n" };
            document = format!("{before}## {section}\n{prose}{table}{end}{rest}");
        }
        if std::env::var_os("TANDEM_WRITE_DOCS").is_some() {
            std::fs::write(DOCUMENT, &document).unwrap();
        }
        assert_eq!(document, std::fs::read_to_string(DOCUMENT).unwrap(), "make generate writes it anew");
    }

    /// `time, 0s to 1h` is what a value that is none is answered with.
    #[test]
    fn bounds_are_those_that_are_kept() {
        let mut bounded = 0;
        for entry in &ENTRIES {
            let Some((_, bounds)) = entry.takes.split_once(", ").filter(|(_, rest)| rest.contains(" to ")) else {
                continue;
            };
            bounded += 1;
            let (section, name) = entry.path.rsplit_once('.').unwrap();
            let text = match section.strip_suffix("[]") {
                Some(list) => format!("[[{list}]]\n{name} = \"x\"\n"),
                None => format!("[{section}]\n{name} = \"x\"\n"),
            };
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("tandem.toml");
            std::fs::write(&file, text).unwrap();
            let mistakes = Config::load(&Input { file: Some(file), ..Input::default() }).unwrap_err().to_string();
            assert!(mistakes.contains(&format!("from {bounds}")), "{}: {bounds}\n{mistakes}", entry.path);
        }
        assert!(bounded > 20, "{bounded}");
    }
}
