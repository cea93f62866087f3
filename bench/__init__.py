"""The figures of the project, measured: ``make bench`` prints them as a table and writes them as JSON."""
