"""What could have stood at a place, in words: the table from sets of terminals to phrases, and an example for each."""

from __future__ import annotations

from functools import cache

from gamespec.syntax.table import END, table

OPERATORS = frozenset(
    {"PLUS", "MINUS", "STAR", "SLASH", "AT", "CIRCUMFLEX", "CMP", "AND", "OR", "AMPERSAND", "_MINUSSET", "DOTS"}
)
EXPRESSION = frozenset(
    {"NUMBER", "STRING", "NAME", "TRUE", "FALSE", "LPAR", "LSQB", "LBRACE", "OP", "CONCEPT", "MINUS", "NOT", "IF"}
)
POSTFIX = frozenset({"LPAR", "LSQB", "DOT"})

# Read from the top: the first groups that are wholly expected are said, and their terminals are said no more.
GROUPS: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (frozenset({"NUMBER", "LPAR"}), EXPRESSION | {"KEYWORD_KEY"}, "an expression"),
    (frozenset({"STAR", "CMP", "AND"}), OPERATORS | POSTFIX, "an operator"),
    (frozenset({"CMP", "AND"}), OPERATORS, "a comparison"),
    (frozenset({"NAME", "KEYWORD_KEY"}), frozenset({"NAME", "KEYWORD_KEY"}), "a key"),
    (frozenset({"NAME"}), frozenset({"NAME"}), "a name"),
    (frozenset({END}), frozenset({END}), "the next statement"),
)

WORDS = {
    "NUMBER": "a number",
    "STRING": 'a string "..."',
    "OP": "`min{..}`, `max{..}` or another binder",
    "CONCEPT": "`nash {`",
    "KEYWORD_KEY": "a key",
    "_IN": "`in`",
    "_ST": "`s.t.`",
    "_WHERE": "`where`",
    "_PARAMS": "`params`",
    "_FROM": "`~`",
    "_MINUSSET": "`\\`",
    "CMP": "a comparison",
    "COLON": "`:`",
    "EQUAL": "`=`",
    "COMMA": "`,`",
    "SEMICOLON": "`;`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "ARROW": "`->`",
    "DOTS": "`..`",
    "DOT": "`.`",
    "VBAR": "`|`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "STAR": "`*`",
    "SLASH": "`/`",
    "AT": "`@`",
    "CIRCUMFLEX": "`^`",
    "AMPERSAND": "`&`",
}

# A statement of each kind, for who has forgotten its form.
EXAMPLES = {
    "LANGUAGE": "for example `language 1`",
    "GAME": "for example `game rock_paper_scissors`",
    "IMPORT": 'for example `import "lib/attacks.game" as atk`',
    "PARAM": "for example `param eps in [0, 1] = 8/255`",
    "DIM": "for example `dim n = 4`",
    "DATA": 'for example `data train: (x: R[64], y: class[10]) = digits("train")`',
    "DIST": "for example `dist z: R[2] = Normal(0, 1)`",
    "NET": "for example `net h: R[64] -> logits[10] = mlp(32)`",
    "VAR": "for example `var u: R[3] in [0, 1] init 0.5`",
    "DEF": "for example `def f(x, y) = x * y`",
    "LET": "for example `let f = u^2`",
    "ASSUME": "for example `assume convex(f, u)`",
    "SOLVE": "for example `solve min{u} max{v} [ f ]`",
    "SCHEDULE": "for example `schedule { u: adam(lr = 1e-3) }`",
    "METRIC": "for example `metric size = norm(u)`",
    "RUN": "for example `run { steps = 100  seed = 0 }`",
    "EXPECT": "for example `expect abs(u) <= 0.01`",
}


@cache
def statement_words() -> frozenset[str]:
    """The terminals that open a statement."""
    made = table()
    return frozenset(made.words.values()) & made.rows[made.starts["start"]].keys()


def expected(accepts: frozenset[str]) -> str:
    """The terminals as a phrase: "an operator, `,` or `]`"."""
    rest = set(accepts)
    if rest & statement_words():
        rest = (rest - statement_words()) | {END}
    said: list[str] = []
    for needed, covered, phrase in GROUPS:
        if needed <= rest:
            said.append(phrase)
            rest -= covered
    spelled = {kind: f"`{word}`" for word, kind in table().words.items()}
    said.extend(sorted(WORDS.get(kind) or spelled[kind] for kind in rest))
    # "the next statement" is the last resort of a reader: say it last.
    said.sort(key=lambda phrase: phrase == "the next statement")
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"
