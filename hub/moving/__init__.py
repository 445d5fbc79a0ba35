"""An office's whole data from the embedded store into PostgreSQL: ``centrala migrate --from … --to …``."""
