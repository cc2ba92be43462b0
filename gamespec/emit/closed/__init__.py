"""The closed-form lane: derived gradients and a loop over plain numbers for games of formulas."""
