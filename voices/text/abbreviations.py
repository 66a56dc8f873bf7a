"""Words that end in a full stop without ending a sentence, by language."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A name or a number follows these, so the sentence always goes on.
TITLES = {
    "en": _words(
        "mr mrs ms dr prof st mt ft rev hon gov sen rep gen col maj capt lt sgt cpl pvt pres no "
        "nos p pp vol ch chap fig figs sec ext eq vs e.g i.e cf ca approx"
    ),
    "de": _words("dr prof hr fr nr bzw z.b d.h u.a ca vgl str abs art st bd"),
    "es": _words("sr sra srta dr dra d dña prof ud uds pág núm art vol p.ej av"),
    "fr": _words("m mm mme mlle dr pr prof p.ex av bd art vol n chap fig st ste"),
    "it": _words("sig sigg dott prof ing avv pag art vol es ecc cap"),
    "pt": _words("sr sra dr dra prof pág art vol av núm ex p.ex"),
    "nl": _words("dhr mevr dr prof bijv nr blz d.w.z o.a ca st"),
}

# These may end a sentence; a word that usually begins one decides.
SHORT_WORDS = {
    "en": _words(
        "inc ltd corp co bros jr sr etc a.m p.m u.s u.k u.n e.u d.c ph.d b.c a.d ave blvd rd dept "
        "est tel misc incl excl jan feb mar apr jun jul aug sept sep oct nov dec"
    ),
    "de": _words("usw etc jh mio mrd"),
    "es": _words("etc ee.uu"),
    "fr": _words("etc"),
}

# Languages that write `5.` for `fifth`.
DOTTED_ORDINALS = _words("de da nb nn no fi et lv cs sk pl sl hr bs sr hu is lb")

# Words that begin an English sentence far more often than they continue a name.
STARTERS = _words(
    "A After All An And As At Before But By For From He Her Here His How However I If In It Its "
    "My No Not Now On Our She So That The Their Then There These They This Those Though To "
    "Today Was We What When Where While Who Why Yes You Your"
)
