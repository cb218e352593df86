//! Pages of lists. A token says where the next page begins and of which list it is, so that one of another list, or of the
//! same with other fields, is refused.

use super::Services;
use super::input::Input;
use super::status::CallError;
use prost::Message;
use std::fmt::Write as _;
use xxhash_rust::xxh3::xxh3_64;

const PAGE_SIZE_DEFAULT: usize = 50;

impl Services {
    /// The page that a request asks for, of no more than the server gives.
    pub(super) fn page<R: Paged>(&self, input: &mut Input, method: &str, request: &R) -> Result<Page, CallError> {
        Page::of(input, method, request, self.limits.page_size_max)
    }
}

/// A request for a page of a list.
pub trait Paged: Message + Clone {
    fn page_size(&self) -> i32;
    fn page_token(&self) -> &str;
    /// The request without what may differ between two pages of one list.
    fn list(&self) -> Self;
}

macro_rules! paged {
    ($($request:ident),* $(,)?) => {
        $(impl Paged for super::proto::$request {
            fn page_size(&self) -> i32 {
                self.page_size
            }

            fn page_token(&self) -> &str {
                &self.page_token
            }

            #[allow(clippy::needless_update, reason = "some of these requests have nothing else")]
            fn list(&self) -> Self {
                let mut list = self.clone();
                list.page_size = 0;
                list.page_token.clear();
                list
            }
        })*
    };
}

paged!(
    ListTableMapsRequest,
    ListActivityRequest,
    ListApplicationsRequest,
    ListTablesRequest,
    ListExecutionsRequest,
    ListExecutionErrorsRequest,
    ListQueuedRecordsRequest,
    ListCatchUpErrorsRequest,
    ListQueueJobsRequest,
    ListErrorGroupsRequest,
    ListAlertSettingsRequest,
    ListAlertEventsRequest,
    ListNotificationsRequest,
);

/// The page that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// How many things at most.
    pub size: usize,
    /// Where it begins, as the page before said; none at the beginning.
    position: Option<String>,
    /// Which list it is of.
    list: u64,
}

impl Page {
    /// Reads size and token of a request.
    pub fn of<R: Paged>(input: &mut Input, method: &str, request: &R, size_max: usize) -> Result<Page, CallError> {
        let size = match usize::try_from(request.page_size()) {
            Ok(0) => PAGE_SIZE_DEFAULT.min(size_max),
            Ok(size) => size.min(size_max),
            Err(_) => {
                input.wrong("page_size", "is negative");
                PAGE_SIZE_DEFAULT
            }
        };
        let mut identity = method.as_bytes().to_vec();
        identity.extend(request.list().encode_to_vec());
        let list = xxh3_64(&identity);
        let token = request.page_token();
        let position = if token.is_empty() { None } else { Some(read(token, list)?) };
        Ok(Page { size, position, list })
    }

    /// The token of the page that begins at `position`.
    pub fn token(&self, position: impl std::fmt::Display) -> String {
        let position = position.to_string();
        let mut token = String::with_capacity(16 + 2 * position.len());
        for byte in self.list.to_be_bytes().iter().chain(position.as_bytes()) {
            let _ = write!(token, "{byte:02x}"); // writing to a String does not fail
        }
        token
    }

    pub fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// The position of a list whose positions are numbers.
    pub fn number(&self) -> Result<Option<u64>, CallError> {
        self.position().map(|position| position.parse().map_err(|_| CallError::PageToken)).transpose()
    }

    /// The things of a list that is all in memory, in the order of their names: those of this page, and the token of
    /// the next.
    pub fn cut<T>(&self, all: impl IntoIterator<Item = T>, name: impl Fn(&T) -> String) -> (Vec<T>, String) {
        let mut rest = all.into_iter().filter(|thing| self.position().is_none_or(|after| name(thing).as_str() > after));
        let page: Vec<T> = rest.by_ref().take(self.size).collect();
        let token = match (page.last(), rest.next()) {
            (Some(last), Some(_)) => self.token(name(last)),
            _ => String::new(),
        };
        (page, token)
    }
}

/// What hexadecimal digits stand for.
pub fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes.filter(|_| digits.len().is_multiple_of(2))
}

fn read(token: &str, list: u64) -> Result<String, CallError> {
    let bytes = bytes(token).ok_or(CallError::PageToken)?;
    let position = bytes.strip_prefix(&list.to_be_bytes()).ok_or(CallError::PageToken)?;
    String::from_utf8(position.to_vec()).map_err(|_| CallError::PageToken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::proto::{ListTableMapsRequest, ListTablesRequest};

    fn page(request: &ListTableMapsRequest) -> Result<Page, CallError> {
        Page::of(&mut Input::default(), "ListTableMaps", request, 1_000)
    }

    #[test]
    fn a_token_is_good_for_its_list_alone() {
        let request = ListTableMapsRequest { page_size: 2, ..Default::default() };
        let token = page(&request).unwrap().token("orders");
        let next = ListTableMapsRequest { page_size: 7, page_token: token.clone(), ..Default::default() };
        assert_eq!(page(&next).unwrap().position(), Some("orders"));
        assert_eq!(page(&next).unwrap().size, 7);

        let filtered = ListTableMapsRequest { state: 1, page_token: token.clone(), ..Default::default() };
        assert!(page(&filtered).is_err(), "another filter is another list");
        let foreign = ListTablesRequest { page_token: token.clone(), ..Default::default() };
        assert!(Page::of(&mut Input::default(), "ListTables", &foreign, 1_000).is_err());
        for malformed in ["x", "zz", &token[1..], &token[..8]] {
            let request = ListTableMapsRequest { page_token: malformed.to_owned(), ..Default::default() };
            assert!(page(&request).is_err(), "{malformed:?} was taken");
        }
    }

    #[test]
    fn pages_of_a_list_follow_each_other() {
        let names = ["a", "b", "c", "d", "e"];
        let mut request = ListTableMapsRequest { page_size: 2, ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let (page, token) = page(&request).unwrap().cut(names, |name| (*name).to_owned());
            seen.extend(page);
            if token.is_empty() {
                break;
            }
            request.page_token = token;
        }
        assert_eq!(seen, names);
    }

    #[test]
    fn sizes_have_their_bounds() {
        let size = |page_size| page(&ListTableMapsRequest { page_size, ..Default::default() }).unwrap().size;
        assert_eq!([size(0), size(1), size(1_000), size(5_000)], [50, 1, 1_000, 1_000]);
        let mut input = Input::default();
        let negative = ListTableMapsRequest { page_size: -1, ..Default::default() };
        assert!(Page::of(&mut input, "ListTableMaps", &negative, 1_000).is_ok() && !input.is_clean());
    }
}
