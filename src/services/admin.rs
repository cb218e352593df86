//! `AdminService`: what the operator of the server needs beside its users.

use super::access::admit;
use super::proto::admin::admin_service_server::AdminService;
use super::proto::admin::{DownloadBackupRequest, DownloadBackupResponse};
use super::status::CallError;
use super::{Answers, Services, answers};
use crate::engine::error::EngineError;
use std::collections::VecDeque;
use tonic::{Request, Response, Status};

/// The largest chunk: of what is read at one time most fit.
const CHUNK_BYTES_MAX: usize = 1024 * 1024;

type Parts = Box<dyn Iterator<Item = Result<Vec<u8>, EngineError>> + Send>;

#[tonic::async_trait]
impl AdminService for Services {
    type DownloadBackupStream = Answers<DownloadBackupResponse>;

    async fn download_backup(
        &self,
        request: Request<DownloadBackupRequest>,
    ) -> Result<Response<Self::DownloadBackupStream>, Status> {
        let (caller, _) = admit(request)?;
        tracing::info!(actor = caller.actor, "a backup is made");
        let turn = self.backups.clone().try_acquire_owned().map_err(|_| CallError::TooManyCalls {
            who: "this server".to_owned(),
            what: "backups",
            max: self.limits.backups_max,
            setting: "backups_max",
        })?;
        let making = (self.engine.backup(), VecDeque::new());
        let closing = self.closing.clone();
        let chunks = futures::stream::unfold(Some(making), move |making| {
            let closing = closing.clone();
            async move {
                let (parts, mut ready) = making?;
                if let Some(chunk) = ready.pop_front() {
                    return Some((Ok(DownloadBackupResponse { chunk }), Some((parts, ready))));
                }
                match closing.run_until_cancelled(next(parts)).await {
                    None => Some((Err(EngineError::ShuttingDown), None)),
                    Some(None) => None,
                    Some(Some((Err(error), _))) => Some((Err(error), None)),
                    Some(Some((Ok(part), parts))) => {
                        ready.extend(part.chunks(CHUNK_BYTES_MAX).map(<[u8]>::to_vec));
                        let chunk = ready.pop_front().unwrap_or_default(); // no part is empty
                        Some((Ok(DownloadBackupResponse { chunk }), Some((parts, ready))))
                    }
                }
            }
        });
        let told = futures::StreamExt::map(chunks, move |chunk| {
            let _ = &turn; // until the stream is dropped
            chunk.map_err(|error| CallError::from(error).into())
        });
        Ok(Response::new(answers::guarded(told)))
    }
}

/// The next part; reading it blocks. None at the end.
async fn next(mut parts: Parts) -> Option<(Result<Vec<u8>, EngineError>, Parts)> {
    let read = tokio::task::spawn_blocking(move || (parts.next(), parts));
    match read.await {
        Ok((part, parts)) => Some((part?, parts)),
        Err(_) => Some((Err(EngineError::ShuttingDown), Box::new(std::iter::empty()))),
    }
}
