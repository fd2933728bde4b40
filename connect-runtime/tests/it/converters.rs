//! The names of the stock converters. What they answer is compared with Kafka's own classes in the crate `equivalence`.

use connect_api::Plugins;

#[test]
fn every_converter_has_its_java_name() {
    let mut plugins = Plugins::new();
    connect_runtime::converters::register(&mut plugins);
    plugins.check().unwrap();
    for (class, name) in [
        ("org.apache.kafka.connect.json.JsonConverter", "JsonConverter"),
        ("org.apache.kafka.connect.storage.StringConverter", "StringConverter"),
        ("org.apache.kafka.connect.converters.LongConverter", "LongConverter"),
    ] {
        assert_eq!(plugins.find_converter(class).unwrap().name(), name);
        assert_eq!(plugins.find_header_converter(class).unwrap().name(), name);
    }
    let simple = "org.apache.kafka.connect.storage.SimpleHeaderConverter";
    assert_eq!(plugins.find_header_converter(simple).unwrap().name(), "SimpleHeaderConverter");
    assert!(plugins.find_converter(simple).is_err());
}
