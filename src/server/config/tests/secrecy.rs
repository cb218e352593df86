//! Nothing that is printed about a configuration has any piece of a secret.

use super::load;
use proptest::prelude::*;

/// Whatever is said about a configuration, a password in it is not part of it.
#[test]
fn a_secret_is_in_nothing_that_is_printed() {
    let urls = [
        "postgres://u:hunter2@db/finance",
        "postgres://u:hunter2@db/finance?sslmode=hunter2",
        "postgres://u:12/hunter2@db/finance",
        "postgres://u:12?hunter2@db/finance",
        "postgres://u:12?hunter2=1@db/finance",
        "postgres://u:12#hunter2@db/finance",
        "postgres://u:hunter2@db:hunter2/finance",
        "postgres://u:hunter2@/finance",
        "postgres://u:hunter2@db",
        "postgres://u:hunter2@[db/finance",
        "postgres://u:hunter2@db/fin ance",
        "postgres:u:hunter2@db/finance",
        "postgres//u:hunter2@db/finance",
        "mysql://u:hunter2@db/finance?sslmode=hunter2",
        "mysql://u:hunter2@db/finance?password=hunter2",
        "mysql://u:%hunter2@db/finance",
        "sqlite:?hunter2",
        "sqlite:a.db?mode=hunter2",
        "mssql://u:hunter2@db/finance",
        "u:hunter2@db/finance",
        "hunter2:u@db/finance",
        "hunter2",
        "env:hunter2@db",
        "env:postgres://u:hunter2@db/finance",
        "file:postgres://u:hunter2@db/finance",
        "smtp://u:hunter2@mail:70000",
        "smtp://u:12/hunter2@mail",
        "smtps://u:hunter2@mail/?hunter2",
    ];
    let shapes = [
        "[[applications]]\nid = \"a\"\nurl = \"URL\"\n",
        "[[applications]]\nid = \"a\"\nurl = 'URL'\npool_max = 0\n",
        "[[applications]]\nid = \"a\"\nurl = URL\n",
        "[[applications]]\nid = \"a\"\nurl = \"URL\n",
        "[[applications]]\nid = \"a\"\nurl = [\"URL\"]\n",
        "[[applications]]\nid = \"a\"\nurll = \"URL\"\n",
        "[smtp]\nurl = \"URL\"\nfrom = \"a@b\"\n",
        "[smtp]\nurl = \"smtp://localhost\"\nfrom = \"a@b\"\nstarttls = \"off\"\npassword = \"URL\"\n",
    ];
    for url in urls {
        for shape in shapes {
            let text = shape.replace("URL", url);
            let printed = match load(&text) {
                Ok(config) => format!("{config} {config:?} {:?}", config.warnings()),
                Err(mistakes) => mistakes.join("\n"),
            };
            assert!(!printed.contains("hunter2"), "of\n{text}\nis printed\n{printed}");
        }
    }
}

proptest! {
    /// A secret of letters and marks, anywhere in a URL that may or may not be one.
    #[test]
    fn no_piece_of_a_url_is_repeated(
        scheme in "(postgres|mysql|sqlite|smtp|smtps)",
        before in "[a-z0-9:/?#@%&=. ]{0,8}",
        after in "[a-z0-9:/?#@%&=. ]{0,8}",
    ) {
        let url = format!("{scheme}://u:{before}HUNTER2{after}@db.example/finance");
        let application = format!("[[applications]]\nid = \"a\"\nurl = \"{url}\"\n");
        let smtp = format!("[smtp]\nfrom = \"a@b\"\nurl = \"{url}\"\n");
        for text in [application, smtp] {
            let printed = match load(&text) {
                // SQLite has no password: what stands there is a path, and a path is shown.
                Ok(_) if scheme == "sqlite" => continue,
                Ok(config) => format!("{config} {config:?} {:?}", config.warnings()),
                Err(mistakes) => mistakes.join("\n"),
            };
            prop_assert!(!printed.to_uppercase().contains("HUNTER2"), "of\n{text}\nis printed\n{printed}");
        }
    }
}
