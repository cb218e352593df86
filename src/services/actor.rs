//! Who made a call. Nobody proves who they are yet: until the server asks for tokens or certificates this is what the
//! caller says, good for reading the log and for nothing else.

use tonic::Request;

/// The header in which a caller may name itself.
const HEADER: &str = "tandem-actor";
const NAME_CHARS_MAX: usize = 128;

/// The caller's own name when it gives a well-formed one (1 to 128 visible ASCII characters), else its address.
pub fn of<T>(request: &Request<T>) -> String {
    let named = request.metadata().get(HEADER).and_then(|name| name.to_str().ok());
    let well_formed = |name: &&str| {
        !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match (named.filter(well_formed), request.remote_addr()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(address)) => address.to_string(),
        (None, None) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_when_it_is_well_formed() {
        let of_header = |value: &str| {
            let mut request = Request::new(());
            request.metadata_mut().insert(HEADER, value.parse().unwrap());
            of(&request)
        };
        assert_eq!(of_header("ada@example.com"), "ada@example.com");
        assert_eq!(of_header("two words"), "unknown");
        assert_eq!(of_header(&"a".repeat(129)), "unknown");
        assert_eq!(of(&Request::new(())), "unknown");
    }
}
