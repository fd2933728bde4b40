// Confluent's Avro and Protobuf converters as a program that answers cases, with a registry of its own that is empty for
// each case. Notation and operations are described in equivalence/src/ops/registry.rs.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.confluent.connect.avro.AvroConverter;
import io.confluent.connect.protobuf.ProtobufConverter;
import io.confluent.kafka.schemaregistry.CompatibilityLevel;
import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import io.confluent.kafka.schemaregistry.protobuf.ProtobufSchema;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.storage.Converter;

public final class GenuineRegistry {
    public static void main(String[] args) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        Locale.setDefault(Locale.US);
        PrintStream answers = new PrintStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16), false, StandardCharsets.UTF_8);
        System.setOut(System.err);
        // Without it every answer of the registry takes 40 ms.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        Registry.start();
        BufferedReader cases = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
        for (String line = cases.readLine(); line != null; line = cases.readLine()) {
            answers.println(Genuine.JSON.writeValueAsString(answer(line)));
            if (!cases.ready()) {
                answers.flush();
            }
        }
        answers.flush();
        System.exit(0);
    }

    private static ObjectNode answer(String line) {
        ObjectNode answer = Genuine.NODES.objectNode();
        try {
            JsonNode c = Genuine.JSON.readTree(line);
            String op = String.valueOf(Genuine.text(c, "op"));
            answer.set("ok", switch (op) {
                case "registry_from_connect" -> fromConnect(c);
                case "registry_to_connect" -> toConnect(c);
                default -> throw new Genuine.BadCase("there is no operation " + op);
            });
        } catch (Genuine.Failed failed) {
            answer.set("error", Genuine.error(failed.getCause()).put("stage", failed.stage));
        } catch (Genuine.BadCase | IOException bad) {
            answer.put("bad_case", bad.toString());
        } catch (Throwable thrown) {
            answer.set("error", Genuine.error(thrown));
        }
        return answer;
    }

    private static boolean protobuf(JsonNode c) {
        return "ProtobufConverter".equals(Genuine.text(c, "class"));
    }

    private static Converter converter(JsonNode c) throws Genuine.Failed {
        Converter converter = protobuf(c) ? new ProtobufConverter() : new AvroConverter();
        Map<String, String> config = new HashMap<>(Genuine.Operations.config(c));
        config.putIfAbsent("schema.registry.url", Registry.url());
        config.replaceAll((key, value) -> key.endsWith("subject.name.strategy") && value.matches("\\w+")
            ? "io.confluent.kafka.serializers.subject." + value : value);
        return Genuine.during("configure", () -> {
            converter.configure(config, c.path("is_key").asBoolean());
            return converter;
        });
    }

    /** What the registry has before the conversion. */
    private static void prepare(JsonNode c) {
        String level = Genuine.text(c, "compatibility");
        Registry.clear(level == null ? CompatibilityLevel.NONE : CompatibilityLevel.valueOf(level));
        for (JsonNode entry : c.path("registered")) {
            put(c, Genuine.text(entry, "subject"), entry);
        }
    }

    private static int put(JsonNode c, String subject, JsonNode entry) {
        List<SchemaReference> references = new ArrayList<>();
        for (JsonNode reference : entry.path("references")) {
            references.add(new SchemaReference(Genuine.text(reference, "name"), Genuine.text(reference, "subject"),
                reference.path("version").asInt(1)));
        }
        JsonNode schema = entry.get("schema");
        String text = schema.isTextual() && !schema.asText().matches("[a-z]+") ? schema.asText() : schema.toString();
        return Registry.add(subject, protobuf(c) ? "PROTOBUF" : "AVRO", text, references).id;
    }

    private static JsonNode fromConnect(JsonNode c) throws Genuine.Failed, IOException {
        Converter converter = converter(c);
        prepare(c);
        int before = Registry.log.size();
        Schema schema = Genuine.during("input", () -> Genuine.Schemas.read(c.get("schema")));
        Object value = Genuine.during("input", () -> Genuine.Data.read(c.get("value"), schema));
        byte[] bytes = Genuine.during("apply", () -> converter.fromConnectData(Genuine.Operations.topic(c), schema, value));
        if (bytes == null) {
            return Genuine.NODES.objectNode().putNull("payload");
        }
        int id = ByteBuffer.wrap(bytes, 1, 4).getInt();
        List<Entry> fresh = Registry.log.subList(before, Registry.log.size());
        Entry main = null;
        for (Entry entry : Registry.log) {
            if (entry.id == id && (main == null || fresh.contains(entry))) {
                main = entry;
            }
        }
        if (main == null) {
            throw new Genuine.BadCase("the registry does not have id " + id);
        }
        ObjectNode answer = main.described();
        answer.put("payload", Base64.getEncoder().encodeToString(Arrays.copyOfRange(bytes, 5, bytes.length)));
        ArrayNode written = answer.putArray("written");
        for (Entry entry : fresh) {
            if (entry == main) {
                written.add(entry.subject);
            } else {
                written.add(entry.described());
            }
        }
        return answer;
    }

    private static JsonNode toConnect(JsonNode c) throws Genuine.Failed {
        Converter converter = converter(c);
        prepare(c);
        String half = c.path("is_key").asBoolean() ? "-key" : "-value";
        String subject = c.has("subject") ? Genuine.text(c, "subject") : Genuine.Operations.topic(c) + half;
        int id = put(c, subject, c);
        byte[] payload = Base64.getDecoder().decode(String.valueOf(Genuine.text(c, "payload")));
        byte[] bytes = ByteBuffer.allocate(5 + payload.length).put((byte) 0).putInt(id).put(payload).array();
        return Genuine.during("apply", () -> {
            SchemaAndValue both = converter.toConnectData(Genuine.Operations.topic(c), bytes);
            return both == null ? Genuine.NODES.nullNode() : Genuine.Data.withSchema(both);
        });
    }

    /** A schema at its place in the registry. */
    private record Entry(String subject, int version, int id, String type, String schema, List<SchemaReference> references) {
        boolean holds(String otherType, String otherSchema, List<SchemaReference> others) {
            return type.equals(otherType) && schema.equals(otherSchema) && references.equals(others);
        }

        ObjectNode described() {
            ObjectNode node = Genuine.NODES.objectNode().put("subject", subject).put("version", version).put("schema_type", type);
            node.put("schema", schema);
            return withReferences(node);
        }

        ObjectNode served() {
            ObjectNode node = Genuine.NODES.objectNode().put("subject", subject).put("version", version).put("id", id);
            if (!type.equals("AVRO")) {
                node.put("schemaType", type);
            }
            return withReferences(node.put("schema", schema));
        }

        private ObjectNode withReferences(ObjectNode node) {
            ArrayNode list = node.putArray("references");
            for (SchemaReference reference : references) {
                list.addObject().put("name", reference.getName()).put("subject", reference.getSubject()).put("version", reference.getVersion());
            }
            return node;
        }
    }

    /** A registry in memory, reached over HTTP. Schemas are parsed and compared by Confluent's classes. */
    private static final class Registry {
        static final List<Entry> log = new ArrayList<>();
        static CompatibilityLevel compatibility = CompatibilityLevel.NONE;
        private static HttpServer server;

        static void start() throws IOException {
            server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
            server.createContext("/", Registry::handle);
            server.start();
        }

        static String url() {
            return "http://127.0.0.1:" + server.getAddress().getPort();
        }

        static synchronized void clear(CompatibilityLevel level) {
            log.clear();
            compatibility = level;
        }

        private static final class Refused extends RuntimeException {
            private final int status;
            private final int code;

            Refused(int status, int code, String message) {
                super(message);
                this.status = status;
                this.code = code;
            }
        }

        private static List<Entry> versions(String subject) {
            return log.stream().filter(entry -> entry.subject.equals(subject)).toList();
        }

        private static Entry version(String subject, int version) {
            return log.stream().filter(e -> e.subject.equals(subject) && e.version == version).findFirst().orElse(null);
        }

        private static ParsedSchema parsed(String type, String schema, List<SchemaReference> references) {
            Map<String, String> texts = new LinkedHashMap<>();
            references.forEach(reference -> collect(reference, texts));
            return type.equals("AVRO") ? new AvroSchema(schema, references, texts, null)
                : new ProtobufSchema(schema, references, texts, null, null);
        }

        private static void collect(SchemaReference reference, Map<String, String> texts) {
            Entry entry = version(reference.getSubject(), reference.getVersion());
            if (entry == null) {
                throw new Refused(422, 42201, "No schema reference found for subject \"" + reference.getSubject() + "\"");
            }
            entry.references.forEach(inner -> collect(inner, texts));
            texts.put(reference.getName(), entry.schema);
        }

        static synchronized Entry add(String subject, String type, String schema, List<SchemaReference> references) {
            ParsedSchema parsed;
            String canonical;
            try {
                parsed = parsed(type, schema, references);
                parsed.validate();
                canonical = parsed.canonicalString();
            } catch (Refused refused) {
                throw refused;
            } catch (RuntimeException invalid) {
                throw new Refused(422, 42201, "Invalid schema " + schema + ", details: " + invalid.getMessage());
            }
            List<Entry> earlier = versions(subject);
            for (Entry entry : earlier) {
                if (entry.holds(type, canonical, references)) {
                    return entry;
                }
            }
            List<ParsedSchema> before = new ArrayList<>();
            earlier.forEach(entry -> before.add(parsed(entry.type, entry.schema, entry.references)));
            if (!before.isEmpty() && !parsed.isCompatible(compatibility, before).isEmpty()) {
                throw new Refused(409, 409, "Schema being registered is incompatible with an earlier schema for subject \"" + subject + "\"");
            }
            int id = log.stream().filter(e -> e.holds(type, canonical, references)).mapToInt(Entry::id).findFirst()
                .orElse(log.stream().mapToInt(Entry::id).max().orElse(0) + 1);
            Entry entry = new Entry(subject, earlier.isEmpty() ? 1 : earlier.get(earlier.size() - 1).version + 1, id, type, canonical, references);
            log.add(entry);
            return entry;
        }

        private static void handle(HttpExchange exchange) throws IOException {
            int status = 200;
            JsonNode answer;
            try {
                answer = answer(exchange);
            } catch (Refused refused) {
                status = refused.status;
                answer = Genuine.NODES.objectNode().put("error_code", refused.code).put("message", refused.getMessage());
            } catch (RuntimeException broken) {
                status = 500;
                answer = Genuine.NODES.objectNode().put("error_code", 50001).put("message", String.valueOf(broken));
            }
            byte[] body = answer.toString().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().add("Content-Type", "application/vnd.schemaregistry.v1+json");
            exchange.sendResponseHeaders(status, body.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
        }

        private static synchronized JsonNode answer(HttpExchange exchange) throws IOException {
            String[] path = exchange.getRequestURI().getRawPath().substring(1).split("/");
            for (int i = 0; i < path.length; i++) {
                path[i] = URLDecoder.decode(path[i].replace("+", "%2B"), StandardCharsets.UTF_8);
            }
            byte[] body = exchange.getRequestBody().readAllBytes();
            if (path[0].equals("subjects") && path.length >= 2 && exchange.getRequestMethod().equals("POST")) {
                return posted(path, Genuine.JSON.readTree(body), String.valueOf(exchange.getRequestURI().getQuery()));
            }
            if (path[0].equals("schemas") && path.length == 3 && path[1].equals("ids")) {
                return log.stream().filter(entry -> entry.id == Integer.parseInt(path[2])).findFirst()
                    .orElseThrow(() -> new Refused(404, 40403, "Schema " + path[2] + " not found")).served();
            }
            if (path[0].equals("subjects") && path.length == 4 && path[2].equals("versions")) {
                List<Entry> versions = versions(path[1]);
                if (versions.isEmpty()) {
                    throw new Refused(404, 40401, "Subject '" + path[1] + "' not found.");
                }
                Entry entry = path[3].equals("latest") ? versions.get(versions.size() - 1) : version(path[1], Integer.parseInt(path[3]));
                if (entry == null) {
                    throw new Refused(404, 40402, "Version " + path[3] + " not found.");
                }
                return entry.served();
            }
            throw new Refused(404, 404, "HTTP 404 Not Found");
        }

        private static JsonNode posted(String[] path, JsonNode request, String query) {
            String type = request.hasNonNull("schemaType") ? request.get("schemaType").asText() : "AVRO";
            String schema = request.get("schema").asText();
            List<SchemaReference> references = new ArrayList<>();
            for (JsonNode reference : request.path("references")) {
                references.add(new SchemaReference(Genuine.text(reference, "name"), Genuine.text(reference, "subject"), reference.path("version").asInt()));
            }
            if (query.contains("normalize=true")) {
                schema = parsed(type, schema, references).normalize().canonicalString();
            }
            if (path.length == 3) {
                return Genuine.NODES.objectNode().put("id", add(path[1], type, schema, references).id);
            }
            List<Entry> versions = versions(path[1]);
            if (versions.isEmpty()) {
                throw new Refused(404, 40401, "Subject '" + path[1] + "' not found.");
            }
            String canonical = parsed(type, schema, references).canonicalString();
            for (int i = versions.size() - 1; i >= 0; i--) {
                if (versions.get(i).holds(type, canonical, references)) {
                    return versions.get(i).served();
                }
            }
            throw new Refused(404, 40403, "Schema not found");
        }
    }

    private GenuineRegistry() { }
}
