"""What a real system answers to the table of cases, row by row: `nox -s real`."""
