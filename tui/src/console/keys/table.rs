//! A table of every key: where it counts, what it does, and how hints and help call it.

use super::action::{Action, kebab};
use std::borrow::Cow;

/// Where keys count. A screen has several, from the narrowest to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Everywhere but where text is typed.
    Any,
    /// Lists.
    List,
    /// Lists of objects that can be described, edited and deleted.
    Objects,
    /// The list of pods, and of the containers of one.
    Pods,
    /// The list of nodes.
    Nodes,
    /// The list of events.
    Events,
    /// The lists of what makes pods: deployments and replica sets.
    Workloads,
    /// The list of services.
    Services,
    /// The list of images.
    Images,
    /// The list of port-forwards.
    Forwards,
    /// Boards: why, pulses, the tree.
    Board,
    /// Boards with pods on them.
    PodBoard,
    /// Texts that one reads.
    Text,
    /// A description or YAML of an object.
    Object,
    /// A log.
    Log,
    /// The list of programs in panes.
    Shells,
    /// The editor, where letters are text.
    Editor,
    /// A pane whose program has the keys.
    Pane,
    /// A pane that one reads: what was scrolled out, or a program that has ended.
    PaneText,
}

impl Place {
    /// Its name in the keys file.
    pub fn name(self) -> String {
        kebab(&format!("{self:?}"))
    }

    /// What help calls it.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Any => "everywhere",
            Self::List => "lists",
            Self::Objects => "objects",
            Self::Pods => "pods",
            Self::Nodes => "nodes",
            Self::Events => "events",
            Self::Workloads => "workloads",
            Self::Images => "images",
            Self::Services => "services",
            Self::Forwards => "forwards",
            Self::Board | Self::PodBoard => "board",
            Self::Text => "texts",
            Self::Object => "object",
            Self::Log => "log",
            Self::Editor => "editor",
            Self::Pane | Self::PaneText => "pane",
            Self::Shells => "shells",
        }
    }

    /// The place of that name. A place without a key has no name yet.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().map(|binding| binding.place).find(|place| place.name() == name)
    }
}

/// The places that count together, the narrowest first: a line for every kind of screen.
pub const STACKS: &[&[Place]] = &[
    &[Pods, Objects, List, Any],
    &[Nodes, Objects, List, Any],
    &[Workloads, Objects, List, Any],
    &[Services, Objects, List, Any],
    &[Events, Objects, List, Any],
    &[Objects, List, Any],
    &[Pods, List, Any],
    &[Images, List, Any],
    &[Forwards, List, Any],
    &[PodBoard, Board, Any],
    &[Board, Any],
    &[Object, Text, Any],
    &[Log, Text, Any],
    &[Editor],
    &[Shells, List, Any],
    &[Pane],
    &[PaneText, Any],
];

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Binding {
    /// Where it counts.
    pub place: Place,
    /// The keys, one after the other, separated by spaces.
    pub keys: Cow<'static, str>,
    /// What they do.
    pub action: Action,
    /// The command that they run, where they do that.
    pub command: Cow<'static, str>,
    /// One or two words for the hint line; with a `+` before it only where there is room left; empty is never.
    pub hint: &'static str,
    /// A sentence for help and palette; empty for a second way to do what another line says.
    pub help: &'static str,
}

const fn bind(place: Place, keys: &'static str, action: Action, hint: &'static str, help: &'static str) -> Binding {
    Binding { place, keys: Cow::Borrowed(keys), action, command: Cow::Borrowed(""), hint, help }
}

use Action as A;
use Place::{
    Any, Board, Editor, Events, Forwards, Images, List, Log, Nodes, Object, Objects, Pane, PaneText, PodBoard, Pods, Services,
    Shells, Text, Workloads,
};

/// All of them. The hint line shows hints in this order, the narrowest place first.
pub const TABLE: &[Binding] = &[
    bind(Editor, "ctrl-s", A::Apply, "apply", "check with the daemon, then apply"),
    bind(Editor, "ctrl-x a", A::Apply, "", "check with the daemon, then apply (where ctrl-s is flow control)"),
    bind(Editor, "ctrl-x d", A::DryRun, "dry run", "let the daemon check the manifest, keep nothing"),
    bind(Editor, "tab", A::CompleteOrIndent, "complete", "complete the field or value that is typed; elsewhere indent"),
    bind(Editor, "ctrl-space", A::Complete, "", "show what may stand here"),
    bind(Editor, "ctrl-x n", A::NextFault, "+next fault", "go to the next fault"),
    bind(Editor, "ctrl-x s", A::Save, "+save file", "save the text to a file"),
    bind(Editor, "ctrl-x /", A::Find, "", "search in the text"),
    bind(Editor, "ctrl-x x", A::FindNext, "", "next match"),
    bind(Editor, "ctrl-x y", A::CopyAll, "", "copy the whole text to the clipboard"),
    bind(Editor, "ctrl-x m", A::Mouse, "", "give the mouse back to the terminal, to select with it; again takes it"),
    bind(Editor, "ctrl-x c", A::Command, "+command", "type a command such as :w or :w!"),
    bind(Editor, "ctrl-x ?", A::Help, "keys", "show the keys"),
    bind(Editor, "esc", A::Back, "leave", "leave the editor; asks where text would be lost"),
    bind(Editor, "ctrl-x q", A::Back, "", "leave the editor; asks where text would be lost"),
    bind(Editor, "pgup", A::PageUp, "", ""),
    bind(Editor, "pgdn", A::PageDown, "", ""),
    bind(Editor, "ctrl-l", A::Redraw, "", ""),
    bind(Editor, "ctrl-z", A::Suspend, "", ""),
    bind(Pane, "ctrl-] d", A::Back, "leave", "go back to where one was; the program goes on"),
    bind(Pane, "ctrl-] [", A::ScrollBack, "scroll", "read what was scrolled out; esc is back at the program"),
    bind(Pane, "ctrl-] q", A::HangUp, "end", "end the program, or leave the container that one attached to"),
    bind(Pane, "ctrl-] s", A::Shells, "+shells", "show the programs in panes"),
    bind(Pane, "ctrl-] ctrl-]", A::Literal, "", "send ctrl-] itself to the program"),
    bind(Pane, "ctrl-] y", A::CopyName, "", "copy the text in the window to the clipboard"),
    bind(Pane, "ctrl-] Y", A::CopyAll, "", "copy all of the text that is kept to the clipboard"),
    bind(Pane, "ctrl-] :", A::Command, "", "type a command"),
    bind(Pane, "ctrl-] m", A::Mouse, "", "give the mouse back to the terminal, to select with it; again takes it"),
    bind(Pane, "ctrl-] ctrl-l", A::Redraw, "", "draw everything again"),
    bind(Pane, "ctrl-] ctrl-z", A::Suspend, "", "suspend the console"),
    bind(Pane, "ctrl-] ?", A::Help, "keys", "show the keys"),
    bind(PaneText, "enter", A::Back, "back", "back to the program; from one that has ended to where one was"),
    bind(PaneText, "r", A::Again, "again", "run the program again once it has ended, or attach again"),
    bind(PaneText, "x d", A::HangUp, "end", "end the program, or leave the container that one attached to"),
    bind(PaneText, "y", A::CopyName, "copy", "copy the text in the window to the clipboard"),
    bind(PaneText, "Y", A::CopyAll, "+copy all", "copy all of the text that is kept to the clipboard"),
    bind(PaneText, "S", A::Save, "", "save the text that is kept to a file"),
    bind(PaneText, "w", A::Why, "", "say why the pod is not ready"),
    bind(PaneText, "o", A::Logs, "", "show the log"),
    bind(Pods, "o", A::Logs, "logs", "show the log"),
    bind(Pods, "a", A::AllLogs, "", "show the logs of all containers together, merged by time; of the marked pods too"),
    bind(Pods, "t", A::Timeline, "+timeline", "show the pod's life on one time axis"),
    bind(Pods, "p", A::Probes, "+probes", "show what the pod's probes came to"),
    bind(Pods, "w", A::Why, "why", "say why the pod is not ready, and where to look next"),
    bind(Pods, "O", A::LogsPrevious, "", "show the log of the instance before"),
    bind(Pods, "x s", A::Shell, "", "open a shell in the container, in a pane"),
    bind(Pods, "x S", A::ShellAside, "", "open the shell with the whole terminal; the console steps aside"),
    bind(Pods, "x a", A::Attach, "", "attach to the container, in a pane: its own input and output"),
    bind(Pods, "x A", A::AttachAside, "", "attach with the whole terminal; the console steps aside"),
    bind(Pods, "x f", A::Forward, "+forward", "forward a port of the pod to this machine, after asking which"),
    bind(Pods, "x c", A::Copy, "", "copy files from the container or into it, after asking which"),
    bind(Pods, "x i", A::SetImage, "", "give the pod's containers another image, after asking which"),
    bind(Shells, "enter", A::Open, "open", "go to the program"),
    bind(Shells, "x d", A::HangUp, "end", "end the program or the marked ones; what one attached to goes on"),
    bind(Shells, "w", A::Why, "+why", "say why the pod is not ready"),
    bind(Shells, "d", A::Describe, "+describe", "describe the pod or node"),
    bind(Forwards, "x d", A::StopForward, "stop", "stop the port-forward, or the marked ones"),
    bind(Forwards, "w", A::Why, "why", "say why the pod is not ready"),
    bind(Forwards, "d", A::Describe, "describe", "describe the pod"),
    bind(Forwards, "o", A::Logs, "logs", "show the pod's log"),
    bind(Events, "w", A::Why, "why", "say why what the event is about is not ready"),
    bind(Events, "t", A::Timeline, "+timeline", "show the life of the event's pod on one time axis"),
    bind(Events, "p", A::Probes, "", "show what the probes of the event's pod came to"),
    bind(Nodes, "w", A::Why, "why", "say why the node takes no pods"),
    bind(Nodes, "x c", A::Cordon, "cordon", "let no new pods come to the node or the marked ones, after asking"),
    bind(Nodes, "x r", A::Drain, "+drain", "cordon the node and end its pods with their grace, after asking"),
    bind(Nodes, "x s", A::Shell, "", "open a shell on the node in a pane, for an admin"),
    bind(Nodes, "x S", A::ShellAside, "", "open a shell on the node with the whole terminal, for an admin"),
    bind(Nodes, "x u", A::Uncordon, "+uncordon", "let new pods come to the node again, after asking"),
    bind(Workloads, "w", A::Why, "why", "say what its rollout waits for, and which of its pods is not ready"),
    bind(Workloads, "o", A::Logs, "logs", "show the logs of its pods together, merged by time; of the marked ones too"),
    bind(Workloads, "x s", A::Scale, "scale", "say how many pods it is to have, or the marked ones"),
    bind(Workloads, "x r", A::Restart, "+restart", "make the deployment's pods anew, step by step, after asking"),
    bind(Workloads, "x i", A::SetImage, "+image", "give its containers another image, after asking which"),
    bind(Workloads, "x u", A::RollBack, "+roll back", "go back to an older revision of the deployment, after asking"),
    bind(Workloads, "x p", A::Pause, "", "let changes of the deployment's template wait, or roll out what waited"),
    bind(Workloads, "x f", A::Forward, "", "forward a port of its pods to this machine, after asking which"),
    bind(Services, "o", A::Logs, "logs", "show the logs of the pods it chooses together, merged by time"),
    bind(Services, "x f", A::Forward, "+forward", "forward a port of the service to this machine, after asking which"),
    bind(Images, "x d", A::RemoveImage, "remove", "remove the image from its node, or the marked ones, after asking"),
    bind(Images, "x p", A::PruneImages, "prune", "remove what no container of the node uses, after asking"),
    bind(Images, "x l", A::Pull, "pull", "pull an image to the node of the row"),
    bind(Objects, "d", A::Describe, "describe", "describe the object and what happened to it"),
    bind(Objects, "D", A::Yaml, "+yaml", "show the whole object as YAML"),
    bind(Objects, "e", A::Edit, "edit", "edit the object's manifest"),
    bind(Objects, "U", A::Users, "", "show the pods that use the object: what names it, what it makes, what it chooses"),
    bind(Objects, "H", A::History, "", "show what changed about the object, field by field"),
    bind(Objects, "J", A::Owner, "", "go to what controls the object"),
    bind(Objects, "E", A::Events, "+events", "show the events about this object"),
    bind(Objects, "x d", A::Delete, "+delete", "delete the object or the marked ones, after asking"),
    bind(Objects, "x k", A::Kill, "+kill now", "delete without a grace period, after asking"),
    bind(List, "v", A::Mark, "", "mark the row and go on to the next; with a number before it so many rows"),
    bind(List, "ctrl-space", A::MarkRange, "", "mark every row from the one marked last to this one"),
    bind(List, "V", A::MarkInvert, "", "mark every row that is not marked, and the other way round"),
    bind(List, "u", A::Unmark, "", "take all marks away"),
    bind(Board, "enter", A::Open, "open", "go where the line leads; in the tree fold or unfold it"),
    bind(PodBoard, "o", A::Logs, "logs", "show the log"),
    bind(PodBoard, "a", A::AllLogs, "", "show the logs of all containers together"),
    bind(PodBoard, "O", A::LogsPrevious, "", "show the log of the instance before"),
    bind(PodBoard, "t", A::Timeline, "+timeline", "show the pod's life on one time axis"),
    bind(PodBoard, "p", A::Probes, "+probes", "show what the pod's probes came to"),
    bind(PodBoard, "x f", A::Forward, "", "forward a port of the pod, or of what makes it, to this machine, after asking which"),
    bind(PodBoard, "x c", A::Copy, "", "copy files from the container or into it, after asking which"),
    bind(PodBoard, "+", A::ZoomIn, "", "timeline: a shorter time on the axis; h and l move it"),
    bind(PodBoard, "=", A::ZoomIn, "", ""),
    bind(PodBoard, "-", A::ZoomOut, "", "timeline: a longer time on the axis"),
    bind(Board, "d", A::Describe, "describe", "describe the object"),
    bind(Board, "D", A::Yaml, "+yaml", "show the object as YAML"),
    bind(Board, "e", A::Edit, "edit", "edit the object's manifest"),
    bind(Board, "H", A::History, "", "show what changed about the object, field by field"),
    bind(Board, "J", A::Owner, "", "go to what controls the object"),
    bind(Board, "E", A::Events, "+events", "show the events about the object"),
    bind(Board, "w", A::Why, "why", "say why the object is not ready"),
    bind(Board, "Y", A::CopyAll, "", "copy the whole text to the clipboard"),
    bind(Board, "S", A::Save, "", "save the text to a file"),
    bind(Log, "F", A::Follow, "follow", "follow the log, or pause it"),
    bind(Log, "w", A::Wrap, "wrap", "wrap long lines"),
    bind(Log, "t", A::Times, "times", "show the time of each line"),
    bind(Log, "p", A::Previous, "previous", "switch between this instance and the one before"),
    bind(Log, "c", A::NextContainer, "container", "switch to the pod's next container"),
    bind(Log, "a", A::AllContainers, "all", "show all containers of the pod together, merged by time, or one"),
    bind(
        Log,
        "&",
        A::LogFilter,
        "filter",
        "show only lines with a text or regular expression, or .level>=warn of JSON; ! before it shows the others",
    ),
    bind(Log, "C", A::Context, "", "show more lines around each match of the filter"),
    bind(Log, "s", A::Since, "+since", "begin further back: the last minute, 5, 15 minutes, 1, 6, 24 hours, the end"),
    bind(Log, "J", A::Json, "+json", "show lines that are JSON as fields; :fields NAME,… chooses which"),
    bind(Log, "E", A::Beside, "+events", "show the events about the pod beside the log"),
    bind(Log, "W", A::Why, "+why", "say why the pod is not ready"),
    bind(Log, "T", A::Timeline, "", "show the pod's life on one time axis"),
    bind(Log, "M", A::LogMark, "", "write a line here, to see what comes after it"),
    bind(Log, "K", A::Clear, "", "forget the lines so far"),
    bind(Log, "y", A::CopyName, "", "copy the lines in the window to the clipboard"),
    bind(Log, "S", A::Save, "+save", "save the log to a file"),
    bind(Object, "d", A::Describe, "describe", "describe the object"),
    bind(Object, "D", A::Yaml, "yaml", "show the object as YAML"),
    bind(Object, "o", A::Logs, "", "show the log"),
    bind(Object, "e", A::Edit, "edit", "edit the object's manifest"),
    bind(Object, "J", A::Owner, "", "go to what controls the object"),
    bind(Object, "E", A::Events, "", "show the events about this object"),
    bind(Object, "t", A::Timeline, "", "show the pod's life on one time axis"),
    bind(Object, "p", A::Probes, "", "show what the pod's probes came to"),
    bind(Object, "W", A::Why, "why", "say why the object is not ready"),
    bind(Object, "v", A::Reveal, "", "show the values of a secret, or hide them again"),
    bind(Object, "M", A::Managers, "", "show who manages which fields in YAML (managedFields), or not"),
    bind(Object, "w", A::Wrap, "", "wrap long lines"),
    bind(Object, "S", A::Save, "", "save the text to a file"),
    bind(Text, "f", A::Find, "", "search; the lines around a match stay"),
    bind(Text, "/", A::Find, "search", "search; the lines around a match stay"),
    bind(Text, "n", A::FindNext, "", "next match"),
    bind(Text, "N", A::FindPrevious, "", "match before"),
    bind(Text, "Y", A::CopyAll, "", "copy the whole text to the clipboard"),
    bind(List, "enter", A::Open, "open", "go into the row: a pod's containers, a container's log"),
    bind(List, "/", A::Filter, "filter", "filter: text, regex, !not, ~fuzzy, column:value, -l label=value"),
    bind(List, "s", A::Sort, "+sort", "sort by the column one stands on; again turns it round"),
    bind(List, "S", A::SortReverse, "", "turn the order round"),
    bind(List, "W", A::Wide, "", "show all columns, or the usual ones again"),
    bind(List, ".", A::Columns, "", "choose the columns; the choice is kept"),
    bind(List, "n", A::NextTrouble, "+next bad", "go to the next row that fails, or that somebody should look at"),
    bind(List, "N", A::PreviousTrouble, "", "go to the row before that fails"),
    bind(List, "y", A::CopyName, "", "copy the name to the clipboard"),
    bind(List, "Y", A::CopyAll, "", "copy the whole object as YAML to the clipboard"),
    bind(List, "0", A::ToggleNamespace, "", "switch between all namespaces and the row's own"),
    bind(Any, ":", A::Command, "command", "type a command: :pods :nodes :events :pulses :tree :ns :new :open :theme :q"),
    bind(Any, "?", A::Help, "help", "show the keys"),
    bind(Any, "space space", A::Palette, "", "find an action by its name"),
    bind(Any, "space p", A::Pulses, "", "show how the whole stands: room, the last hour, what fails"),
    bind(Any, "<", A::Past, "", "go one change back in time, as far as the daemon keeps it; :at -5m goes further"),
    bind(Any, ">", A::Future, "", "go one change on in time; after the last one is the present"),
    bind(Any, "g l", A::Present, "", "back to the present; esc too"),
    bind(Any, "space c", A::Changes, "", "show what changed, field by field"),
    bind(Any, "z", A::Undo, "", "take the last action back, after asking"),
    bind(Any, "Z", A::UndoList, "", "choose an action to take back"),
    bind(Any, "space i", A::Images, "", "show the images of all nodes"),
    bind(Any, "space v", A::Volumes, "", "show the volumes of all pods"),
    bind(Any, "space f", A::Forwards, "", "show the port-forwards of this console"),
    bind(Any, "space x", A::Shells, "", "show the programs in panes of this console"),
    bind(Any, "space m", A::Map, "", "show the cluster: who sees whom, round trips, the sides of a split"),
    bind(Any, "space r", A::Tree, "", "show the tree: owners, pods, containers"),
    bind(Any, "space t", A::Themes, "+theme", "choose a theme; each is shown at once"),
    bind(Any, "space s", A::Mouse, "", "give the mouse back to the terminal, to select with it; again takes it"),
    bind(Any, "space b", A::Bookmarks, "", "choose a bookmark"),
    bind(Any, "m", A::SetBookmark, "", "remember this screen and its filter under a letter"),
    bind(Any, "'", A::GoToBookmark, "", "go to the screen remembered under a letter"),
    bind(Any, "space n", A::New, "+new pod", "write the manifest of a new pod"),
    bind(Any, "esc", A::Back, "", "go back: an open box, marks, a filter, then the screen"),
    bind(Any, "ctrl-o", A::Earlier, "", "go back to the screen before"),
    bind(Any, "[", A::Earlier, "", ""),
    bind(Any, "]", A::Later, "", "go forward again"),
    bind(Any, "tab", A::Later, "", ""),
    bind(Any, "j", A::Down, "", "down; a number before it repeats it"),
    bind(Any, "down", A::Down, "", ""),
    bind(Any, "k", A::Up, "", "up"),
    bind(Any, "up", A::Up, "", ""),
    bind(Any, "h", A::Left, "", "to the column on the left"),
    bind(Any, "left", A::Left, "", ""),
    bind(Any, "l", A::Right, "", "to the column on the right"),
    bind(Any, "right", A::Right, "", ""),
    bind(Any, "ctrl-d", A::HalfDown, "", "half a page down"),
    bind(Any, "ctrl-u", A::HalfUp, "", "half a page up"),
    bind(Any, "ctrl-f", A::PageDown, "", "a page down"),
    bind(Any, "pgdn", A::PageDown, "", ""),
    bind(Any, "ctrl-b", A::PageUp, "", "a page up"),
    bind(Any, "pgup", A::PageUp, "", ""),
    bind(Any, "g g", A::Top, "", "to the first row"),
    bind(Any, "home", A::Top, "", ""),
    bind(Any, "G", A::Bottom, "", "to the last row; in a log follow it"),
    bind(Any, "end", A::Bottom, "", ""),
    bind(Any, "ctrl-l", A::Redraw, "", "draw everything again"),
    bind(Any, "ctrl-z", A::Suspend, "", "suspend the console"),
    bind(Any, "q", A::Quit, "", "close the screen; on the first one ask and leave"),
    bind(Any, "ctrl-c", A::Quit, "", ""),
];
