//! Compiles a policy to classic BPF: a binary search over ranges of numbers, then the few rules that look at arguments.

use super::policy::{DENIED_FAMILIES, FIRST_UNKNOWN_FAMILY, NAMESPACE_FLAGS, PERSONALITIES, Rule};

// <linux/bpf_common.h>
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_BITS: u16 = 0x45;
const RETURN: u16 = 0x06;

// <linux/seccomp.h>
const RETURN_ALLOW: u32 = 0x7fff_0000;
const RETURN_ERRNO: u32 = 0x0005_0000;
const RETURN_KILL: u32 = 0x8000_0000;
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCHITECTURE: u32 = 4;
/// The lower half of the first argument: all that the kernel itself looks at in the calls that are checked.
const OFFSET_ARGUMENT: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };

/// `AUDIT_ARCH_…` of the only kind of program that may run: the table has no numbers of others.
#[cfg(target_arch = "x86_64")]
pub(super) const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHITECTURE: u32 = 0xc000_00b7;
/// Numbers from here on are those of x32 programs.
const X32: u32 = 0x4000_0000;

/// Where a jump goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The next instruction.
    Next,
    /// An index that is known.
    At(usize),
    /// What does a rule.
    Rule(Rule),
    Kill,
}

#[derive(Clone, Copy)]
struct Instruction {
    code: u16,
    value: u32,
    yes: Target,
    no: Target,
}

struct Program(Vec<Instruction>);

/// The filter of a policy: the rule of each number, the last one for all that follow.
pub(super) fn compile(policy: &[Rule]) -> Vec<u8> {
    let mut program = Program(Vec::new());
    program.load(OFFSET_ARCHITECTURE);
    program.jump(JUMP_IF_EQUAL, ARCHITECTURE, Target::Next, Target::Kill);
    program.load(OFFSET_NUMBER);
    if cfg!(target_arch = "x86_64") {
        program.jump(JUMP_IF_AT_LEAST, X32, Target::Kill, Target::Next);
    }
    program.search(&ranges(policy));
    program.finish()
}

/// First numbers of runs of the same rule.
fn ranges(policy: &[Rule]) -> Vec<(u32, Rule)> {
    let mut ranges: Vec<(u32, Rule)> = Vec::new();
    for (number, rule) in policy.iter().enumerate() {
        if ranges.last().is_none_or(|(_, last)| last != rule) {
            ranges.push((number as u32, *rule));
        }
    }
    ranges
}

impl Program {
    fn load(&mut self, offset: u32) {
        self.0.push(Instruction { code: LOAD, value: offset, yes: Target::Next, no: Target::Next });
    }

    fn jump(&mut self, code: u16, value: u32, yes: Target, no: Target) {
        self.0.push(Instruction { code, value, yes, no });
    }

    fn give_back(&mut self, value: u32) {
        self.0.push(Instruction { code: RETURN, value, yes: Target::Next, no: Target::Next });
    }

    /// Halves the ranges until one is left, which is jumped to rather than written here.
    fn search(&mut self, ranges: &[(u32, Rule)]) {
        let [_, _, ..] = ranges else { return };
        let (below, above) = ranges.split_at(ranges.len() / 2);
        let at = self.0.len();
        let leaf = |side: &[(u32, Rule)]| match side {
            [(_, rule)] => Target::Rule(*rule),
            _ => Target::Next,
        };
        self.jump(JUMP_IF_AT_LEAST, above[0].0, leaf(above), leaf(below));
        self.search(below);
        if above.len() > 1 {
            self.0[at].yes = Target::At(self.0.len());
        }
        self.search(above);
    }

    /// Writes the rules that are jumped to, and the program as bytes.
    fn finish(mut self) -> Vec<u8> {
        let mut wanted: Vec<Target> = Vec::new();
        for target in self.0.iter().flat_map(|instruction| [instruction.yes, instruction.no]) {
            if matches!(target, Target::Rule(_) | Target::Kill) && !wanted.contains(&target) {
                wanted.push(target);
            }
        }
        // Rules with arguments jump on to plain ones, which therefore come last.
        wanted.sort_by_key(|target| matches!(target, Target::Rule(Rule::Allow | Rule::Errno(_)) | Target::Kill));
        let mut places: Vec<(Target, usize)> = Vec::new();
        let mut next = 0;
        while next < wanted.len() {
            let target = wanted[next];
            next += 1;
            places.push((target, self.0.len()));
            self.write_rule(target);
            for needed in [Target::Rule(Rule::Allow), Target::Rule(super::policy::EPERM)] {
                if !wanted.contains(&needed) {
                    wanted.push(needed);
                }
            }
        }
        let mut bytes = Vec::with_capacity(self.0.len() * 8);
        for (index, instruction) in self.0.iter().enumerate() {
            let offset = |target: Target| {
                let place = match target {
                    Target::Next => index + 1,
                    Target::At(place) => place,
                    other => places.iter().find(|(known, _)| *known == other).map_or(0, |(_, place)| *place),
                };
                u8::try_from(place - index - 1).expect("a filter has fewer than 256 instructions and jumps forwards only")
            };
            let is_jump = ![LOAD, RETURN].contains(&instruction.code);
            let (yes, no) = if is_jump { (offset(instruction.yes), offset(instruction.no)) } else { (0, 0) };
            bytes.extend(instruction.code.to_ne_bytes());
            bytes.extend([yes, no]);
            bytes.extend(instruction.value.to_ne_bytes());
        }
        bytes
    }

    fn write_rule(&mut self, target: Target) {
        let (allow, deny) = (Target::Rule(Rule::Allow), Target::Rule(super::policy::EPERM));
        match target {
            Target::Rule(Rule::Allow) => self.give_back(RETURN_ALLOW),
            Target::Rule(Rule::Errno(errno)) => self.give_back(RETURN_ERRNO | u32::from(errno)),
            Target::Kill => self.give_back(RETURN_KILL),
            Target::Rule(Rule::CloneWithoutNamespaces) => {
                self.load(OFFSET_ARGUMENT);
                self.jump(JUMP_IF_BITS, NAMESPACE_FLAGS, deny, allow);
            }
            Target::Rule(Rule::Socket) => {
                self.load(OFFSET_ARGUMENT);
                for family in DENIED_FAMILIES {
                    self.jump(JUMP_IF_EQUAL, family, deny, Target::Next);
                }
                self.jump(JUMP_IF_AT_LEAST, FIRST_UNKNOWN_FAMILY, deny, allow);
            }
            Target::Rule(Rule::Personality) => {
                self.load(OFFSET_ARGUMENT);
                let (last, others) = PERSONALITIES.split_last().expect("there are five");
                for personality in others {
                    self.jump(JUMP_IF_EQUAL, *personality, allow, Target::Next);
                }
                self.jump(JUMP_IF_EQUAL, *last, allow, deny);
            }
            Target::Next | Target::At(_) => {}
        }
    }
}
