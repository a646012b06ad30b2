//! Whatever comes in, nothing panics, what is wrong is counted, and what is kept stays small.

use control::clock::{BootMs, Now};
use control::record::{Ancestry, Body, Fate, Part, Record, RecordId, Stamp};
use control::version::Version;
use gossip::{
    Config, Datagram, Engine, Identity, Input, Key, MAX_DATAGRAM_BYTES, MAX_MEMBERS, MAX_MESSAGE_BYTES, Malformed, Meeting,
    Message, Named, Output, Standing, VERSION,
};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

fn now(ms: u64) -> Now {
    let wall = Timestamp::from_millisecond(1_780_000_000_000 + i64::try_from(ms).unwrap_or(0)).expect("a time");
    Now { wall, boot: BootMs(ms) }
}

fn identity(name: &str, instance: u64) -> Identity {
    let address = SocketAddr::from(([10, 0, 0, name.len() as u8], 7_946));
    Identity::new(name.into(), instance, address, Arc::from(""))
}

fn engine(name: &str) -> Engine {
    engine_with(name, Standing::Settled, Vec::new())
}

fn engine_with(name: &str, standing: Standing, records: Vec<(RecordId, Stamp)>) -> Engine {
    let config = Config {
        identity: identity(name, 5),
        seed: 1,
        standing,
        horizon_ms: 1_000_000,
        known: Vec::new(),
        join: Vec::new(),
        denied: BTreeSet::new(),
        records,
    };
    Engine::new(now(0), config)
}

fn named(object: &str, wall_ms: u64) -> Named {
    let version = Version { wall_ms, counter: 0, node: "x".into() };
    let stamp = Stamp { birth: version.clone(), version, fate: Fate::Live };
    let id = RecordId { object: object.into(), part: Part::Spec };
    (id, Record { stamp, ancestry: Ancestry::default(), body: Body::Json("{}".into()) })
}

/// Two engines that know each other, as far as datagrams bring them.
fn pair() -> (Engine, Engine) {
    let (mut left, mut right) = (engine("a"), engine("bb"));
    let mut to_right = left.step(now(1), Input::Join(vec![right.identity().address]));
    for round in 2..40_u64 {
        let mut to_left = Vec::new();
        for output in to_right.drain(..) {
            if let Output::Datagram { bytes, .. } = output {
                to_left.extend(right.step(now(round), Input::Datagram { from: left.identity().address, bytes }));
            }
        }
        for output in to_left {
            if let Output::Datagram { bytes, .. } = output {
                to_right.extend(left.step(now(round), Input::Datagram { from: right.identity().address, bytes }));
            }
        }
    }
    assert_eq!((left.members().count(), right.members().count()), (1, 1));
    (left, right)
}

#[test]
fn what_is_written_is_read() {
    let records = vec![named("pods/default/a", 7)];
    let key = Key::of(&records[0].0, &records[0].1.stamp);
    let messages = [
        Message::Push { until: 3, records: Arc::new(records.clone()) },
        Message::Want { want: 1, keys: vec![key] },
        Message::Give { want: 1, handled: Some(1), records },
        Message::Reconcile { session: 1, standing: Standing::Fresh, frame: vec![1, 2] },
        Message::Have { session: 1, keys: vec![key, key], is_last: true },
        Message::Roll { members: vec![foca::Member::alive(identity("a", 1))], is_question: true },
    ];
    for message in messages {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
    let seek = Datagram::Seek(Meeting { me: identity("a", 1), you_died_as: Some(4) });
    assert_eq!(Datagram::decode(&seek.encode()), Ok(seek));
}

#[test]
fn what_no_node_says_is_refused_with_the_reason() {
    assert_eq!(Message::decode(&[]), Err(Malformed::Version { version: 0 }));
    assert_eq!(Message::decode(&[9, 1]), Err(Malformed::Version { version: 9 }));
    let long = vec![VERSION; MAX_DATAGRAM_BYTES + 1];
    assert_eq!(Datagram::decode(&long), Err(Malformed::TooLong { bytes: long.len(), most: MAX_DATAGRAM_BYTES }));
    assert!(matches!(Message::decode(&vec![VERSION; MAX_MESSAGE_BYTES + 1]), Err(Malformed::TooLong { .. })));
    let mut trailing = Message::Refuse { session: 1 }.encode();
    trailing.push(0);
    assert_eq!(Message::decode(&trailing), Err(Malformed::Trailing { bytes: 1 }));
    let (id, mut record) = named("pods/default/a", 7);
    record.stamp.fate = Fate::Gone;
    let lie = Message::Push { until: 0, records: Arc::new(vec![(id, record)]) };
    assert_eq!(Message::decode(&lie.encode()), Err(Malformed::Value { field: "record" }));
    let mut stranger = identity("a", 1);
    stranger.address.set_port(0);
    assert_eq!(Datagram::decode(&Datagram::Leave(stranger.clone()).encode()), Err(Malformed::Value { field: "identity" }));
    let crowd = |members: Vec<foca::Member<Identity>>| Message::decode(&Message::Roll { members, is_question: true }.encode());
    assert_eq!(crowd(vec![foca::Member::alive(stranger)]), Err(Malformed::Value { field: "members" }));
    let many = (0..=MAX_MEMBERS as u64).map(|instance| foca::Member::alive(identity("a", instance))).collect();
    assert_eq!(crowd(many), Err(Malformed::Value { field: "members" }));
}

#[test]
fn a_removed_node_does_not_come_back() {
    let (mut left, mut right) = pair();
    let denied = BTreeSet::from([right.identity().name.clone()]);
    let _ = left.step(now(50), Input::Denied(denied));
    assert!(left.members().all(|member| !member.state.is_active()));
    let seek = right.step(now(60), Input::Join(vec![left.identity().address]));
    for output in seek {
        if let Output::Datagram { bytes, .. } = output {
            let answers = left.step(now(60), Input::Datagram { from: right.identity().address, bytes });
            assert!(!answers.iter().any(|answer| matches!(answer, Output::Member(_))));
        }
    }
    assert!(left.counters().denied > 0);
    assert!(left.members().all(|member| !member.state.is_active()));
}

#[test]
fn a_member_is_told_what_it_lacks_of_the_members_and_a_stranger_nothing() {
    let (mut left, right) = pair();
    let other = foca::Member::alive(identity("cccc", 3));
    let ask = |members| Message::Roll { members, is_question: true }.encode();
    let said = left.step(now(50), Input::Message { from: "x".into(), bytes: ask(vec![other.clone()]) });
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(left.members().count(), 1);
    let right = right.identity().name.clone();
    let said = left.step(now(50), Input::Message { from: right.clone(), bytes: ask(vec![other]) });
    assert_eq!(left.members().count(), 2);
    let answers = said.iter().filter_map(|output| match output {
        Output::Message { to, bytes, .. } if *to == right => Message::decode(bytes).ok(),
        _ => None,
    });
    // The one member that it knows beside those of the question is who asked.
    assert_eq!(answers.collect::<Vec<_>>(), [Message::Roll { members: Vec::new(), is_question: false }]);
}

#[test]
fn whoever_starts_with_nothing_is_not_settled_before_it_has_what_the_others_have() {
    let (id, record) = named("pods/default/a", 7);
    let mut old = engine_with("a", Standing::Settled, vec![(id, record.stamp)]);
    let mut fresh = engine_with("bb", Standing::Fresh, Vec::new());
    let (old_id, fresh_id) = (old.identity().clone(), fresh.identity().clone());
    let mut to_old = fresh.step(now(1), Input::Join(vec![old_id.address]));
    let mut has_asked = false;
    for ms in 2..2_000 {
        let mut to_fresh = old.step(now(ms), Input::Tick);
        for output in to_old.drain(..) {
            match output {
                Output::Datagram { bytes, .. } => {
                    to_fresh.extend(old.step(now(ms), Input::Datagram { from: fresh_id.address, bytes }))
                }
                Output::Message { bytes, .. } => {
                    // What it asks for gets lost.
                    has_asked |= matches!(Message::decode(&bytes), Ok(Message::Want { .. }));
                    if !has_asked {
                        to_fresh.extend(old.step(now(ms), Input::Message { from: fresh_id.name.clone(), bytes }));
                    }
                }
                _ => {}
            }
        }
        to_old = fresh.step(now(ms), Input::Tick);
        for output in to_fresh {
            match output {
                Output::Datagram { bytes, .. } => {
                    to_old.extend(fresh.step(now(ms), Input::Datagram { from: old_id.address, bytes }))
                }
                Output::Message { bytes, .. } => {
                    to_old.extend(fresh.step(now(ms), Input::Message { from: old_id.name.clone(), bytes }));
                }
                _ => {}
            }
        }
        if has_asked {
            break;
        }
    }
    assert!(has_asked, "it reconciles with the other");
    let lost = fresh.step(now(2_001), Input::Unreachable { peer: old_id.name });
    let next = fresh.step(now(2_060), Input::Tick);
    assert!(!lost.iter().chain(&next).any(|output| matches!(output, Output::Settled)));
    assert_eq!(fresh.standing(), Standing::Fresh);
}

/// A correct encoding with some bytes changed reaches further into the code than noise does.
fn bent(bytes: Vec<u8>, bends: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    let mut bytes = bytes;
    for (index, byte) in bends {
        let at = index.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes
}

fn messages() -> Vec<Vec<u8>> {
    let records = vec![named("pods/default/a", 7), named("pods/default/b", 8)];
    let keys: Vec<Key> = records.iter().map(|(id, record)| Key::of(id, &record.stamp)).collect();
    let mut other = engine("c");
    let _ = other.step(now(1), Input::Changed(records.clone()));
    vec![
        Message::Push { until: 3, records: Arc::new(records.clone()) }.encode(),
        Message::Want { want: 1, keys: keys.clone() }.encode(),
        Message::Give { want: 1, handled: Some(1), records }.encode(),
        Message::Reconcile { session: 1, standing: Standing::Settled, frame: vec![0x61, 0, 0, 2, 0] }.encode(),
        Message::Answer { session: 1, standing: Standing::Settled, frame: vec![0x61, 0, 0, 2, 0] }.encode(),
        Message::Have { session: 1, keys, is_last: true }.encode(),
        Message::Roll {
            members: vec![foca::Member::alive(identity("a", 9)), foca::Member::down(identity("dddd", 9))],
            is_question: true,
        }
        .encode(),
        Message::Roll { members: vec![foca::Member::alive(identity("bb", 9))], is_question: false }.encode(),
    ]
}

proptest! {
    #[test]
    fn noise_is_dropped(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let (mut left, right) = pair();
        for mut bytes in datagrams {
            let _ = left.step(now(100), Input::Message { from: right.identity().name.clone(), bytes: bytes.clone() });
            bytes.insert(0, VERSION);
            let _ = left.step(now(100), Input::Message { from: right.identity().name.clone(), bytes: bytes.clone() });
            // As it is, and packed.
            for form in [0, 1] {
                let formed = [&bytes[..1], &[form], &bytes[1..]].concat();
                let _ = left.step(now(100), Input::Message { from: right.identity().name.clone(), bytes: formed });
            }
            let _ = left.step(now(100), Input::Datagram { from: right.identity().address, bytes });
        }
        prop_assert!(left.backlog() < 100);
    }

    #[test]
    fn bent_messages_and_datagrams_harm_nobody(
        picks in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)), 1..30),
    ) {
        let (mut left, mut right) = pair();
        let _ = left.step(now(100), Input::Changed(vec![named("pods/default/a", 3)]));
        let mut datagrams: Vec<Vec<u8>> = Vec::new();
        for ms in (100..4_000).step_by(100) {
            let outputs = right.step(now(ms), Input::Tick);
            datagrams.extend(outputs.into_iter().filter_map(|output| match output {
                Output::Datagram { bytes, .. } => Some(bytes),
                _ => None,
            }));
        }
        let messages = messages();
        for (index, (pick, bends)) in picks.iter().enumerate() {
            let at = now(4_000 + index as u64);
            let bytes = bent(messages[pick.index(messages.len())].clone(), bends);
            let _ = left.step(at, Input::Message { from: right.identity().name.clone(), bytes });
            let bytes = bent(datagrams[pick.index(datagrams.len())].clone(), bends);
            let _ = left.step(at, Input::Datagram { from: right.identity().address, bytes });
        }
        prop_assert!(left.backlog() < 1_000);
    }
}
