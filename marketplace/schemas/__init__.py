"""The shapes of what comes in and goes out over HTTP, one file per noun: shape only, never a query."""
