// The genuine classes of Kafka Connect behind the notation of our own `answer` program: one JSON case per line
// of standard input, one JSON answer per line of standard output. Only `cargo xtask differential` runs it.

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TimeZone;
import java.util.concurrent.Callable;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Date;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.SchemaProjector;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.data.Values;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

public final class Genuine {
    static final JsonNodeFactory NODES = JsonNodeFactory.withExactBigDecimals(true);
    static final ObjectMapper JSON = new ObjectMapper()
        .setNodeFactory(NODES)
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .enable(JsonGenerator.Feature.WRITE_BIGDECIMAL_AS_PLAIN);

    /** The notation was misused: a mistake of the generator, not an answer of Connect. */
    static final class BadCase extends RuntimeException {
        BadCase(String message) {
            super(message);
        }
    }

    /** An exception of Connect with the stage in which it came. */
    static final class Failed extends Exception {
        final String stage;

        Failed(String stage, Throwable cause) {
            super(cause);
            this.stage = stage;
        }
    }

    public static void main(String[] args) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        Locale.setDefault(Locale.US);
        PrintStream answers = new PrintStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16), false, StandardCharsets.UTF_8);
        System.setOut(System.err);
        BufferedReader cases = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
        for (String line = cases.readLine(); line != null; line = cases.readLine()) {
            answers.println(JSON.writeValueAsString(answer(line)));
            if (!cases.ready()) {
                answers.flush();
            }
        }
        answers.flush();
    }

    static ObjectNode answer(String line) {
        ObjectNode answer = NODES.objectNode();
        try {
            answer.set("ok", Operations.run(JSON.readTree(line)));
        } catch (Failed failed) {
            answer.set("error", error(failed.getCause()).put("stage", failed.stage));
        } catch (BadCase | JsonProcessingException | ReflectiveOperationException bad) {
            answer.put("bad_case", bad.toString());
        }
        return answer;
    }

    static ObjectNode error(Throwable thrown) {
        ObjectNode error = NODES.objectNode().put("class", thrown.getClass().getName()).put("message", stable(thrown.getMessage()));
        if (thrown.getCause() != null) {
            error.set("cause", error(thrown.getCause()));
        }
        return error;
    }

    /** Identity hash codes differ from run to run. */
    static String stable(String text) {
        return text == null ? null : text.replaceAll("@[0-9a-f]{3,8}\\b", "@HASH");
    }

    static <T> T during(String stage, Callable<T> work) throws Failed {
        try {
            return work.call();
        } catch (BadCase bad) {
            throw bad;
        } catch (Throwable thrown) {
            throw new Failed(stage, thrown);
        }
    }

    static boolean absent(JsonNode node) {
        return node == null || node.isNull() || node.isMissingNode();
    }

    static String text(JsonNode parent, String member) {
        return absent(parent.get(member)) ? null : parent.get(member).asText();
    }

    static Map<String, String> texts(JsonNode node) {
        if (absent(node)) {
            return null;
        }
        Map<String, String> map = new LinkedHashMap<>();
        node.fields().forEachRemaining(e -> map.put(e.getKey(), e.getValue().isNull() ? null : e.getValue().asText()));
        return map;
    }

    /** Schemas in the notation. */
    static final class Schemas {
        static Schema read(JsonNode node) {
            if (absent(node)) {
                return null;
            }
            return node.isTextual() ? named(node.asText()) : described(node);
        }

        static Schema named(String text) {
            boolean optional = text.endsWith("?");
            String name = optional ? text.substring(0, text.length() - 1) : text;
            SchemaBuilder builder = switch (name) {
                case "date" -> Date.builder();
                case "time" -> Time.builder();
                case "timestamp" -> Timestamp.builder();
                default -> name.startsWith("decimal(")
                    ? Decimal.builder(Integer.parseInt(name.substring("decimal(".length(), name.length() - 1)))
                    : new SchemaBuilder(type(name));
            };
            return (optional ? builder.optional() : builder).build();
        }

        static Schema.Type type(String name) {
            for (Schema.Type type : Schema.Type.values()) {
                if (type.getName().equals(name)) {
                    return type;
                }
            }
            throw new BadCase("there is no schema type " + name);
        }

        static Schema described(JsonNode node) {
            Schema.Type type = type(text(node, "type"));
            boolean optional = node.path("optional").asBoolean();
            boolean array = type == Schema.Type.ARRAY;
            if (array && absent(node.get("items")) || type == Schema.Type.MAP && (absent(node.get("keys")) || absent(node.get("values")))) {
                // SchemaBuilder refuses what Values.parseString itself makes.
                return new ConnectSchema(type, optional, Data.read(node.get("default"), null), text(node, "name"),
                    absent(node.get("version")) ? null : node.get("version").asInt(), text(node, "doc"), texts(node.get("parameters")),
                    null, read(node.get("keys")), read(node.get(array ? "items" : "values")));
            }
            SchemaBuilder builder = switch (type) {
                case ARRAY -> SchemaBuilder.array(read(node.get("items")));
                case MAP -> SchemaBuilder.map(read(node.get("keys")), read(node.get("values")));
                default -> new SchemaBuilder(type);
            };
            for (JsonNode field : node.path("fields")) {
                builder.field(text(field, "name"), read(field.get("schema")));
            }
            if (node.has("name")) {
                builder.name(text(node, "name"));
            }
            if (node.has("version")) {
                builder.version(node.get("version").asInt());
            }
            if (node.has("doc")) {
                builder.doc(text(node, "doc"));
            }
            if (node.has("parameters")) {
                builder.parameters(texts(node.get("parameters")));
            }
            if (optional) {
                builder.optional();
            }
            if (node.has("default")) {
                builder.defaultValue(Data.read(node.get("default"), builder));
            }
            return builder.build();
        }

        static JsonNode write(Schema schema) {
            if (schema == null) {
                return NODES.nullNode();
            }
            String brief = brief(schema);
            if (brief != null) {
                return NODES.textNode(schema.isOptional() ? brief + "?" : brief);
            }
            ObjectNode node = NODES.objectNode().put("type", schema.type().getName());
            if (schema.isOptional()) {
                node.put("optional", true);
            }
            if (schema.name() != null) {
                node.put("name", schema.name());
            }
            if (schema.version() != null) {
                node.put("version", schema.version());
            }
            if (schema.doc() != null) {
                node.put("doc", schema.doc());
            }
            if (schema.parameters() != null && !schema.parameters().isEmpty()) {
                schema.parameters().forEach(node.putObject("parameters")::put);
            }
            if (schema.defaultValue() != null) {
                node.set("default", Data.write(schema.defaultValue(), schema));
            }
            switch (schema.type()) {
                case ARRAY -> node.set("items", write(schema.valueSchema()));
                case MAP -> {
                    node.set("keys", write(schema.keySchema()));
                    node.set("values", write(schema.valueSchema()));
                }
                case STRUCT -> {
                    ArrayNode fields = node.putArray("fields");
                    for (Field field : schema.fields()) {
                        fields.addObject().put("name", field.name()).set("schema", write(field.schema()));
                    }
                }
                default -> { }
            }
            return node;
        }

        /** The short name, if it says everything but whether the schema is optional. */
        static String brief(Schema schema) {
            if (!schema.type().isPrimitive() || schema.doc() != null || schema.defaultValue() != null) {
                return null;
            }
            Map<String, String> parameters = schema.parameters() == null ? Map.of() : schema.parameters();
            if (schema.name() == null) {
                return schema.version() == null && parameters.isEmpty() ? schema.type().getName() : null;
            }
            if (!Integer.valueOf(1).equals(schema.version())) {
                return null;
            }
            if (schema.name().equals(Decimal.LOGICAL_NAME) && schema.type() == Schema.Type.BYTES) {
                String scale = parameters.getOrDefault(Decimal.SCALE_FIELD, "");
                return parameters.size() == 1 && scale.matches("-?\\d+") ? "decimal(" + scale + ")" : null;
            }
            if (!parameters.isEmpty()) {
                return null;
            }
            return switch (schema.type().getName() + " " + schema.name()) {
                case "int32 " + Date.LOGICAL_NAME -> "date";
                case "int32 " + Time.LOGICAL_NAME -> "time";
                case "int64 " + Timestamp.LOGICAL_NAME -> "timestamp";
                default -> null;
            };
        }
    }

    /** Values in the notation. */
    static final class Data {
        static Object read(JsonNode node, Schema schema) {
            if (absent(node)) {
                return null;
            }
            if (node.isTextual()) {
                return node.asText();
            }
            if (node.isBoolean()) {
                return node.asBoolean();
            }
            if (!node.isObject() || node.isEmpty()) {
                throw new BadCase("a value without tag: " + node);
            }
            if (node.has("struct")) {
                return struct(node, schema);
            }
            String tag = node.fieldNames().next();
            JsonNode content = node.get(tag);
            String word = content.asText();
            return switch (tag) {
                case "i8" -> Byte.valueOf(word);
                case "i16" -> Short.valueOf(word);
                case "i32" -> Integer.valueOf(word);
                case "i64" -> Long.valueOf(word);
                case "f32" -> Float.valueOf(word);
                case "f64" -> Double.valueOf(word);
                case "bytes" -> Base64.getDecoder().decode(word);
                case "bytebuffer" -> ByteBuffer.wrap(Base64.getDecoder().decode(word));
                case "decimal" -> new BigDecimal(new BigInteger(content.get(0).asText()), content.get(1).asInt());
                case "bigint" -> new BigInteger(word);
                case "date" -> new java.util.Date(content.asLong());
                case "list" -> list(content, schema);
                case "map" -> map(content, schema);
                default -> throw new BadCase("there is no value tag " + tag);
            };
        }

        static List<Object> list(JsonNode content, Schema schema) {
            Schema items = schema != null && schema.type() == Schema.Type.ARRAY ? schema.valueSchema() : null;
            List<Object> list = new ArrayList<>();
            content.forEach(item -> list.add(read(item, items)));
            return list;
        }

        static Map<Object, Object> map(JsonNode content, Schema schema) {
            boolean typed = schema != null && schema.type() == Schema.Type.MAP;
            Map<Object, Object> map = new LinkedHashMap<>();
            for (JsonNode entry : content) {
                map.put(read(entry.get(0), typed ? schema.keySchema() : null), read(entry.get(1), typed ? schema.valueSchema() : null));
            }
            return map;
        }

        static Struct struct(JsonNode node, Schema position) {
            Schema schema = node.has("schema") ? Schemas.read(node.get("schema")) : position;
            if (schema instanceof SchemaBuilder builder) {
                schema = builder.build();
            }
            if (schema == null || schema.type() != Schema.Type.STRUCT) {
                throw new BadCase("a struct without the schema of one");
            }
            Struct struct = new Struct(schema);
            for (Map.Entry<String, JsonNode> entry : node.get("struct").properties()) {
                Field field = schema.field(entry.getKey());
                if (field == null) {
                    throw new BadCase("the struct has no field " + entry.getKey());
                }
                if (!entry.getValue().isNull()) {
                    struct.put(field, read(entry.getValue(), field.schema()));
                }
            }
            return struct;
        }

        static JsonNode write(Object value, Schema schema) {
            if (value == null) {
                return NODES.nullNode();
            }
            if (value instanceof String text) {
                return NODES.textNode(text);
            }
            if (value instanceof Boolean flag) {
                return NODES.booleanNode(flag);
            }
            ObjectNode node = NODES.objectNode();
            if (value instanceof Byte number) {
                node.put("i8", (int) number);
            } else if (value instanceof Short number) {
                node.put("i16", (int) number);
            } else if (value instanceof Integer number) {
                node.put("i32", number);
            } else if (value instanceof Long number) {
                node.put("i64", number);
            } else if (value instanceof Float || value instanceof Double) {
                node.set(value instanceof Float ? "f32" : "f64", floating(value.toString()));
            } else if (value instanceof byte[] bytes) {
                node.put("bytes", Base64.getEncoder().encodeToString(bytes));
            } else if (value instanceof ByteBuffer buffer) {
                byte[] bytes = new byte[buffer.remaining()];
                buffer.duplicate().get(bytes);
                node.put("bytebuffer", Base64.getEncoder().encodeToString(bytes));
            } else if (value instanceof BigDecimal number) {
                node.putArray("decimal").add(number.unscaledValue().toString()).add(number.scale());
            } else if (value instanceof BigInteger number) {
                node.put("bigint", number.toString());
            } else if (value instanceof java.util.Date date) {
                node.put("date", date.getTime());
            } else if (value instanceof Collection<?> list) {
                Schema items = schema != null && schema.type() == Schema.Type.ARRAY ? schema.valueSchema() : null;
                ArrayNode content = node.putArray("list");
                list.forEach(item -> content.add(write(item, items)));
            } else if (value instanceof Map<?, ?> map) {
                boolean typed = schema != null && schema.type() == Schema.Type.MAP;
                ArrayNode content = node.putArray("map");
                map.forEach((k, v) -> content.addArray().add(write(k, typed ? schema.keySchema() : null)).add(write(v, typed ? schema.valueSchema() : null)));
            } else if (value instanceof Struct struct) {
                ObjectNode content = node.putObject("struct");
                for (Field field : struct.schema().fields()) {
                    content.set(field.name(), write(struct.getWithoutDefault(field.name()), field.schema()));
                }
                if (!struct.schema().equals(schema)) {
                    node.set("schema", Schemas.write(struct.schema()));
                }
            } else {
                node.put("java", value.getClass().getName());
            }
            return node;
        }

        static JsonNode floating(String text) {
            boolean number = !text.equals("-0.0") && Character.isDigit(text.charAt(text.length() - 1));
            return number ? NODES.numberNode(new BigDecimal(text)) : NODES.textNode(text);
        }

        static JsonNode withSchema(SchemaAndValue both) {
            return both == null ? NODES.nullNode() : withSchema(both.schema(), both.value());
        }

        static ObjectNode withSchema(Schema schema, Object value) {
            ObjectNode node = NODES.objectNode();
            node.set("schema", Schemas.write(schema));
            node.set("value", write(value, schema));
            return node;
        }
    }

    /** Records in the notation. */
    static final class Records {
        static ConnectRecord<?> read(JsonNode node) {
            Schema keySchema = Schemas.read(node.path("key").get("schema"));
            Schema valueSchema = Schemas.read(node.path("value").get("schema"));
            Object key = Data.read(node.path("key").get("value"), keySchema);
            Object value = Data.read(node.path("value").get("value"), valueSchema);
            Integer partition = absent(node.get("partition")) ? null : node.get("partition").intValue();
            Long timestamp = absent(node.get("timestamp")) ? null : node.get("timestamp").longValue();
            ConnectHeaders headers = new ConnectHeaders();
            for (JsonNode header : node.path("headers")) {
                Schema schema = Schemas.read(header.get("schema"));
                headers.add(text(header, "name"), new SchemaAndValue(schema, Data.read(header.get("value"), schema)));
            }
            if (absent(node.get("offset"))) {
                return new SourceRecord(Map.of(), Map.of(), text(node, "topic"), partition, keySchema, key, valueSchema, value, timestamp, headers);
            }
            TimestampType type = timestamp == null ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME;
            return new SinkRecord(text(node, "topic"), partition == null ? 0 : partition, keySchema, key, valueSchema, value,
                node.get("offset").longValue(), timestamp, type, headers);
        }

        static JsonNode write(ConnectRecord<?> record) {
            if (record == null) {
                return NODES.nullNode();
            }
            ObjectNode node = NODES.objectNode().put("topic", record.topic()).put("partition", record.kafkaPartition());
            if (record instanceof SinkRecord sink) {
                node.put("offset", sink.kafkaOffset());
            }
            node.put("timestamp", record.timestamp());
            node.set("key", Data.withSchema(record.keySchema(), record.key()));
            node.set("value", Data.withSchema(record.valueSchema(), record.value()));
            ArrayNode headers = node.putArray("headers");
            for (Header header : record.headers()) {
                headers.addObject().put("name", header.key()).setAll(Data.withSchema(header.schema(), header.value()));
            }
            return node;
        }
    }

    static final class Operations {
        static final String[] PACKAGES = {"transforms.", "transforms.predicates.", "converters.", "storage.", "json."};

        static JsonNode run(JsonNode c) throws Failed, ReflectiveOperationException {
            String op = String.valueOf(text(c, "op"));
            return switch (op) {
                case "transform", "predicate" -> record(c, op);
                case "to_connect", "from_connect" -> converter(c, op.equals("to_connect"));
                case "header_to_connect", "header_from_connect" -> header(c, op.equals("header_to_connect"));
                case "values_parse" -> during("apply", () -> Data.withSchema(Values.parseString(text(c, "text"))));
                case "values_convert" -> withInput(c, (schema, value) -> convert(c, schema, value));
                case "values_infer" -> withInput(c, (schema, value) ->
                    NODES.objectNode().set("schema", Schemas.write(Values.inferSchema(value))));
                case "validate_value" -> withInput(c, (schema, value) -> {
                    ConnectSchema.validateValue(schema, value);
                    return NODES.textNode("valid");
                });
                case "project" -> {
                    Schema source = during("input", () -> Schemas.read(c.get("source")));
                    Schema target = during("input", () -> Schemas.read(c.get("target")));
                    Object value = during("input", () -> Data.read(c.get("value"), source));
                    yield during("apply", () -> NODES.objectNode().set("value", Data.write(SchemaProjector.project(source, value, target), target)));
                }
                case "schema_equal" -> {
                    Schema a = during("input", () -> Schemas.read(c.get("a")));
                    Schema b = during("input", () -> Schemas.read(c.get("b")));
                    yield NODES.objectNode().put("equal", Objects.equals(a, b)).put("same_hash", Objects.hashCode(a) == Objects.hashCode(b));
                }
                case "schema_text" -> {
                    Schema schema = during("input", () -> Schemas.read(c.get("schema")));
                    yield NODES.textNode(stable(String.valueOf(schema)));
                }
                default -> throw new BadCase("there is no operation " + op);
            };
        }

        interface WithInput {
            JsonNode answer(Schema schema, Object value) throws Exception;
        }

        static JsonNode withInput(JsonNode c, WithInput work) throws Failed {
            Schema schema = during("input", () -> Schemas.read(c.get("schema")));
            Object value = during("input", () -> Data.read(c.get("value"), schema));
            return during("apply", () -> work.answer(schema, value));
        }

        static Object instance(JsonNode c, String otherwise) throws ReflectiveOperationException {
            String name = c.has("class") ? text(c, "class") : otherwise;
            for (String inner : PACKAGES) {
                try {
                    return Class.forName("org.apache.kafka.connect." + inner + name).getDeclaredConstructor().newInstance();
                } catch (ClassNotFoundException | NoClassDefFoundError elsewhere) {
                    continue;
                }
            }
            throw new BadCase("there is no class " + name);
        }

        static Map<String, String> config(JsonNode c) {
            Map<String, String> config = texts(c.get("config"));
            return config == null ? new HashMap<>() : config;
        }

        @SuppressWarnings({"rawtypes", "unchecked"})
        static JsonNode record(JsonNode c, String op) throws Failed, ReflectiveOperationException {
            if (op.equals("predicate")) {
                Predicate predicate = (Predicate) instance(c, null);
                during("configure", () -> {
                    predicate.configure(config(c));
                    return 0;
                });
                ConnectRecord<?> record = during("input", () -> Records.read(c.get("record")));
                return during("apply", () -> NODES.booleanNode(predicate.test(record)));
            }
            Transformation transformation = (Transformation) instance(c, null);
            during("configure", () -> {
                transformation.configure(config(c));
                return 0;
            });
            ConnectRecord<?> record = during("input", () -> Records.read(c.get("record")));
            return during("apply", () -> Records.write((ConnectRecord<?>) transformation.apply(record)));
        }

        static byte[] bytes(JsonNode c) {
            String text = text(c, "text");
            if (text != null) {
                return text.getBytes(StandardCharsets.UTF_8);
            }
            return text(c, "bytes") == null ? null : Base64.getDecoder().decode(text(c, "bytes"));
        }

        static JsonNode bytes(byte[] bytes) {
            return NODES.objectNode().put("bytes", bytes == null ? null : Base64.getEncoder().encodeToString(bytes));
        }

        static String topic(JsonNode c) {
            return c.has("topic") ? text(c, "topic") : "topic";
        }

        static JsonNode converter(JsonNode c, boolean reading) throws Failed, ReflectiveOperationException {
            Converter converter = (Converter) instance(c, "JsonConverter");
            during("configure", () -> {
                converter.configure(config(c), c.path("is_key").asBoolean());
                return 0;
            });
            if (reading) {
                return during("apply", () -> Data.withSchema(converter.toConnectData(topic(c), new RecordHeaders(), bytes(c))));
            }
            return withInput(c, (schema, value) -> bytes(converter.fromConnectData(topic(c), new RecordHeaders(), schema, value)));
        }

        static JsonNode header(JsonNode c, boolean reading) throws Failed, ReflectiveOperationException {
            HeaderConverter converter = (HeaderConverter) instance(c, "SimpleHeaderConverter");
            Map<String, String> config = config(c);
            config.putIfAbsent("converter.type", "header");
            during("configure", () -> {
                converter.configure(config);
                return 0;
            });
            String header = c.has("header") ? text(c, "header") : "h";
            if (reading) {
                return during("apply", () -> Data.withSchema(converter.toConnectHeader(topic(c), header, bytes(c))));
            }
            return withInput(c, (schema, value) -> bytes(converter.fromConnectHeader(topic(c), header, schema, value)));
        }

        static JsonNode convert(JsonNode c, Schema schema, Object value) {
            String target = String.valueOf(text(c, "to"));
            Object converted = switch (target) {
                case "boolean" -> Values.convertToBoolean(schema, value);
                case "int8" -> Values.convertToByte(schema, value);
                case "int16" -> Values.convertToShort(schema, value);
                case "int32" -> Values.convertToInteger(schema, value);
                case "int64" -> Values.convertToLong(schema, value);
                case "float32" -> Values.convertToFloat(schema, value);
                case "float64" -> Values.convertToDouble(schema, value);
                case "string" -> Values.convertToString(schema, value);
                case "list" -> Values.convertToList(schema, value);
                case "map" -> Values.convertToMap(schema, value);
                case "struct" -> Values.convertToStruct(schema, value);
                case "date" -> Values.convertToDate(schema, value);
                case "time" -> Values.convertToTime(schema, value);
                case "timestamp" -> Values.convertToTimestamp(schema, value);
                case "decimal" -> Values.convertToDecimal(schema, value, c.path("scale").asInt());
                default -> throw new BadCase("there is no target " + target);
            };
            return Data.write(converted, target.equals("struct") ? schema : null);
        }
    }

    private Genuine() { }
}
