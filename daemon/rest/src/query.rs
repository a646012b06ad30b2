//! A request's query, read as the API server reads it.

use objects::Status;

/// The parameters of a request, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of a URL after the question mark. Anything is a query: what is not well encoded is read as far as it goes.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of a parameter; none where it is missing or empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A flag: whatever is there and is neither `0` nor `false` is set (`apimachinery/pkg/runtime/converter.go`).
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.choice(name).unwrap_or(false)
    }

    /// As [`Query::flag`], and whether it is there at all.
    #[must_use]
    pub fn choice(&self, name: &str) -> Option<bool> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())?;
        Some(!(value == "0" || value.eq_ignore_ascii_case("false")))
    }

    /// A number.
    ///
    /// # Errors
    /// 400 where it is none.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let number = value.parse().map_err(|error: std::num::ParseIntError| {
            let why = match error.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Status::bad_request(format!("strconv.ParseInt: parsing {value:?}: {why}"))
        });
        number.map(Some)
    }

    /// Whether the request is only tried (`dryRun=All`).
    ///
    /// # Errors
    /// 400 for another value.
    pub fn is_dry_run(&self) -> Result<bool, Status> {
        let mut is_dry = false;
        for value in self.all("dryRun") {
            if value != "All" {
                let message = format!("invalid value for dryRun: {value:?}; the only one is \"All\"");
                return Err(Status::bad_request(message));
            }
            is_dry = true;
        }
        Ok(is_dry)
    }
}

#[cfg(test)]
mod tests {
    use super::Query;
    use proptest::prelude::{any, proptest};

    #[test]
    fn parameters_are_read_as_the_api_server_reads_them() {
        let query = Query::parse("labelSelector=app%3Dweb%2Ctier&watch=1&follow=False&tty=&command=sh&command=-c+x&limit=5");
        assert_eq!(query.text("labelSelector"), Some("app=web,tier"));
        assert!(query.flag("watch") && query.flag("tty") && !query.flag("follow") && !query.flag("stdin"));
        assert_eq!(query.choice("stdin"), None);
        assert_eq!(query.all("command").collect::<Vec<_>>(), ["sh", "-c x"]);
        assert_eq!(query.number("limit"), Ok(Some(5)));
        assert_eq!(query.number("continue"), Ok(None));
    }

    #[test]
    fn what_is_no_number_and_no_dry_run_is_refused() {
        let refused = Query::parse("limit=five").number("limit").expect_err("no number");
        assert_eq!((refused.code, refused.message.as_str()), (400, "strconv.ParseInt: parsing \"five\": invalid syntax"));
        assert_eq!(Query::parse("dryRun=All").is_dry_run(), Ok(true));
        assert_eq!(Query::parse("").is_dry_run(), Ok(false));
        assert_eq!(Query::parse("dryRun=yes").is_dry_run().expect_err("no dry run").code, 400);
    }

    proptest! {
        #[test]
        fn anything_is_a_query(text in any::<String>()) {
            let query = Query::parse(&text);
            let _ = (query.number("limit"), query.flag("watch"), query.is_dry_run());
        }
    }
}
