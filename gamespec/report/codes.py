"""The one table of diagnostic codes: what each is called and what it means.

GE is an error, GW a warning, GN a note; the first digit says the stage: 0 syntax, 1 names, 2 types, 3 structure of
the game, 4 sets and ranges, 5 schedule and run, 6 linking, 7 solving. A number is never used again for another thing.
"""

from __future__ import annotations

from dataclasses import dataclass

from gamespec.report.examples import EXAMPLES


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of diagnostic: `name` for machines, `title` for lists, `explanation` for the manual.

    `bad` is the smallest program that shows it and `good` the same without it; where no text of a game can show it, both
    are empty and `command` does.
    """

    code: str
    name: str
    title: str
    explanation: str

    @property
    def bad(self) -> str:
        """A program with this mistake."""
        return EXAMPLES[self.code].bad

    @property
    def good(self) -> str:
        """The same program without it."""
        return EXAMPLES[self.code].good

    @property
    def command(self) -> str:
        """A command that shows it, where no program does."""
        return EXAMPLES[self.code].command


# fmt: off
ROWS = (
    # 0: syntax
    Code("GE001", "unexpected", "something does not fit here",
         "The grammar allows other words at this place; the label lists them."),
    Code("GE002", "bracket", "a bracket is not closed, or closes nothing",
         "Every `(`, `[` and `{` needs its own partner inside the same statement."),
    Code("GE003", "missing-operator", "two operands stand side by side",
         "Multiplication is explicit: `2*u`, not `2u`."),
    Code("GE004", "empty", "nothing is written",
         "A file needs at least one statement, an expression at least one value."),
    Code("GE005", "not-text", "the file is not UTF-8 text", "Game files are UTF-8; a byte-order mark is ignored."),
    Code("GE006", "too-large", "the file is too large",
         "Data does not belong in a game: keep it in its own file and name that in a `data` statement."),
    Code("GE007", "too-deep", "nested too deeply",
         "Long sums are `sum{i in S}[..]`; deep formulas read better with `let`."),
    Code("GE008", "number", "a number that cannot be used",
         "Numbers are exact fractions, so their length and their exponent are bounded."),
    Code("GE009", "unknown-statement", "no statement begins like this", "Every statement opens with a reserved word."),
    Code("GE010", "reserved-word", "a reserved word used as a name",
         "Reserved words cannot be names; `init order data metric schedule run game` may be keys."),
    Code("GE011", "open-string", "a string has no end", "A string ends on the line where it begins."),
    Code("GE012", "stray-character", "a character that is no part of the language",
         "The language is ASCII, Greek and other letters, and the signs ∈ ∼ ≤ ≥ ≠ ∖ 𝔼 ∑ ∇."),
    Code("GE013", "form", "a binder or a norm in another notation",
         "Binders have one form: `min{u in U} max{v in V} [ f ]`."),
    Code("GE014", "equals", "`=`, `==` or `:` for one another",
         "`=` gives a meaning, `==` compares, `:` gives a type or a directive."),
    Code("GE015", "unfinished", "a statement is not finished",
         "The statement ends, by the next reserved word or the end of the file, before it is complete."),
    Code("GE016", "foreign", "spelled as in another language",
         "Powers are `^`; logic is `and`, `or`, `not`; constraints follow `s.t.`."),
    Code("GE017", "superscript", "a superscript is not a power",
         "Superscript digits are letters of a name to a computer: write `x^2`."),
    Code("GE018", "argument-order", "an argument by place after one by name",
         "Arguments by place come first, then those by name."),
    Code("GE019", "repeated", "a part is written twice", "A statement takes each of its options once."),
    Code("GE020", "escape", "an unknown escape in a string", 'Strings know `\\n`, `\\t`, `\\"` and `\\\\`.'),
    Code("GE021", "edition", "an unknown edition of the language", "`language 1` is the only edition there is."),
    Code("GW001", "no-language", "the language edition is not pinned",
         "Without `language 1` a file means what the newest edition says."),
    # 1: names
    Code("GE101", "unknown-name", "an unknown name", "Every name is declared, bound, or part of the library."),
    Code("GE102", "declared-twice", "a name is declared twice", "One name means one thing in one file."),
    Code("GE104", "shadowed-player", "a binder hides a declaration",
         "A binder may not take the name of a net, var, param, data or dist."),
    Code("GE105", "cycle", "names that need one another",
         "The names after `where`, and definitions, are ordered by what they use; a cycle has no order."),
    Code("GE106", "import", "a file that cannot be imported",
         "Paths start at the importing file and stay inside the project."),
    Code("GE107", "import-plays", "more than definitions in an imported file",
         "`def`, `let`, `dist`, `param` and `dim` can be imported; games, schedules and players stay where they are run."),
    Code("GW110", "shadowed-builtin", "a name hides a word of the library",
         "The library's word cannot be used where the name is visible."),
    Code("GW115", "unread", "a declaration that nothing reads",
         "An option that is declared and not used changes nothing: another name may be meant where it should stand."),
    # 2: types
    Code("GE202", "type", "an unknown type, or one that does not fit here",
         "Types are `R[..]`, `image[..]`, `class[K]`, `logits[K]`, `prob`, `index`, `Z` and `bool`."),
    Code("GE203", "shape-mismatch", "shapes do not match",
         "Both sides of an operation, and an argument and its parameter, need the same shape."),
    Code("GE204", "not-scalar", "a number is needed", "Objectives and comparisons are of one number."),
    Code("GE205", "shape-unknown", "a shape that nothing tells",
         "A variable inside a binder gets its shape from its set or from what it is added to; otherwise write its type."),
    Code("GE206", "not-constant", "a constant is needed",
         "Sizes, ranges, radii and options are known before the game is played."),
    Code("GE207", "kind-mismatch", "something of another kind is needed",
         "Classes, logits, probabilities, words and numbers are different things, and each function takes its own."),
    Code("GE208", "binding", "a binder that does not say what it runs over",
         "`x ~ data` draws, `i in 0..2` runs through a range, `u in S` chooses from a set."),
    Code("GE209", "pattern", "a pattern of another length than the source",
         "A draw names every field of its source, in order."),
    Code("GE210", "per-sample", "one number per sample where one number is needed",
         "A player that all samples share minimises an expectation or a sum over them."),
    Code("GE211", "too-long", "the game is too large when written out",
         "Definitions are written out where they are used, and sums over indices term by term; nested ones multiply."),
    Code("GE212", "measure", "a measure inside an objective",
         "Functions of whole columns have no derivative: they belong in metrics."),
    Code("GE213", "drawn-twice", "one source is drawn twice at once",
         "Draws of one source share the batch, so two of them inside each other would be the same sample."),
    Code("GE290", "not-available", "part of the language that this version does not have",
         "The language reference describes it; this version cannot compile it yet."),
    Code("GE291", "constraint", "a constraint that is none",
         "After `s.t.` numbers are compared: `x + y <= 1`; sets stand where the variable is declared."),
    Code("GE292", "not-written", "no program can be written for this yet",
         "The game is right, and this version has no way to write it as a program."),
    # 3: structure of the game
    Code("GE301", "two-owners", "two players own one variable",
         "Every net and var is optimised by exactly one player."),
    Code("GE302", "not-a-player", "something that cannot be chosen", "Players choose variables and networks."),
    Code("GE303", "frozen-player", "a frozen network is chosen", "`frozen` says that nobody optimises it."),
    Code("GE304", "other-answer", "the two sides of a response name different players",
         "`w = argmin{w}[ .. ]` has the same name on both sides."),
    Code("GE305", "no-solve", "nothing is solved", "A game has one `solve` statement."),
    Code("GE306", "unowned", "nobody optimises this",
         "A net or var that is used is optimised by a player, or `frozen`, or a `param`."),
    Code("GE307", "two-sets", "a variable with two sets", "A set stands where the variable is declared, or at its player."),
    Code("GE308", "order", "an order that cannot be played",
         "The order names every player once, nobody moves before the one whose move it answers, and a Nash equilibrium has none."),
    Code("GE309", "unknown-solve", "`--solve` names no game of the file",
         "A file may have several games, each with a label: `solve second: ..`."),
    Code("GE312", "no-gradient", "a player has no gradient",
         "The objective is piecewise constant in this player, and the schedule names no surrogate."),
    Code("GW301", "opposes-nobody", "an inner player opposes nobody",
         "It pushes the objective the same way as every player around it."),
    Code("GW313", "no-influence", "a follower ignores its leader",
         "Its objective depends on nothing that the players around it choose, so its answer is always the same."),
    Code("GW314", "dead-term", "a term that no player can move",
         "It changes the value and no gradient: a name may be wrong, or a `stop` too far out."),
    Code("GW316", "unread-answer", "an answer that nobody reads",
         "No objective, metric or expectation uses what this follower answers: another name may be meant where it should stand."),
    Code("GE315", "penalty-in-batch", "a gradient penalty through batch normalisation",
         "The penalty is of the slope at each sample, and batch normalisation makes it one of the whole batch."),
    Code("GW320", "not-unique", "uniqueness is not proved",
         "`=` claims a unique optimum; write `in`, or add a regulariser."),
    Code("GN303", "merged", "players are merged",
         "Two players with the same direction and no other between them are one."),
    Code("GN305", "sign-unknown", "the sign of a factor is unknown",
         "Whether two players oppose each other depends on it; declare a range."),
    Code("GN310", "order-chosen", "the order of play was chosen",
         "No order is written; the note says which was chosen and why."),
    # 4: sets and ranges
    Code("GE401", "arithmetic", "a number that cannot be computed",
         "Constants are exact; there is no division by zero, and no number beyond 1e300."),
    Code("GE402", "empty-set", "an empty set or range", "The lower end of an interval is not above its upper end."),
    Code("GE403", "unknown-set", "an unknown set", "Sets are intervals `[lo, hi]`, and the words that `gamec list sets` shows."),
    Code("GE404", "no-domain", "a domain that is not declared", "`domain(a)` is the range written after `in` at the data."),
    Code("GE405", "outside", "a value outside its range", "A param lies in its range, and a variable starts in its set."),
    Code("GE410", "radius", "a radius larger than the data", "The ball contains the whole domain: is the unit right?"),
    Code("GW403", "log-domain", "the logarithm of what may be negative",
         "The argument is not known to be positive: a probability, a softmax, or a range says so."),
    Code("GN412", "running-statistics", "batch normalisation inside an answer for each sample",
         "While samples are answered one by one, networks use their running statistics: no sample sees another."),
    Code("GN413", "rounded-radius", "a radius that looks like a rounded k/255",
         "Fractions are exact: `8/255` is 8/255 everywhere, and 0.031 is another ball."),
    Code("GW411", "leaves-domain", "an input may leave its domain", "Intersect the set with `domain(a) - a`."),
    Code("GW414", "wide-range", "data that fill little of their declared range",
         "A radius is reckoned in the units of the data: pixels from 0 to 1 declared as 0 to 255 make `Linf(8)` everything."),
    Code("GW415", "outgrown-ball", "an objective that grows faster than moves cost",
         "The mean cost of all moves is bounded: a rare sample that moves far enough gains any amount, and the worst case is infinite."),
    # 5: schedule and run
    Code("GE501", "unknown-argument", "an unknown argument",
         "Directives and library words have the arguments that the manual lists."),
    Code("GE502", "unknown-schedule", "an unknown schedule", "`run`, `extends`, `expect` and `--schedule` name schedules of the file."),
    Code("GE503", "unknown-player", "a schedule for a player that is not there",
         "A schedule speaks of players, of inner variables, of `metric.variable`, and of `method`."),
    Code("GE504", "unknown-param", "`--set` names no param", "Only what is declared with `param` can be set."),
    Code("GE505", "unplayable", "the method cannot play this game", "`gamec explain --why` says what each method needs."),
    Code("GE506", "misplaced-directive", "a directive for another kind of player",
         "`pgd` answers sample by sample, `enumerate` chooses among few, `beam` keeps copies of a follower."),
    Code("GE508", "chosen-on-reported", "players are chosen on the data that they are reported on",
         "`keep` looks at many points and takes the best; on the rows that it looked at, the best is partly luck."),
    Code("GW505", "order-given-up", "the method gives up the order of play",
         "A simultaneous method looks for a local Nash point; where no saddle point is proved, the game as written may have another answer."),
    Code("GW507", "measured-on-training", "a metric on the data that a player learns from",
         "It says how well the data are remembered; declare a test split and measure there."),
    Code("GN514", "label-leak", "training and report use one step along the true label",
         "Such a step carries the label, so a network can look robust by reading it; report with more steps."),
    # 6: linking
    Code("GE601", "source", "an unknown source, or one that is not of its declared type",
         "`gamec list` shows the data sources and networks; what comes from outside is compared with its declaration."),
    Code("GE602", "data-range", "data outside its declared range",
         "The source reports another range than the `data` statement."),
    Code("GE603", "unreadable", "a file cannot be read", "The path is wrong, is a folder, or may not be read."),
    Code("GE604", "not-given", "something declared `= given` was not given",
         "Give it from Python: `nets={..}` or `data={..}`."),
    Code("GE605", "missing-package", "a Python package is not installed",
         "Some data sources are read by packages that gamespec does not install."),
    Code("GW605", "not-logged", "reports are not written elsewhere", "`--log` names a package that is not installed; the run is made without it."),
    Code("GE606", "no-device", "the device is not there",
         "`cpu` always is; `cuda` needs a GPU and a build of torch for it."),
    Code("GE607", "unknown-given", "something was given that the game does not declare",
         "The names in `nets=` and `data=` are those of `net` and `data`."),
    Code("GE608", "damaged-run", "a run directory is damaged",
         "Every file of a run has a checksum in its manifest; what is not as it was written is not opened."),
    Code("GE609", "unfinished-run", "a run has no result yet", "It still goes on, or was killed: `gamec run --resume RUN` goes on with it."),
    Code("GE610", "unwritable", "a run cannot be written", "The disk is full, or the folder may not be written."),
    Code("GE611", "not-resumable", "a run cannot go on",
         "Only a run that was stopped or killed goes on, with the data that it began with."),
    Code("GE612", "not-allowed", "a module that is not on the allow-list",
         "`py(..)` is code from outside: only modules that you list are imported, when a game runs and not before."),
    # 7: solving
    Code("GE701", "run-shape", "shapes do not match while running",
         "A network or data from outside has another shape than declared."),
    Code("GE702", "not-finite", "a number became NaN or infinite",
         "Often the rate is too large, or a logarithm or root has left its domain."),
    Code("GE703", "run-stopped", "the program stopped while running",
         "The note shows what Python said, and where in the program."),
    Code("GW704", "not-compiled", "steps that were to be compiled run eager",
         "The step is no fixed graph, there is no C++ compiler, or the compiled step disagreed with the eager one."),
    Code("GW710", "wrong-way", "a player's objective gets worse along its own step",
         "Looked at on the first batch, with the other players where they were: the rate is too large, or a derivative is cut."),
    Code("GW711", "no-size", "an attack of size 0 changes a metric",
         "With radius 0 the attacked metric is the clean one; where it is not, the attack changes more than the input."),
    Code("GW712", "catastrophic-overfitting", "catastrophic overfitting",
         "The network holds against the attack that it is trained with and not against a longer one."),
    Code("GW713", "masked-gradients", "gradients are masked",
         "An attack on one loss finds much less than an attack on another, so its number is no robustness."),
    Code("GW714", "mode-collapse", "a generator collapses", "What it makes comes near few of the real samples, and came near more before."),
    Code("GW715", "stands-still", "a parameter has not moved", "No gradient reaches it: it is not used, or a derivative is cut."),
    Code("GW717", "answer-changes", "an answer changes a network",
         "The search for an answer runs in eval mode and leaves running statistics and modes as they are."),
    Code("GW718", "answer-outside", "an answer leaves its set",
         "Measured again, a perturbation is larger than its ball, or leaves the range of the data."),
    Code("GW719", "soft-logits", "probabilities where logits are declared",
         "`ce` and `margin` take logits, so a softmax before them is taken twice."),
    Code("GW720", "stale-gradient", "a step leaves a gradient behind",
         "Gradients are asked for the mover alone; what is left in `.grad` would be added to another player's step."),
    Code("GW721", "worse-than-none", "an answer is worse than none",
         "The objective of a sample's player is better at 0 than at what its search found."),
    Code("GW722", "random-measure", "a network is random when it is measured", "Two looks at the same samples differ, so a metric is one draw."),
    Code("GW716", "explodes", "a network explodes", "Its weights are a thousand times as long as at the start."),
)
# fmt: on

# Numbers that meant something once, or in a design; they are never given to anything else.
RESERVED = {
    "GE103": "a name used before its meaning",
    "GW302": "a net or var that nobody optimises; now GE306",
    "GW321": "an implicit derivative of a response that may not be unique",
    "GW410": "a radius larger than the data; now GE410",
    "GW412": "batch normalisation inside a maximum per sample; now GN412",
}

CODES: dict[str, Code] = {row.code: row for row in ROWS}
