"""What source text is: snapshots, lines, languages, syntax. Knows no model and no editor."""
