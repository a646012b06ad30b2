//! Who may do what: three roles, one table, for the console's websocket and the API alike.
//!
//! A client is known by its certificate or token, which name its groups; the groups give its [`Role`]. Everything that is asked is an
//! [`Action`] first, and [`Caller::allow`] is the one place that decides.

use objects::Status;
use objects::status::StatusDetails;

/// What somebody may do. Each may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks: at everything but secrets; logs, too.
    Viewer,
    /// Runs things: changes objects, enters containers, drains nodes, sees secrets. With a privileged pod that is as much as root has,
    /// as it is in every Kubernetes.
    Operator,
    /// Everything: also removes nodes and lets others in.
    Admin,
}

impl Role {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The role's word: `viewer`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The group that gives it, as a certificate's organization or a token has it.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Viewer => "skiff:viewer",
            Self::Operator => "skiff:operator",
            Self::Admin => "skiff:admin",
        }
    }

    /// The role of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// The greatest role that one of the groups gives.
    #[must_use]
    pub fn of_groups(groups: &[String]) -> Option<Self> {
        groups.iter().filter_map(|group| Self::ALL.into_iter().find(|role| role.group() == group)).max()
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name in the certificate or token.
    pub name: String,
    /// The groups in it.
    pub groups: Vec<String>,
    /// What they give.
    pub role: Option<Role>,
}

/// What is asked, in the words of Kubernetes' authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Action<'a> {
    /// `get`, `list`, `create`, …
    pub verb: &'a str,
    /// The API group.
    pub group: &'a str,
    /// The plural; empty for a path that is no resource.
    pub resource: &'a str,
    /// Below the object.
    pub subresource: &'a str,
    /// The namespace; empty for all, or none.
    pub namespace: &'a str,
    /// The object's name.
    pub name: &'a str,
    /// The path of what is no resource.
    pub path: &'a str,
}

/// The group of what Kubernetes has no resource for: images, members, credentials.
pub const OWN_GROUP: &str = "skiff";

impl Action<'_> {
    /// The least role that may do it.
    #[must_use]
    pub fn needs(&self) -> Role {
        let reads = matches!(self.verb, "get" | "list" | "watch");
        match (self.group, self.resource, self.subresource) {
            // What one is and may is everybody's to know.
            ("authentication.k8s.io", "selfsubjectreviews", _) => Role::Viewer,
            ("authorization.k8s.io", "selfsubjectaccessreviews" | "selfsubjectrulesreviews", _) => Role::Viewer,
            // Whom others are, who else may come in, and who is thrown out.
            ("authentication.k8s.io" | "authorization.k8s.io", ..) => Role::Admin,
            (OWN_GROUP, "credentials", _) => Role::Admin,
            (OWN_GROUP, "nodes", _) if !reads => Role::Admin,
            ("", "nodes", "") if matches!(self.verb, "create" | "delete" | "deletecollection") => Role::Admin,
            ("", "nodes", "proxy") => Role::Admin,
            ("", "secrets", _) => Role::Operator,
            // A websocket is opened with a GET, whatever is done over it.
            ("", "pods" | "services", "exec" | "attach" | "portforward" | "proxy") => Role::Operator,
            _ if reads => Role::Viewer,
            _ => Role::Operator,
        }
    }
}

impl Caller {
    /// Somebody of these groups.
    #[must_use]
    pub fn new(name: &str, groups: Vec<String>) -> Self {
        let role = Role::of_groups(&groups);
        Self { name: name.to_owned(), groups, role }
    }

    /// Somebody who may do everything: root of this machine, or another daemon.
    #[must_use]
    pub fn admin(name: &str) -> Self {
        Self::new(name, vec![Role::Admin.group().to_owned()])
    }

    /// Whether somebody may do that.
    #[must_use]
    pub fn may(&self, action: &Action<'_>) -> bool {
        self.role.is_some_and(|role| role >= action.needs())
    }

    /// Lets somebody do that, or says why not.
    ///
    /// # Errors
    /// 403, in the words of `apiserver/pkg/endpoints/handlers/responsewriters/errors.go`.
    pub fn allow(&self, action: &Action<'_>) -> Result<(), Status> {
        if self.may(action) { Ok(()) } else { Err(forbidden(&self.name, action)) }
    }
}

fn forbidden(user: &str, action: &Action<'_>) -> Status {
    let Action { verb, group, resource, subresource, namespace, name, path } = *action;
    if resource.is_empty() {
        let message = format!("forbidden: User {user:?} cannot {verb} path {path:?}");
        return Status { code: 403, reason: "Forbidden".to_owned(), message, details: Some(Box::default()) };
    }
    let qualified = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    let what = if name.is_empty() { qualified } else { format!("{qualified} {name:?}") };
    let below = if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
    let place = if namespace.is_empty() { "at the cluster scope".to_owned() } else { format!("in the namespace {namespace:?}") };
    let message = format!("{what} is forbidden: User {user:?} cannot {verb} resource {below:?} in API group {group:?} {place}");
    let details = StatusDetails { name: name.to_owned(), group: group.to_owned(), kind: resource.to_owned(), causes: Vec::new() };
    Status { code: 403, reason: "Forbidden".to_owned(), message, details: Some(Box::new(details)) }
}

#[cfg(test)]
mod tests {
    use super::{Action, Caller, OWN_GROUP, Role};

    fn caller(role: Option<Role>) -> Caller {
        Caller::new("ada", role.map(|role| role.group().to_owned()).into_iter().collect())
    }

    #[track_caller]
    fn check(verb: &str, group: &str, resource: &str, subresource: &str, least: Role) {
        let action = Action { verb, group, resource, subresource, ..Action::default() };
        for role in Role::ALL {
            assert_eq!(caller(Some(role)).may(&action), role >= least, "{role:?} {action:?}");
        }
        assert!(!caller(None).may(&action), "{action:?}");
    }

    #[test]
    fn who_looks_changes_nothing_and_sees_no_secret() {
        check("get", "", "pods", "", Role::Viewer);
        check("watch", "", "nodes", "", Role::Viewer);
        check("get", "", "pods", "log", Role::Viewer);
        check("get", "", "secrets", "", Role::Operator);
        check("list", "", "secrets", "", Role::Operator);
        check("create", "", "pods", "", Role::Operator);
        check("create", "", "pods", "exec", Role::Operator);
        check("get", "", "pods", "exec", Role::Operator);
        check("get", "", "pods", "proxy", Role::Operator);
        check("patch", "", "nodes", "", Role::Operator);
        check("create", "authorization.k8s.io", "selfsubjectaccessreviews", "", Role::Viewer);
    }

    #[test]
    fn who_runs_things_removes_no_node_and_lets_nobody_in() {
        check("delete", "", "nodes", "", Role::Admin);
        check("create", OWN_GROUP, "credentials", "", Role::Admin);
        check("delete", OWN_GROUP, "nodes", "", Role::Admin);
        check("create", OWN_GROUP, "images", "", Role::Operator);
        check("create", "authentication.k8s.io", "tokenreviews", "", Role::Admin);
    }

    #[test]
    fn the_greatest_group_counts_and_unknown_ones_give_nothing() {
        let groups = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(Role::of_groups(&groups(&["skiff:viewer", "skiff:operator", "devs"])), Some(Role::Operator));
        assert_eq!(Role::of_groups(&groups(&["admin", "skiff:Admin", ""])), None);
    }

    #[test]
    fn a_refusal_has_kubernetes_words() {
        let refused = |action: Action<'_>| caller(Some(Role::Viewer)).allow(&action).expect_err("refused").message;
        let action = Action { verb: "delete", resource: "pods", namespace: "default", name: "kubia", ..Action::default() };
        assert_eq!(
            refused(action),
            "pods \"kubia\" is forbidden: User \"ada\" cannot delete resource \"pods\" in API group \"\" in the namespace \"default\""
        );
        let action = Action { verb: "create", resource: "pods", subresource: "exec", ..Action::default() };
        assert_eq!(
            refused(action),
            "pods is forbidden: User \"ada\" cannot create resource \"pods/exec\" in API group \"\" at the cluster scope"
        );
        let action = Action { verb: "post", path: "/x", ..Action::default() };
        assert_eq!(refused(action), "forbidden: User \"ada\" cannot post path \"/x\"");
    }
}
