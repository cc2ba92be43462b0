"""From text to syntax tree: the grammar, the parser, its hints, and the layout of a file."""
