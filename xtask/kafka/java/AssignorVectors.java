package org.apache.kafka.connect.runtime.distributed;

import java.lang.reflect.Proxy;
import java.util.*;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.connect.runtime.TargetState;
import org.apache.kafka.connect.runtime.distributed.WorkerCoordinator.ConnectorsAndTasks;
import org.apache.kafka.connect.storage.ClusterConfigState;
import org.apache.kafka.connect.util.ConnectorTaskId;

/**
 * Random rounds of a group, and what the genuine leader shares out in each; one sequence per line. Members come, go,
 * lose what they had, have what others have too, and somebody else leads for a while; connectors come, go and change.
 */
public class AssignorVectors {
    static class Member {
        final TreeSet<String> connectors = new TreeSet<>();
        final TreeSet<ConnectorTaskId> tasks = new TreeSet<>();
    }

    final Random random;
    final TreeMap<String, Integer> configured = new TreeMap<>();
    final TreeMap<String, Member> members = new TreeMap<>();
    long now = 1_000_000;
    /** The genuine leader goes through sets of members in the order of their hashes, which is that of these names. */
    int memberNames = 0, names = 0;

    AssignorVectors(long seed) {
        random = new Random(seed);
    }

    public static void main(String[] args) {
        long seed = Long.parseLong(args[0]);
        for (int sequence = 0; sequence < Integer.parseInt(args[1]); sequence++)
            System.out.println(new AssignorVectors(seed * 1_000_003 + sequence).sequence());
    }

    String sequence() {
        int maxDelay = new int[] {0, 300, 10_000, 300_000}[random.nextInt(4)];
        Time time = (Time) Proxy.newProxyInstance(Time.class.getClassLoader(), new Class<?>[] {Time.class},
            (proxy, method, given) -> method.getName().equals("milliseconds") ? (Object) now : null);
        IncrementalCooperativeAssignor assignor =
            new IncrementalCooperativeAssignor(new LogContext(), time, maxDelay);
        int connectors = random.nextInt(5), workers = 1 + random.nextInt(4);
        for (int i = 0; i < connectors; i++) configured.put("c" + names++, random.nextInt(7));
        for (int i = 0; i < workers; i++) join();
        StringJoiner rounds = new StringJoiner(",", "{\"max_delay\":" + maxDelay + ",\"rounds\":[", "]}");
        int last = -1, generation = 0;
        for (int round = 0; round < 12; round++) {
            if (round > 0) last = change(last, generation - 1);
            String before = "{\"now\":" + now + ",\"last\":" + last + ",\"generation\":" + generation
                + ",\"configured\":" + configured() + ",\"members\":" + members();
            IncrementalCooperativeAssignor.ClusterAssignment shares =
                assignor.performTaskAssignment(snapshot(), last, generation, active());
            StringJoiner told = new StringJoiner(",", "{", "}");
            for (Map.Entry<String, Member> entry : members.entrySet()) {
                Member member = entry.getValue();
                String name = entry.getKey();
                told.add(quoted(name) + ":{\"gets\":" + work(shares.newlyAssignedConnectors(name), shares.newlyAssignedTasks(name))
                    + ",\"loses\":" + work(shares.newlyRevokedConnectors(name), shares.newlyRevokedTasks(name)) + "}");
                member.connectors.removeAll(shares.newlyRevokedConnectors(name));
                member.tasks.removeAll(shares.newlyRevokedTasks(name));
                member.connectors.addAll(shares.newlyAssignedConnectors(name));
                member.tasks.addAll(shares.newlyAssignedTasks(name));
            }
            rounds.add(before + ",\"told\":" + told + ",\"delay\":" + assignor.delay + "}");
            last = generation;
            generation += 1;
        }
        return rounds.toString();
    }

    /** What happens between two rounds; answers the generation that the leader completed last. */
    int change(int last, int current) {
        if (random.nextInt(3) > 0) now += random.nextInt(3) == 0 ? random.nextInt(400_000) : random.nextInt(9_000);
        for (int events = random.nextInt(3); events > 0; events--) {
            switch (random.nextInt(9)) {
                case 0, 1: join(); break;
                case 2: if (members.size() > 1) members.remove(any(members.keySet())); break;
                case 3: configured.put("c" + names++, random.nextInt(9)); break;
                case 4: if (!configured.isEmpty()) configured.remove(any(configured.keySet())); break;
                case 5: if (!configured.isEmpty()) configured.put(any(configured.keySet()), random.nextInt(9)); break;
                // A member that did not get what it was given, or was away and comes back with nothing.
                case 6: members.put(any(members.keySet()), new Member()); break;
                // One that comes back with what others have got meanwhile.
                case 7: {
                    Member from = members.get(any(members.keySet())), to = members.get(any(members.keySet()));
                    to.connectors.addAll(from.connectors);
                    to.tasks.addAll(from.tasks);
                    break;
                }
                // Somebody else led the round before.
                default: if (random.nextInt(3) == 0) return last - 1;
            }
        }
        return last;
    }

    void join() {
        if (memberNames < 10) members.put("m" + memberNames++, new Member());
    }

    String any(Collection<String> of) {
        return new ArrayList<>(of).get(random.nextInt(of.size()));
    }

    ClusterConfigState snapshot() {
        Map<String, Map<String, String>> configs = new TreeMap<>();
        Map<String, TargetState> states = new TreeMap<>();
        Map<ConnectorTaskId, Map<String, String>> tasks = new TreeMap<>();
        configured.forEach((name, count) -> {
            configs.put(name, Map.of());
            states.put(name, TargetState.STARTED);
            for (int task = 0; task < count; task++) tasks.put(new ConnectorTaskId(name, task), Map.of());
        });
        return new ClusterConfigState(1, null, configured, configs, states, tasks, Map.of(), Map.of(), Map.of(),
            Set.of(), Set.of());
    }

    Map<String, ConnectorsAndTasks> active() {
        Map<String, ConnectorsAndTasks> active = new TreeMap<>();
        members.forEach((name, member) -> active.put(name, new ConnectorsAndTasks.Builder()
            .with(new LinkedHashSet<>(member.connectors), new LinkedHashSet<>(member.tasks)).build()));
        return active;
    }

    String configured() {
        StringJoiner text = new StringJoiner(",", "{", "}");
        configured.forEach((name, count) -> text.add(quoted(name) + ":" + count));
        return text.toString();
    }

    String members() {
        StringJoiner text = new StringJoiner(",", "{", "}");
        members.forEach((name, member) -> text.add(quoted(name) + ":" + work(member.connectors, member.tasks)));
        return text.toString();
    }

    /** `c` is a connector, `c-0` a task. */
    static String work(Collection<String> connectors, Collection<ConnectorTaskId> tasks) {
        StringJoiner text = new StringJoiner(",", "[", "]");
        for (String connector : new TreeSet<>(connectors)) text.add(quoted(connector));
        for (ConnectorTaskId task : new TreeSet<>(tasks)) text.add(quoted(task.toString()));
        return text.toString();
    }

    static String quoted(String text) {
        return '"' + text + '"';
    }
}
