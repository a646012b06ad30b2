//! Whatever happens in whatever order, the console goes on and its picture fits.

use super::{Bench, event, live, pod, row};
use crate::console::app::msg::{Msg, Wire};
use crate::console::keys::key::Key;
use crate::console::keys::table::TABLE;
use crate::console::link::{Chunk, Failure, PaneEnd, PaneNews, Standing};
use crate::console::term::input::Input;
use objects::{Kind, Status};
use serde_json::json;
use std::time::Duration;
use wire::Response;

struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}

fn keys() -> Vec<Key> {
    let mut keys: Vec<Key> = TABLE.iter().flat_map(|binding| binding.keys.split(' ')).filter_map(Key::parse).collect();
    keys.extend(
        ["enter", "esc", "y", "tab", "7", "backspace", "é", "日", ":", "/", "delete"].iter().filter_map(|name| Key::parse(name)),
    );
    // A test cannot be suspended, and a quit ends nothing here.
    keys.retain(|key| *key != Key::parse("ctrl-z").expect("a key"));
    keys
}

fn message(random: &mut Random, keys: &[Key]) -> Msg {
    let name = format!("pod-{}", random.next(30));
    let state =
        [json!({"running": {}}), json!({"waiting": {"reason": "CrashLoopBackOff"}}), json!({})][random.next(3) as usize].clone();
    let pod = row(Kind::Pod, &pod(&name, &state, random.next(2) == 0, random.next(3) as i64));
    let id = random.next(40) as u32;
    match random.next(33) {
        0..20 => Msg::Input(Input::Key(keys[random.next(keys.len() as u64) as usize].event())),
        20 => Msg::Resized(random.next(140) as u16, random.next(50) as u16),
        21 => Msg::Wire(Wire::Put(Kind::Pod, Box::new(pod))),
        22 => Msg::Wire(Wire::Remove(Kind::Pod, pod.key)),
        23 => Msg::Wire(Wire::Rows(Kind::Event, vec![row(Kind::Event, &event(random.next(9) as usize))])),
        24 => Msg::Wire(Wire::Standing(live())),
        25 => {
            Msg::Wire(Wire::Standing(Standing::Lost { ago: Duration::from_secs(random.next(9)), attempt: 1, error: "x".into() }))
        }
        26 => Msg::Wire(Wire::Answer(id, Err(Failure::Refused(Box::new(Status::stale(Kind::Pod, "x")))))),
        27 => Msg::Wire(Wire::Answer(
            id,
            Ok(Response::Object { object: Box::new(json!({})), warnings: vec![], outcome: "ok".into() }),
        )),
        29 => Msg::Wire(Wire::Pane(id, PaneNews::Begun)),
        30 => {
            let text = ["\u{1b}[?1049h", "\u{65e5}\u{1b}[2;9r\r\n", "\u{1b}[?1000h\u{1b}[6n", "x\u{7}", "\u{1b}[999;999Hy"];
            let text = text[random.next(5) as usize].repeat(random.next(40) as usize);
            Msg::Wire(Wire::Pane(id, PaneNews::Output(Chunk::new(text.into_bytes(), None))))
        }
        31 => Msg::Wire(Wire::Pane(id, PaneNews::Ended(PaneEnd::Exited(1)))),
        28 => Msg::Wire(Wire::Log(id, "2026-03-01T12:00:00.000000000Z \u{1b}[3日本\n\n-".as_bytes().to_vec())),
        _ => Msg::Input(Input::Paste("a: [\n\tb\u{1b}".to_owned())),
    }
}

#[test]
fn random_messages_never_end_the_console() {
    let from = std::env::var("SKIFF_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let runs = std::env::var("SKIFF_RUNS").ok().and_then(|runs| runs.parse::<u64>().ok()).unwrap_or(12);
    let keys = keys();
    let (first, count) = from.map_or((1, runs), |seed| (seed, 1));
    for seed in first..first + count {
        println!("SKIFF_SEED={seed}");
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).max(1));
        let mut bench = Bench::new(80, 24);
        for step in 0..500 {
            let msg = message(&mut random, &keys);
            bench.take(msg);
            bench.effects.clear();
            if step % 5 == 0 {
                bench.wait(random.next(3) as i64);
                let (buffer, cursor) = bench.paint();
                assert!(
                    cursor.is_none_or(|at| at.x < buffer.area.width && at.y < buffer.area.height),
                    "seed {seed}, step {step}"
                );
            }
        }
    }
}
