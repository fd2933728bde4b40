//! Headers of every answer: `response.http.headers.config` and `access.control.*`.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::header_of;
use crate::config::RestConfig;

/// What is added to every answer.
#[derive(Debug, Default)]
pub(super) struct ResponseHeaders {
    rules: Vec<Rule>,
    origins: Vec<String>,
    methods: Vec<String>,
}

#[derive(Debug)]
struct Rule {
    name: HeaderName,
    value: HeaderValue,
    /// Beside headers of the same name instead of in their place.
    add: bool,
}

impl ResponseHeaders {
    pub(super) fn new(config: &RestConfig) -> Self {
        let list = |text: &str| -> Vec<String> {
            text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
        };
        Self {
            rules: quoted_list(&config.response_http_headers_config)
                .iter()
                .filter_map(|rule| parse(rule))
                .collect(),
            origins: list(&config.access_control_allow_origin),
            methods: match list(&config.access_control_allow_methods) {
                // The default of Kafka's filter.
                methods if methods.is_empty() => ["GET", "POST", "HEAD"].map(str::to_owned).to_vec(),
                methods => methods,
            },
        }
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap, method: &str, origin: Option<&HeaderValue>) {
        for rule in &self.rules {
            match rule.add {
                true => drop(headers.append(rule.name.clone(), rule.value.clone())),
                false => drop(headers.insert(rule.name.clone(), rule.value.clone())),
            }
        }
        let allowed = origin.filter(|origin| {
            self.origins.iter().any(|known| known == "*" || known.as_bytes() == origin.as_bytes())
        });
        let Some(origin) = allowed else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if method == "OPTIONS" {
            let methods = header_of(header::ACCESS_CONTROL_ALLOW_METHODS.as_str(), &self.methods.join(","));
            headers.extend(methods);
            let accepted = HeaderValue::from_static("X-Requested-With,Content-Type,Accept,Origin");
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, accepted);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("1800"));
        }
    }
}

/// `<action> <name>:<value>`. `setDate` and `addDate` take milliseconds since the epoch.
fn parse(rule: &str) -> Option<Rule> {
    let (action, header) = rule.trim().split_once(' ')?;
    let (name, value) = header.split_once(':')?;
    let action = action.to_lowercase();
    let value = value.trim();
    let value = match action.ends_with("date") {
        true => http_date(value.parse().ok()?),
        false => value.to_owned(),
    };
    let (name, value) = header_of(name.trim(), &value)?;
    Some(Rule { name, value, add: action.starts_with("add") })
}

/// Items separated by commas, of which some may stand in quotes.
fn quoted_list(text: &str) -> Vec<String> {
    let (mut items, mut item, mut quoted) = (Vec::new(), String::new(), false);
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => items.push(std::mem::take(&mut item)),
            other => item.push(other),
        }
    }
    items.push(item);
    items.retain(|item| !item.trim().is_empty());
    items
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, by the days of the proleptic Gregorian calendar.
fn http_date(millis: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = millis.div_euclid(1000);
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let name =
        |names: &[&'static str], at: i64| usize::try_from(at).ok().and_then(|at| names.get(at).copied());
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        name(&DAYS, days.rem_euclid(7)).unwrap_or_default(),
        name(&MONTHS, month - 1).unwrap_or_default(),
        time / 3600,
        time / 60 % 60,
        time % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_may_hold_commas_in_quotes() {
        let rules =
            quoted_list(r#"add Cache-Control: no-cache, "set X: a, b", addDate Expires: 784111777000"#);
        let rules: Vec<Rule> = rules.iter().filter_map(|rule| parse(rule)).collect();
        let shown: Vec<_> =
            rules.iter().map(|rule| (rule.name.as_str(), rule.value.to_str().unwrap(), rule.add)).collect();
        let expected = [
            ("cache-control", "no-cache", true),
            ("x", "a, b", false),
            ("expires", "Sun, 06 Nov 1994 08:49:37 GMT", true),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn only_origins_that_are_allowed_are_answered() {
        let headers = ResponseHeaders { origins: vec!["http://a".to_owned()], ..ResponseHeaders::default() };
        let apply = |origin: &'static str| {
            let mut map = HeaderMap::new();
            headers.apply(&mut map, "GET", Some(&HeaderValue::from_static(origin)));
            map.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        };
        assert!(apply("http://a"));
        assert!(!apply("http://b"));
    }
}
