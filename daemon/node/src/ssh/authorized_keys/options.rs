//! What stands before a key, separated by commas: who it is, what it may do, from where and until when.

use super::Terminal;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rest::rights::Role;
use std::net::IpAddr;

/// Restrictions that hold for every key here.
const ALWAYS: [&str; 7] =
    ["restrict", "pty", "no-port-forwarding", "no-agent-forwarding", "no-x11-forwarding", "no-user-rc", "no-touch-required"];

/// The options of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub name: Option<String>,
    pub role: Role,
    pub terminal: Terminal,
    /// Networks, where they are limited.
    from: Option<Vec<(IpAddr, u8)>>,
    /// Seconds since 1970, where it ends.
    until: Option<i64>,
}

impl Default for Options {
    /// Somebody who looks.
    fn default() -> Self {
        Self { name: None, role: Role::Viewer, terminal: Terminal::Allowed, from: None, until: None }
    }
}

impl Options {
    /// The options that a line begins with, and what follows them.
    pub fn parse(line: &str) -> Result<(Self, &str), String> {
        let mut options = Self::default();
        let mut rest = line;
        loop {
            let end = rest.find(['=', ',', ' ', '\t']).unwrap_or(rest.len());
            let name = rest[..end].to_ascii_lowercase();
            rest = &rest[end..];
            let mut given = None;
            if let Some(after) = rest.strip_prefix('=') {
                let (text, after) = value(after)?;
                given = Some(text);
                rest = after;
            }
            options.set(&name, given)?;
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None => return Ok((options, rest)),
            }
        }
    }

    fn set(&mut self, name: &str, given: Option<String>) -> Result<(), String> {
        match (name, given) {
            ("role", Some(word)) => {
                let words = Role::ALL.map(Role::as_str).join(", ");
                self.role = Role::from_word(&word).ok_or_else(|| format!("role={word}: use {words}"))?;
            }
            ("read-only" | "readonly", None) => self.role = Role::Viewer,
            ("name", Some(name)) => {
                let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._@-".contains(letter);
                if name.is_empty() || name.len() > super::MAX_NAME || !name.chars().all(is_plain) {
                    return Err(format!("name={name:?}: use up to {} letters, digits, '.', '_', '@', '-'", super::MAX_NAME));
                }
                self.name = Some(name);
            }
            ("no-pty", None) => self.terminal = Terminal::Refused,
            ("from", Some(networks)) => {
                self.from = Some(networks.split(',').map(|text| network(text.trim())).collect::<Result<_, _>>()?);
            }
            ("expiry-time", Some(time)) => self.until = Some(moment(&time)?),
            (name, None) if ALWAYS.contains(&name) => {}
            ("", _) => return Err("an option has no name".to_owned()),
            ("role" | "name" | "from" | "expiry-time", None) => {
                return Err(format!("the option {name} needs a value: {name}=\"…\""));
            }
            (name, _) => return Err(format!("the option {name} is not known here, so the line is not used")),
        }
        Ok(())
    }

    /// Whether the line counts for an address at a moment.
    pub fn allow(&self, from: IpAddr, now: i64) -> bool {
        let from = from.to_canonical();
        let is_near = self.from.as_ref().is_none_or(|networks| networks.iter().any(|network| contains(*network, from)));
        is_near && self.until.is_none_or(|until| now < until)
    }
}

/// A value, in quotes or up to the next comma or blank, and what follows it.
fn value(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut out = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((out, &quoted[at + 1..])),
            '\\' if quoted[at + 1..].starts_with('"') => {
                letters.next();
                out.push('"');
            }
            letter => out.push(letter),
        }
    }
    Err("a quote is not closed".to_owned())
}

fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let bad = || format!("from={text:?}: use addresses and networks such as 10.0.0.0/8, no names and no patterns");
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().map_err(|_| bad())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Ok(most), str::parse).map_err(|_| bad())?;
    if bits > most { Err(bad()) } else { Ok((address, bits)) }
}

fn contains((network, bits): (IpAddr, u8), address: IpAddr) -> bool {
    let (network, address, width) = match (network, address) {
        (IpAddr::V4(one), IpAddr::V4(two)) => (u128::from(one.to_bits()), u128::from(two.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(two)) => (one.to_bits(), two.to_bits(), 128),
        _ => return false,
    };
    let shift = width - u32::from(bits);
    // Of a network of 0 bits everything is inside.
    shift >= 128 || network >> shift == address >> shift
}

/// `YYYYMMDD[HHMM[SS]][Z]`: the machine's time, or UTC with a Z.
fn moment(text: &str) -> Result<i64, String> {
    let bad = || format!("expiry-time={text:?}: use YYYYMMDD or YYYYMMDDHHMM[SS], with a Z for UTC");
    let (digits, zone) = match text.strip_suffix('Z') {
        Some(digits) => (digits, TimeZone::UTC),
        None => (text, TimeZone::system()),
    };
    let format = match digits.len() {
        8 => "%Y%m%d",
        12 => "%Y%m%d%H%M",
        14 => "%Y%m%d%H%M%S",
        _ => return Err(bad()),
    };
    let whole = if digits.len() == 8 { format!("{digits}0000") } else { digits.to_owned() };
    let format = if format == "%Y%m%d" { "%Y%m%d%H%M" } else { format };
    let civil = DateTime::strptime(format, &whole).map_err(|_| bad())?;
    Ok(zone.to_timestamp(civil).map_err(|_| bad())?.as_second())
}
