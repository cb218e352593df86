//! Tells whoever started the server which port it has taken.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes the port as one line. The file is whole as soon as it is there: it gets its name last.
pub fn write(path: &Path, port: u16) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{port}")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_port_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("port");
        write(&path, 7070).unwrap();
        write(&path, 8080).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "8080\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
