//! The text of a definition, letter by letter as Confluent's converter registers it.

use super::definition::{Definition, EnumDef, FieldDef, FieldLabel};

impl Definition {
    /// The text to register.
    pub(super) fn text(&self) -> String {
        let mut text = "syntax = \"proto3\";\n".to_owned();
        if let Some(package) = &self.package {
            text += &format!("package {package};\n");
        }
        if !self.imports.is_empty() {
            text.push('\n');
            for import in &self.imports {
                text += &format!("import \"{import}\";\n");
            }
        }
        text.push('\n');
        text += &self.message(0);
        text
    }

    fn message(&self, index: usize) -> String {
        let message = &self.messages[index];
        let mut sections: Vec<String> = Vec::new();
        if !message.fields.is_empty() {
            sections.push(message.fields.iter().map(|field| print_field(field, false)).collect());
        }
        for (name, fields) in &message.oneofs {
            let fields: String = fields.iter().map(|field| print_field(field, true)).collect();
            sections.push(format!("oneof {name} {{\n{}}}\n", indented(&fields)));
        }
        let nested: String = message.messages.iter().map(|nested| self.message(*nested)).collect();
        let enums: String = message.enums.iter().map(enumeration).collect();
        if !nested.is_empty() || !enums.is_empty() {
            sections.push(nested + &enums);
        }
        if sections.is_empty() {
            return format!("message {} {{}}\n", message.name);
        }
        let sections: Vec<String> = sections.iter().map(|section| indented(section)).collect();
        format!("message {} {{\n{}}}\n", message.name, sections.join("\n"))
    }
}

fn enumeration(one: &EnumDef) -> String {
    let values: String =
        one.values.iter().map(|(symbol, number)| format!("  {symbol} = {number};\n")).collect();
    format!("enum {} {{\n{values}}}\n", one.name)
}

/// Two spaces before every line, empty lines included.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn print_field(field: &FieldDef, in_oneof: bool) -> String {
    let label = match field.label {
        Some(FieldLabel::Optional) => "optional ",
        Some(FieldLabel::Repeated) => "repeated ",
        None => "",
    };
    let head = format!("{label}{} {} = {}", field.ty, field.name, field.number);
    // What stands in a oneof, also in that which stands for `optional`, says that it is not deprecated.
    let deprecated = in_oneof || field.label == Some(FieldLabel::Optional);
    let meta = (!field.params.is_empty()).then(|| meta(field));
    match (deprecated, meta) {
        (false, None) => format!("{head};\n"),
        (true, None) => format!("{head} [deprecated = false];\n"),
        (false, Some(meta)) => format!("{head} [{}];\n", meta.trim_end()),
        (true, Some(meta)) => format!("{head} [\n  deprecated = false,\n{}];\n", indented(&meta)),
    }
}

fn meta(field: &FieldDef) -> String {
    let params: Vec<String> = field
        .params
        .iter()
        .map(|(key, value)| {
            let (key, value) = (format!("key: \"{key}\""), format!("value: \"{value}\""));
            // The order is that of a hash map with these parameters.
            let lines = if key.contains("connect.type") { [key, value] } else { [value, key] };
            format!("    {{\n      {},\n      {}\n    }}", lines[0], lines[1])
        })
        .collect();
    format!("(confluent.field_meta) = {{\n  params: [\n{}\n  ]\n}}\n", params.join(",\n"))
}
