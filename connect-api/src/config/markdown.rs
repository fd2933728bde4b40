//! A [`ConfigDef`] as a page of the reference.

use std::fmt::Write as _;

use crate::config::{ConfigDef, ConfigKey, DefaultValue, ParsedValue};

impl ConfigDef {
    /// The keys as Markdown, in the order of [`sorted`](Self::sorted), one heading of the given level (1 to 6) each.
    /// Internal keys are left out.
    ///
    /// ```
    /// use connect_api::config::{ConfigDef, ConfigKey, Importance, Type};
    ///
    /// let def = ConfigDef::new().define(
    ///     ConfigKey::new("topic", Type::String)
    ///         .importance(Importance::High)
    ///         .documentation("The topic to publish data to."),
    /// );
    /// let page = def.to_markdown(3);
    /// assert!(page.starts_with("### `topic`\n\nThe topic to publish data to.\n\n* Type: string\n"));
    /// assert!(page.ends_with("* Default: none, must be set\n* Importance: high\n"));
    /// ```
    pub fn to_markdown(&self, level: usize) -> String {
        let mut page = String::new();
        for key in self.sorted().into_iter().filter(|key| !key.internal) {
            if !page.is_empty() {
                page.push('\n');
            }
            write_key(&mut page, key, level);
        }
        page
    }
}

fn write_key(page: &mut String, key: &ConfigKey, level: usize) {
    let _ = writeln!(page, "{} `{}`\n", "#".repeat(level.clamp(1, 6)), key.name);
    if !key.documentation.is_empty() {
        let _ = writeln!(page, "{}\n", key.documentation);
    }
    let _ = writeln!(page, "* Type: {}", key.ty.as_str().to_lowercase());
    let default = match &key.default {
        DefaultValue::Required => "none, must be set".to_owned(),
        DefaultValue::Null => "none".to_owned(),
        DefaultValue::Value(ParsedValue::String(text)) if text.is_empty() => "the empty text".to_owned(),
        DefaultValue::Value(ParsedValue::List(items)) if items.is_empty() => "the empty list".to_owned(),
        DefaultValue::Value(value) => format!("`{}`", value.to_text()),
    };
    let _ = writeln!(page, "* Default: {default}");
    if let Some(text) = key.validator.as_ref().map(ToString::to_string).filter(|text| !text.is_empty()) {
        let _ = writeln!(page, "* Valid values: {text}");
    }
    let _ = writeln!(page, "* Importance: {}", key.importance.as_str().to_lowercase());
    if let Some(alternative) = &key.alternative {
        let _ = writeln!(page, "* Alternative: {alternative}");
    }
}
