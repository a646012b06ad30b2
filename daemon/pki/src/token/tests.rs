//! Tests of join tokens.

use super::{Token, TokenError};
use crate::{Bundle, Lifetimes};

const NOW: u64 = 1_800_000_000_000;

fn bundle() -> Bundle {
    Bundle::make(NOW, &Lifetimes::default()).expect("a bundle")
}

#[test]
fn a_token_lets_in_until_it_expires() {
    let bundle = bundle();
    let token = Token::make(&bundle, NOW + 1000).expect("a token");
    let read: Token = token.reveal().parse().expect("its text is read back");
    assert_eq!(read, token);
    assert_eq!(read.generation(), bundle.newest().id());
    assert_eq!(read.check(&bundle, NOW + 999), Ok(()));
    assert_eq!(read.check(&bundle, NOW + 1000), Err(TokenError::Expired));
}

#[test]
fn a_token_of_another_cluster_or_of_older_keys_lets_nobody_in() {
    let (mut ours, theirs) = (bundle(), bundle());
    let token = Token::make(&theirs, NOW + 1000).expect("a token");
    assert_eq!(token.check(&ours, NOW), Err(TokenError::OtherCluster));
    let token = Token::make(&ours, NOW + 1000).expect("a token");
    ours.rotate(NOW, &Lifetimes::default()).expect("rotated");
    assert_eq!(token.check(&ours, NOW), Err(TokenError::OldGeneration));
}

#[test]
fn a_token_that_was_changed_is_damaged_or_forged() {
    let bundle = bundle();
    let token = Token::make(&bundle, NOW + 1000).expect("a token");
    let mut longer = token.clone();
    longer.expires_ms += 1;
    assert_eq!(longer.check(&bundle, NOW), Err(TokenError::Forged));
    let text = token.reveal();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ascii");
        assert!(changed.parse::<Token>().is_err(), "character {at}");
        assert!(text[..at].parse::<Token>().is_err(), "the first {at} characters");
    }
}

#[test]
fn blanks_of_a_paste_do_no_harm_and_other_text_is_no_token() {
    let text = Token::make(&bundle(), NOW).expect("a token").reveal();
    let (left, right) = text.split_at(70);
    assert!(format!("  {left}\n{right}\r\n").parse::<Token>().is_ok());
    for other in ["", "skiff1.", "skiff2.abc", "ä", "skiff1.ä", &"x".repeat(100_000)] {
        assert_eq!(other.parse::<Token>(), Err(TokenError::Damaged));
    }
}

#[test]
fn what_is_printed_lets_nobody_in() {
    let token = Token::make(&bundle(), NOW).expect("a token");
    assert!(!format!("{token:?}").contains("mac"), "{token:?}");
}
