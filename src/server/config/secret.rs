//! Secrets: a value that is never printed, and the places it may be kept in instead of the configuration.

use super::input::Environment;
use std::fmt;
use std::fs::File;
use std::io::Read;

/// The longest secret that is read from a file, in bytes: a URL, with room for any token in it.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A value that prints as `***`. What needs the value itself says `expose`, so that every such place can be found.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself. It goes to a driver and nowhere else: no log, no error, no answer.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secret that `text` is or refers to: `env:NAME` is the value of that variable, `file:PATH` the content of that file
/// without the line break at its end, anything else is the secret itself.
pub(super) fn resolve(text: &str, environment: &Environment) -> Result<Secret, String> {
    let value = if let Some(name) = text.strip_prefix("env:") {
        from_environment(name, environment)?
    } else if let Some(path) = text.strip_prefix("file:") {
        from_file(path)?
    } else {
        text.to_owned()
    };
    if value.is_empty() { Err("is empty".to_owned()) } else { Ok(Secret(value)) }
}

fn from_environment(name: &str, environment: &Environment) -> Result<String, String> {
    // What stands there may be a secret that somebody put behind "env:" by mistake; only a name is repeated.
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if !is_name {
        return Err("what follows \"env:\" is not the name of a variable (and is not shown)".to_owned());
    }
    match environment.get(name) {
        None => Err(format!("refers to the variable {name}, which is not set")),
        Some(Err(())) => Err(format!("refers to the variable {name}, which is not valid UTF-8")),
        Some(Ok("")) => Err(format!("refers to the variable {name}, which is empty")),
        Some(Ok(value)) => Ok(value.to_owned()),
    }
}

fn from_file(path: &str) -> Result<String, String> {
    if path.contains("://") || path.contains('@') {
        return Err("what follows \"file:\" looks like a URL and not like a path (and is not shown)".to_owned());
    }
    let mut value = String::new();
    let read = File::open(path).and_then(|file| file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut value));
    match read {
        Err(error) => Err(format!("refers to the file \"{path}\", which cannot be read: {error}")),
        Ok(bytes) if bytes as u64 > SECRET_BYTES_MAX => {
            Err(format!("refers to the file \"{path}\", which has more than {SECRET_BYTES_MAX} bytes"))
        }
        Ok(_) => {
            let value = value.strip_suffix('\n').unwrap_or(&value);
            let value = value.strip_suffix('\r').unwrap_or(value);
            if value.is_empty() {
                Err(format!("refers to the file \"{path}\", which is empty"))
            } else {
                Ok(value.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn a_secret_is_taken_from_where_it_is_kept() {
        let environment = Environment::from_pairs([("DATABASE_URL", "sqlite:a.db"), ("EMPTY", "")]);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("url");
        std::fs::write(&path, "sqlite:b.db\r\n").unwrap();
        let file = format!("file:{}", path.display());

        let value = |text: &str| resolve(text, &environment).map(|secret| secret.expose().to_owned());
        assert_eq!(value("env:DATABASE_URL").as_deref(), Ok("sqlite:a.db"));
        assert_eq!(value(&file).as_deref(), Ok("sqlite:b.db"));
        assert_eq!(value("sqlite:c.db").as_deref(), Ok("sqlite:c.db"));
        assert!(value("env:NOT_SET").unwrap_err().contains("NOT_SET, which is not set"));
        assert!(value("env:EMPTY").unwrap_err().contains("empty"));
        assert!(value("file:/nowhere/at-all").unwrap_err().contains("/nowhere/at-all"));
        assert!(!value("env:postgres://u:hunter2@h/d").unwrap_err().contains("hunter2"));
        assert!(!value("file:postgres://u:hunter2@h/d").unwrap_err().contains("hunter2"));
        assert!(value("").is_err());
    }
}
