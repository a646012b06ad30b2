//! Lines of keys: who gets in, as what, and which lines let nobody in.

use super::{Terminal, faults, grant, read};
use rest::rights::Role;
use russh::keys::PublicKey;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;

const ADA: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA8OuatJOhVohnzznG6ALJr3fZaqkfBHhlv1xAHsNtxO";
const BOB: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRwyxO0UZ7bpZb+FXNcf/2I9LrWd1w/LqumERWPOl5E";

fn key(text: &str) -> PublicKey {
    PublicKey::from_openssh(text).expect("a key")
}

fn from(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn granted(text: &str, address: &str, now: i64) -> Option<super::Grant> {
    grant(text, &key(ADA), from(address), now)
}

#[test]
fn a_line_without_options_lets_look_and_a_role_lets_more() {
    let text = format!("# keys\n\n{BOB} bob\nrole=operator,name=\"ada@home\" {ADA} whatever\n");
    let ada = granted(&text, "10.0.0.1", 0).expect("let in");
    assert_eq!((ada.name.as_str(), ada.role, ada.terminal), ("ada@home", Role::Operator, Terminal::Allowed));
    let bob = grant(&text, &key(BOB), from("::1"), 0).expect("let in");
    assert_eq!((bob.name.as_str(), bob.role), ("bob", Role::Viewer));
    assert!(grant(&format!("{BOB} bob"), &key(ADA), from("::1"), 0).is_none());
    let quoted = granted(&format!("restrict,pty,role=\"admin\",no-pty {ADA}"), "10.0.0.1", 0).expect("let in");
    assert_eq!((quoted.role, quoted.terminal), (Role::Admin, Terminal::Refused));
    assert!(quoted.name.starts_with("SHA256:"), "{}", quoted.name);
    assert_eq!(granted(&format!("read-only {ADA} a"), "10.0.0.1", 0).map(|grant| grant.role), Some(Role::Viewer));
}

#[test]
fn a_line_counts_from_its_networks_and_until_its_time() {
    let text = format!("from=\"10.0.0.0/8,fd00::/16\",expiry-time=\"20300101Z\" {ADA} ada");
    let end = 1_893_456_000;
    assert!(granted(&text, "10.200.3.4", end - 1).is_some());
    assert!(granted(&text, "::ffff:10.1.2.3", end - 1).is_some(), "IPv4 on a socket of IPv6");
    assert!(granted(&text, "fd00::7", end - 1).is_some());
    assert!(granted(&text, "11.0.0.1", end - 1).is_none());
    assert!(granted(&text, "10.200.3.4", end).is_none());
    let two = format!("from=\"192.168.0.1\",role=admin {ADA}\n{ADA} elsewhere");
    assert_eq!(granted(&two, "192.168.0.1", 0).map(|grant| grant.role), Some(Role::Admin));
    assert_eq!(granted(&two, "192.168.0.2", 0).map(|grant| grant.role), Some(Role::Viewer), "the next line for it");
    assert!(granted(&format!("from=0.0.0.0/0 {ADA}"), "1.2.3.4", 0).is_some());
}

#[test]
fn what_is_not_understood_lets_nobody_in_and_is_told() {
    let cases = [
        (format!("command=\"id\" {ADA}"), "the option command is not known"),
        (format!("role=root {ADA}"), "viewer, operator, admin"),
        (format!("role {ADA}"), "needs a value"),
        (format!("from=\"*.example.com\" {ADA}"), "no patterns"),
        (format!("from=10.0.0.0/33 {ADA}"), "no patterns"),
        (format!("expiry-time=tomorrow {ADA}"), "YYYYMMDD"),
        (format!("name=\"a b\" {ADA}"), "letters, digits"),
        (format!("name=\"a {ADA}"), "not closed"),
        ("ssh-ed25519 AAAA".to_owned(), "cannot be read"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB".to_owned(), "ed25519"),
        ("role=admin".to_owned(), "no key"),
        (format!("cert-authority {ADA}"), "cert-authority is not known"),
    ];
    for (line, why) in cases {
        let found = faults(&format!("\n{line}\n"));
        assert_eq!(found.len(), 1, "{line}");
        assert!(found[0].line == 2 && found[0].why.contains(why), "{line}: {}", found[0]);
        assert!(granted(&line, "10.0.0.1", 0).is_none(), "{line}");
    }
}

#[test]
fn a_file_that_others_may_write_counts_for_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    assert!(read(&path).expect_err("none there").to_string().contains("keys"));
    std::fs::write(&path, ADA).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("its mode");
    assert_eq!(read(&path).expect("read"), ADA);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).expect("its mode");
    let error = read(&path).expect_err("open to a group").to_string();
    assert!(error.contains("chmod go-w"), "{error}");
}
