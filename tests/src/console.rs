//! The console in a real terminal: tmux runs it, types for us and tells what is on the screen.

use crate::{World, eventually};
use std::process::{Command, Output};

/// A terminal with `skiff` in it.
#[derive(Debug)]
pub struct Console {
    server: String,
}

impl Console {
    /// Opens the console of a world in a terminal of so many columns and lines.
    ///
    /// # Panics
    /// If tmux is not there.
    #[must_use]
    pub fn open(world: &World, columns: u16, lines: u16) -> Self {
        Self::run(world, columns, lines, "")
    }

    /// The same with words for `skiff`, and whatever a shell runs after it.
    ///
    /// # Panics
    /// If tmux is not there.
    #[must_use]
    pub fn run(world: &World, columns: u16, lines: u16, words: &str) -> Self {
        let command = format!(
            "export SKIFF_NODE={} XDG_CONFIG_HOME={} XDG_STATE_HOME={}; {} {words}",
            world.socket(),
            world.folder().join("config").display(),
            world.folder().join("state").display(),
            world.skiff_path().display()
        );
        Self::of(world, columns, lines, &command)
    }

    /// A terminal with any command of a shell in it.
    ///
    /// # Panics
    /// If tmux is not there.
    #[must_use]
    pub fn of(world: &World, columns: u16, lines: u16, command: &str) -> Self {
        let server = format!("{}-{columns}x{lines}", world.folder().file_name().expect("a folder has a name").display());
        let console = Self { server };
        let size = [columns.to_string(), lines.to_string()];
        console.tmux(&["-f", "/dev/null", "new-session", "-d", "-s", "skiff", "-x", &size[0], "-y", &size[1], command]);
        console.tmux(&["set-option", "-g", "remain-on-exit", "on"]);
        console
    }

    fn try_tmux(&self, words: &[&str]) -> Output {
        Command::new("tmux").args(["-L", &self.server]).args(words).output().expect("tmux runs")
    }

    fn tmux(&self, words: &[&str]) -> String {
        let output = self.try_tmux(words);
        assert!(output.status.success(), "tmux {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Presses keys, named as tmux names them: `Enter`, `Escape`, `C-d`, `x`.
    pub fn press(&self, keys: &[&str]) {
        let mut words = vec!["send-keys", "-t", "skiff"];
        words.extend(keys);
        self.tmux(&words);
    }

    /// Presses Escape and waits until the screen has changed: a key right behind it would make it a chord with Alt.
    ///
    /// # Panics
    /// When patience ends.
    pub fn escape(&self) {
        let before = self.screen();
        self.press(&["Escape"]);
        self.wait_until("Escape changes the screen", |screen| screen != before);
    }

    /// Types a text as it is.
    pub fn type_text(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "skiff", "-l", text]);
    }

    /// Clicks with the left button at a place, counted from 0.
    pub fn click(&self, column: u16, line: u16) {
        self.mouse(0, column, line, 'M');
        self.mouse(0, column, line, 'm');
    }

    /// Turns the wheel one step down at a place.
    pub fn wheel_down(&self, column: u16, line: u16) {
        self.mouse(65, column, line, 'M');
    }

    /// What a terminal tells of its mouse (xterm's `ctlseqs`, SGR 1006).
    fn mouse(&self, button: u8, column: u16, line: u16, end: char) {
        self.type_text(&format!("\x1b[<{button};{};{}{end}", column + 1, line + 1));
    }

    /// Where a text stands on the screen: column and line, counted from 0.
    #[must_use]
    pub fn place_of(&self, text: &str) -> (u16, u16) {
        let found = eventually(&format!("{text:?} on the screen"), || {
            let screen = self.screen();
            let mut lines = screen.lines().enumerate();
            let place = lines.find_map(|(y, line)| Some((line[..line.find(text)?].chars().count(), y)));
            place.ok_or_else(|| format!("\n{screen}"))
        });
        (u16::try_from(found.0).unwrap_or(u16::MAX), u16::try_from(found.1).unwrap_or(u16::MAX))
    }

    /// What is on the screen, a line each.
    #[must_use]
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "skiff"])
    }

    /// Waits for a text on the screen and gives the screen.
    ///
    /// # Panics
    /// When patience ends.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?} on the screen"), |screen| screen.contains(text))
    }

    /// Waits until the screen is as it should be and gives it.
    ///
    /// # Panics
    /// When patience ends.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        eventually(what, || {
            let screen = self.screen();
            if is_so(&screen) { Ok(screen) } else { Err(format!("\n{screen}")) }
        })
    }

    /// The console's process: what the terminal's shell runs, or what took its place.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn pid(&self) -> u32 {
        let shell = self.tmux(&["display-message", "-p", "-t", "skiff", "#{pane_pid}"]).trim().to_owned();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap_or_default();
        let own = children.split_whitespace().next().unwrap_or(&shell);
        own.parse().expect("a process has a number")
    }

    /// Changes the terminal's size.
    pub fn resize(&self, columns: u16, lines: u16) {
        self.tmux(&["resize-window", "-t", "skiff", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    /// Whether the console has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.tmux(&["display-message", "-p", "-t", "skiff", "#{pane_dead}"]).trim() == "1"
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.try_tmux(&["kill-server"]);
    }
}
