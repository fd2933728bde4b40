// Writes date_patterns.jsonl: what java.text.SimpleDateFormat of Java 17 makes of patterns, instants and texts, in
// English and UTC. Run it as
//
//     java DatePatterns.java [SEED [RANDOM_CASES]] > date_patterns.jsonl
//
// The fixed cases come first, then random ones. A year of two digits is counted from 1963-06-15T12:00Z.

import java.text.ParsePosition;
import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.Locale;
import java.util.Random;
import java.util.TimeZone;

public class DatePatterns {
    static final long CENTURY_START = -206452800000L;
    static final String LETTERS = "GyYMLwWDdFEuaHkKhmsSzZX";
    static final String[] SEPARATORS = {"", "", "-", "/", " ", ":", ".", ", ", "'T'", "''", "'o''clock'", "é", "'Z'", " - "};
    static final String[] COMMON = {
        "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "yyyyMMdd", "yyyyMMddHHmmssSSS", "EEE, d MMM yyyy HH:mm:ss Z",
        "dd/MM/yy hh:mm a", "yyyy.MM.dd G 'at' HH:mm:ss z", "YYYY-'W'ww-u", "yyyy-DDD", "MMMM d, yyyy", "h:mm a, zzzz",
        "yyMMddHHmm", "EEEE W F MMMM yyyy", "w yyyy E", "kk:mm", "KK:mm a", "yyyy-MM-dd HH:mm:ss.SSSSSS", "y-M-d", "X", "z",
        "G y", "Y w", "D", "u", "E", "F E M y", "W E M y", "yyyyMMMdd", "HHmm", "yyyy-MM-dd HH:mm zzz", "d MMM yyyy HH:mm:ss z",
    };
    static final long[] INSTANTS = {
        0, -1, 1, 1700000000123L, 951782400000L, -12219292800000L, -12219292800001L, -12219379200000L, -11676096000000L,
        -12244089600000L, -62135596800000L, -62135769600000L, -62135769600001L, -62167392000000L, -93692592000000L, 253402300799999L,
        253402300800000L, 4102444800000L, 1609459199999L, 1735603200000L, 1735516800000L, Long.MAX_VALUE, Long.MIN_VALUE,
        978307200000L, 1583020799999L, 68169600000L,
    };
    static final String[] NAMES = {
        "UTC", "GMT", "gmt+1:30", "GMT-03:00", "GMT+25:00", "GMT+1", "PST", "PDT", "Pacific Daylight Time", "CET", "CEST", "EST", "IST",
        "BST", "JST", "MSK", "Europe/Berlin", "+0130", "-0800", "+01:30", "+01", "Z", "z", "+2400", "+0160", "+1", "Irish Standard Time",
        "WET", "ACT", "Lord Howe Daylight Time", "Central Africa Time", "HST", "Dumont-d’Urville Time", "Coordinated Universal Time",
        "NZDT", "NST", "CLT", "AKDT", "EET", "EEST", "IRST", "Korean Standard Time", "AMT", "AMST", "China Daylight Time",
    };
    static final String[] PIECES = {
        "-", "+", " ", "  ", "\t", "0", "1", "12", "99", "1234567", "2147483648", "99999999999999999999", "E3", "E-2", "NaN", "∞", "١٢", "jan",
        "FEBRUARY", "May", "sunday", "Sat", "am", "PM", "BC", "Anno Domini", "x", "ſ", "😀", "'", ":", ".", "T", "/",
    };

    final Random random;

    DatePatterns(long seed) {
        random = new Random(seed);
    }

    static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }

    static SimpleDateFormat make(String pattern) {
        SimpleDateFormat format = new SimpleDateFormat(pattern, Locale.US);
        format.setTimeZone(TimeZone.getTimeZone("UTC"));
        format.set2DigitYearStart(new Date(CENTURY_START));
        return format;
    }

    static void emit(String pattern, String members) {
        System.out.println("{\"pattern\":" + quote(pattern) + members + "}");
    }

    static String format(String pattern, long instant) {
        try {
            String text = make(pattern).format(new Date(instant));
            emit(pattern, ",\"format\":" + instant + ",\"text\":" + quote(text));
            return text;
        } catch (IllegalArgumentException e) {
            emit(pattern, ",\"refused\":" + quote(e.getMessage()));
            return null;
        }
    }

    static void parse(String pattern, String text) {
        SimpleDateFormat format;
        try {
            format = make(pattern);
        } catch (IllegalArgumentException e) {
            emit(pattern, ",\"refused\":" + quote(e.getMessage()));
            return;
        }
        ParsePosition position = new ParsePosition(0);
        Date date = format.parse(text, position);
        String head = ",\"parse\":" + quote(text);
        if (position.getIndex() == 0) emit(pattern, head + ",\"offset\":" + position.getErrorIndex());
        else emit(pattern, head + ",\"millis\":" + date.getTime() + ",\"again\":" + quote(format.format(date)));
    }

    <T> T any(T[] of) {
        return of[random.nextInt(of.length)];
    }

    String pattern() {
        if (random.nextInt(3) == 0) return any(COMMON);
        StringBuilder out = new StringBuilder();
        int fields = 1 + random.nextInt(6);
        for (int i = 0; i < fields; i++) {
            out.append(any(SEPARATORS));
            char letter = LETTERS.charAt(random.nextInt(LETTERS.length()));
            if (random.nextInt(200) == 0) letter = (char) ('A' + random.nextInt(58));
            out.append(String.valueOf(letter).repeat(1 + random.nextInt(letter == 'X' ? 3 : 5)));
        }
        return out.append(any(SEPARATORS)).toString();
    }

    long instant() {
        switch (random.nextInt(5)) {
            case 0: return INSTANTS[random.nextInt(INSTANTS.length)];
            case 1: return random.nextLong();
            case 2: return -12219292800000L + (random.nextLong() % 40000000000L);
            case 3: return -62135596800000L + (random.nextLong() % 400000000000L);
            default: return random.nextLong() % 5000000000000L;
        }
    }

    /// A text that the pattern would write, with something changed.
    String text(String pattern) {
        String text;
        try {
            text = make(pattern).format(new Date(instant()));
        } catch (IllegalArgumentException e) {
            return "2020";
        }
        for (String utc : new String[] {"UTC", "Coordinated Universal Time", "+0000", "Z"}) {
            if (random.nextInt(3) > 0) text = text.replace(utc, any(NAMES));
        }
        int changes = random.nextInt(3);
        for (int i = 0; i < changes; i++) {
            int at = random.nextInt(text.length() + 1);
            int end = Math.min(text.length(), at + random.nextInt(3));
            text = text.substring(0, at) + (random.nextInt(4) == 0 ? "" : any(PIECES)) + text.substring(end);
        }
        return text;
    }

    void run(int cases) {
        for (String pattern : COMMON) for (int i = 0; i < INSTANTS.length; i += 5) format(pattern, INSTANTS[i]);
        for (long instant : INSTANTS) format("G y yyyy Y YYYY M L w W D d F E u a H k K h m s S z Z X", instant);
        for (String name : NAMES) for (String pattern : new String[] {"yyyy-MM-dd HH:mm z", "yyyyMMddHHmmX"}) {
            parse(pattern, (pattern.startsWith("yyyy-") ? "2021-03-28 02:30 " : "202107010230") + name);
        }
        String[][] fixed = {
            {"yyyy-MM-dd HH:mm:ss.SSS", "2024-13-45 25:61:61.1"}, {"yyyy-MM-dd HH:mm:ss.SSS", "2024-01-01 00:00:05.123456"},
            {"yyyy-MM-dd", "24-1-1"}, {"yyyy-MM-dd", "1500-01-01"}, {"yyyy-MM-dd", "1582-10-10"}, {"yyyy-MM-dd", "2020-01-01junk"},
            {"yy-MM-dd", "63-06-15"}, {"yy-MM-dd", "63-06-16"}, {"yy-MM-dd", "62-01-01"}, {"yy", "1"}, {"yy", "123"}, {"yy", "-1"}, {"yy", "٢٤"},
            {"yyyy D", "1582 300"}, {"yyyy w", "1582 45"}, {"yyyy-MM-dd G", "0001-01-01 BC"}, {"Y-w-u", "2020-1-9"}, {"Y-w-u", "2020-1--9"},
            {"Y", "-5"}, {"YYYY-ww G", "2020-05 BC"}, {"HH hh a", "13 01 PM"}, {"hh a HH", "01 PM 13"}, {"E d M y", "Mon 5 6 2020"},
            {"d M y E", "5 6 2020 Mon"}, {"F E M y", "-1 Fri 6 2020"}, {"W M y", "2 6 2020"}, {"yyyyMM", "20201"}, {"", "x"}, {"''", "'"},
            {"X", "x"}, {"yyyy", "   "}, {"yyyy", " \t2020"}, {"MMM", " Jan"}, {"z", "  PST"}, {"b", ""}, {"'", ""}, {"XXXX", ""}, {"XXXXb", ""},
            {"XXXXy", ""}, {"yyyy'", ""}, {"a", "noon"}, {"G", "A"}, {"yyyy", "2147483648"}, {"u", "0"}, {"u", "8"}, {"M", "-2147483648"},
            {"d", "2147483647"}, {"MM yyyy", "NaN ∞"},
        };
        for (String[] one : fixed) parse(one[0], one[1]);
        for (int i = 0; i < cases; i++) {
            String pattern = pattern();
            if (random.nextInt(3) == 0) format(pattern, instant());
            else parse(pattern, text(pattern));
        }
    }

    public static void main(String[] args) throws Exception {
        System.setOut(new java.io.PrintStream(System.out, true, "UTF-8"));
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        Locale.setDefault(Locale.US);
        long seed = args.length > 0 ? Long.parseLong(args[0]) : 1;
        new DatePatterns(seed).run(args.length > 1 ? Integer.parseInt(args[1]) : 500);
    }
}
