"""Running an emitted program: load, link to the user's networks and data, execute, diagnose, save."""
