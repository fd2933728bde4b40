//! Checks of single worker keys that are more than a range or a list of texts.

use connect_api::Error;
use connect_api::config::{ParsedValue, Validator, invalid};

const LISTENERS_EXAMPLE: &str = "http://localhost:8080,https://localhost:8443";

/// At least one URL, none of them blank.
pub(super) fn listeners() -> Validator {
    let text = format!("List of comma-separated URLs, ex: {LISTENERS_EXAMPLE}.");
    Validator::custom(text, |name, value| {
        let items = value.and_then(ParsedValue::as_list).unwrap_or_default();
        if items.is_empty() {
            return Err(Error::config(
                name,
                format!("Invalid value for {name}, at least one URL is expected, ex: {LISTENERS_EXAMPLE}."),
            ));
        }
        match items.iter().any(|item| item.trim().is_empty()) {
            true => Err(Error::config(name, format!("Empty URL found when parsing {name} list."))),
            false => Ok(()),
        }
    })
}

const HEADER_ACTIONS: [&str; 4] = ["set", "add", "setDate", "addDate"];

/// `<action> <name>:<value>`, several separated by commas, each optionally in double quotes.
pub(super) fn response_headers() -> Validator {
    let text = "Comma-separated header rules, where each header rule is of the form \
                '[action] [header name]:[header value]' and optionally surrounded by double quotes if any part of a \
                header rule contains a comma";
    Validator::custom(text, |name, value| {
        let Some(text) = value.and_then(ParsedValue::as_str) else { return Ok(()) };
        if text.trim().is_empty() {
            return Ok(());
        }
        for rule in header_rules(text) {
            check_header_rule(&rule).map_err(|message| Error::config(name, message))?;
        }
        Ok(())
    })
}

/// The rules, split at commas outside of double quotes; the quotes are taken off.
fn header_rules(text: &str) -> Vec<String> {
    let mut rules = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => rules.push(String::new()),
            other => {
                if let Some(rule) = rules.last_mut() {
                    rule.push(other);
                }
            }
        }
    }
    rules
}

fn check_header_rule(rule: &str) -> Result<(), String> {
    let rule = rule.trim();
    let Some((action, header)) = rule.split_once(char::is_whitespace) else {
        return Err(format!(
            "Invalid format of header config '{rule}'. Expected: '[action] [header name]:[header value]'"
        ));
    };
    if !HEADER_ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action)) {
        return Err(format!(
            "Invalid header config action: '{action}'. Expected one of [{}]",
            HEADER_ACTIONS.join(", ")
        ));
    }
    let Some((name, _)) = header.split_once(':') else {
        return Err(format!(
            "Invalid format of header name and header value pair '{}'. Expected: '[header name]:[header value]'",
            header.trim()
        ));
    };
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("Invalid header name '{name}'. The '[header name]' cannot contain whitespace"));
    }
    Ok(())
}

/// Positive, or -1 for the broker's default.
pub(crate) fn partitions() -> Validator {
    positive_or_broker_default(
        "Positive number, or -1 to use the broker's default",
        "Number of partitions must be positive, or -1 to use the broker's default",
    )
}

/// Positive, or -1 for the broker's default.
pub(crate) fn replication_factor() -> Validator {
    positive_or_broker_default(
        "Positive number not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's \
         default",
        "Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, or -1 \
         to use the broker's default",
    )
}

fn positive_or_broker_default(text: &str, message: &'static str) -> Validator {
    Validator::custom(text, move |name, value| match value.and_then(ParsedValue::as_i64) {
        Some(number) if number == 0 || number < -1 => Err(invalid(name, number, message)),
        _ => Ok(()),
    })
}

const MACS: [&str; 5] = ["HmacSHA1", "HmacSHA224", "HmacSHA256", "HmacSHA384", "HmacSHA512"];

fn known_mac(name: &str, key: &str) -> connect_api::Result<()> {
    match MACS.iter().any(|mac| mac.eq_ignore_ascii_case(name)) {
        true => Ok(()),
        false => Err(invalid(
            key,
            name,
            format_args!(
                "the algorithm is not supported; the supported algorithms are: [{}]",
                MACS.join(", ")
            ),
        )),
    }
}

pub(super) fn key_algorithm() -> Validator {
    Validator::custom("Any KeyGenerator algorithm supported by the worker JVM", |name, value| {
        value.and_then(ParsedValue::as_str).map_or(Ok(()), |text| known_mac(text, name))
    })
}

pub(super) fn mac_algorithm() -> Validator {
    Validator::custom("Any MAC algorithm supported by the worker JVM", |name, value| {
        value.and_then(ParsedValue::as_str).map_or(Ok(()), |text| known_mac(text, name))
    })
}

pub(super) fn mac_algorithms() -> Validator {
    let text = "A list of one or more MAC algorithms, each supported by the worker JVM";
    Validator::custom(text, |name, value| match value.and_then(ParsedValue::as_list) {
        None | Some([]) => {
            Err(invalid(name, "[]", "at least one signature verification algorithm must be provided"))
        }
        Some(items) => items.iter().try_for_each(|item| known_mac(item, name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> Result<(), String> {
        let value = ParsedValue::String(text.to_owned());
        response_headers()
            .ensure_valid("response.http.headers.config", Some(&value))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn header_rules_are_an_action_a_name_and_a_value() {
        assert_eq!(headers(""), Ok(()));
        assert_eq!(headers("add X-XSS-Protection: 1; mode=block, \"SETDATE a: b, c\""), Ok(()));
        assert!(headers("drop a:b").unwrap_err().contains("action: 'drop'"));
        assert!(headers("set ab").unwrap_err().contains("'ab'"));
        assert!(headers("set").unwrap_err().contains("'set'"));
        assert!(headers("set a b:c").unwrap_err().contains("header name 'a b'"));
    }

    #[test]
    fn listeners_need_an_address() {
        let check = |items: &[&str]| {
            let items = items.iter().map(|item| (*item).to_owned()).collect();
            listeners().ensure_valid("listeners", Some(&ParsedValue::List(items)))
        };
        assert!(check(&["http://:8083"]).is_ok());
        assert!(check(&[]).unwrap_err().to_string().contains("at least one URL"));
        assert!(check(&["http://:8083", ""]).unwrap_err().to_string().contains("Empty URL"));
    }

    #[test]
    fn counts_are_positive_or_the_brokers() {
        let check = |number| partitions().ensure_valid("p", Some(&ParsedValue::Int(number)));
        assert!(check(1).is_ok() && check(-1).is_ok());
        assert!(check(0).is_err() && check(-2).is_err());
    }
}
