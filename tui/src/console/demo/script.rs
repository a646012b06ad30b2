//! Reads demo scripts: the tape language of VHS as far as a console goes, and our own words in comments that begin with `#:`.

use crate::console::keys::key::Key;
use regex::Regex;
use std::time::Duration;

/// A line of a script that does something.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its number, from 1.
    pub line: usize,
    /// What it does.
    pub act: Act,
}

/// What a line does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Presses keys, with a pause after each.
    Press(Vec<Key>, Option<Duration>),
    /// Types letters, with a pause after each.
    Type(String, Option<Duration>),
    /// Lets time go by.
    Sleep(Duration),
    /// Lets time go by until the screen shows this.
    Wait(Regex, Duration),
    /// Fails where the screen does not show this.
    Expect(Regex),
    /// Fails where the screen shows this.
    ExpectNot(Regex),
    /// Draws the screen into a file.
    Screenshot(String),
    /// Stops recording, or goes on with it.
    Show(bool),
    /// A name for this moment, which players can jump to.
    Marker(String),
}

/// A script.
#[derive(Debug, Clone)]
pub struct Script {
    /// The window: columns and rows.
    pub size: (u16, u16),
    /// The pause after a key.
    pub typing: Duration,
    /// The theme's name.
    pub theme: String,
    /// The world's file, beside the script.
    pub world: Option<String>,
    /// The files that a recording is written to.
    pub outputs: Vec<String>,
    /// What it does.
    pub steps: Vec<Step>,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// Says what is wrong in which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut script = Self {
            size: (100, 30),
            typing: Duration::from_millis(60),
            theme: "dark".to_owned(),
            world: None,
            outputs: Vec::new(),
            steps: Vec::new(),
        };
        for (at, line) in text.lines().enumerate() {
            let wrong = |why: String| format!("line {}: {why}", at + 1);
            let line = line.trim();
            match line.strip_prefix("#:") {
                Some(own) => script.own(at + 1, own.trim()).map_err(wrong)?,
                None if line.starts_with('#') => {}
                None => script.tape(at + 1, &words(line).map_err(wrong)?).map_err(wrong)?,
            }
        }
        Ok(script)
    }

    fn push(&mut self, line: usize, act: Act) {
        self.steps.push(Step { line, act });
    }

    /// What VHS passes over as a comment.
    fn own(&mut self, line: usize, text: &str) -> Result<(), String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "world" => self.world = Some(rest.trim().to_owned()),
            "expect" => self.push(line, Act::Expect(regex(rest)?)),
            "expect-not" => self.push(line, Act::ExpectNot(regex(rest)?)),
            "marker" => self.push(line, Act::Marker(rest.trim().to_owned())),
            _ => return Err(format!("\"{word}\" is none of world, expect, expect-not, marker")),
        }
        Ok(())
    }

    /// A line of VHS; several commands may stand on one.
    fn tape(&mut self, line: usize, words: &[String]) -> Result<(), String> {
        let mut rest = words;
        while let Some((first, after)) = rest.split_first() {
            let (word, at) = first.split_once('@').map_or((first.as_str(), None), |(word, at)| (word, Some(at)));
            let pause = at.map(duration).transpose()?;
            let argument = || after.first().map(String::as_str).ok_or_else(|| format!("{word} wants a word after it"));
            let mut used = 1;
            match word {
                "Output" => self.outputs.push(argument()?.to_owned()),
                "Set" => {
                    self.set(argument()?, after.get(1).map_or("", String::as_str))?;
                    used = 2;
                }
                "Type" => {
                    let text = argument()?.to_owned();
                    self.push(line, Act::Type(text, pause));
                }
                "Sleep" => self.push(line, Act::Sleep(duration(argument()?)?)),
                "Wait" | "Wait+Screen" | "Wait+Line" => {
                    let act = Act::Wait(regex(argument()?)?, pause.unwrap_or(Duration::from_secs(15)));
                    self.push(line, act);
                }
                "Screenshot" => self.push(line, Act::Screenshot(argument()?.to_owned())),
                "Require" | "Source" | "Env" => return Err(format!("{word} has no meaning here: a demo runs no programs")),
                "Hide" | "Show" => {
                    self.push(line, Act::Show(word == "Show"));
                    used = 0;
                }
                _ => {
                    let key = key(word).ok_or_else(|| format!("\"{word}\" is no command and no key"))?;
                    let count = after.first().and_then(|count| count.parse::<usize>().ok());
                    self.push(line, Act::Press(vec![key; count.unwrap_or(1).min(1_000)], pause));
                    used = usize::from(count.is_some());
                }
            }
            rest = after.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = || value.parse::<u16>().ok().filter(|number| (30..=400).contains(number) || name == "Height" && *number > 5);
        match name {
            "Width" => self.size.0 = number().ok_or("Width is a number of columns, 30 to 400")?,
            "Height" => self.size.1 = number().ok_or("Height is a number of rows, 6 to 400")?,
            "TypingSpeed" => self.typing = duration(value)?,
            "Theme" => self.theme = value.to_owned(),
            // What only says how VHS draws.
            "FontSize" | "FontFamily" | "LetterSpacing" | "LineHeight" | "Framerate" | "Padding" | "Shell" | "LoopOffset"
            | "Margin" | "MarginFill" | "BorderRadius" | "WindowBar" | "WindowBarSize" | "PlaybackSpeed" | "CursorBlink" => {}
            _ => return Err(format!("there is no setting \"{name}\"")),
        }
        Ok(())
    }
}

fn key(word: &str) -> Option<Key> {
    let name = match word {
        "Escape" => "esc".to_owned(),
        "PageUp" => "pgup".to_owned(),
        "PageDown" => "pgdn".to_owned(),
        _ => word.replace("Ctrl+", "ctrl-").replace("Alt+", "alt-"),
    };
    let lower = name.to_lowercase();
    let is_known = [
        "Enter",
        "Escape",
        "Tab",
        "Space",
        "Backspace",
        "Delete",
        "Up",
        "Down",
        "Left",
        "Right",
        "PageUp",
        "PageDown",
        "Home",
        "End",
    ]
    .contains(&word);
    (is_known || name.contains('-')).then(|| Key::parse(&lower)).flatten()
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no time such as 500ms or 2s");
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 0.001),
        (None, Some(number)) => (number, 1.0),
        (None, None) => (text, 1.0),
    };
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * unit;
    Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= Duration::from_secs(3_600)).ok_or_else(wrong)
}

fn regex(text: &str) -> Result<Regex, String> {
    let text = text.trim();
    let inside = text.strip_prefix('/').and_then(|text| text.strip_suffix('/')).unwrap_or(text);
    Regex::new(inside)
        .map_err(|error| format!("/{inside}/ is no regular expression: {}", error.to_string().lines().last().unwrap_or_default()))
}

/// Words between spaces; quotes and slashes hold spaces together.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut letters = line.chars().peekable();
    while let Some(first) = letters.peek().copied() {
        if first.is_whitespace() {
            letters.next();
            continue;
        }
        if first == '#' {
            break;
        }
        let mut word = String::new();
        if matches!(first, '"' | '\'' | '`' | '/') {
            letters.next();
            let mut is_closed = false;
            while let Some(letter) = letters.next() {
                match letter {
                    // Only in patterns is a backslash a letter of its own.
                    '\\' if first == '/' && letters.next_if_eq(&'/').is_some() => word.push('/'),
                    letter if letter == first => {
                        is_closed = true;
                        break;
                    }
                    letter => word.push(letter),
                }
            }
            if !is_closed {
                return Err(format!("{first} is never closed"));
            }
        } else {
            while let Some(letter) = letters.next_if(|letter| !letter.is_whitespace()) {
                word.push(letter);
            }
        }
        words.push(word);
    }
    Ok(words)
}
