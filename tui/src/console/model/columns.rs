//! A table of the lists' columns: which there are, how much room they may give up, and which go first when there is none.

use objects::Kind;

/// One column of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// The column of [`objects::printing`] it shows, where it is one of those.
    pub source: &'static str,
    /// How few columns of the terminal it may be cut to.
    pub least: u16,
    /// Which are left out first where there is no room; 0 never is.
    pub leave: u8,
}

const fn column(title: &'static str, source: &'static str, least: u16, leave: u8) -> Column {
    Column { title, source, least, leave }
}

/// Pods.
pub const PODS: &[Column] = &[
    column("NAMESPACE", "Namespace", 9, 0),
    column("NAME", "Name", 16, 0),
    column("READY", "Ready", 5, 1),
    column("STATUS", "Status", 10, 0),
    column("RESTARTS", "Restarts", 8, 2),
    column("AGE", "Age", 4, 0),
    column("IP", "IP", 9, 3),
    column("NODE", "Node", 6, 4),
];

/// Nodes.
pub const NODES: &[Column] = &[
    column("NAME", "Name", 12, 0),
    column("STATUS", "Status", 8, 0),
    column("PODS", "", 7, 1),
    column("CPU", "", 4, 2),
    column("MEMORY", "", 7, 2),
    column("MEMBER", "", 7, 1),
    column("SINCE", "", 5, 3),
    column("RTT", "", 6, 3),
    column("AGE", "Age", 4, 0),
    column("VERSION", "Version", 7, 4),
    column("INTERNAL-IP", "Internal-IP", 11, 3),
    column("ROLES", "Roles", 6, 6),
    column("OS-IMAGE", "OS-Image", 12, 5),
    column("KERNEL", "Kernel-Version", 10, 7),
    column("RUNTIME", "Container-Runtime", 9, 8),
];

/// Events.
pub const EVENTS: &[Column] = &[
    column("NAMESPACE", "Namespace", 9, 4),
    column("LAST SEEN", "Last Seen", 9, 0),
    column("TYPE", "Type", 7, 5),
    column("REASON", "Reason", 8, 0),
    column("OBJECT", "Object", 16, 1),
    column("COUNT", "Count", 5, 3),
    column("MESSAGE", "Message", 32, 0),
];

/// The containers of one pod.
pub const CONTAINERS: &[Column] = &[
    column("NAME", "", 8, 0),
    column("READY", "", 5, 1),
    column("STATE", "", 10, 0),
    column("RESTARTS", "", 8, 0),
    column("AGE", "", 4, 0),
    column("IMAGE", "", 12, 0),
    column("PORTS", "", 6, 3),
    column("CPU", "", 7, 4),
    column("MEMORY", "", 8, 4),
];

/// The columns of a kind's list.
pub const fn of(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Pod => PODS,
        Kind::Node => NODES,
        Kind::Event => EVENTS,
    }
}

/// Where a column stands.
pub fn position(columns: &[Column], title: &str) -> Option<usize> {
    columns.iter().position(|column| column.title.eq_ignore_ascii_case(title))
}
