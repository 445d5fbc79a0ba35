"""SQL is the truth: the schema, the two engines behind one ``Store``, and migrations."""
