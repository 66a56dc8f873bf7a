"""English as it is read aloud: what is written, and what a voice must say."""

from __future__ import annotations

import pytest

from voices.text import normalise

NUMBERS = [
    ("I have 5 apples.", "I have five apples."),
    ("0", "zero"),
    ("21 jumps", "twenty-one jumps"),
    ("105 people", "one hundred and five people"),
    ("1001 nights", "one thousand and one nights"),
    ("1,234 items", "one thousand two hundred and thirty-four items"),
    ("1,000,000 stars", "one million stars"),
    ("2,000,000,005 bytes", "two billion and five bytes"),
    ("7,000,000,000,000", "seven trillion"),
    ("3.14", "three point one four"),
    ("0.5", "zero point five"),
    (".5", "point five"),
    ("1,234.50 left", "one thousand two hundred and thirty-four point five zero left"),
    ("-5 below", "minus five below"),
    ("from -10 to 5", "from minus ten to five"),
    ("pages 5-7", "pages five to seven"),
    ("pages 5\u20137", "pages five to seven"),
    ("a 10-year-old", "a ten-year-old"),
    ("007", "zero zero seven"),
    ("He won. 2000 people came.", "He won. Two thousand people came."),
    ("a 3D film in 4K", "a three D film in four K"),
    ("B2B and MP3", "B2B and MP3"),
    ("COVID-19", "COVID-nineteen"),
    ("the 3:2 result", "the three to two result"),
    ("3fa85f64", "3fa85f64"),
    ("the 1st", "the first"),
    ("2nd and 3rd", "second and third"),
    ("the 12th of 20th", "the twelfth of twentieth"),
    ("23rd", "twenty-third"),
    ("the 101st time", "the one hundred and first time"),
    ("1,000th", "one thousandth"),
    ("1/2 cup", "one half cup"),
    ("3/4 full", "three quarters full"),
    ("2/3", "two thirds"),
    ("5/8", "five eighths"),
    ("2 1/2 hours", "two and a half hours"),
    ("\u00bd", "one half"),
    ("2\u00bd cups", "two and a half cups"),
    ("open 24/7", "open twenty-four seven"),
    ("4.5/5 stars", "four point five over five stars"),
    ("31/40", "thirty-one over forty"),
    ("120/80", "one hundred and twenty over eighty"),
]

MONEY = [
    ("$1.50", "one dollar and fifty cents"),
    ("$1", "one dollar"),
    ("$20.", "twenty dollars."),
    ("$0.99", "ninety-nine cents"),
    ("$1.01", "one dollar and one cent"),
    ("$5.00", "five dollars"),
    ("-$5", "minus five dollars"),
    ("£20", "twenty pounds"),
    ("£3.01", "three pounds and one penny"),
    ("\u20ac3m", "three million euros"),
    ("$20bn", "twenty billion dollars"),
    ("$1.5 million", "one point five million dollars"),
    ("$100k", "one hundred thousand dollars"),
    ("100 USD", "one hundred US dollars"),
    ("EUR 20", "twenty euros"),
    ("20\u20ac", "twenty euros"),
    ("US$5", "five US dollars"),
    ("\u00a5500", "five hundred yen"),
    ("$5-10", "five to ten dollars"),
    ("$5-$10", "five to ten dollars"),
    ("$5 to 10 charities", "five dollars to ten charities"),
    ("$5/month", "five dollars per month"),
    ("$1,234.56", "one thousand two hundred and thirty-four dollars and fifty-six cents"),
    ("50\u00a2", "fifty cents"),
]

DATES = [
    ("2026-11-21", "November twenty-first, twenty twenty-six"),
    ("11/21/2026", "November twenty-first, twenty twenty-six"),
    ("21/11/2026", "November twenty-first, twenty twenty-six"),
    ("3/4/21", "March fourth, twenty twenty-one"),
    ("21.11.2026", "November twenty-first, twenty twenty-six"),
    ("21 Nov 2026", "the twenty-first of November, twenty twenty-six"),
    ("on the 21st of November", "on the twenty-first of November"),
    ("Nov 21, 2026", "November twenty-first, twenty twenty-six"),
    ("Nov. 21", "November twenty-first"),
    ("November 21st", "November twenty-first"),
    ("May 5-7", "May fifth to seventh"),
    ("March 2020", "March twenty twenty"),
    ("2026-11-21T15:45:00Z", "November twenty-first, twenty twenty-six at fifteen forty-five UTC"),
    ("99/99/2020", "ninety-nine ninety-nine twenty twenty"),
    ("in 1999", "in nineteen ninety-nine"),
    ("in 2024", "in twenty twenty-four"),
    ("since 2004", "since two thousand and four"),
    ("in 1905", "in nineteen oh five"),
    ("in 1800", "in eighteen hundred"),
    ("in 2000", "in two thousand"),
    ("The 2024 results are in.", "The twenty twenty-four results are in."),
    ("1500 people", "one thousand five hundred people"),
    ("1999-2004", "nineteen ninety-nine to two thousand and four"),
    ("1914\u201318", "nineteen fourteen to eighteen"),
    ("the 1990s", "the nineteen nineties"),
    ("the '80s", "the eighties"),
    ("the late 60s", "the late sixties"),
    ("the 1800s", "the eighteen hundreds"),
]

TIMES = [
    ("at 3:30pm", "at three thirty PM"),
    ("at 3:30 p.m. sharp", "at three thirty PM sharp"),
    ("15:45", "fifteen forty-five"),
    ("15:00", "fifteen hundred"),
    ("3:00", "three o'clock"),
    ("3:00 pm", "three PM"),
    ("9:05", "nine oh five"),
    ("9 a.m.", "nine AM."),
    ("at 5 p.m. Monday", "at five PM Monday"),
    ("at 5 p.m. Then he left.", "at five PM. Then he left."),
    ("9am-5pm", "nine AM to five PM"),
    ("10:00-11:30", "ten o'clock to eleven thirty"),
    ("9:30:15", "nine thirty and fifteen seconds"),
]

UNITS = [
    ("5kg", "five kilograms"),
    ("1 kg", "one kilogram"),
    ("a 10-kg bag", "a ten kilogram bag"),
    ("10 km/h", "ten kilometers per hour"),
    ("60 mph", "sixty miles per hour"),
    ("20\u00b0C", "twenty degrees Celsius"),
    ("20 \u00b0F", "twenty degrees Fahrenheit"),
    ("90\u00b0", "ninety degrees"),
    ("3GB", "three gigabytes"),
    ("100MB/s", "one hundred megabytes per second"),
    ("5 ft. tall", "five feet tall"),
    ("5'10\"", "five feet ten inches"),
    ("12 m\u00b2", "twelve square meters"),
    ("9.8 m/s\u00b2", "nine point eight meters per second squared"),
    ("5-10 kg", "five to ten kilograms"),
    ("5%", "five percent"),
    ("5-10%", "five to ten percent"),
    ("0.5 %", "zero point five percent"),
    ("3x faster", "three times faster"),
    ("30 min", "thirty minutes"),
    ("16 kHz", "sixteen kilohertz"),
    ("It weighs 5 km.", "It weighs five kilometers."),
]

CODES = [
    ("+1 555-123-4567", "plus one, five five five, one two three, four five six seven"),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("555-1234", "five five five, one two three four"),
    ("020 7946 0958", "zero two zero, seven nine four six, zero nine five eight"),
    ("1-800-555-1234", "one, eight zero zero, five five five, one two three four"),
    ("978-3-16-1", "nine seven eight, three, one six, one"),
    ("id 1234567890", "id one two three four five six seven eight nine zero"),
    ("v2.1.3", "version two point one point three"),
    ("v2", "version two"),
    ("version 2.1.3", "version two point one point three"),
    ("10.0.0.1", "ten dot zero dot zero dot one"),
    ("Python 3.11", "Python three point one one"),
]

ABBREVIATIONS = [
    ("Dr. Smith", "Doctor Smith"),
    ("Dr Smith", "Doctor Smith"),
    ("Mr. Jones and Mrs. Ray", "Mister Jones and Missus Ray"),
    ("Ms. Lee", "Miz Lee"),
    ("Prof. Plum", "Professor Plum"),
    ("St. John", "Saint John"),
    ("on Main St. today", "on Main Street today"),
    ("12 Elm Dr. Then home.", "twelve Elm Drive. Then home."),
    ("Fifth Ave. is long", "Fifth Avenue is long"),
    ("Yesterday Dr. Smith came.", "Yesterday Doctor Smith came."),
    ("fruit, e.g. apples", "fruit, for example apples"),
    ("i.e., now", "that is, now"),
    ("pens, etc.", "pens, et cetera."),
    ("pens, etc. The end.", "pens, et cetera. The end."),
    ("cats vs. dogs", "cats versus dogs"),
    ("No. 5", "Number five"),
    ("see p. 5", "see page five"),
    ("Apt. 3B", "Apartment three B"),
    ("open Mon-Fri.", "open Monday to Friday."),
    ("pp. 5-7", "pages five to seven"),
    ("vol. 2, ch. 3, fig. 4", "volume two, chapter three, figure four"),
    ("approx. 5", "approximately five"),
    ("Acme Inc. grew.", "Acme Incorporated grew."),
    ("from Acme Inc.", "from Acme Incorporated."),
    ("the U.S. Army", "the US Army"),
    ("J.R.R. Tolkien", "JRR Tolkien"),
    ("a Ph.D. student", "a PhD student"),
    ("NASA and the API", "NASA and the API"),
    ("Chapter IV", "Chapter four"),
    ("Part I", "Part one"),
    ("World War II", "World War two"),
    ("Henry VIII", "Henry the eighth"),
    ("Louis XIV's court", "Louis the fourteenth's court"),
    ("Henry I think", "Henry I think"),
    ("Malcolm X", "Malcolm X"),
]

SIGNS = [
    ("salt & pepper", "salt and pepper"),
    ("R&D", "R and D"),
    ("AT&T", "AT&T"),
    ("@joe", "at joe"),
    ("#5", "number five"),
    ("#winter", "hashtag winter"),
    ("C# and C++", "C sharp and C plus plus"),
    ("an A+", "an A plus"),
    ("18+", "eighteen plus"),
    ("2+2=4", "two plus two equals four"),
    ("10 - 3 = 7", "ten minus three equals seven"),
    ("5*3", "five times three"),
    ("3 \u00d7 4", "three times four"),
    ("1280x720", "one thousand two hundred and eighty by seven hundred and twenty"),
    ("2^3", "two to the power of three"),
    ("x\u00b2", "x squared"),
    ("~5", "about five"),
    ("5 > 3", "five greater than three"),
    ("a < b", "a less than b"),
    ("x != y", "x is not equal to y"),
    ("and/or", "and or"),
    ("TCP/IP", "TCP IP"),
    ("w/ milk, w/o sugar", "with milk, without sugar"),
    ("A \u2192 B", "A to B"),
    ("Acme\u2122", "Acme"),
    ("see example.com", "see example dot com"),
    ("https://www.example.com/a?b=1.", "example dot com."),
    ("joe.smith@example.co.uk", "joe dot smith at example dot co dot uk"),
]

GOLDEN = [*NUMBERS, *MONEY, *DATES, *TIMES, *UNITS, *CODES, *ABBREVIATIONS, *SIGNS]


@pytest.mark.parametrize(("written", "spoken"), GOLDEN)
def test_english_is_said_as_people_say_it(written: str, spoken: str) -> None:
    assert normalise(written, "en-US") == spoken


@pytest.mark.parametrize(
    ("language", "spoken"),
    [
        ("en", "November twelfth, twenty twenty-six"),
        ("en_US", "November twelfth, twenty twenty-six"),
        ("en-GB", "the eleventh of December, twenty twenty-six"),
        ("en-AU", "the eleventh of December, twenty twenty-six"),
    ],
)
def test_the_region_decides_which_of_two_numbers_is_the_month(language: str, spoken: str) -> None:
    assert normalise("11/12/2026", language) == spoken


@pytest.mark.parametrize("language", ["de", "es-MX", "zh", "hi"])
def test_other_languages_keep_their_numbers(language: str) -> None:
    assert normalise("**5** kg, $3", language) == "5 kg, $3"


def test_the_table_is_as_large_as_it_claims_to_be() -> None:
    assert len(set(GOLDEN)) >= 150
