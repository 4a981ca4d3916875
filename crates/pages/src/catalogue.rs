use api::wire::EventType;

/// The types of events, as forms and lists name them.
pub struct Catalogue {
    types: Vec<EventType>,
}

impl Catalogue {
    /// The catalogue that the API answered.
    pub fn new(types: Vec<EventType>) -> Self {
        Self { types }
    }

    /// The type with this key.
    pub fn find(&self, key: &str) -> Option<&EventType> {
        self.types.iter().find(|event_type| event_type.key == key)
    }

    /// What people call the type with this key. One that was deleted is called by its key.
    pub fn label<'a>(&'a self, key: &'a str) -> &'a str {
        self.find(key).map_or(key, |event_type| &event_type.label)
    }

    /// The labels of the types that a type covers, in words: `A, B and C`. Empty for most.
    pub fn covered(&self, event_type: &EventType) -> String {
        let labels: Vec<_> = event_type
            .members
            .iter()
            .map(|key| self.label(key))
            .collect();
        match labels.as_slice() {
            [] => String::new(),
            [one] => (*one).to_owned(),
            [first @ .., last] => format!("{} and {last}", first.join(", ")),
        }
    }

    /// The types by group, each group where its first type stands.
    pub fn groups(&self) -> Vec<(&str, Vec<&EventType>)> {
        let mut groups: Vec<(&str, Vec<&EventType>)> = Vec::new();
        for event_type in &self.types {
            match groups
                .iter_mut()
                .find(|(name, _)| *name == event_type.group)
            {
                Some((_, types)) => types.push(event_type),
                None => groups.push((&event_type.group, vec![event_type])),
            }
        }
        groups
    }
}
