"""Comments that a site collected elsewhere.

``reading`` takes an export apart, ``taking`` puts its comments into the store, ``commands`` serves that to the command
line.
"""
