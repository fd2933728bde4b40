// Writes the names that Java knows for Unicode's blocks and scripts: src/blocks.txt and src/scripts.txt.
//
// java --add-opens java.base/java.lang=ALL-UNNAMED UnicodeNames.java blocks | scripts

import java.lang.reflect.Field;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

public class UnicodeNames {
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("blocks")) {
            Map<Object, int[]> places = new TreeMap<>((a, b) -> a.toString().compareTo(b.toString()));
            for (int c = 0; c <= 0x10FFFF; c++) {
                Character.UnicodeBlock block = Character.UnicodeBlock.of(c);
                if (block == null) continue;
                int at = c;
                places.computeIfAbsent(block, b -> new int[] {at, at})[1] = c;
            }
            Map<Object, TreeSet<String>> names = names(Character.UnicodeBlock.class, "map");
            places.entrySet().stream().sorted((a, b) -> Integer.compare(a.getValue()[0], b.getValue()[0])).forEach(e ->
                System.out.printf("%X..%X %s%n", e.getValue()[0], e.getValue()[1], String.join("|", names.get(e.getKey()))));
        } else {
            Map<Object, TreeSet<String>> names = names(Character.UnicodeScript.class, "aliases");
            for (Character.UnicodeScript script : Character.UnicodeScript.values()) {
                TreeSet<String> all = names.getOrDefault(script, new TreeSet<>());
                all.remove(script.name());
                System.out.println(script.name() + (all.isEmpty() ? "" : "|" + String.join("|", all)));
            }
        }
    }

    @SuppressWarnings("unchecked")
    static Map<Object, TreeSet<String>> names(Class<?> of, String field) throws Exception {
        Field map = of.getDeclaredField(field);
        map.setAccessible(true);
        Map<Object, TreeSet<String>> names = new TreeMap<>((a, b) -> a.toString().compareTo(b.toString()));
        for (Map.Entry<String, Object> e : ((Map<String, Object>) map.get(null)).entrySet())
            names.computeIfAbsent(e.getValue(), v -> new TreeSet<>()).add(e.getKey());
        return names;
    }
}
