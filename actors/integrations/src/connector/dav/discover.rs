//! From an address that a person wrote to where their calendars are (RFC 6764, RFC 5397, RFC 4791).

use super::wire::{Login, Server};
use super::xml::{Multistatus, Space};
use crate::http::{CallError, Http};
use url::Url;

/// Somebody with more homes than this shares those of a whole company.
const MOST_HOMES: usize = 4;
const WELL_KNOWN: &str = "/.well-known/caldav";
const PRINCIPAL: &str = "<d:current-user-principal/>";
const HOMES: &str = "<c:calendar-home-set/>";

/// Finds the principal and the homes of whoever logs in; proves at the same time that the password is right.
pub(crate) async fn discover(http: &Http, start: Login) -> Result<Login, CallError> {
    let address = start.principal.clone();
    let well_known = address.join(WELL_KNOWN).map_err(|_| CallError::Garbled)?;
    // A bare host is looked up where the standard says, anything longer is meant as it stands.
    let places = if address.path() == "/" { [well_known, address] } else { [address, well_known] };
    let mut failed = CallError::Missing;
    for place in places {
        let server = Server { http, login: &start };
        match principal(&server, &place).await {
            Ok(principal) => {
                let homes = homes(&server, &principal).await?;
                return Ok(start.found(principal, homes));
            }
            // Not here; perhaps at the other place.
            Err(error @ (CallError::Missing | CallError::Gone | CallError::Refused(_) | CallError::Garbled)) => {
                failed = error;
            }
            Err(error) => return Err(error),
        }
    }
    Err(failed)
}

async fn principal(server: &Server<'_>, place: &Url) -> Result<Url, CallError> {
    let (place, answer) = server.propfind(place, "0", PRINCIPAL).await?;
    let prop = first(&answer).and_then(|one| one.prop(Space::Dav, "current-user-principal"));
    let prop = prop.ok_or(CallError::Missing)?;
    // Whoever is nobody to the server is told so.
    let Some(href) = prop.hrefs().next() else { return Err(CallError::Unauthorized) };
    own(server, &place, href)
}

async fn homes(server: &Server<'_>, principal: &Url) -> Result<Vec<Url>, CallError> {
    let (place, answer) = server.propfind(principal, "0", HOMES).await?;
    let set = first(&answer).and_then(|one| one.prop(Space::CalDav, "calendar-home-set"));
    let hrefs = set.into_iter().flat_map(|set| set.hrefs()).take(MOST_HOMES);
    let homes: Vec<Url> = hrefs.map(|href| own(server, &place, href)).collect::<Result<_, _>>()?;
    if homes.is_empty() { Err(CallError::Missing) } else { Ok(homes) }
}

fn first(answer: &Multistatus) -> Option<&super::xml::Response> {
    answer.responses.first()
}

/// An address that the server names, or where it sends us that the password may not go.
fn own(server: &Server<'_>, base: &Url, href: &str) -> Result<Url, CallError> {
    server.at(base, href).ok_or_else(|| {
        base.join(href).map_or(CallError::Garbled, |url| CallError::Elsewhere(url.origin().ascii_serialization()))
    })
}
