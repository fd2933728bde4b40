// Asks the regular expressions of the JDK that runs it. See README.md beside it.
//
// java JavaRegexVectors.java              writes the vectors: what is listed below
// java JavaRegexVectors.java random N S   writes N random cases of seed S in the same form

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

public class JavaRegexVectors {
    static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.US_ASCII);

    // pattern, texts…: the replacement is "<$0>".
    static final String[][] MATCHING = {
        {"", "", "a"}, {"a", "a", "b", "ba", "A", ""}, {"abc", "abc", "ABC", "xabcx"}, {"a|b|", "a", "c", ""},
        {"a|ab", "ab", "a"}, {"(a|ab)(c|bcd)", "abcd"}, {"|a", "a", ""}, {"()", "", "x"}, {"a||b", "b"},
        {".", "a", "\n", "\r", "\u0085", "\u2028", "\ud83d\ude00"}, {"..", "\ud83d\ude00", "ab"},
        {"(?s).", "\n", "\u2029"}, {"(?d).", "\n", "\r", "\u0085"}, {"(?s-s).", "\n"},
        {"a*", "", "aaa", "b", "baa"}, {"a+", "", "aaa"}, {"a?", "", "a", "aa"}, {"a*?", "aaa"}, {"a+?", "aaa"},
        {"a??", "a"}, {"a*+", "aaa"}, {"a*+a", "aaa"}, {"a++b", "aab"}, {"a?+a", "a", "aa"}, {"a{2}", "aa", "aaa"},
        {"a{2,}", "a", "aaa"}, {"a{1,2}", "aaa"}, {"a{1,2}?", "aaa"}, {"a{1,2}+a", "aa", "aaa"}, {"a{0}", "a", ""},
        {"a{0,0}", "a"}, {"a{2}{3}", "aa", "aaaaaa"}, {"a*{2}", "aaa"}, {"{2}", "", "a"}, {"a|{3}", "b"}, {"(){3}", ""},
        {"(a){2}{3}", "aa"}, {"^{2}a", "a"}, {"^*a", "a", "ba"}, {"$*", "a"}, {"\\b+a", "a"}, {"(?:a|ab){2}+", "aba", "aa"},
        {"(?:a|ab)*+c", "abc", "aac"}, {"(?:a|ab){2}", "aba"}, {"(a|ab)?+c", "abc", "ac"}, {"(?>a|ab)c", "abc", "ac"},
        {"(?>a*)a", "aa"}, {"(a*)*", "aa", "b"}, {"(a*)+", "aa", "b"}, {"(|a)*", "aa"}, {"(|a)+", "aa"}, {"(a|)*", "aa"},
        {"(?:a?){3}", "aa", "aaaa"}, {"(?:a?b?)*", "abba"}, {"(a?)*?b", "aab"}, {"(?:a*?)*?b", "aab"}, {"(a|b)*", "abab"},
        {"(?:(a)|b)*", "ab", "ba"}, {"(?:(a)|(b))*", "ab", "ba"}, {"(a)*", "aaa"}, {"(a)*ab", "ab", "aaab"}, {"(?:(a)*b)*", "abaab", "aabb"},
        {"(?:([ac])*b)*", "abcb", "abb"}, {"((a)|b)*", "ab"}, {"(a(b)?)+", "aba"}, {"(?:(a)?b)*", "abb"}, {"(.)*?b", "aab"},
        {"(ab?)*", "aba"}, {"((?:ab){1,2})*", "ababab"}, {"(a{0,2}){2,3}", "aaaaa"}, {"(?:a{2}|b)*?c", "aabc"},
        {"^a", "a", "ba", "\na"}, {"a$", "a", "a\n", "a\r\n", "a\r", "a\u0085", "a\n\n", "ab"}, {"(?d)a$", "a\n", "a\r", "a\r\n"},
        {"(?m)^a", "b\na", "b\r\na", "b\ra", "b\u2028a", "ba"}, {"(?m)a$", "a\nb", "a\r\nb", "a\rb", "ab"}, {"(?m)^", "\n", "a\n", ""},
        {"(?m)$", "\n", "a\r\nb", ""}, {"(?md)^a$", "b\na\nc", "b\ra\rc"}, {"\\Aa\\z", "a", "a\n"}, {"a\\Z", "a\n", "a\r\n", "a", "a\n\n", "a\nb"},
        {"(?d)a\\Z", "a\n", "a\r"}, {"(?m)\\Aa", "b\na"}, {"(?m)a\\Z", "a\nb"}, {"\\Ga", "aaba"}, {"\\G\\w", "ab cd"}, {"(?:^|,)x", "x,x"}, {"(?m)^$", "\r\n", "a\n\nb"},
        {"\\bx\\b", "x", "axb", "-x-", "\u00e9x", "x\u0301"}, {"\\Bx", "ax", "x"}, {"\\b", "ab", "", "\u00e9", "-"}, {"\\B", "ab", "", "--"}, {"\\b.", "a\u0301b", "\u0301a"},
        {"(?U)\\b.", "\u00e9"}, {"\\b_", "_"}, {"\\b\u0661", "\u0661", "a\u0661"},
        {"\\d", "1", "\u0661", "a"}, {"\\D", "1", "\u0661"}, {"\\w+", "a_1", "\u00e9"}, {"\\W", "\u00e9", "-"}, {"\\s", " ", "\t", "\u000b", "\u00a0", "\u0085", "\u2003"},
        {"\\S", "\u00a0", " "}, {"\\h", " ", "\u00a0", "\t", "\u180e", "\u3000", "\n"}, {"\\H", "a", " "}, {"\\v", "\n", "\u000b", "\u2029", " "}, {"\\V", "a", "\n"},
        {"\\R", "\n", "\r\n", "\r", "\u000b", "\u0085", "\u2028", "a"}, {"\\R\n", "\r\n", "\n\n"}, {"\\R+", "\r\n\r\n"}, {"\\R{2}", "\r\n"}, {"\\R?+\n", "\r\n"}, {"(?>\\R)\n", "\r\n"},
        {"(?U)\\d", "\u0661", "\u00b2"}, {"(?U)\\w", "\u00e9", "\u0301", "\u203f", "\u200c", "-"}, {"(?U)\\s", "\u0085", "\u00a0", "\u200b"}, {"(?U)\\W", "\u00e9"}, {"(?U)\\p{Lower}", "\u00e9", "E"}, {"(?U)\\p{Punct}", "\u00a1", "+", "$"},
        {"(?U)\\p{Alpha}\\p{Digit}\\p{Space}", "\u00e9\u0661\u3000"}, {"(?U)\\p{Graph}", "\u00e9", " "}, {"(?U)\\p{Print}", "\u00a0", "\n"}, {"(?U)\\p{Blank}", "\u00a0", "\n"}, {"(?U)\\p{XDigit}", "\uff21", "g"}, {"(?U)\\p{Cntrl}", "\u0085"}, {"(?U)\\p{Alnum}", "\u0661"}, {"(?U)\\p{ASCII}", "\u00e9"}, {"(?U)(?-U)\\w", "\u00e9"}, {"(?U-u)(?i)\u00e9", "\u00c9"}, {"(?iU)\u00e9", "\u00c9"},
        {"(?i)a", "A", "a", "b"}, {"(?i)\u00e9", "\u00c9"}, {"(?iu)\u00e9", "\u00c9"}, {"(?u)a", "A"}, {"(?i)k", "\u212a", "K"}, {"(?iu)k", "\u212a"}, {"(?iu)\u212a", "k", "K"}, {"(?iu)s", "\u017f"}, {"(?iu)i", "\u0130", "\u0131", "I"}, {"(?iu)\u0131", "i", "I", "\u0130"}, {"(?iu)\u00df", "\u1e9e", "SS"}, {"(?iu)\u03c3", "\u03c2", "\u03a3"}, {"(?iu)\u1f80", "\u1f88"}, {"(?iu)\u01c6", "\u01c5", "\u01c4"}, {"(?iu)\u01c5", "\u01c4"},
        {"(?i)[a-z]", "K", "\u212a", "\u017f"}, {"(?iu)[a-z]", "\u212a", "\u017f", "\u0130", "\u0131", "Q"}, {"(?i)[^a]", "A", "b"}, {"(?i)[\u00e0-\u00ef]", "\u00c9"}, {"(?iu)[\u00e0-\u00ef]", "\u00c9"}, {"(?i)[^a-c]", "B"}, {"(?iu)[k]", "\u212a"}, {"(?i)[Z-a]", "z", "A", "_"}, {"(?iu)[\u0130]", "i", "I", "\u0131"}, {"(?iu)[\u0131]", "i", "I", "\u0130"}, {"(?iu)abc\u00e9", "ABC\u00c9"}, {"(?i)ab(?-i)c", "ABc", "ABC"}, {"a(?i)b|c", "aB", "C"}, {"(a(?i)b)c", "aBc", "aBC"}, {"(?i:a)b", "Ab", "AB"}, {"(?i)a{2}", "aA"}, {"(?-i)a", "A"}, {"(?i-i)a", "A"}, {"(?)a", "a"}, {"(?-)a", "a"}, {"(?:)", ""}, {"(?i)", "x"}, {"(?im-sx:a.b)", "A b"},
        {"(?i)\\p{Lower}", "A", "a", "\u00c9"}, {"(?i)\\p{Upper}", "a", "\u00e9"}, {"(?i)\\p{Lu}", "a", "\u00e9"}, {"(?iu)\\p{Lu}", "\u00e9"}, {"(?i)\\p{Ll}", "A"}, {"(?i)\\p{Lt}", "a", "\u01c4"}, {"(?i)\\p{IsUppercase}", "a"}, {"(?i)\\p{IsLowercase}", "A"}, {"(?i)\\p{IsTitlecase}", "a"}, {"(?i)\\p{javaLowerCase}", "A"}, {"(?i)\\p{javaUpperCase}", "a"}, {"(?i)\\p{javaTitleCase}", "a"}, {"(?i)\\P{Lu}", "a", "A", "1"}, {"(?i)\\p{Alpha}", "A"}, {"(?i)\\P{Lower}", "A", "1"}, {"(?iU)\\p{Lower}", "A"}, {"(?i)[\\p{Lu}]", "a"}, {"(?i)\\p{general_category=Lu}", "a"}, {"(?i)\\p{LC}", "\u01c5"}, {"(?i)\\x61", "A"}, {"(?i)\\0101", "a"}, {"(?i)\\cA", "\u0001"}, {"(?i)\\Qab\\E", "AB"},
        {"[abc]", "a", "d"}, {"[^abc]", "a", "d", "\n"}, {"[a-c]", "b", "d", "-"}, {"[a-]", "-", "a", "b"}, {"[-a]", "-"}, {"[a-c-e]", "d", "-", "e"}, {"[]a]", "]", "a"}, {"[^]a]", "b", "]"}, {"[a^]", "^"}, {"[[a]b]", "a", "b", "]"}, {"[a[bc]d]", "c", "d"}, {"[a-d[m-p]]", "n", "e"}, {"[^a[b]]", "a", "b", "c"}, {"[a[^b]]", "b", "c"}, {"[[^a]b]", "a", "b"}, {"[^[^a]]", "a", "b"},
        {"[a-z&&b-d]", "c", "e"}, {"[a-z&&[def]]", "d", "a"}, {"[a-z&&[^bc]]", "b", "a"}, {"[a-z&&[^m-p]]", "n"}, {"[^a-z&&b-d]", "c", "a", "1"}, {"[a-z&&b-y&&c-x]", "b", "c"}, {"[a-z&&[bc]d]", "b", "d", "e"}, {"[a-z&&d[bc]]", "b", "d", "e"}, {"[a-z&&[bc][de]]", "b", "d", "f"}, {"[ab&&]", "a", "b"}, {"[a-c[d]&&]", "a", "d"}, {"[[a-c][d]&&]", "a", "d"}, {"[&&a]", "a", "b"}, {"[&&[a]]", "a"}, {"[a&b]", "&"}, {"[a&]", "&"}, {"[&a]", "&"}, {"[a&&&b]", "a", "b", "&"}, {"[a&&&&b]", "a", "b"}, {"[a-c&&b&&]", "b", "a"}, {"[a-z&&^b]", "^", "b", "a"}, {"[a-z&&[^b]&&a-c]", "a", "b"}, {"[\\w&&[^\\d]]", "a", "1"}, {"[\\w&&\\D_]", "_", "a", "1"}, {"[\\p{L}&&[^\\p{Lu}]]", "a", "A"}, {"[^&&a]", "a", "b"}, {"[^a&&b]", "a", "b", "c"}, {"[^a&&a]", "a", "b"}, {"[^ab&&[^b]]", "a", "b", "c"}, {"[a-d&&[c-f]e]", "c", "e"}, {"[x[a-d]&&[c-f]]", "c", "x"}, {"[\u0100-\u0200a&&a]", "a"}, {"[\u0100-\u0200a&&]", "a", "\u0150"}, {"[a\u0100-\u0200&&]", "a", "\u0150"}, {"[\\da&&]", "a", "1"}, {"[a\\d&&]", "a", "1"}, {"[[:alpha:]]", "a", ":", "l", "z"}, {"[[:alpha:]x]", "x", "z"}, {"[.]", ".", "a"}, {"[$^]", "^", "$"}, {"[(|)*+?{}]", "|", "{"}, {"[a-\\x63]", "b"}, {"[\\x61-c]", "b"}, {"[\\d-z]", "-", "z", "5", "y"}, {"[a-[b]]", "a", "-", "b"}, {"[a-b-[c]]", "c", "-"}, {"[\\v-\\r]", "\n", "\u000b", "\f"}, {"[\\v]", "\n"}, {"[\\b]", "b"}, {"[\\h\\s]", "\u00a0"}, {"[\\Q]\\E]", "]"}, {"[\\Qa-c\\E]", "b", "-"}, {"[\\Q^\\Ea]", "^"}, {"[\\^a]", "^"}, {"[\\]]", "]"}, {"[\\t\\n]", "\t"}, {"[\\e]", "\u001b"}, {"[\\cA]", "\u0001"}, {"[\\0101]", "A"}, {"[\ud83d\ude00]", "\ud83d\ude00"}, {"[\\ud83d\\ude00]", "\ud83d\ude00"}, {"[^\ud83d\ude00]", "\ud83d\ude01"}, {"[\\x{1F600}-\\x{1F610}]", "\ud83d\ude05"}, {"[--a]", "a", "-"}, {"[!--]", ",", "-"}, {"[a--]"}, {"[ -~]", "a"}, {"[#-&]", "%"}, {"[a&&b", "a"}, {"[\\D\\d]", "\u0661"}, {"[^\\D]", "1", "a"}, {"[^\\s\\d]+", "ab1"}, {"(?x)[a b]", "a", " "}, {"(?x)[a#b\n]", "#", "a", "b"}, {"(?x)[a\\ b]", " "}, {"(?x)[ ^a]", "^", "b", "a"}, {"(?x)[^ a]", " ", "a"}, {"(?x)[a - c]", "b", "-"}, {"(?x)[a & & b]", "a", "&"}, {"(?x)[a &&  b]", "a", "b"},
        {"(?x)a b", "ab", "a b"}, {"(?x)a#c\nb", "ab"}, {"(?x)a\\ b", "a b"}, {"(?x)a\\#b", "a#b"}, {"(?x)a #", "a"}, {"(?x)a +", "aa"}, {"(?x)a {2}", "aa"}, {"(?x)a{ 2 , 3 }", "aaa"}, {"(?x)( ?:a)", "a"}, {"(?x)(? :a)", "a"}, {"(?x)\\x6 1", "a"}, {"(?x)(a)\\1 0", "aa0"}, {"(?x)a + +", "aa"}, {"(?x)\\Qa b\\E", "a b", "ab"}, {"(?x)\\Qa #b\\E", "a #b"}, {"(?x) # only", ""}, {"(?x:a b)c d", "abc d"}, {"(?x)a#\rb", "ab", "a"}, {"(?x)a#\u0085b", "ab"}, {"(?xd)a#\rb\nc", "ac", "abc"}, {"(?x)a\u00a0b", "a\u00a0b", "ab"}, {"(?x)a\u000bb", "ab"}, {"(?x)(?<n> a)", "a"}, {"(?x)a | b", "b"}, {"(?x) ^ a $ ", "a"}, {"(?x)\\p{ L }", "a"}, {"(?x)\\p L", "a"}, {"(?x)\\ a", " a"}, {"(?x)(?i) a", "A"}, {"(?x)a (?-x) b", "a b", "ab", "a  b"},
        {"\\Qa.b\\E", "a.b", "axb"}, {"\\Qa.b", "a.b"}, {"\\Qab\\E+", "abb", "abab"}, {"\\Q\\E", ""}, {"a\\Q\\E+", "aa"}, {"\\Q(\\E", "("}, {"\\Qa\\Eb\\Qc\\E", "abc"}, {"\\Q\\\\E", "\\"}, {"\\Q\\a\\E", "\\a"}, {"\\E", "E"}, {"\\\\Q", "\\Q"}, {"\\x\\Q41\\E", "A"}, {"\\0\\Q1\\E", "1"}, {"\\Q1\\E", "1"}, {"\\Q\u00e9 \\E", "\u00e9 "}, {"(\\Qa|b\\E)", "a|b"}, {"a\\Q*\\E", "a*"}, {"\\Q", ""}, {"a\\Q", "a"}, {"\\Qa\\", "a\\"}, {"\\Q{2}\\E", "{2}"}, {"\\Q\n\\E", "\n"},
        {"\\t\\n\\r\\f\\a\\e", "\t\n\r\f\u0007\u001b"}, {"\\cA", "\u0001"}, {"\\ca", "!"}, {"\\c\\", "\u001c"}, {"\\c[", "\u001b"}, {"\\01", "\u0001"}, {"\\0101", "A"}, {"\\0377", "\u00ff"}, {"\\0477", "'7"}, {"\\018", "\u00018"}, {"\\08"}, {"\\0"}, {"\\x41", "A"}, {"\\x{41}", "A"}, {"\\x{1f600}", "\ud83d\ude00"}, {"\\x{110000}"}, {"\\x{}"}, {"\\x4"}, {"\\xg1"}, {"\\x{41"}, {"\\x{4g}"}, {"\\u0041", "A"}, {"\\u00e9", "\u00e9"}, {"\\ud83d\\ude00", "\ud83d\ude00"}, {"\\ud83d", "\ud83d\ude00"}, {"\\ud83d\\u0041", "A"}, {"\\ude00", "\ud83d\ude00"}, {"\\u004"}, {"\\uuuu"}, {"\\.", ".", "a"}, {"\\-", "-"}, {"\\<a\\>", "<a>"}, {"\\ ", " "}, {"\\\n", "\n"}, {"\\\u00e9", "\u00e9"}, {"\\_", "_"}, {"\\/", "/"}, {"\\@\\#\\&\\~\\'\\\"\\`\\,\\;\\:\\=\\!\\%", "@#&~'\"`,;:=!%"}, {"\\\ud83d\ude00", "\ud83d\ude00"}, {"a\\\\b", "a\\b"}, {"\\x{0}", "\u0000"}, {"\u0000", "\u0000"}, {"a\u0000b", "a\u0000b"}, {"[\u0000]", "\u0000"},
        {"\\N{LATIN SMALL LETTER A}", "a"}, {"\\N{no such name}"}, {"\\N", "N"},
        {"(a)\\1", "aa", "ab"}, {"(a)(b)\\2\\1", "abba"}, {"(?<x>a)\\k<x>", "aa"}, {"\\1(a)", "aa", "a"}, {"(a)\\2", "aa", "a"}, {"(a)\\10", "aa0", "a"}, {"(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\\10", "abcdefghijj"}, {"(a)\\11", "aa1"}, {"(a|b)*\\1", "abb", "aba"}, {"(?i)(a)\\1", "aA"}, {"(?i)(\u00e9)\\1", "\u00e9\u00c9"}, {"(?iu)(\u00e9)\\1", "\u00e9\u00c9"}, {"(?iu)(k)\\1", "k\u212a"}, {"(a)?\\1", "", "aa"}, {"(a\\1)", "aa"}, {"(?:(a)|b)\\1", "aa", "b", "bb"}, {"()\\1", ""}, {"(a*)\\1", "aaa", "aaaa"}, {"(a*)\\1*b", "aaab"}, {"(?:\\1b|(a))*", "aab", "a"}, {"(a)\\1{2}", "aaa"}, {"(a)\\1+", "aaa"}, {"(a+)(?:b\\1)*", "aabaabaa"}, {"\\k<x>(?<x>a)", "a"}, {"(?<x>a)(?<y>b)\\k<y>", "abb"},
        {"(?=a)a", "a"}, {"(?=ab)a", "ab", "ac"}, {"(?!a).", "a", "b"}, {"a(?!b)", "ab", "ac", "a"}, {"(?=(a))", "a"}, {"(?=(a+))a*b\\1", "aabaa", "baaabac"}, {"(?!(a))|a", "a", "b"}, {"(?:(?!(a))x|a)", "a"}, {"(?:(?=(a))x|a)", "a"}, {"(?:(?!(a)b)a)c", "ac"}, {"(?<=a)b", "ab", "b", "cb"}, {"(?<!a)b", "ab", "b", "cb"}, {"(?<=ab|c)d", "abd", "cd", "bd"}, {"(?<=a{1,3})b", "aaab", "b"}, {"(?<=a?)b", "b"}, {"(?<=a*)b", "b"}, {"(?<=a+)b"}, {"(?<=(a))b", "ab"}, {"(?<=^|,)x", "x", ",x", "ax"}, {"(?<=\ud83d\ude00)a", "\ud83d\ude00a"}, {"(?<!\ud83d\ude00)a", "\ud83d\ude00a", "a"}, {"(?<=.)a", "\ud83d\ude00a", "\na"}, {"(?<=..)a", "\ud83d\ude00a", "bba"}, {"(?<=(a)\\1)b", "aab"}, {"(a)(?<=\\1)b", "ab"}, {"(?<=\\bfoo)bar", "foobar", "xfoobar"}, {"(?<=a(?=b))b", "ab"}, {"(?<=a$)", "a"}, {"(?<=(?:a|bc){2})d", "abcd", "aad", "ad"}, {"(?<!^)a", "a", "ba"}, {"(?<=\\R)a", "\r\na"}, {"(?<=\\X)a", "ba"}, {"(?=a)*b", "b", "ab"}, {"(?=a)?b", "b"}, {"(?!a){2}b", "b"}, {"(?<=a)+b", "ab"}, {"(?=a|ab)(a|ab)c", "abc"}, {"(?!)", "a"}, {"(?=)", "a"}, {"(?<=)a", "a"}, {"(?>)", ""}, {"(?<=a{2,4}b{0,2})c", "aac", "aabbc", "abc"}, {"(?<=(?<n>a))b", "ab"}, {"(?<=[a-c]{2})d", "abd", "bd"}, {"(?<![a-c]{2})d", "abd", "bd"}, {"(?=.*\\d)(?=.*[a-z]).{3,}", "a1b", "abc", "123"}, {"^(?!internal\\.).*$", "internal.x", "orders"}, {"(?!.*-dlq$)orders-.*", "orders-a", "orders-a-dlq"}, {"(?<=a++)b"}, {"(?<=a{2,3}+)b", "aaab"}, {"(?<=(?>a))b", "ab"}, {"(?<=(?i)A)b", "ab"}, {"(?<=a|)b", "b"}, {"(?<=((a)|(b)))c", "ac", "bc"}, {"(?<=(a|b){1,2})c", "abc"}, {"(?<=(ab){0,2})c", "ababc"},
        {"\\X", "a", "a\u0301", "\r\n", "\ud83d\ude00", "\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67", "\ud83c\udde9\ud83c\uddea\ud83c\uddeb", "\u1100\u1161\u11a8", "\u0301", ""}, {"\\X\\X", "a\u0301", "ab"}, {"\\X+", "a\u0301b"}, {"^\\X$", "\ud83c\udde9\ud83c\uddea", "e\u0301\u0302"}, {"\\X\u0301", "a\u0301"}, {"a\\X", "a\u0301"}, {"\\b{g}a", "a", "\u0301a"}, {"\\b{x}"}, {"\\B{g}a", "a"},
        {"\\p{Lower}", "a", "A", "\u00e9"}, {"\\p{Upper}", "A"}, {"\\p{ASCII}", "a", "\u00e9"}, {"\\p{Alpha}", "a", "1"}, {"\\p{Digit}", "1", "\u0661"}, {"\\p{Alnum}", "a"}, {"\\p{Punct}", "!", "$", "+", "_", "a"}, {"\\p{Graph}", "!", " "}, {"\\p{Print}", " ", "\t"}, {"\\p{Blank}", "\t", " ", "\n"}, {"\\p{Cntrl}", "\u0001", "\u007f", "\u0080"}, {"\\p{XDigit}", "f", "g"}, {"\\p{Space}", "\u000b", " ", "\u00a0"}, {"\\P{Lower}", "A"}, {"\\p{lower}"}, {"\\p{L}", "a", "\u00e9", "1"}, {"\\pL", "a"}, {"\\PL", "a", "1"}, {"\\pLu", "au", "Au"}, {"\\p{Lu}", "A", "\u00c9"}, {"\\p{LU}"}, {"\\p{lu}"}, {"\\p{IsL}", "a"}, {"\\p{IsLu}", "A"}, {"\\p{Islu}"}, {"\\p{LC}", "a", "\u01c5"}, {"\\p{LD}", "a", "1"}, {"\\p{L1}", "\u00ff", "\u0100"}, {"\\p{all}", "a", "\n"}, {"\\p{Any}"}, {"\\p{IsAny}"}, {"\\p{M}", "\u0301"}, {"\\p{Mn}", "\u0301"}, {"\\p{N}", "1", "\u00b2"}, {"\\p{Nd}", "\u0661"}, {"\\p{Nl}", "\u2160"}, {"\\p{No}", "\u00b2"}, {"\\p{P}", "!", "$"}, {"\\p{Sc}", "$"}, {"\\p{S}", "+"}, {"\\p{Z}", " "}, {"\\p{Zs}", "\u00a0"}, {"\\p{C}", "\u0001"}, {"\\p{Cn}", "\u0378", "a"}, {"\\p{Co}", "\ue000"}, {"\\p{Cs}", "a"}, {"\\p{Cf}", "\u200d"}, {"\\p{Cc}", "\u0085"}, {"\\p{Pd}", "-"}, {"\\p{Ps}\\p{Pe}", "()"}, {"\\p{Pi}\\p{Pf}", "\u00ab\u00bb"}, {"\\p{Pc}", "_"}, {"\\p{Po}", "!"}, {"\\p{Sm}", "+"}, {"\\p{Sk}", "^"}, {"\\p{So}", "\u00a9"}, {"\\p{Zl}", "\u2028"}, {"\\p{Zp}", "\u2029"}, {"\\p{Lm}", "\u02b0"}, {"\\p{Lo}", "\u05d0"}, {"\\p{Lt}", "\u01c5"}, {"\\p{Mc}", "\u0903"}, {"\\p{Me}", "\u20dd"},
        {"\\p{IsAlphabetic}", "a", "\u00e9", "\u0345"}, {"\\p{IsLetter}", "a"}, {"\\p{IsIdeographic}", "\u4e00"}, {"\\p{IsLowercase}", "\u00aa"}, {"\\p{IsUppercase}", "\u24b6"}, {"\\p{IsTitlecase}", "\u01c5"}, {"\\p{IsPunctuation}", "!", "$"}, {"\\p{IsControl}", "\u0001"}, {"\\p{IsWhite_Space}", "\u0085"}, {"\\p{IsWhiteSpace}", "\u3000"}, {"\\p{IsDigit}", "\u0661"}, {"\\p{IsHex_Digit}", "\uff21"}, {"\\p{IsHexDigit}", "a"}, {"\\p{IsJoin_Control}", "\u200d"}, {"\\p{IsNoncharacter_Code_Point}", "\uffff"}, {"\\p{IsNonCharacterCodePoint}", "\ufdd0"}, {"\\p{IsAssigned}", "a", "\u0378"}, {"\\p{IsWord}", "\u00e9"}, {"\\p{IsAlnum}", "\u0661"}, {"\\p{IsBlank}", "\u00a0"}, {"\\p{IsGraph}", "a"}, {"\\p{IsPrint}", " "}, {"\\p{IsSpace}"}, {"\\p{IsEmoji}"}, {"\\p{isAlphabetic}"}, {"\\p{IsALPHABETIC}", "a"}, {"\\p{Isalphabetic}", "a"}, {"\\p{Alphabetic}"}, {"\\p{IsUpper}"}, {"\\p{IsAlpha}"}, {"\\p{IsASCII}"}, {"\\p{IsPunct}"}, {"\\p{IsXDigit}"}, {"\\p{IsCntrl}"}, {"\\p{IsL1}"}, {"\\p{IsLC}"}, {"\\p{IsLD}"}, {"\\p{Isall}"}, {"\\p{IsLower}"},
        {"\\p{IsLatin}", "a", "\u03b1"}, {"\\p{IsGreek}", "\u03b1"}, {"\\p{IsCyrillic}", "\u0431"}, {"\\p{IsHan}", "\u4e00"}, {"\\p{IsLatn}", "a"}, {"\\p{Isgrek}", "\u03b1"}, {"\\p{IsCommon}", "1"}, {"\\p{IsInherited}", "\u0301"}, {"\\p{IsUnknown}", "\u0378"}, {"\\p{IsHiragana}", "\u3042"}, {"\\p{IsKatakana_Or_Hiragana}"}, {"\\p{IsOld_Italic}", "\ud800\udf00"}, {"\\p{IsOldItalic}"}, {"\\p{script=Latin}", "a"}, {"\\p{sc=Grek}", "\u03b1"}, {"\\p{SC=latin}", "a"}, {"\\p{Script=Nope}"}, {"\\p{IsNope}"}, {"\\p{Latin}"}, {"\\p{Greek}"}, {"\\p{IsZyyy}", "1"}, {"\\p{IsQaai}"}, {"\\p{IsQaac}"}, {"\\p{IsZinh}", "\u0301"}, {"\\p{sc= Latin}"}, {"\\p{scx=Latin}"},
        {"\\p{InGreek}", "\u03b1", "a"}, {"\\p{InBasicLatin}", "a"}, {"\\p{InBasic_Latin}", "a"}, {"\\p{InBasic Latin}", "a"}, {"\\p{InLatin-1Supplement}", "\u00e9"}, {"\\p{InLATIN1SUPPLEMENT}"}, {"\\p{Inlatin_1_supplement}", "\u00e9"}, {"\\p{InLatin_1_Supplement}", "\u00e9"}, {"\\p{blk=Greek}", "\u03b1"}, {"\\p{block=Greek and Coptic}", "\u03b1"}, {"\\p{InGreek and Coptic}", "\u03b1"}, {"\\p{InGreekandCoptic}", "\u03b1"}, {"\\p{InCyrillic}", "\u0431"}, {"\\p{InNope}"}, {"\\p{In}"}, {"\\p{Is}"}, {"\\p{InEmoticons}", "\ud83d\ude00"}, {"\\p{InMathematicalOperators}", "\u2200"}, {"\\p{InCombiningDiacriticalMarks}", "\u0301"}, {"\\p{InCombining_Marks_for_Symbols}", "\u20dd"}, {"\\p{InCyrillic Supplementary}", "\u0500"}, {"\\p{InArabicPresentationForms-A}", "\ufb50"}, {"\\p{InHighSurrogates}", "a"}, {"\\p{InSurrogatesArea}"}, {"\\P{InGreek}", "a"}, {"\\p{InPrivateUseArea}", "\ue000"}, {"\\p{BLK=greek}", "\u03b1"},
        {"\\p{gc=Lu}", "A"}, {"\\p{general_category=L}", "a"}, {"\\p{GC=Lu}", "A"}, {"\\p{gc=lu}"}, {"\\p{gc=Alpha}", "a"}, {"\\p{gc=javaLowerCase}", "a"}, {"\\p{foo=bar}"}, {"\\p{gc=}"}, {"\\p{=}"}, {"\\p{}"}, {"\\p{"}, {"\\p"}, {"\\p{L"}, {"\\pl"}, {"\\p1"}, {"\\p\u00e9"}, {"\\P"}, {"\\p{^L}"}, {"\\p{L}{2}", "ab"}, {"\\pN+", "12"}, {"\\p{ L}"}, {"\\p{L }"},
        {"\\p{javaLowerCase}", "\u00e9"}, {"\\p{javaUpperCase}", "A"}, {"\\p{javaWhitespace}", " ", "\u00a0", "\u001c"}, {"\\p{javaMirrored}", "(", "a"}, {"\\p{javaAlphabetic}", "a"}, {"\\p{javaIdeographic}", "\u4e00"}, {"\\p{javaTitleCase}", "\u01c5"}, {"\\p{javaDigit}", "\u0661"}, {"\\p{javaDefined}", "a", "\u0378"}, {"\\p{javaLetter}", "a"}, {"\\p{javaLetterOrDigit}", "1"}, {"\\p{javaJavaIdentifierStart}", "a", "$", "1"}, {"\\p{javaJavaIdentifierPart}", "1", "\u0000", "-"}, {"\\p{javaUnicodeIdentifierStart}", "a", "_"}, {"\\p{javaUnicodeIdentifierPart}", "1", "_"}, {"\\p{javaIdentifierIgnorable}", "\u0000", "a"}, {"\\p{javaSpaceChar}", " ", "\t"}, {"\\p{javaISOControl}", "\u0001"}, {"\\p{javaNope}"}, {"\\p{javalowercase}"}, {"\\p{IsjavaLowerCase}"},
        {"(?<name>a)", "a"}, {"(?<n1>a)", "a"}, {"(?<1n>a)"}, {"(?<>a)"}, {"(?<n_a>a)"}, {"(?<n>a)(?<n>b)"}, {"(?<n"}, {"(?<"}, {"(?<n>"}, {"(?<\u00e9>a)"}, {"\\k<n>"}, {"\\kn"}, {"\\k"}, {"(?<n>a)\\k<m>"}, {"(?P<n>a)"}, {"(?'n'a)"}, {"(?#c)"}, {"(?R)"}, {"(?1)"}, {"(?|a)"}, {"(?$a)"}, {"(?@a)"}, {"(?^a)"}, {"(?z)"}, {"(?i"}, {"(?i-"}, {"(?i-m-s)a"}, {"(?-i-m)a", "a"}, {"(?ii)A", "a"}, {"(?i:"}, {"(?"}, {"(?<x"}, {"(?a)"}, {"(?c)"}, {"(?:a"}, {"(?=a"}, {"(?! )a", "a"}, {"(?l)a"}, {"(?g)a"}, {"(?t)a"},
        {"("}, {")"}, {"a)"}, {"a)b"}, {"(a"}, {"(a))"}, {"a)|(b"}, {"["}, {"[]"}, {"[^]"}, {"[a"}, {"[a-"}, {"[b-a]"}, {"[a-\\d]"}, {"[\\d-\\w]", "-"}, {"[a[b]"}, {"[]]", "]"}, {"[^]]", "]", "a"}, {"[[]"}, {"[]-a]", "]", "^"}, {"]", "]"}, {"}", "}"}, {"a]", "a]"}, {"a}", "a}"}, {"{"}, {"a{"}, {"{a"}, {"a{a}"}, {"a{,3}"}, {"a{1"}, {"a{1,"}, {"a{1,2"}, {"a{2,1}"}, {"a{1,a}"}, {"a{ 1}"}, {"a{1 }"}, {"a{99999999999}"}, {"a{2147483647}", "a"}, {"a{2147483648}"}, {"a{0,2147483647}", "aa"}, {"*"}, {"+a"}, {"?"}, {"a**"}, {"a***"}, {"a+*"}, {"a?*"}, {"a???"}, {"a{2}*"}, {"a{2}{"}, {"(*a)"}, {"(|*)"}, {"|*"}, {"^**"}, {"a|*"}, {"(?:*)"}, {"(?i)*"}, {"\\"}, {"a\\"}, {"(\\"}, {"[\\"}, {"[\\]"}, {"\\Q\\E*"}, {"\\c"}, {"[\\c"}, {"\\i"}, {"\\j"}, {"\\l"}, {"\\m"}, {"\\o"}, {"\\q"}, {"\\y"}, {"\\g"}, {"\\C"}, {"\\F"}, {"\\I"}, {"\\J"}, {"\\K"}, {"\\L"}, {"\\M"}, {"\\O"}, {"\\T"}, {"\\U"}, {"\\Y"}, {"[\\A]"}, {"[\\B]"}, {"[\\G]"}, {"[\\R]"}, {"[\\X]"}, {"[\\Z]"}, {"[\\z]"}, {"[\\b"}, {"[\\k]"}, {"[\\1]"}, {"[\\08]"}, {"\\u12"}, {"[&&]"}, {"[a&&&&]", "a"}, {"[&&&]"}, {"[&&&&]"}, {"[^&&]"}, {"[a&&]b", "ab"}, {"[a&&b"}, {"[a-c&&"}, {"[a-c&&["}, {"[a&&]]", "a]"}, {"[a-&&b]"}, {"[%-&&b]", "&"}, {"#", "#"}, {"/", "/"}, {"~", "~"}, {"-", "-"}, {"\u00e9+", "\u00e9\u00e9"}, {"\ud83d\ude00+", "\ud83d\ude00\ud83d\ude00"}, {"\ud83d\ude00{2}", "\ud83d\ude00\ud83d\ude00"}, {"a\ud83d\ude00?b", "ab"},
        {"orders", "orders", "orders-x"}, {"orders.*", "orders-x"}, {"(.*)-raw", "a-raw"}, {"[a-z]+\\.v\\d+", "orders.v12"}, {"^topic-.*$", "topic-1", "xtopic-1"}, {"(?i)ORDERS-\\d{3}", "orders-123"}, {"[\\w.-]+", "a.b-c_d"}, {"(\\w+)\\.(\\w+)\\.(\\w+)", "db.schema.table"}, {"(?:prod|test)_.+", "prod_a"}, {"[^.]+\\.(.+)", "a.b.c"}, {".*", ""}, {".+", "\n"}, {"DB_.*|API_KEY", "DB_X", "API_KEY", "API_KEYS"},
    };

    // pattern, text, replacements…
    static final String[][] REPLACING = {
        {"(a)(b)?", "xaby", "$1", "$2", "$0", "$3", "$10", "$12", "$01", "$00", "[$1$2]", "\\$1", "\\\\$1", "$", "\\", "x\\", "$x", "$-1", "${", "${}", "${a}", "${1}", "${1a}", "${a", "${a b}", "${a-b}", "$1x", "$1$", "\\a", "\\\\", "$ 1", "\u00e9$1", "$\u0661", "$11", "${n}", "", "$$", "$\\1", "{$1}", "$\u00e9", "${\u00e9}"},
        {"(a)|b", "ab", "<$1>", "$2", "$1$1"}, {"(?<n>a)(?<m2>b)?", "a-ab", "${n}", "${m2}!", "${n}${m2}", "${x}", "${N}", "$1${n}", "$2", "${n", "${n }", "${m2}", "${m}", "${2m}", "${n}}"},
        {"(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", "abcdefghijkl", "$11", "$10", "$12", "$1\\1", "$110", "$111", "$99", "$100"},
        {"x*", "abc", "-", "$0-"}, {"", "ab", "-"}, {"x*", "axxb", "-"}, {"x", "abc", "$5", "$", "\\", "${q}"}, {"(?=b)", "ab", "-"}, {"\\b", "ab cd", "|"}, {"^", "a\nb", "-"}, {"(?m)^", "a\nb", "-"}, {"$", "a\n", "-"}, {"(?m)$", "a\r\nb\n", "-"}, {"\\G.", "abc", "-"}, {"\\Ga|b", "aab", "-"}, {"a*?", "aa", "-"}, {"a|", "ba", "-"}, {"(?<=a)", "aab", "-"}, {"\ud83d\ude00?", "\ud83d\ude00a", "-", "$0\\$"},
        {"(.*)", "orders", "$1-x", "new_$1", "$1$1", "", "$2"}, {"(.*)-(.*)", "a-b-c", "$2-$1"}, {"([^.]+)\\.([^.]+)", "db.t", "$2_in_$1"}, {"a+?", "aaa", "-"}, {"(?:(a)|b)*", "ab", "$1"}, {"(?!(a))|a", "a", "<$1>"}, {"(?:(?!(a))x|a)", "a", "<$1>"}, {"(?:(?=(a))x|a)", "a", "<$1>"}, {"(?:([ac])*b)*", "abcb", "<$1>"}, {"(?:([ac])*?b)*", "abcb", "<$1>"}, {"(?:([ac])+b)*", "abcb", "<$1>"}, {"(?:([ac])?b)*", "abcb", "<$1>"}, {"(?:(a|c)*b)*", "abcb", "<$1>"}, {"(?:([ac]){1,2}b)*", "abcb", "<$1>"}, {"(?:([ac])*+b)*", "abcb", "<$1>"}, {"(a)*ab", "ab", "<$1>"}, {"(a)*aab", "aaab", "<$1>"}, {"(a|b)*ab", "abab", "<$1>"}, {"(?>(a)|b)*", "ab", "<$1>"}, {"(a)?b|c", "c", "<$1>"}, {"(?:(a)b|ac)", "ac", "<$1>"}, {"(?:(a)x|(ab))*c", "abc", "<$1$2>"}, {"((a)|(b))*", "ab", "<$2$3>"}, {"(a*)*", "aa", "<$1>"}, {"(a*)+", "aa", "<$1>"}, {"(a|b*)*", "ab", "<$1>"}, {"(?:(a)|b){2}", "ab", "<$1>"}, {"(?:(.)b)*", "abcb", "<$1>"}, {"(?:(.)(.))*?c", "ababc", "<$1$2>"}, {"(?:(.)*,)*", "ab,cd,", "<$1>"}, {"(?:([a-c])*,)+", "ab,,", "<$1>"}, {"(?:(?:([a-c])*,)+;)+", "ab,a,;c,;", "<$1>"}, {"((a)*b)*", "aabab", "<$1$2>"}, {"(a())*", "aa", "<$1$2>"}, {"(?<=(a)|(b))c", "bc", "<$1$2>"}, {"(?=(a|ab))\\1b", "ab", "<$1>"},
    };

    static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < 32 || c > 126) out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }

    static String error(Throwable e) {
        return "{\"class\":" + quote(e.getClass().getName()) + ",\"message\":" + quote(String.valueOf(e.getMessage())) + "}";
    }

    interface Answer { String get(); }

    static String replaced(Answer answer) {
        try {
            return quote(answer.get());
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            return error(e);
        }
    }

    static String line(String pattern, String text, String replacement) {
        String given = "{\"pattern\":" + quote(pattern);
        Pattern compiled;
        try {
            compiled = Pattern.compile(pattern);
        } catch (PatternSyntaxException e) {
            return given + ",\"invalid\":" + quote(e.getDescription()) + "}";
        } catch (IllegalArgumentException e) {
            return given + ",\"invalid\":" + quote(e.getMessage()) + "}";
        }
        given += ",\"text\":" + quote(text) + ",\"replacement\":" + quote(replacement);
        try {
            return answers(given, compiled, text, replacement);
        } catch (NullPointerException e) {
            // A class that the JDK accepts and cannot evaluate.
            return given + ",\"broken\":" + quote(e.getMessage()) + "}";
        }
    }

    static String answers(String given, Pattern compiled, String text, String replacement) {
        Matcher found = compiled.matcher(text);
        // Places are counted in characters, not in UTF-16 units.
        String span = !found.find() ? "null" : "[" + text.codePointCount(0, found.start()) + "," + text.codePointCount(0, found.end()) + "]";
        return given + ",\"matches\":" + compiled.matcher(text).matches() + ",\"find\":" + span
            + ",\"first\":" + replaced(() -> compiled.matcher(text).replaceFirst(replacement))
            + ",\"all\":" + replaced(() -> compiled.matcher(text).replaceAll(replacement)) + "}";
    }

    static boolean halfPair(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isHighSurrogate(text.charAt(i)) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) i++;
            else if (Character.isSurrogate(text.charAt(i))) return true;
        }
        return false;
    }

    public static void main(String[] arguments) {
        if (arguments.length == 3) {
            random(Integer.parseInt(arguments[1]), Long.parseLong(arguments[2]));
        } else {
            for (String[] row : MATCHING) {
                if (row.length == 1) OUT.println(line(row[0], "a", "<$0>"));
                for (int i = 1; i < row.length; i++) OUT.println(line(row[0], row[i], "<$0>"));
            }
            for (String[] row : REPLACING)
                for (int i = 2; i < row.length; i++) OUT.println(line(row[0], row[1], row[i]));
        }
        OUT.flush();
    }

    static Random dice;

    static String pick(String... from) {
        return from[dice.nextInt(from.length)];
    }

    static String inClass(int depth) {
        StringBuilder out = new StringBuilder(dice.nextInt(4) == 0 ? "[^" : "[");
        for (int n = 1 + dice.nextInt(3); n > 0; n--) {
            switch (dice.nextInt(8)) {
                case 0: out.append(pick("a-c", "b-d", "A-Z", "0-1", "a-z", "\\x61-b")); break;
                case 1: out.append(pick("\\d", "\\w", "\\S", "\\p{Lu}", "\\P{L}", "\\h", "\\s", "\\pL")); break;
                case 2: if (depth > 0) { out.append(inClass(depth - 1)); break; }
                case 3: out.append("&&"); break;
                default: out.append(pick("a", "b", "c", "A", "1", "-", "^", "\\]", "\u00e9", " ", "&", "#", "."));
            }
        }
        return out.append("]").toString();
    }

    static String piece(int depth) {
        switch (dice.nextInt(depth > 0 ? 16 : 9)) {
            case 0: return ".";
            case 1: return pick("\\d", "\\w", "\\W", "\\s", "\\p{Lower}", "\\h", "\\R", "\\v", "\\pL", "\\P{Lu}");
            case 2: return inClass(1);
            case 3: return pick("^", "$", "\\b", "\\B", "\\A", "\\z", "\\Z", "\\G");
            case 4: return pick("\\1", "\\2", "(?i)", "(?x)", "(?-i)", "(?s)", "(?m)", "(?d)", "\\Q.\\E", "\\x61", "(?iu)", " ", "#", "\\X");
            case 9: case 10: return "(" + any(depth - 1) + ")";
            case 11: return "(?:" + any(depth - 1) + ")";
            case 12: return pick("(?=", "(?!", "(?<=", "(?<!") + any(depth - 1) + ")";
            case 13: return pick("(?>", "(?i:", "(?s-i:", "(?<x>", "(?x:") + any(depth - 1) + ")";
            default: return pick("a", "b", "c", "a", "b", "A", "1", "-", "\u00e9", "\n");
        }
    }

    static String any(int depth) {
        StringBuilder out = new StringBuilder();
        for (int n = dice.nextInt(4); n >= 0; n--) {
            out.append(piece(depth));
            if (dice.nextInt(5) < 2) out.append(pick("*", "+", "?", "*", "+", "{2}", "{0,2}", "{1,}", "*?", "+?", "??", "*+", "?+", "++", "{1,2}?", "{1,2}+"));
            if (dice.nextInt(8) == 0) out.append("|");
        }
        return out.toString();
    }

    static void random(int count, long seed) {
        dice = new Random(seed);
        for (int n = 0; n < count; ) {
            StringBuilder pattern = new StringBuilder();
            if (dice.nextInt(4) == 0) {
                for (int k = 1 + dice.nextInt(7); k > 0; k--) pattern.append(pick("a", "b", "(", ")", "[", "]", "^", "-", "&&", "\\", "{", "}", ",", "1", "2", "?", "*", "+", "|", "(?", ":", "<", ">", "=", "!", "i", "x", "\\p{", "L", "\\Q", "\\E", "0", "\\x", "\\c", "$", " ", "#", "\n", "\\k<", "\\1", "\\0", "\\u00", "(?<a>", "\\N", "\\b", "."));
            } else {
                pattern.append(any(3));
            }
            StringBuilder text = new StringBuilder();
            for (int k = dice.nextInt(7); k > 0; k--) text.append(pick("a", "a", "b", "b", "c", "A", "B", "1", "-", "\u00e9", "\u00c9", "\n", "\r", " ", "_", "\ud83d\ude00"));
            String replacement = pick("<$0>", "<$1>", "<$1$2>", "<$0>", "<$2>");
            if (halfPair(pattern.toString())) continue;
            String answer;
            try {
                answer = line(pattern.toString(), text.toString(), replacement);
                // Java's places may be within a character; ours are not.
                String rest = answer.replace("\\ud83d\\ude00", "");
                if (rest.contains("\\ud83d") || rest.contains("\\ude00")) continue;
            } catch (Error e) {
                continue; // out of stack, or a bug of the JDK
            }
            OUT.println(answer);
            n++;
        }
    }
}
