"""Everything that is said to a person: sources, diagnostics, codes and how they are shown."""
