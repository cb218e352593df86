//! The applications of the configuration, whether they answer, and their tables.

use super::Services;
use super::input::Input;
use super::proto;
use super::records::total;
use super::status::CallError;
use super::{tables, times};
use crate::engine::error::EngineError;
use std::time::Instant;

impl Services {
    pub(super) fn list_applications(
        &self,
        request: &proto::ListApplicationsRequest,
    ) -> Result<proto::ListApplicationsResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListApplications", request)?;
        input.done()?;
        let all: Vec<_> = self.engine.applications().all().collect();
        let total_size = total(all.len() as u64);
        let (applications, next_page_token) = page.cut(all, |application| application.id().to_string());
        let applications = applications.into_iter().map(|found| tables::application(found.as_ref())).collect();
        Ok(proto::ListApplicationsResponse { applications, next_page_token, total_size })
    }

    pub(super) async fn check_application(
        &self,
        request: proto::CheckApplicationRequest,
    ) -> Result<proto::CheckApplicationResponse, CallError> {
        let mut input = Input::default();
        let id = input.application("name", &request.name);
        let id = input.with(id)?;
        let found = self.engine.applications().get(&id)?;
        let table = Some(request.table.as_str()).filter(|table| !table.is_empty());
        let begun = Instant::now();
        let asked = self.engine.ask_application(&id, |application| async move { application.check(table).await }).await;
        let round_trip = Some(times::duration(begun.elapsed()));
        let error = match asked {
            Ok(()) => None,
            Err(EngineError::ApplicationDown { failure, .. }) => Some(failure.into()),
            Err(error) => return Err(error.into()),
        };
        let application = Some(tables::application(found.as_ref()));
        Ok(proto::CheckApplicationResponse { application, round_trip, error })
    }

    pub(super) async fn list_tables(
        &self,
        request: &proto::ListTablesRequest,
    ) -> Result<proto::ListTablesResponse, CallError> {
        let mut input = Input::default();
        let page = self.page(&mut input, "ListTables", request)?;
        let id = input.application("parent", &request.parent);
        let id = input.with(id)?;
        let mut names = self.engine.ask_application(&id, |found| async move { found.list_tables().await }).await?;
        names.sort(); // pages follow each other by name, whatever the database sorts by
        let total_size = total(names.len() as u64);
        let (names, next_page_token) = page.cut(names, Clone::clone);
        let tables = names.into_iter().map(|name| tables::name_only(&id, name)).collect();
        Ok(proto::ListTablesResponse { tables, next_page_token, total_size })
    }

    pub(super) async fn get_table(&self, request: &proto::GetTableRequest) -> Result<proto::Table, CallError> {
        let mut input = Input::default();
        let named = input.table("name", &request.name);
        let (id, name) = input.with(named)?;
        Ok(tables::table(&id, self.engine.table(&id, &name).await?))
    }
}
