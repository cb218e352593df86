//! `tandem demo`: the whole product in under a minute, on a machine with nothing but this program.
//!
//! Two applications, each a SQLite database; a server in this process, with a configuration made here; and a client that
//! talks to it over gRPC as any other would. The demo itself plays the people and the hooks of both applications.

mod application;
mod changes;
mod client;
mod compare;
mod dataset;
mod error;
mod folder;
mod hook;
mod interrupts;
mod keep;
mod reference;
mod serving;
mod story;
mod tables;
mod tell;
mod wire;

use super::Exit;
use super::serve::failed;
use crate::model::table_map::Side;
use crate::server::telemetry;
use application::Application;
use clap::Args;
use client::Service;
use dataset::Generator;
use error::DemoError;
use folder::Folder;
use interrupts::Interrupts;
use serving::Serving;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use story::Story;
use tell::Tell;

#[derive(Debug, Args)]
pub struct DemoCommand {
    /// Leaves the server running when the story is told, with its data in ./demo-data, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// No colour, also on a terminal
    #[arg(long)]
    plain: bool,
}

impl DemoCommand {
    pub fn run(self) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed("threads cannot be started", &error, Exit::Environment).into(),
        };
        let told = runtime.block_on(self.tell());
        told.unwrap_or_else(|error| failed("the demo could not go on", &error, error.exit())).into()
    }

    async fn tell(self) -> Result<Exit, DemoError> {
        if std::env::var_os("RUST_LOG").is_some() {
            let _ = telemetry::start(&serving::log()); // whoever asked for logs sees that there are none
        }
        let mut interrupts = Interrupts::hear()?;
        let folder = if self.keep { Folder::kept(Path::new(folder::KEPT))? } else { Folder::temporary()? };
        let start = Instant::now();
        let tell = Tell::new(self.plain);
        tell.title("Tandem keeps tables of two applications in step. See how, with real data and a real outage.");

        let (finance, sales) =
            (Application::new(Side::Left, folder.path()), Application::new(Side::Right, folder.path()));
        let mut generator = Generator::new();
        let beginning = generator.beginning();
        let created = async {
            finance.create(&beginning.0).await?;
            sales.create(&beginning.1).await
        };
        interrupts.unless_interrupted(created).await?;

        let serving = Serving::start(folder.path(), [&finance, &sales], self.keep).await?;
        let address = serving.address();
        let told = interrupts.unless_interrupted(async {
            let service = Service::connect(address).await?;
            let mut story = Story { tell, finance, sales, service, generator, beginning, start, good: true };
            story.tell().await?;
            Ok(story)
        });
        let exit = match told.await {
            Err(error) => Err(error),
            Ok(mut story) => {
                let exit = if story.good { Exit::Done } else { Exit::Failed };
                match self.keep {
                    true => keep::until_interrupted(&mut story, address, &mut interrupts).await.map(|()| exit),
                    false => Ok(exit),
                }
            }
        };
        serving.stop().await;
        exit
    }
}
