"""The pure core: it decides and never touches a database, a network or a clock."""
