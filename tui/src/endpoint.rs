//! Which daemon, and with which certificate: `--node`, `--cert`, and what holds without them.

use crate::args::Common;
use client::{Address, AddressError};
use std::path::PathBuf;

/// The address that the flags say, with the certificate for it where it is another machine's.
///
/// # Errors
/// [`AddressError`] where `--node` is no address.
pub fn address(common: &Common) -> Result<Address, AddressError> {
    let address = match common.node.as_deref() {
        Some(node) => node.parse()?,
        None => Address::local(),
    };
    Ok(match common.cert.clone().or_else(default_certificate) {
        Some(file) => address.with_certificate(file),
        None => address,
    })
}

/// `$XDG_CONFIG_HOME/skiff/cert.pem`.
fn default_certificate() -> Option<PathBuf> {
    Some(crate::settings::config_folder()?.join("cert.pem"))
}

#[cfg(test)]
mod tests {
    use super::address;
    use crate::args::Common;
    use client::Address;
    use std::path::PathBuf;

    #[test]
    fn the_certificate_goes_with_an_address_of_another_machine() {
        let of = |node: &str, cert: Option<&str>| {
            address(&Common { node: Some(node.to_owned()), cert: cert.map(PathBuf::from), ..Common::default() })
        };
        let Ok(Address::Tls(remote)) = of("wss://oak:7943", Some("/my.pem")) else { panic!("no TLS address") };
        assert_eq!(remote.certificate, Some(PathBuf::from("/my.pem")));
        assert_eq!(of("/run/a.sock", Some("/my.pem")), Ok(Address::Unix(PathBuf::from("/run/a.sock"))));
        assert!(of("wss://oak", None).is_err());
        assert_eq!(address(&Common::default()), Ok(Address::local()));
    }
}
