//! `tandem store backup`: a file that is there whole or not at all.

use super::online;
use crate::cli::Exit;
use crate::cli::remote::{Remote, exit_of};
use crate::cli::serve::failed;
use crate::services::proto::admin::DownloadBackupRequest;
use crate::services::proto::admin::admin_service_client::AdminServiceClient;
use clap::Args;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tandem_client::ConnectError;

/// The name of a backup in its folder; while it is written it has another.
pub(super) const FILE: &str = "tandem.backup";
const UNFINISHED: &str = "tandem.backup.unfinished";

#[derive(Debug, Args)]
pub(super) struct BackupCommand {
    /// The folder to write it in; made when it is not there. A backup that is there is replaced when this one is complete
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    remote: Remote,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
enum BackupError {
    #[error(transparent)]
    Remote(#[from] ConnectError),
    #[error("the server gave no backup: {}", .0.message())]
    Refused(tonic::Status),
    #[error("{} cannot be written", .0.display())]
    File(PathBuf, #[source] io::Error),
}

impl From<tonic::Status> for BackupError {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(status)
    }
}

impl BackupCommand {
    pub fn run(self) -> Exit {
        online(async move {
            match self.download().await {
                Ok(bytes) => {
                    println!("{bytes} bytes in {}", self.folder.join(FILE).display());
                    Exit::Done
                }
                Err(error) => {
                    let exit = match &error {
                        BackupError::Remote(error) => exit_of(error),
                        BackupError::File(..) => Exit::Environment,
                        BackupError::Refused(_) => Exit::Failed,
                    };
                    failed("there is no backup", &error, exit)
                }
            }
        })
    }

    async fn download(&self) -> Result<u64, BackupError> {
        let server = self.remote.connect().await?.calls();
        let mut chunks = AdminServiceClient::new(server).download_backup(DownloadBackupRequest {}).await?.into_inner();
        let unfinished = self.folder.join(UNFINISHED);
        let in_file = |error| BackupError::File(unfinished.clone(), error);
        fs::create_dir_all(&self.folder).map_err(in_file)?;
        let mut file = BufWriter::new(File::create(&unfinished).map_err(in_file)?);
        let mut bytes = 0;
        while let Some(part) = chunks.message().await? {
            file.write_all(&part.chunk).map_err(in_file)?;
            bytes += part.chunk.len() as u64;
        }
        keep(file, &unfinished, &self.folder).map_err(in_file)?;
        Ok(bytes)
    }
}

/// The file is on the disk before it has its name.
fn keep(file: BufWriter<File>, unfinished: &Path, folder: &Path) -> io::Result<()> {
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(unfinished, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}
