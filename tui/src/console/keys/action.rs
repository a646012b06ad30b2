//! What a key, a command or the palette can do, each by the name that the keys file writes.

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $action:ident),+ $(,)?) => {
        /// One thing to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[doc = $doc])+ $action),+ }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$action),+];
        }
    };
}

actions! {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One column to the left.
    Left,
    /// One column to the right.
    Right,
    /// Half a page up.
    HalfUp,
    /// Half a page down.
    HalfDown,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
    /// Into what the cursor is on.
    Open,
    /// Out of where one is.
    Back,
    /// To the screen before.
    Earlier,
    /// To the screen one came back from.
    Later,
    /// Type a command.
    Command,
    /// Run the command that the keys file gives the key.
    Own,
    /// Narrow the list down.
    Filter,
    /// Look for a text.
    Find,
    /// The next match.
    FindNext,
    /// The match before.
    FindPrevious,
    /// The keys.
    Help,
    /// Find an action by its name.
    Palette,
    /// Sort by the column one stands on.
    Sort,
    /// Turn the order round.
    SortReverse,
    /// Copy the name.
    CopyName,
    /// Copy the whole object or text.
    CopyAll,
    /// Describe the object.
    Describe,
    /// The object as YAML.
    Yaml,
    /// The events about the object.
    Events,
    /// Why it is not ready.
    Why,
    /// The pods that use the object.
    Users,
    /// Who manages which fields, or not.
    Managers,
    /// A secret's values, or not.
    Reveal,
    /// Its life on one time axis.
    Timeline,
    /// What its probes came to.
    Probes,
    /// Who sees whom.
    Map,
    /// A shorter time on the axis.
    ZoomIn,
    /// A longer time on the axis.
    ZoomOut,
    /// How the whole stands.
    Pulses,
    /// Owners, pods and containers.
    Tree,
    /// The log.
    Logs,
    /// The log of the container before.
    LogsPrevious,
    /// A shell in the container.
    Shell,
    /// The same with the whole terminal.
    ShellAside,
    /// What the container itself reads and shows.
    Attach,
    /// The same with the whole terminal.
    AttachAside,
    /// The programs in panes of this console.
    Shells,
    /// End the pane's program, or leave what one attached to.
    HangUp,
    /// Send the pane's program the key that begins the console's own.
    Literal,
    /// Read what was scrolled out of the pane.
    ScrollBack,
    /// Run the pane's program again, or attach again.
    Again,
    /// Forward a port of the pod, after asking which.
    Forward,
    /// The port-forwards of this console.
    Forwards,
    /// Stop the port-forward.
    StopForward,
    /// Copy files to or from the container, after asking which.
    Copy,
    /// Edit the object.
    Edit,
    /// Write a new one.
    New,
    /// Remember this place under a letter.
    SetBookmark,
    /// Go to the place remembered under a letter.
    GoToBookmark,
    /// Choose among the bookmarks.
    Bookmarks,
    /// Delete, after asking.
    Delete,
    /// Kill at once, after asking.
    Kill,
    /// Another number of pods, after asking which.
    Scale,
    /// Make the pods anew, after asking.
    Restart,
    /// Another image for containers, after asking which.
    SetImage,
    /// Back to an older revision, after asking.
    RollBack,
    /// Let changes of the template wait, or not any more.
    Pause,
    /// To what controls the object.
    Owner,
    /// Let no new pods come to the node, after asking.
    Cordon,
    /// Let them come again, after asking.
    Uncordon,
    /// Make the node empty, after asking.
    Drain,
    /// Take the last action back, after asking.
    Undo,
    /// What can be taken back.
    UndoList,
    /// The images of all nodes.
    Images,
    /// The volumes of all pods.
    Volumes,
    /// Remove the image, after asking.
    RemoveImage,
    /// Remove the images that nothing uses, after asking.
    PruneImages,
    /// Pull an image.
    Pull,
    /// All columns, or the usual ones.
    Wide,
    /// Choose the columns.
    Columns,
    /// One change back in time.
    Past,
    /// One change on in time.
    Future,
    /// Back to the present.
    Present,
    /// What changed.
    Changes,
    /// What changed about the object.
    History,
    /// To the next row that fails.
    NextTrouble,
    /// To the row before that fails.
    PreviousTrouble,
    /// Mark the row.
    Mark,
    /// Mark all rows from the one marked last to here.
    MarkRange,
    /// Mark what is not, and the other way round.
    MarkInvert,
    /// No marks.
    Unmark,
    /// All namespaces, or one.
    ToggleNamespace,
    /// Follow the log, or pause.
    Follow,
    /// Wrap long lines.
    Wrap,
    /// Show times.
    Times,
    /// The instance before, or this one.
    Previous,
    /// The next container.
    NextContainer,
    /// All containers of the shown log, or one.
    AllContainers,
    /// The logs of all containers.
    AllLogs,
    /// Show only some lines of the log.
    LogFilter,
    /// More lines around a match of the filter.
    Context,
    /// The time that the log begins at.
    Since,
    /// Lines that are JSON as fields.
    Json,
    /// The events beside the log.
    Beside,
    /// A line of our own in the log.
    LogMark,
    /// Forget the lines so far.
    Clear,
    /// Write the text into a file.
    Save,
    /// Send the manifest.
    Apply,
    /// Have the manifest checked by the daemon.
    DryRun,
    /// To the next fault.
    NextFault,
    /// Complete the field or the value.
    Complete,
    /// Complete what is typed, or indent.
    CompleteOrIndent,
    /// To the next theme.
    NextTheme,
    /// Choose among the themes, each of which is shown at once.
    Themes,
    /// Draw everything again.
    Redraw,
    /// The mouse for the console, or for the terminal.
    Mouse,
    /// Stop until continued.
    Suspend,
    /// Close, and ask before the last.
    Quit,
}

impl Action {
    /// Its name in the keys file: `half-down`.
    pub fn name(self) -> String {
        kebab(&format!("{self:?}"))
    }

    /// The action of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }

    /// Whether it changes something in the cluster, which a read-only console does not.
    pub const fn changes_cluster(self) -> bool {
        matches!(
            self,
            Self::Delete
                | Self::Shell
                | Self::ShellAside
                | Self::Attach
                | Self::AttachAside
                | Self::Again
                | Self::Forward
                | Self::Kill
                | Self::Scale
                | Self::Restart
                | Self::SetImage
                | Self::RollBack
                | Self::Pause
                | Self::Cordon
                | Self::Uncordon
                | Self::Apply
                | Self::Drain
                | Self::Undo
                | Self::UndoList
                | Self::RemoveImage
                | Self::PruneImages
                | Self::Pull
        )
    }
}

/// `HalfDown` as files write it: `half-down`.
pub fn kebab(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
