"""What English abbreviates: titles, streets, words, months, fractions, signs, numerals."""

from __future__ import annotations

TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Dr": "Doctor",
    "Prof": "Professor",
    "St": "Saint",
    "Mt": "Mount",
    "Ft": "Fort",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Gen": "General",
    "Col": "Colonel",
    "Maj": "Major",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Cpl": "Corporal",
    "Pvt": "Private",
    "Pres": "President",
}
# Written without a full stop in Britain.
BARE_TITLES = ("Mr", "Mrs", "Ms", "Dr", "Prof")

STREETS = {
    "St": "Street",
    "Dr": "Drive",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Ln": "Lane",
    "Sq": "Square",
    "Hwy": "Highway",
}

WORDS = {
    "e.g": "for example",
    "i.e": "that is",
    "etc": "et cetera",
    "vs": "versus",
    "cf": "compare",
    "approx": "approximately",
    "appt": "appointment",
    "dept": "department",
    "excl": "excluding",
    "incl": "including",
    "misc": "miscellaneous",
    "tel": "telephone",
    "govt": "government",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "Corp": "Corporation",
    "Co": "Company",
    "Bros": "Brothers",
    "Jr": "Junior",
    "Sr": "Senior",
    "Jan": "January",
    "Feb": "February",
    "Aug": "August",
    "Sept": "September",
    "Sep": "September",
    "Oct": "October",
    "Nov": "November",
    "Dec": "December",
}

BEFORE_NUMBERS = {
    "no": "number",
    "nos": "numbers",
    "nr": "number",
    "apt": "apartment",
    "p": "page",
    "pp": "pages",
    "vol": "volume",
    "ch": "chapter",
    "chap": "chapter",
    "fig": "figure",
    "figs": "figures",
    "sec": "section",
    "ext": "extension",
    "eq": "equation",
    "ver": "version",
    "c": "circa",
    "ca": "circa",
}

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

TIME_ZONES = frozenset(
    ["EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "GMT", "UTC", "BST", "CET", "CEST"]
)
DAYS_IN_SHORT = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Tues": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Thur": "Thursday",
    "Thurs": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
}
DAYS = frozenset(DAYS_IN_SHORT.values())

FRACTIONS = {
    "½": "1/2",
    "⅓": "1/3",
    "⅔": "2/3",
    "¼": "1/4",
    "¾": "3/4",
    "⅕": "1/5",
    "⅖": "2/5",
    "⅗": "3/5",
    "⅘": "4/5",
    "⅙": "1/6",
    "⅚": "5/6",
    "⅛": "1/8",
    "⅜": "3/8",
    "⅝": "5/8",
    "⅞": "7/8",
}
SPOKEN_SLASHES = {"24/7": "twenty-four seven", "9/11": "nine eleven", "50/50": "fifty-fifty"}

SYMBOLS = {
    "≤": " less than or equal to ",
    "≥": " greater than or equal to ",
    "≠": " is not equal to ",
    "≈": " approximately ",
    "±": " plus or minus ",
    "\u00d7": " times ",
    "÷": " divided by ",
    "→": " to ",
    "∞": " infinity ",
    "√": " the square root of ",
    "²": " squared",
    "³": " cubed",
    "°": " degrees",
    "§": " section ",
    "©": " copyright ",
    "®": "",
    "™": "",
    "€": " euros ",
    "£": " pounds ",
}

# After these words a four-digit number is a year.
YEAR_CUES = (
    "in|since|until|till|during|before|after|circa|year|early|mid|late|spring|summer|autumn|"
    "fall|winter|copyright|born"
)
# After these it is one if it lies close to our time.
WEAK_YEAR_CUES = "the|of|from|to|by|and|around"

# For a regular expression.
TOP_DOMAINS = "com|org|net|edu|gov|int|info|io|dev|app|ai|co|uk|de|fr|es|it|nl|eu|ca|au|jp|ly|me|tv"

NUMBERED_THINGS = (
    "Chapter|Part|Act|Scene|Book|Volume|Section|Article|Appendix|Figure|Table|Phase|Type|Class|"
    "Title|Stage|Level|Grade|Schedule|Annex|War|Bowl|Unit|Round|Episode|Canto|Mark|Apollo"
)
RULERS = (
    "Henry|Louis|George|Elizabeth|Charles|James|Edward|William|Richard|Philip|Frederick|"
    "Catherine|Alexander|Nicholas|Napoleon|Pius|Benedict|Gregory|Leo|Innocent|Clement|Urban|Paul|"
    "Ivan|Peter|Ramses|Ferdinand|Francis|Wilhelm|Leopold|Albert|Christian|Haakon|Otto|Ptolemy|John"
)
