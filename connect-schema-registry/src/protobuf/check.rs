//! What no Protobuf compiler accepts in a definition.

use connect_api::{Error, Result};

use super::definition::{Definition, FieldDef};
use super::schema::Scalar;
use super::{mapping, names};

impl Definition {
    /// Refuses what no Protobuf compiler accepts.
    pub(super) fn check(&self) -> Result<()> {
        for (index, message) in self.messages.iter().enumerate() {
            let place = self.full_name_of(index);
            identifier(&message.name, &place)?;
            let mut names: Vec<&str> = Vec::new();
            let mut numbers: Vec<(i32, &str)> = Vec::new();
            for field in message.all_fields() {
                identifier(&field.name, &format!("{place}.{}", field.name))?;
                if names.contains(&field.name.as_str()) {
                    return Err(twice(&place, &field.name));
                }
                names.push(&field.name);
                if !(1..=536_870_911).contains(&field.number) {
                    let message = "Field numbers must be positive integers of at most 536870911.";
                    return Err(Error::data(format!("{place}.{}: {message}", field.name)));
                }
                if let Some((number, other)) = numbers.iter().find(|(number, _)| *number == field.number) {
                    let message = format!("has already been used in \"{place}\" by field \"{other}\".");
                    return Err(Error::data(format!(
                        "{place}.{}: Field number {number} {message}",
                        field.name
                    )));
                }
                numbers.push((field.number, &field.name));
                self.check_type(index, &place, field)?;
            }
            let nested = message.messages.iter().map(|nested| self.messages[*nested].name.as_str());
            for name in nested.chain(message.enums.iter().map(|one| one.name.as_str())) {
                if names.contains(&name) {
                    return Err(twice(&place, name));
                }
                names.push(name);
            }
            for one in &message.enums {
                let place = format!("{place}.{}", one.name);
                identifier(&one.name, &place)?;
                if one.values.is_empty() {
                    return Err(Error::data(format!("{place}: Enums must contain at least one value.")));
                }
                for (symbol, _) in &one.values {
                    identifier(symbol, &format!("{place}.{symbol}"))?;
                }
            }
        }
        Ok(())
    }

    fn check_type(&self, message: usize, place: &str, field: &FieldDef) -> Result<()> {
        let own = &self.messages[message];
        let undefined = || Error::data(format!("{place}.{}: \"{}\" is not defined.", field.name, field.ty));
        if let Some((first, _)) = field.ty.split_once('.') {
            // A message of that name would be found first.
            let mut scope = Some(message);
            while let Some(index) = scope {
                if self.messages[index].name == first || self.nested(index, first).is_some() {
                    return Err(undefined());
                }
                scope = self.messages[index].outer;
            }
            let known = [mapping::DECIMAL, mapping::DATE, mapping::TIME, mapping::TIMESTAMP];
            let is_known =
                known.contains(&field.ty.as_str()) || super::to_connect::wrapped(&field.ty).is_some();
            return if is_known { Ok(()) } else { Err(undefined()) };
        }
        let is_message = self.type_of(message, field).is_some();
        let is_defined = is_message || own.enums.iter().any(|one| one.name == field.ty);
        if Scalar::of_name(&field.ty).is_some() {
            if is_defined {
                return Err(Error::data(format!(
                    "{place}.{}: a type cannot be named \"{}\"",
                    field.name, field.ty
                )));
            }
            return Ok(());
        }
        if is_defined { Ok(()) } else { Err(undefined()) }
    }

    fn full_name_of(&self, message: usize) -> String {
        let definition = &self.messages[message];
        match (definition.outer, &self.package) {
            (Some(outer), _) => format!("{}.{}", self.full_name_of(outer), definition.name),
            (None, Some(package)) => format!("{package}.{}", definition.name),
            (None, None) => definition.name.clone(),
        }
    }
}

fn identifier(name: &str, place: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::data(format!("{place}: Missing name.")));
    }
    if names::is_identifier(name) {
        return Ok(());
    }
    Err(Error::data(format!("{place}: \"{name}\" is not a valid identifier.")))
}

fn twice(place: &str, name: &str) -> Error {
    Error::data(format!("{place}.{name}: \"{name}\" is already defined in \"{place}\"."))
}
