//! Reviews: who somebody is, and what they may do. They are answered and not kept.

use crate::rights::{Action, Caller, Role};
use objects::lookup::{list, text};
use serde_json::{Value, json};

/// A review's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// `SelfSubjectReview`: who asks.
    SelfSubject,
    /// `SelfSubjectAccessReview`: whether who asks may do something.
    SelfAccess,
    /// `SelfSubjectRulesReview`: all that who asks may do.
    SelfRules,
    /// `SubjectAccessReview`: whether somebody else may do something.
    Access,
    /// `TokenReview`: whom a token is for.
    Token,
}

/// All reviews with group, plural, kind.
pub const ALL: [(Review, &str, &str, &str); 5] = [
    (Review::SelfSubject, "authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    (Review::Token, "authentication.k8s.io", "tokenreviews", "TokenReview"),
    (Review::SelfAccess, "authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    (Review::SelfRules, "authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    (Review::Access, "authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
];

/// Answers a review: the object that was sent, with its status. `bearer` says whom a token is for.
#[must_use]
pub fn answer(review: Review, mut object: Value, caller: &Caller, bearer: impl Fn(&str) -> Option<Caller>) -> Value {
    let status = match review {
        Review::SelfSubject => json!({"userInfo": user(caller)}),
        Review::SelfAccess => access(&object, caller),
        Review::Access => {
            let groups = list(&object, "/spec/groups").iter().filter_map(Value::as_str).map(str::to_owned).collect();
            access(&object, &Caller::new(text(&object, "/spec/user"), groups))
        }
        Review::SelfRules => rules(caller),
        Review::Token => match bearer(text(&object, "/spec/token")) {
            Some(caller) => json!({"authenticated": true, "user": user(&caller)}),
            None => json!({"user": {}, "error": "the token is none of this cluster, or has expired"}),
        },
    };
    object["status"] = status;
    object
}

fn user(caller: &Caller) -> Value {
    let mut groups = caller.groups.clone();
    groups.push("system:authenticated".to_owned());
    json!({"username": caller.name, "groups": groups})
}

fn access(object: &Value, caller: &Caller) -> Value {
    let attribute = |name: &str| text(object, &format!("/spec/resourceAttributes/{name}")).to_owned();
    let action = if object.pointer("/spec/resourceAttributes").is_some_and(Value::is_object) {
        let [verb, group, resource] = ["verb", "group", "resource"].map(attribute);
        let (subresource, namespace, name) = (attribute("subresource"), attribute("namespace"), attribute("name"));
        caller.may(&Action {
            verb: &verb,
            group: &group,
            resource: &resource,
            subresource: &subresource,
            namespace: &namespace,
            name: &name,
            path: "",
        })
    } else {
        let (verb, path) = (text(object, "/spec/nonResourceAttributes/verb"), text(object, "/spec/nonResourceAttributes/path"));
        caller.may(&Action { verb, path, ..Action::default() })
    };
    match (action, caller.role) {
        (true, Some(role)) => json!({"allowed": true, "reason": format!("the role {}", role.as_str())}),
        (false, Some(role)) => json!({"allowed": false, "reason": format!("the role {} does not allow it", role.as_str())}),
        (_, None) => json!({"allowed": false, "reason": "none of the groups gives a role"}),
    }
}

/// The table of rights, as far as rules can say it.
fn rules(caller: &Caller) -> Value {
    let everything = json!(["*"]);
    let rule =
        |verbs: Value, groups: Value, resources: Value| json!({"verbs": verbs, "apiGroups": groups, "resources": resources});
    let resources = match caller.role {
        None => json!([]),
        Some(Role::Admin) => json!([rule(everything.clone(), everything.clone(), everything)]),
        Some(Role::Operator) => json!([rule(
            json!(["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]),
            everything.clone(),
            everything
        ),]),
        Some(Role::Viewer) => {
            let reads = json!(["get", "list", "watch"]);
            let kinds: Vec<&str> =
                crate::resource::all().iter().map(|known| known.plural).filter(|plural| *plural != "secrets").collect();
            json!([rule(reads, everything, json!(kinds))])
        }
    };
    let paths = if caller.role.is_some() { json!([{"verbs": ["get"], "nonResourceURLs": ["*"]}]) } else { json!([]) };
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": caller.role == Some(Role::Operator)})
}

#[cfg(test)]
mod tests {
    use super::{Review, answer};
    use crate::rights::{Caller, Role};
    use serde_json::{Value, json};

    fn ask(review: Review, object: Value) -> Value {
        let viewer = Caller::new("ada", vec![Role::Viewer.group().to_owned()]);
        answer(review, object, &viewer, |token| (token == "t").then(|| Caller::admin("root")))["status"].clone()
    }

    #[test]
    fn who_asks_is_told_who_they_are_and_what_they_may() {
        assert_eq!(ask(Review::SelfSubject, json!({}))["userInfo"]["username"], "ada");
        let may = |verb: &str, resource: &str| {
            let attributes = json!({"verb": verb, "resource": resource, "namespace": "default"});
            ask(Review::SelfAccess, json!({"spec": {"resourceAttributes": attributes}}))["allowed"].clone()
        };
        assert_eq!((may("get", "pods"), may("delete", "pods"), may("get", "secrets")), (json!(true), json!(false), json!(false)));
        assert_eq!(
            ask(Review::SelfAccess, json!({"spec": {"nonResourceAttributes": {"verb": "get", "path": "/version"}}}))["allowed"],
            true
        );
        assert_eq!(ask(Review::SelfRules, json!({}))["resourceRules"][0]["verbs"], json!(["get", "list", "watch"]));
    }

    #[test]
    fn others_are_reviewed_by_their_groups_and_tokens() {
        let spec =
            json!({"user": "bob", "groups": ["skiff:admin"], "resourceAttributes": {"verb": "delete", "resource": "nodes"}});
        assert_eq!(ask(Review::Access, json!({"spec": spec}))["allowed"], true);
        assert_eq!(ask(Review::Token, json!({"spec": {"token": "t"}}))["user"]["username"], "root");
        assert!(ask(Review::Token, json!({"spec": {"token": "x"}})).get("authenticated").is_none());
    }
}
