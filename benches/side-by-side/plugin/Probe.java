package perf;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Broker-side helper of the harness: a line protocol on stdin/stdout so that one JVM serves a whole session.
 *  create T PARTITIONS [k=v]... | delete T | end T | ts T PARTITION OFFSET... | fill T PARTITIONS FROM TO json|text SIZE CODEC | quit
 *  `end` says the end of each partition. */
public class Probe {
    public static void main(String[] a) throws Exception {
        Map<String, Object> c = new HashMap<>(Map.of("bootstrap.servers", a[0]));
        Admin admin = Admin.create(c);
        Scanner in = new Scanner(System.in);
        System.out.println("> ready");
        while (in.hasNextLine()) {
            String[] w = in.nextLine().trim().split(" ");
            if (w[0].equals("quit")) break;
            try { System.out.println("> " + run(admin, c, w)); }
            catch (Exception e) { System.out.println("> error " + e); }
        }
        admin.close(Duration.ofSeconds(1));
    }

    static String run(Admin admin, Map<String, Object> c, String[] w) throws Exception {
        String t = w[1];
        switch (w[0]) {
            case "create": {
                Map<String, String> cfg = new HashMap<>();
                for (int i = 3; i < w.length; i++) cfg.put(w[i].split("=", 2)[0], w[i].split("=", 2)[1]);
                admin.createTopics(List.of(new NewTopic(t, Integer.parseInt(w[2]), (short) 1).configs(cfg))).all().get();
                return "ok";
            }
            case "delete":
                try { admin.deleteTopics(List.of(t)).all().get(); } catch (ExecutionException e) { return "absent"; }
                return "ok";
            case "end":
                try {
                    int n = admin.describeTopics(List.of(t)).allTopicNames().get().get(t).partitions().size();
                    Map<TopicPartition, OffsetSpec> q = new HashMap<>();
                    for (int i = 0; i < n; i++) q.put(new TopicPartition(t, i), OffsetSpec.latest());
                    var ends = admin.listOffsets(q).all().get(5, TimeUnit.SECONDS);
                    StringBuilder sb = new StringBuilder();
                    for (int i = 0; i < n; i++) sb.append(ends.get(new TopicPartition(t, i)).offset()).append(' ');
                    return sb.toString().trim();
                } catch (ExecutionException e) { return "0"; }
            case "ts": { // timestamp of the record at an offset (broker append time on these topics)
                Map<String, Object> k = new HashMap<>(c);
                k.put("max.partition.fetch.bytes", 1024); k.put("fetch.max.bytes", 1024); k.put("max.poll.records", 1);
                try (KafkaConsumer<byte[], byte[]> x = new KafkaConsumer<>(k, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
                    TopicPartition tp = new TopicPartition(t, Integer.parseInt(w[2]));
                    x.assign(List.of(tp));
                    StringBuilder sb = new StringBuilder();
                    for (int i = 3; i < w.length; i++) {
                        x.seek(tp, Long.parseLong(w[i]));
                        long end = System.currentTimeMillis() + 5000;
                        ConsumerRecords<byte[], byte[]> r = ConsumerRecords.empty();
                        while (r.isEmpty() && System.currentTimeMillis() < end) r = x.poll(Duration.ofMillis(500));
                        sb.append(r.isEmpty() ? "-1" : r.iterator().next().timestamp()).append(' ');
                    }
                    return sb.toString().trim();
                }
            }
            case "fill": {
                Map<String, Object> k = new HashMap<>(c);
                k.put("linger.ms", 20); k.put("batch.size", 131072); k.put("compression.type", w[7]);
                int partitions = Integer.parseInt(w[2]), size = Integer.parseInt(w[6]);
                long to = Long.parseLong(w[4]);
                try (KafkaProducer<byte[], byte[]> p = new KafkaProducer<>(k, new ByteArraySerializer(), new ByteArraySerializer())) {
                    for (long i = Long.parseLong(w[3]); i < to; i++) {
                        byte[] v = line(i, w[5], size).getBytes(StandardCharsets.UTF_8);
                        p.send(new ProducerRecord<>(t, (int) (i / 10000 % partitions), null, v));
                    }
                }
                return "ok";
            }
            default: return "error unknown " + w[0];
        }
    }

    /** Exactly `size` bytes in both shapes, at least 100. */
    static String line(long i, String shape, int size) {
        if (shape.equals("text")) return String.format("%09d", i) + "x".repeat(size - 9);
        String s = "{\"id\":" + (100000000 + i) + ",\"name\":\"customer\",\"email\":\"c@example.org\",\"amount\":12.5,\"active\":true,\"p\":\"";
        return s + "z".repeat(size - s.length() - 2) + "\"}";
    }
}
