//! Tests of sealed datagrams.

use super::{MAX_DATAGRAM, MAX_PAYLOAD, Moment, OVERHEAD, Refused, Sealer};
use crate::{Bundle, Identity, Lifetimes, NodeKey, NodeName};
use std::net::SocketAddr;

const NOW_MS: u64 = 1_800_000_000_000;
const NOW: u64 = NOW_MS * 1000;

fn bundle() -> Bundle {
    Bundle::make(NOW_MS - 3_600_000, &Lifetimes::default()).expect("a bundle")
}

/// Both clocks go on alike.
fn moment(wall_us: u64) -> Moment {
    Moment { wall_us, boot_ms: wall_us / 1000 }
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn identity() -> Identity {
    NodeKey::generate().expect("a key").identity()
}

fn sealer(bundle: &Bundle) -> Sealer {
    Sealer::new(identity(), NOW_MS, bundle).expect("a sealer")
}

#[test]
fn what_one_seals_the_other_opens_once() {
    let bundle = bundle();
    let (mut a, mut b) = (sealer(&bundle), sealer(&bundle));
    let sealed = a.seal(moment(NOW), address(2), b"hello").expect("sealed");
    assert_eq!(sealed.len(), 5 + OVERHEAD);
    assert!(!sealed.windows(5).any(|bytes| bytes == b"hello"));
    let opened = b.open(moment(NOW + 5), address(1), &sealed).expect("opened");
    assert_eq!((opened.payload.as_slice(), opened.sender), (b"hello".as_slice(), a.me.node));
    assert_eq!((opened.instance_ms, opened.trust_digest), (NOW_MS, bundle.digest()));
    assert_eq!(b.open(moment(NOW + 6), address(1), &sealed), Err(Refused::Replay));
    assert_eq!(b.open(moment(NOW + 7), address(9), &sealed), Err(Refused::Replay), "from elsewhere, too");
    assert_eq!(a.open(moment(NOW + 8), address(1), &sealed), Err(Refused::Own));
    assert_eq!((b.refused(Refused::Replay), a.refused(Refused::Own)), (2, 1));
}

#[test]
fn datagrams_may_come_in_any_order_within_the_window() {
    let bundle = bundle();
    let (mut a, mut b) = (sealer(&bundle), sealer(&bundle));
    let sealed: Vec<_> = (0..1100).map(|_| a.seal(moment(NOW), address(2), b"x").expect("sealed")).collect();
    assert!(b.open(moment(NOW), address(1), &sealed[1099]).is_ok());
    for datagram in sealed[76..1099].iter().rev() {
        assert!(b.open(moment(NOW), address(1), datagram).is_ok());
    }
    assert_eq!(b.open(moment(NOW), address(1), &sealed[75]), Err(Refused::Replay), "too old to tell");
}

#[test]
fn strangers_are_counted_and_leave_no_trace() {
    let (mut ours, mut stranger) = (sealer(&bundle()), sealer(&bundle()));
    let sealed = stranger.seal(moment(NOW), address(2), b"x").expect("sealed");
    assert_eq!(ours.open(moment(NOW), address(1), &sealed), Err(Refused::Stranger));
    assert_eq!(ours.refused(Refused::Stranger), 1);
    assert!(ours.senders.is_empty() && ours.by_address.is_empty());
}

#[test]
fn every_changed_byte_is_noticed() {
    let bundle = bundle();
    let (mut a, mut b) = (sealer(&bundle), sealer(&bundle));
    let sealed = a.seal(moment(NOW), address(2), b"hello").expect("sealed");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(b.open(moment(NOW), address(1), &changed).is_err(), "byte {at}");
    }
    assert!(b.senders.is_empty());
    assert!(b.open(moment(NOW), address(1), &sealed).is_ok());
}

#[test]
fn random_and_oversized_bytes_are_malformed_and_never_panic() {
    let mut ours = sealer(&bundle());
    let mut random = 3_u64;
    for length in (0..1500).chain([65_507]) {
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            u8::try_from(random >> 56).expect("a byte")
        };
        let mut bytes: Vec<u8> = (0..length).map(|_| next()).collect();
        assert!(ours.open(moment(NOW), address(1), &bytes).is_err());
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        assert!(ours.open(moment(NOW), address(1), &bytes).is_err());
    }
    assert!(ours.refused(Refused::Malformed) > 0 && ours.refused(Refused::Stranger) > 0);
    assert!(ours.seal(moment(NOW), address(1), &[0; MAX_PAYLOAD + 1]).is_err());
    assert_eq!(ours.seal(moment(NOW), address(1), &[0; MAX_PAYLOAD]).map(|sealed| sealed.len()), Ok(MAX_DATAGRAM));
}

#[test]
fn the_table_of_senders_is_bounded() {
    let bundle = bundle();
    let mut ours = sealer(&bundle);
    for number in 0..super::MAX_SENDERS + 5 {
        let mut other = Sealer::new(Identity::of_public_key(&number.to_be_bytes()), NOW_MS, &bundle).expect("a sealer");
        let sealed = other.seal(moment(NOW), address(2), b"x").expect("sealed");
        let from = SocketAddr::from(([10, 0, 0, 1], u16::try_from(number).expect("a port")));
        assert!(ours.open(moment(NOW + u64::try_from(number).expect("small")), from, &sealed).is_ok());
    }
    assert_eq!((ours.senders.len(), ours.by_address.len()), (super::MAX_SENDERS, super::MAX_SENDERS));
    assert!(!ours.is_known(SocketAddr::from(([10, 0, 0, 1], 0))), "the one that was silent for longest went");
}

#[test]
fn a_process_before_is_not_believed_beside_the_one_of_now() {
    let (bundle, node) = (bundle(), identity());
    let mut ours = sealer(&bundle);
    let mut before = Sealer::new(node, NOW_MS - 1000, &bundle).expect("a sealer");
    let mut now = Sealer::new(node, NOW_MS, &bundle).expect("a sealer");
    let early = before.seal(moment(NOW), address(2), b"x").expect("sealed");
    assert!(ours.open(moment(NOW), address(1), &early).is_ok());
    let late = before.seal(moment(NOW), address(2), b"x").expect("sealed");
    let fresh = now.seal(moment(NOW), address(2), b"x").expect("sealed");
    assert!(ours.open(moment(NOW + 1), address(1), &fresh).is_ok());
    assert_eq!(ours.open(moment(NOW + 2), address(1), &late), Err(Refused::Replay));
    assert_eq!(ours.senders.len(), 1);
    // Its clock was set back, and it started again: after a silence it is believed.
    assert!(ours.open(moment(NOW + 2 + super::SILENCE_US), address(1), &late).is_ok());
}

#[test]
fn round_trips_and_offsets_are_measured() {
    let bundle = bundle();
    let (mut a, mut b) = (sealer(&bundle), sealer(&bundle));
    // B's clock is an hour ahead, each way takes 2 ms, B answers after 100 ms.
    let (ahead, one_way, hold) = (3_600_000_000, 2_000, 100_000);
    for round in 0..5 {
        let sent = NOW + round * 1_000_000;
        let question = a.seal(moment(sent), address(2), b"?").expect("sealed");
        b.open(moment(sent + one_way + ahead), address(1), &question).expect("opened");
        let answered = sent + one_way + hold;
        let answer = b.seal(moment(answered + ahead), address(1), b"!").expect("sealed");
        a.open(moment(answered + one_way), address(2), &answer).expect("opened");
    }
    let clocks: Vec<_> = a.clocks().map(|(node, clock)| (node, clock.round_trip_us, clock.offset_us)).collect();
    assert_eq!(clocks, [(b.me.node, 4_000, 3_600_000_000)]);
}

#[test]
fn a_new_generation_takes_over_and_the_old_one_ends() {
    let mut old = bundle();
    let before = old.clone();
    let gone = identity();
    let (mut a, mut b) = (sealer(&old), sealer(&old));
    let mut removed = Sealer::new(gone, NOW_MS, &old).expect("a sealer");
    let open = |b: &mut Sealer, at: u64, datagram: Vec<u8>| b.open(moment(at), address(1), &datagram).map(|_| ());
    assert_eq!(open(&mut b, NOW, removed.seal(moment(NOW), address(2), b"x").expect("sealed")), Ok(()));
    old.remove(&[gone], &NodeName::parse("gone").expect("a name"), NOW_MS, &Lifetimes::default()).expect("removed");
    b.update(&old, NOW_MS);
    assert_eq!(open(&mut b, NOW, removed.seal(moment(NOW), address(2), b"x").expect("sealed")), Err(Refused::Denied));
    // A has not heard of it yet; B hears it for a minute, and seals so that A hears it for a moment.
    assert_eq!(open(&mut b, NOW + 59_000_000, a.seal(moment(NOW), address(2), b"x").expect("sealed")), Ok(()));
    let early = b.seal(moment(NOW + 1_000_000), address(1), b"x").expect("sealed");
    assert_eq!(open(&mut a, NOW + 1_000_000, early), Ok(()));
    let late = b.seal(moment(NOW + 6_000_000), address(1), b"x").expect("sealed");
    assert_eq!(open(&mut a, NOW + 6_000_000, late.clone()), Err(Refused::Stranger));
    a.update(&old, NOW_MS + 6_000);
    assert_eq!(open(&mut a, NOW + 6_000_000, late), Ok(()));
    let mut sleeper = sealer(&bundle());
    assert_eq!(open(&mut b, NOW, sleeper.seal(moment(NOW), address(2), b"x").expect("sealed")), Err(Refused::Stranger));
    let mut asleep = Sealer::new(identity(), NOW_MS, &before).expect("a sealer");
    asleep.update(&old, NOW_MS + 60_000);
    assert_eq!(
        open(&mut b, NOW + 61_000_000, asleep.seal(moment(NOW), address(2), b"x").expect("sealed")),
        Err(Refused::OldGeneration)
    );
}

#[test]
fn a_makers_clock_that_is_an_hour_off_cuts_nobody_off() {
    for made_ms in [NOW_MS - 1_800_000, NOW_MS, NOW_MS + 3_600_000] {
        let old = bundle();
        let (mut ours, mut late) = (sealer(&old), sealer(&old));
        let mut new = old.clone();
        new.rotate(made_ms, &Lifetimes::default()).expect("rotated");
        let after = |ms: u64| Moment { wall_us: NOW, boot_ms: 1_000 + ms };
        ours.update(&new, 1_000);
        let early = ours.seal(after(4_999), address(1), b"x").expect("sealed");
        assert!(late.open(after(4_999), address(2), &early).is_ok(), "whoever has not heard of it yet reads us");
        let ripe = ours.seal(after(5_000), address(1), b"x").expect("sealed");
        assert_eq!(late.open(after(5_000), address(2), &ripe), Err(Refused::Stranger));
        let mut say = || late.seal(after(0), address(2), b"x").expect("sealed");
        let (before, over) = (say(), say());
        assert!(ours.open(after(59_999), address(1), &before).is_ok(), "and is read");
        assert_eq!(ours.open(after(60_000), address(1), &over), Err(Refused::OldGeneration));
        // A process that starts later takes the newest at once.
        let mut started = sealer(&new);
        let sealed = started.seal(after(0), address(2), b"x").expect("sealed");
        assert!(ours.open(after(60_000), address(3), &sealed).is_ok());
    }
}
