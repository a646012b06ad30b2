//! The manifest that a new editor begins with.

/// A pod that runs as it is, named after what the user asked for.
pub fn pod(name: &str, namespace: &str) -> String {
    let name = if name.is_empty() { "web" } else { name };
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    app: {name}
spec:
  containers:
    - name: {name}
      image: nginx:alpine
      ports:
        - containerPort: 80
      resources:
        requests:
          cpu: 50m
          memory: 32Mi
        limits:
          memory: 128Mi
"
    )
}
