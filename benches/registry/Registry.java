import io.confluent.connect.avro.AvroConverter;
import io.confluent.connect.protobuf.ProtobufConverter;
import io.confluent.kafka.schemaregistry.avro.AvroSchemaProvider;
import io.confluent.kafka.schemaregistry.client.MockSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.protobuf.ProtobufSchemaProvider;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.storage.Converter;

/** Confluent's converters on the records of src/records.rs, with a registry in memory; prints lines of the same table. */
public class Registry {
  static final String[] TEXTS = {"id", "name", "street", "city", "country", "phone", "email", "card", "note", "status"};
  static final int BATCH = 1000;
  static final int WARM_UP = 300;
  static final int PASSES = 1000;
  static Object sink;

  public static void main(String[] args) {
    for (Struct record : new Struct[] {six(), twelve()}) {
      int fields = record.schema().fields().size();
      var registry = new MockSchemaRegistryClient(List.of(new AvroSchemaProvider(), new ProtobufSchemaProvider()));
      measure("Java's AvroConverter", fields, new AvroConverter(registry), record);
      measure("Java's ProtobufConverter", fields, new ProtobufConverter(registry), record);
    }
  }

  static Struct six() {
    Schema schema = SchemaBuilder.struct().name("Payment").field("id", Schema.INT64_SCHEMA)
        .field("customer", Schema.STRING_SCHEMA).field("amount", Schema.FLOAT64_SCHEMA)
        .field("paid", Schema.BOOLEAN_SCHEMA).field("count", Schema.INT32_SCHEMA)
        .field("note", Schema.OPTIONAL_STRING_SCHEMA).build();
    return new Struct(schema).put("id", 1_700_000_123L).put("customer", "Ada Lovelace").put("amount", 1234.5)
        .put("paid", true).put("count", 42).put("note", "paid in advance by a transfer from abroad");
  }

  static Struct twelve() {
    Schema inner = SchemaBuilder.struct().field("a", Schema.INT32_SCHEMA).field("b", Schema.OPTIONAL_STRING_SCHEMA).build();
    SchemaBuilder builder = SchemaBuilder.struct().name("Customer");
    for (String field : TEXTS) builder.field(field, Schema.OPTIONAL_STRING_SCHEMA);
    Schema schema = builder.field("at", Schema.INT64_SCHEMA).field("nested", inner).build();
    Struct record = new Struct(schema);
    for (String field : TEXTS) record.put(field, "the " + field);
    return record.put("at", 1_700_000_000_000L).put("nested", new Struct(inner).put("a", 1).put("b", "x"));
  }

  static void measure(String name, int fields, Converter converter, Struct record) {
    String topic = name.replaceAll("[^A-Za-z]", "") + fields;
    converter.configure(Map.of("schema.registry.url", "mock://bench"), false);
    byte[] bytes = converter.fromConnectData(topic, record.schema(), record);
    Runnable encode = () -> sink = converter.fromConnectData(topic, record.schema(), record);
    Runnable decode = () -> {
      SchemaAndValue read = converter.toConnectData(topic, bytes);
      sink = read.value();
    };
    System.out.printf("| %s | %d | %d | %.0f | | %.0f | |%n", name, fields, bytes.length, best(encode), best(decode));
  }

  /** Nanoseconds of one call in the fastest of many passes, after as many to warm up. */
  static double best(Runnable call) {
    long best = Long.MAX_VALUE;
    for (int pass = -WARM_UP; pass < PASSES; pass++) {
      long start = System.nanoTime();
      for (int n = 0; n < BATCH; n++) call.run();
      if (pass >= 0) best = Math.min(best, System.nanoTime() - start);
    }
    return (double) best / BATCH;
  }
}
