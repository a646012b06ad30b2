//! What the engine counts, for metrics and tests.

/// Numbers that only grow, since the engine was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Their bytes, unsealed.
    pub datagram_bytes_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Messages sent on the reliable channel.
    pub messages_sent: u64,
    /// Their bytes.
    pub message_bytes_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Records that came in messages.
    pub records_received: u64,
    /// Those of them that were known already, or of which something greater was.
    pub records_known: u64,
    /// Those that the replica refused.
    pub records_refused: u64,
    /// Records asked for.
    pub records_wanted: u64,
    /// Digests that were compared.
    pub digests_compared: u64,
    /// Those that differed.
    pub digests_different: u64,
    /// Reconciliations that this node began.
    pub sessions_begun: u64,
    /// Those that came to their end.
    pub sessions_ended: u64,
    /// Those, of either side, that were given up.
    pub sessions_failed: u64,
    /// Datagrams and messages that could not be read, or say what no node says.
    pub malformed: u64,
    /// What came from nodes that the operator removed.
    pub denied: u64,
    /// What a limit let go: it is found again by a later round.
    pub let_go: u64,
    /// Another node uses our name.
    pub name_conflicts: u64,
    /// Times that the whole membership was looked through for news.
    pub membership_looks: u64,
    /// Times that this node asked another for all members that it knows.
    pub rolls_asked: u64,
    /// Times that this node was taken for dead and came back.
    pub rejoins: u64,
}
