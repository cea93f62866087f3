"""How a number can be misspelt: a corpus for every field that takes one. Shared by the tests of hostile input."""

from __future__ import annotations

from typing import Final

#: JSON texts (not Python values) that no amount of points may be read from.
AS_JSON: Final = (
    # not numbers, or not JSON at all
    "NaN", "-NaN", "nan", "Infinity", "-Infinity", "inf", "null1", "true", "false",
    "True", "None", "undefined", "[]", "{}", "[1]", '{"a":1}', "''", "'1'",
    # floats and exponents: amounts are integers or short strings
    "1.0", "0.0", "-0.0", "2.5", "1e2", "1E2", "1e+2", "1e-2", "1e308", "1e309",
    "1e400", "-1e400", "1e-400", "1e200000", "1e99999999999", "0.1e1",
    "4.9e-324", "1.7976931348623157e308", "9007199254740993.0", "1e15", "1e16", "1e18", "123456789012345678901234567890.5",
    "1e1", "10e-1", "5E0", "5e0", "0e0", "-1e2", "1e-7", "3.0000000000000001", "1e4932", "2e-324", "0.5", "12.50",
    # malformed numbers
    "01", "+1", ".5", "1.", "1_000", "0x10", "0b1", "0o7", "1,000", "1 000",
    "--1", "- 1", "1-", "1e", "1e+", "e1", "1f", "1n", "٣", "１", "½", "²",
    # integers that are too large, or negative
    "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551616", "-1", "-9223372036854775809",
    "1" + "0" * 30, "1" + "0" * 400, "1" + "0" * 5_000, "-1" + "0" * 5_000, "9" * 30_000,
)  # fmt: skip

#: Texts that no amount of points may be read from.
AS_TEXT: Final = (
    "", " ", "\t", "nan", "NaN", "-nan", "inf", "Infinity", "-inf", "+inf", "1e2",
    "1E2", "1e400", "1e-400", "1e200000", "0x10", "0b11", "0o17", "1_000",
    "1__0", "_1", "1_", "++1", "--1", "+-1", "-1", "-0.5", "1.", ".5", ".", "-", "+",
    "1.2.3", "1..2", "0.0000001", "1.1234567", "1 000 000", "1 .5", "1. 5",
    "½", "²", "٣", "３", "１２", "一", "Ⅷ", "①", "10%%", "$5", "5 points", "five",
    "true", "null", "None", "[1]", "{}", "1;2", "1|2", "1/2", "1:2", "1\\n",
    "1\x00", "\x001", "1\u200b", "\u202e1", "\ufeff1", "1\u0660", "−1", "–1", "1e",
    "e1", "1e1.5", "0e0e0", "1d5", "1L", "1j", "(1)", "1+1", "=1", "'1'",
    '"1"', "`1`", "1'", "0,5e3", "1.5e3", "99999999999999999", "9007199254740993",
    "9007199255", "10000000000000000", "1" * 17, "1" * 32, "1" * 33, "1" * 1_000,
    "0." + "0" * 40, "0" * 33, "1" + "0" * 60, "-" + "9" * 40, "1" * 20_000, "🙂",
    "\ud7ff", "a" * 100, "<b>1</b>", "{{1}}", "${1}", "%31", "&#49;", "\\u0031",
    "1 OR 1=1", "1); DROP TABLE event;--", "../1", "NULL", "undefined",
    "[object Object]", "Decimal('1')", "1e+0", "1E-0", "infinity", "NaN(1)", "#NAN",
)  # fmt: skip

#: Chances: what no chance may be read from, beside the texts above that are no number at all.
NO_CHANCE: Final = (
    "0", "0%", "1", "100%", "100.0%", "1.0", "101%", "-1%", "-0.4", "1.5", "40",
    "0.40%%", "%", "% 40", "40 percent", "0.4.1", "0.0000001", "0.00001%",
    "40.12345%", "1e-1", "4e1%", "nan%", "inf%", "0x1%", "٤٠%", "0,4", "40%\x00", "9" * 33, "0." + "9" * 40, "NaN", "", " ",
)  # fmt: skip

#: Windows that nobody can bet on, on a question by the day from 15 March to 1 June 2027 whose clock stands at 14 March, 08:00.
NO_WINDOW: Final = (
    "", " ", "soon", "?", "when pigs fly", "2027-02-30", "31 April", "2027-13",
    "2027-00", "2027-W60", "Q5 2027", "3/4/2027", "2026", "March 2026", "2030",
    "after 1 June 2027", "before 2026", "20 April – 10 April", "2027-04-20..2027-04-10", "14:00–15:00 on 3 April", "2027-04-03 12:00",
    "2027-04-03 12:00..13:00", "14 March 2027", "yesterday", "today",
    "13 March 2027", "9999", "0000-01-01", "-2027", "2027-04-03T00:00:00+99:00",
    "1700-01-01", "3000-01-01", "never never", "not not April", "not", "before",
    "after", "..", "/", "–", "2027-04..", "..2027-04", "NaN", "1e400", "null",
    "\x00", "April\x00", "\u202eApril", "２０２７-０４", "٢٠٢٧-٠٤", "A" * 80, "A" * 81,
    "2027-04" * 1_000, "before " * 500 + "June", "not " * 500 + "June",
    "<script>", "{{ 7 * 7 }}", "' OR 1=1 --", "%s%n", "2027-04-03T25:61:61Z",
    "2027-04-31", "1" * 60_000, "(" * 5_000, "🙂 April", "Apriil", "Aprilis",
)  # fmt: skip
